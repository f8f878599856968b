"""What a variant has in a part's place. Each takes and returns what that part of SegNeXt does."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segnext_edu.model.msca import STRIPS
from segnext_edu.model.strip_conv import StripConv


def depthwise(channels: int, side: int) -> nn.Conv2d:
    """One square kernel per channel: (B, C, H, W) → (B, C, H, W)."""
    return nn.Conv2d(channels, channels, side, padding=side // 2, groups=channels)


class GateOf(nn.Module):
    """MSCA with other branches, without the 1 × 1, or joined otherwise: (B, C, H, W) → (B, C, H, W).

    Args:
        strips: lengths of the strip pairs. square: side of a square kernel in their place. identity: whether what
            the 5 × 5 returned is a branch of its own. mix: the 1 × 1. join: "product", "sum", or "sigmoid" and product.
    """

    def __init__(
        self,
        channels: int,
        strips: Sequence[int] = STRIPS,
        square: int | None = None,
        identity: bool = True,
        mix: bool = True,
        join: str = "product",
    ):
        super().__init__()
        self.local = depthwise(channels, 5)
        self.branches = nn.ModuleList(StripConv(channels, length) for length in strips)
        if square is not None:
            self.branches.append(depthwise(channels, square))
        self.identity, self.join = identity, join
        self.mix = nn.Conv2d(channels, channels, 1) if mix else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        around = self.local(x)  # (B, C, H, W)
        scales = [branch(around) for branch in self.branches]
        gate = self.mix(sum(scales[1:], scales[0]) + around if self.identity else sum(scales[1:], scales[0]))
        if self.join == "sum":
            return gate + x
        return (gate.sigmoid() if self.join == "sigmoid" else gate) * x


class WithoutShortcut(nn.Module):
    """The attention without its inner residual connection: (B, C, H, W) → (B, C, H, W)."""

    def __init__(self, attention: nn.Module):
        super().__init__()
        self.attention = attention

    def forward(self, x: Tensor) -> Tensor:
        return self.attention(x) - x


class ConvNeXtBlock(nn.Module):
    """ConvNeXt's block (Liu et al., CVPR 2022) with BatchNorm, as wide inside as costs what SegNeXt's block costs.

    A 7 × 7 depthwise convolution, a norm, a 1 × 1 that widens, GELU, a 1 × 1 that narrows, a layer scale, a sum.

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def __init__(self, channels: int, mlp_ratio: int):
        super().__init__()
        strips = 2 * sum(STRIPS)
        ours = (3 + 2 * mlp_ratio) * channels**2 + (25 + strips + 9 * mlp_ratio) * channels  # multiply-adds per pixel
        hidden = round((ours - 49 * channels) / (2 * channels))
        self.spatial = depthwise(channels, 7)
        self.norm = nn.BatchNorm2d(channels)
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.act = nn.GELU()
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.layer_scale = nn.Parameter(torch.full((channels,), 0.01))

    def forward(self, x: Tensor) -> Tensor:
        hidden = self.act(self.fc1(self.norm(self.spatial(x))))  # (B, e · C, H, W)
        return x + self.layer_scale[:, None, None] * self.fc2(hidden)


class SelfAttention(nn.Module):
    """Softmax attention of one head over all pixels, in the NMF's place: (B, D, H, W) → (B, D, H, W)."""

    def __init__(self, channels: int):
        super().__init__()
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)

    def forward(self, x: Tensor, bases: Tensor | None = None) -> Tensor:
        q, k, v = (part.flatten(2).mT[:, None] for part in self.qkv(x).chunk(3, dim=1))  # (B, 1, N, D) each
        mixed = nn.functional.scaled_dot_product_attention(q, k, v)  # (B, 1, N, D)
        return mixed[:, 0].mT.unflatten(2, x.shape[2:])


class NoContext(nn.Module):
    """The Hamburger replaced by nothing: (B, D, H, W) → the same."""

    def forward(self, x: Tensor, bases: Tensor | None = None) -> Tensor:
        return x
