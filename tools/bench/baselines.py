"""Networks that are not SegNeXt, to be trained beside it by the same recipe: SegFormer-B0 and a U-Net of equal size.

Both start from random weights, as SegNeXt does, and offer what training, scoring and prediction ask of a network:
`encode`, `decode` and `num_classes`. `comparison.py` trains them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.model.segnext import SegNeXt, resize
from segnext_edu.training import recipe
from tools.bench.networks import segformer

NORMS = (nn.BatchNorm2d, nn.LayerNorm, nn.GroupNorm)


class Contender(nn.Module):
    """What the contenders share: logits come at the decoder's size and are resized to the images'.

    Shapes: images (B, 3, H, W), ImageNet-normalised → logits (B, K, H, W). `bases` is taken as SegNeXt takes it, and
    not used.
    """

    variant: str  # its name in cards and tables
    num_classes: int
    encoder: nn.Module
    decoder: nn.Module
    classes: tuple[str, ...]
    card: dict[str, Any]

    def encode(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) → maps, finest first."""
        raise NotImplementedError

    def decode(self, feats: Sequence[Tensor], bases: Tensor | None = None) -> Tensor:
        """The encoder's maps → logits (B, K, h, w)."""
        return self.decoder(feats)

    def forward(self, images: Tensor, bases: Tensor | None = None) -> Tensor:
        return resize(self.decode(self.encode(images)), images.shape[2:])  # (B, K, H, W)


class SegFormerB0(Contender):
    """SegFormer-B0 (Xie et al., NeurIPS 2021) as the library transformers has it.

    Logits come at stride 4.
    """

    def __init__(self, num_classes: int):
        super().__init__()
        self.variant, self.num_classes = "segformer-b0", num_classes
        whole = segformer("B0", num_classes)
        self.encoder, self.decoder = whole.segformer, whole.decode_head

    def encode(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) → four maps at strides 4, 8, 16, 32."""
        return list(self.encoder(images, output_hidden_states=True).hidden_states)


class TwoConvs(nn.Sequential):
    """The U-Net's step: twice a 3 × 3 convolution, BatchNorm, ReLU; (B, C, H, W) → (B, C', H, W)."""

    def __init__(self, channels: int, out_channels: int):
        layers = []
        for count in (channels, out_channels):
            layers += [nn.Conv2d(count, out_channels, 3, padding=1, bias=False), nn.BatchNorm2d(out_channels)]
            layers += [nn.ReLU()]
        super().__init__(*layers)


class Contracting(nn.ModuleList):
    """The U-Net's way down: five maps at strides 1 to 16, each with twice the channels of the one before."""

    def __init__(self, width: int):
        channels = [3, *(width << level for level in range(5))]
        super().__init__(TwoConvs(before, after) for before, after in zip(channels, channels[1:]))

    def forward(self, x: Tensor) -> list[Tensor]:
        maps = []
        for level, step in enumerate(self):
            x = step(F.max_pool2d(x, 2) if level else x)
            maps.append(x)
        return maps


class Expanding(nn.Module):
    """The U-Net's way up: doubled in size, joined with the map of that size from the way down, two convolutions."""

    def __init__(self, width: int, num_classes: int):
        super().__init__()
        channels = [width << level for level in range(5)]
        self.grow = nn.ModuleList(nn.ConvTranspose2d(2 * count, count, 2, stride=2) for count in channels[:-1])
        self.join = nn.ModuleList(TwoConvs(2 * count, count) for count in channels[:-1])
        self.classify = nn.Conv2d(width, num_classes, 1)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        x = maps[-1]
        for level in reversed(range(len(self.grow))):
            larger = resize(self.grow[level](x), maps[level].shape[2:])  # nothing changes unless a side was odd
            x = self.join[level](torch.cat([maps[level], larger], dim=1))  # (B, C, h, w)
        return self.classify(x)


class UNet(Contender):
    """A plain U-Net (Ronneberger et al., 2015) with BatchNorm and padded convolutions.

    Args:
        num_classes: K. width: channels of the first map; with 24 it is as large as SegNeXt-tiny.

    Logits come at the images' own size.
    """

    def __init__(self, num_classes: int, width: int = 24):
        super().__init__()
        self.variant, self.num_classes = "unet", num_classes
        self.encoder, self.decoder = Contracting(width), Expanding(width, num_classes)

    def encode(self, images: Tensor) -> list[Tensor]:
        """Images (B, 3, H, W) → five maps at strides 1, 2, 4, 8, 16."""
        return self.encoder(images)


def parameter_groups(model: Any, lr: float, head_lr_mult: float, weight_decay: float) -> list[dict[str, Any]]:
    """AdamW's groups: for SegNeXt the authors' own; for others no decay on norms, and a rate for the decoder."""
    if isinstance(model, SegNeXt):
        return recipe.parameter_groups(model, lr, head_lr_mult, weight_decay)
    norms = {id(p) for module in model.modules() if isinstance(module, NORMS) for p in module.parameters()}
    head = {id(p) for p in model.decoder.parameters()}
    body = [p for p in model.parameters() if id(p) not in head]
    return [
        {"params": [p for p in body if id(p) not in norms], "lr": lr, "weight_decay": weight_decay},
        {"params": [p for p in body if id(p) in norms], "lr": lr, "weight_decay": 0.0},
        {"params": list(model.decoder.parameters()), "lr": lr * head_lr_mult, "weight_decay": weight_decay},
    ]
