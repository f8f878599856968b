"""Receptive fields (what one unit depends on) and Grad-CAM (where a stage speaks for a class), built in notebook 10."""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.model.segnext import SegNeXt


def receptive_field(model: SegNeXt, images: Tensor, stage: int, y: int, x: int, channel: int | None = None) -> Tensor:
    """How much each pixel of the images moves one unit of a stage's map: (B, H, W), the gradient's size over colours.

    channel None asks for the whole cell: by how much a pixel can move it along the direction that it has.
    """
    images = images.detach().clone().requires_grad_()
    cell = model.encode(images)[stage - 1][:, :, y, x]  # (B, C)
    unit = cell.square().sum() / 2 if channel is None else cell[:, channel].sum()
    (gradient,) = torch.autograd.grad(unit, images)
    return gradient.norm(dim=1)


def grad_cam(model: SegNeXt, images: Tensor, label: int, stage: int = 4, where: Tensor | None = None) -> Tensor:
    """Where a stage speaks for a class: (B, h, w) ≥ 0.

    Grad-CAM (Selvaraju et al., 2017) for a network that labels pixels (Seg-Grad-CAM; Vinogradova et al., 2020). The
    score is the class's logits, summed over some pixels: those of `where`, (B, H/8, W/8) of bool, or all that get this
    label. Each channel is weighed by the mean of the score's gradient over its map; what is negative in the weighted
    sum is cut off.
    """
    with torch.no_grad():
        stages = model.encode(images)
    stages = [x.detach().requires_grad_() for x in stages]
    logits = model.decode(rest_from(model, stages, stage))
    where = logits.argmax(1) == label if where is None else where  # (B, H/8, W/8)
    (gradient,) = torch.autograd.grad(logits[:, label][where].sum(), stages[stage - 1])
    weights = gradient.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
    return F.relu((weights * stages[stage - 1]).sum(1)).detach()


def rest_from(model: SegNeXt, stages: list[Tensor], stage: int) -> list[Tensor]:
    """The maps up to this stage as they are, and the later ones computed from it, so that gradients reach it."""
    maps = stages[:stage]
    for layer in model.encoder.stages[stage:]:
        maps.append(cast(Tensor, layer(maps[-1])))
    return maps
