"""A way round a convolution that PyTorch does not come back from.

On CPUs, PyTorch 2.13 never returns from a depthwise 1 × 21 over 16 channels in bfloat16 where channels lie last and the
map is 31 cells wide or wider. Only our "nano" has one, in its first stage, where images 128 wide are enough. It does
return over 24 or 32 channels, with kernels of 7 or 11, in another memory layout, and on maps 25 cells wide.
"""

from __future__ import annotations

from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.model.strip_conv import StripConv

NARROW = 16  # channels


def strips_in_float32(network: nn.Module) -> None:
    """Let the narrow horizontal strips of a network in bfloat16 compute in float32, in place."""
    for strip in [part for part in network.modules() if isinstance(part, StripConv)]:
        conv = strip.horizontal
        if conv.weight.dtype == torch.bfloat16 and conv.in_channels <= NARROW:
            strip.horizontal = cast(nn.Conv2d, InFloat32(conv))


class InFloat32(nn.Module):
    """A convolution whose weights and maps are in another precision, computed in float32."""

    def __init__(self, conv: nn.Conv2d):
        super().__init__()
        self.conv = conv

    def forward(self, x: Tensor) -> Tensor:
        conv = self.conv
        bias = None if conv.bias is None else conv.bias.float()
        y = F.conv2d(x.float(), conv.weight.float(), bias, padding=conv.padding, groups=conv.groups)
        return y.to(x.dtype)  # (B, C, H, W)
