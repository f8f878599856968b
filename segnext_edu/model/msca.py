"""Multi-scale convolutional attention (MSCA): context at several scales becomes a gate that multiplies the input.

SegNeXt (Guo et al., NeurIPS 2022), Eq. 1 and 2, Fig. 2(a) and 2(b). Notebook 04 builds these modules.
"""

from __future__ import annotations

from torch import Tensor, nn

from segnext_edu.model.strip_conv import StripConv

STRIPS = (7, 11, 21)


class MSCA(nn.Module):
    """A 5 × 5 depthwise convolution, three strip pairs on its output, their sum mixed across channels, times the input.

    Eq. 1: gate = Conv1×1(Σᵢ scaleᵢ(DWConv(x))), where scale₀ is the identity; Eq. 2: out = gate ⊗ x. The gate is
    neither squashed nor normalised: it may be larger than one, and negative.

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.local = nn.Conv2d(channels, channels, 5, padding=2, groups=channels)
        self.strips = nn.ModuleList(StripConv(channels, length) for length in STRIPS)
        self.mix = nn.Conv2d(channels, channels, 1)

    def gate(self, x: Tensor) -> Tensor:
        around = self.local(x)  # (B, C, H, W)
        scales = [strip(around) for strip in self.strips]  # 3 × (B, C, H, W)
        return self.mix(sum(scales, around))  # (B, C, H, W)

    def forward(self, x: Tensor) -> Tensor:
        return self.gate(x) * x  # (B, C, H, W)


class Attention(nn.Module):
    """MSCA between two 1 × 1 convolutions, with a residual connection of its own.

    Inside a block the input is already normalised, so this inner connection starts from the *normalised* map
    (Fig. 2(a) leaves it out; the authors' code has it).

    Shapes: (B, C, H, W) → (B, C, H, W).
    """

    def __init__(self, channels: int):
        super().__init__()
        self.proj_in = nn.Conv2d(channels, channels, 1)
        self.act = nn.GELU()
        self.msca = MSCA(channels)
        self.proj_out = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.proj_out(self.msca(self.act(self.proj_in(x)))) + x  # (B, C, H, W)
