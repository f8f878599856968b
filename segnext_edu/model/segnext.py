"""SegNeXt, whole: the MSCAN encoder, a light decoder around the Hamburger, and the sizes of the paper.

Guo et al., "SegNeXt: Rethinking Convolutional Attention Design for Semantic Segmentation", NeurIPS 2022
(arXiv 2209.08575): Fig. 3(c), Tab. 2. Notebook 07 puts the model together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.model.hamburger import Hamburger
from segnext_edu.model.mscan import MSCAN, init_conv


@dataclass(frozen=True)
class Variant:
    """One size of the model (Tab. 2; the ranks are those of the authors' configurations)."""

    channels: tuple[int, int, int, int]
    depths: tuple[int, int, int, int]
    mlp_ratios: tuple[int, int, int, int]
    drop_path: float
    decoder_width: int
    rank: int


VARIANTS = {
    # "nano" is not in the paper: it is ours, to be trained on a laptop while one waits.
    "nano": Variant((16, 32, 64, 96), (1, 2, 3, 2), (4, 4, 4, 4), 0.0, 96, 16),
    "tiny": Variant((32, 64, 160, 256), (3, 3, 5, 2), (8, 8, 4, 4), 0.1, 256, 16),
    "small": Variant((64, 128, 320, 512), (2, 2, 4, 2), (8, 8, 4, 4), 0.1, 256, 16),
    "base": Variant((64, 128, 320, 512), (3, 3, 12, 3), (8, 8, 4, 4), 0.1, 512, 64),
    "large": Variant((64, 128, 320, 512), (3, 5, 27, 3), (8, 8, 4, 4), 0.3, 1024, 64),
}


class ConvNormReLU(nn.Sequential):
    """A 1 × 1 convolution, GroupNorm over 32 groups, ReLU: (B, C, H, W) → (B, C', H, W)."""

    def __init__(self, channels: int, out_channels: int):
        super().__init__(
            nn.Conv2d(channels, out_channels, 1, bias=False),
            nn.GroupNorm(32, out_channels),
            nn.ReLU(),
        )


class LightHam(nn.Module):
    """The decoder (Fig. 3(c)): stages 2 to 4 at stage 2's size, squeezed, given global context, aligned, classified.

    Stage 1 is left out: it is too low-level to help and too large to be cheap.

    Args:
        channels: of stages 2 to 4. width: of everything inside. rank: of the NMF. num_classes: K.

    Shapes: three maps at strides 8, 16, 32 → (B, K, H/8, W/8).
    """

    def __init__(self, channels: Sequence[int], width: int, rank: int, num_classes: int):
        super().__init__()
        self.squeeze = ConvNormReLU(sum(channels), width)
        self.hamburger = Hamburger(width, rank)
        self.align = ConvNormReLU(width, width)
        self.dropout = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(width, num_classes, 1)
        self.apply(init_conv)
        nn.init.normal_(self.classify.weight, 0, 0.01)

    def forward(self, maps: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        size = maps[0].shape[2:]
        x = torch.cat([maps[0], *(resize(x, size) for x in maps[1:])], dim=1)  # (B, C2 + C3 + C4, H/8, W/8)
        x = self.align(self.hamburger(self.squeeze(x), bases))  # (B, D, H/8, W/8)
        return self.classify(self.dropout(x))  # (B, K, H/8, W/8)


class SegNeXt(nn.Module):
    """The paper's model.

    Args:
        variant: one of `VARIANTS`.
        num_classes: K. ADE20K has 150.

    Shapes: images (B, 3, H, W), ImageNet-normalised, H, W ≥ 32 → logits (B, K, H, W).

    `bases` are the NMF's starting bases, (B, D, R) ≥ 0, normalised inside. None draws them: from the global generator
    in training, from a fixed seed in eval mode, so that the same image always gives the same answer.

    Raises ValueError for an unknown variant and for images of another shape.
    """

    classes: tuple[str, ...]  # the K names and the training card: only of a model that checkpoints.load() read
    card: dict[str, Any]

    def __init__(self, variant: str, num_classes: int = 150):
        super().__init__()
        if variant not in VARIANTS:
            raise ValueError(f"SegNeXt has no variant {variant!r}; choose one of {', '.join(VARIANTS)}")
        self.variant = variant
        self.num_classes = num_classes
        size = VARIANTS[variant]
        self.encoder = MSCAN(size.channels, size.depths, size.mlp_ratios, size.drop_path)
        self.decoder = LightHam(size.channels[1:], size.decoder_width, size.rank, num_classes)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) → the four stages' maps, (B, Cᵢ, H/s, W/s) for s = 4, 8, 16, 32."""
        if images.dim() != 4 or images.shape[1] != 3 or min(images.shape[2:]) < 32:
            raise ValueError(f"images must be (B, 3, H, W) with H, W ≥ 32, but came as {tuple(images.shape)}")
        return self.encoder(images)

    def decode(self, feats: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        """The four stages' maps → logits at stride 8, (B, K, H/8, W/8)."""
        return self.decoder(feats[1:], bases)

    def forward(self, images: Tensor, bases: Tensor | None = None) -> Tensor:
        return resize(self.decode(self.encode(images), bases), images.shape[2:])  # (B, K, H, W)


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """Bilinear, corners not aligned, as in the reference: (B, C, h, w) → (B, C, *size)."""
    return F.interpolate(x, size=tuple(size), mode="bilinear", align_corners=False)
