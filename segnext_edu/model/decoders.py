"""The decoders that SegNeXt's own is compared with, and a SegNeXt that takes any of them. Notebook 07 builds them.

Fig. 3 of the paper draws three structures: (a) SegFormer's, all MLP, on all four stages: `AllMLP`; (b) a heavy head on
the last stage alone, as many convolutional networks have it: `ASPP` is one; (c) `LightHam`. `PlainHead` is none of
them: LightHam without its context. Each has LightHam's interface, so each can stand in its place.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from segnext_edu.model.mscan import init_conv
from segnext_edu.model.segnext import ConvNormReLU, SegNeXt, resize


class AllMLP(nn.Module):
    """SegFormer's decoder (Fig. 3(a); Xie et al., NeurIPS 2021): every map to a common width, resized, joined, fused.

    Its "MLPs" are linear layers at each cell, which is what a 1 × 1 convolution is.

    Args:
        channels: of the maps, finest first. width: that all of them get. num_classes: K.

    Shapes: maps, the first (B, C, h, w) the finest → (B, K, h, w). `bases` is taken as LightHam takes it, and not used.
    """

    def __init__(self, channels: Sequence[int], width: int, num_classes: int):
        super().__init__()
        self.linears = nn.ModuleList(nn.Conv2d(count, width, 1) for count in channels)
        self.fuse = nn.Sequential(
            nn.Conv2d(len(channels) * width, width, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(width, num_classes, 1)
        self.apply(init_conv)
        nn.init.normal_(self.classify.weight, 0, 0.01)

    def forward(self, maps: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        size = maps[0].shape[2:]
        x = torch.cat([resize(linear(x), size) for linear, x in zip(self.linears, maps)], dim=1)  # (B, n · D, h, w)
        return self.classify(self.dropout(self.fuse(x)))  # (B, K, h, w)


class ASPP(nn.Module):
    """A heavy head (Fig. 3(b)): atrous spatial pyramid pooling (Chen et al., DeepLabV3, 2017), on the last map alone.

    Five branches on one map, concatenated: a 1 × 1, three dilated 3 × 3 (rates 6, 12 and 18), and the global mean.
    Normalised by groups as LightHam is, so that the mean, one pixel large, can be trained with a batch of one.

    Args:
        channels: of the map. width: of each branch, a multiple of 32, at least 64. num_classes: K.

    Shapes: a sequence of maps, of which only the last, (B, C, h, w), is used → (B, K, h, w). `bases` is not used.
    """

    def __init__(self, channels: int, width: int, num_classes: int):
        super().__init__()
        self.near = ConvNormReLU(channels, width)
        self.far = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(channels, width, 3, padding=rate, dilation=rate, bias=False),
                nn.GroupNorm(32, width),
                nn.ReLU(),
            )
            for rate in (6, 12, 18)
        )
        self.mean = ConvNormReLU(channels, width)
        self.fuse = ConvNormReLU(5 * width, width)
        self.dropout = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(width, num_classes, 1)
        self.apply(init_conv)
        nn.init.normal_(self.classify.weight, 0, 0.01)

    def forward(self, maps: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        x = maps[-1]
        mean = self.mean(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])  # (B, D, h, w)
        branches = torch.cat([self.near(x), *(branch(x) for branch in self.far), mean], dim=1)  # (B, 5 · D, h, w)
        return self.classify(self.dropout(self.fuse(branches)))  # (B, K, h, w)


class PlainHead(nn.Module):
    """Resize, concatenate, convolve, classify: LightHam without the Hamburger and the layer that aligns after it.

    Args:
        channels: of the maps, finest first. width: D. num_classes: K.

    Shapes: maps, the first (B, C, h, w) the finest → (B, K, h, w). `bases` is taken as LightHam takes it, and not used.
    """

    def __init__(self, channels: Sequence[int], width: int, num_classes: int):
        super().__init__()
        self.squeeze = ConvNormReLU(sum(channels), width)
        self.dropout = nn.Dropout2d(0.1)
        self.classify = nn.Conv2d(width, num_classes, 1)
        self.apply(init_conv)
        nn.init.normal_(self.classify.weight, 0, 0.01)

    def forward(self, maps: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        size = maps[0].shape[2:]
        x = torch.cat([maps[0], *(resize(x, size) for x in maps[1:])], dim=1)  # (B, ΣC, h, w)
        return self.classify(self.dropout(self.squeeze(x)))  # (B, K, h, w)


class OtherDecoder(SegNeXt):
    """SegNeXt's encoder under another decoder, which sees the stages from `first` on. The rest is as in SegNeXt.

    Args:
        variant, num_classes: as for SegNeXt. decoder: maps, bases → logits at the first map's size.
        first: 1 for all four stages, 2 as in SegNeXt, 4 for the last alone.
    """

    def __init__(self, variant: str, decoder: nn.Module, first: int = 2, num_classes: int = 150):
        super().__init__(variant, num_classes)
        self.decoder = decoder
        self.first = first

    def decode(self, feats: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        """The four stages' maps → logits, (B, K, h, w), at the size of the first stage that the decoder sees."""
        return self.decoder(feats[self.first - 1 :], bases)
