"""Strip convolution: a large depthwise kernel at the cost of two thin ones.

SegNeXt (Guo et al., NeurIPS 2022), section 3.1 and Fig. 2(b): a depthwise k × k kernel is replaced by a 1 × k one
followed by a k × 1 one. Notebook 03 builds this module.
"""

from __future__ import annotations

from torch import Tensor, nn


class StripConv(nn.Module):
    """A depthwise 1 × k convolution, then a depthwise k × 1 one; the image keeps its size.

    The pair costs 2·k multiplications per pixel and channel instead of k², and can represent exactly the kernels of
    rank 1: `outer(column, row)`.

    Args:
        channels: number of channels C; each has a kernel pair of its own.
        length: k, odd, so that the kernel has a middle.

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def __init__(self, channels: int, length: int):
        super().__init__()
        pad = length // 2
        self.horizontal = nn.Conv2d(channels, channels, (1, length), padding=(0, pad), groups=channels)
        self.vertical = nn.Conv2d(channels, channels, (length, 1), padding=(pad, 0), groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.vertical(self.horizontal(x))  # (B, C, H, W)
