"""A forward pass whose graph is kept: a question about gradients then costs the way back, and no pass forward.

`explain.receptive_field` and `explain.grad_cam` send the image through the network each time. The answers here
are theirs, for the many questions that the atlas asks about one photograph; the price is memory.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from segnext_edu.model.segnext import SegNeXt


@dataclass(frozen=True, eq=False)
class Graph:
    """A forward pass to ask for gradients, as often as one likes: of `stages` at the images, of the logits at `last`.

    images: (1, 3, H, W). stages: the encoder's maps. last: stage 4's once more, where the decoder's way back ends.
    logits: (1, K, h, w) at stride 8. nbytes: what PyTorch keeps in memory for the way back.
    """

    images: Tensor
    stages: list[Tensor]
    last: Tensor
    logits: Tensor
    nbytes: int

    @classmethod
    def of(cls, model: SegNeXt, images: Tensor) -> Graph:
        weights = {part.untyped_storage().data_ptr() for part in (*model.parameters(), *model.buffers())}
        kept: dict[int, int] = {}  # where in memory → bytes

        def keep(saved: Tensor) -> Tensor:
            storage = saved.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return saved.detach()  # with its own history it would never be freed

        with saved_tensors_hooks(keep, lambda saved: saved):
            images = images.detach().clone().requires_grad_()
            stages = model.encode(images)
            last = stages[-1].detach().requires_grad_()
            logits = model.decode([*(x.detach() for x in stages[:-1]), last])
        return cls(images, stages, last, logits, sum(kept.values()))

    def pull(self, stage: int, y: int, x: int) -> Tensor:
        """`explain.receptive_field` of a whole cell: (H, W)."""
        unit = self.stages[stage - 1][:, :, y, x].square().sum() / 2
        (gradient,) = torch.autograd.grad(unit, self.images, retain_graph=True)
        return gradient.norm(dim=1)[0]

    def heat(self, label: int, where: Tensor) -> Tensor:
        """`explain.grad_cam` of stage 4, for a class at certain pixels (h, w): a map of stage 4's size."""
        (gradient,) = torch.autograd.grad(self.logits[0, label][where].sum(), self.last, retain_graph=True)
        return F.relu((gradient.mean((2, 3), keepdim=True) * self.last).sum(1)[0]).detach()
