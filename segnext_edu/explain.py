"""What a trained network attends to: the maps inside a forward pass, recorded as they go by."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from segnext_edu.msca import MSCA, STRIPS
from segnext_edu.segnext import SegNeXt

LOCAL = 5  # the side of MSCA's square kernel

Key = tuple[int, int, str | int]


@torch.no_grad()
def attention_maps(model: SegNeXt, images: Tensor) -> dict[Key, Tensor]:
    """The gates of every block, and what each branch adds to them, for (B, 3, H, W) normalised images.

    Returns a dictionary from (stage, block, part) to (B, C, h, w). Stages count from 1 and blocks from 0, as in the
    authors' checkpoints; part is "gate" (what MSCA multiplies its input with, Eq. 2) or a branch: 5 (the square look),
    7, 11 or 21 (the strip pairs on top of it; Eq. 1 sums the four).
    """
    maps: dict[Key, Tensor] = {}

    def record(module: nn.Module, stage: int, block: int, part: str | int) -> RemovableHandle:
        def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            maps[stage, block, part] = output

        return module.register_forward_hook(keep)

    hooks = []
    for stage, layer in enumerate(model.encoder.stages, start=1):
        attentions = [module for module in layer.modules() if isinstance(module, MSCA)]
        for block, msca in enumerate(attentions):
            hooks.append(record(msca.local, stage, block, LOCAL))
            hooks += [record(strip, stage, block, length) for strip, length in zip(msca.strips, STRIPS)]
            hooks.append(record(msca.mix, stage, block, "gate"))
    try:
        model.encode(images)
    finally:
        for hook in hooks:
            hook.remove()
    return maps
