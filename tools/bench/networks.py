"""Published networks to time beside SegNeXt, with random weights: times do not depend on them.

SegFormer-B0, -B1 and -B2, and MobileNetV2 with the head that transformers calls DeepLabV3+, as that library has them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import Tensor, nn

from segnext_edu.model.segnext import SegNeXt

CLASSES = 150
# depths and widths of SegFormer's encoder, width of its decoder (Xie et al., NeurIPS 2021, Tab. 6 and section 3.2)
SEGFORMERS = {
    "B0": ((2, 2, 2, 2), (32, 64, 160, 256), 256),
    "B1": ((2, 2, 2, 2), (64, 128, 320, 512), 256),
    "B2": ((3, 4, 6, 3), (64, 128, 320, 512), 768),
}


class Logits(nn.Module):
    """A network of transformers, to be called like any other: images (B, 3, H, W) → logits (B, K, h, w)."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        return self.network(images).logits


def segformer(name: str, num_classes: int = CLASSES) -> Any:
    """transformers' SegFormer of one of the sizes in SEGFORMERS; logits at stride 4."""
    from transformers import SegformerConfig, SegformerForSemanticSegmentation

    depths, widths, decoder = SEGFORMERS[name]
    config = SegformerConfig(depths=list(depths), hidden_sizes=list(widths), decoder_hidden_size=decoder)
    config.num_labels = num_classes
    return SegformerForSemanticSegmentation(config)


def mobilenet() -> nn.Module:
    """MobileNetV2 with transformers' segmentation head, as configured there: logits at the encoder's last stride."""
    from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

    config = MobileNetV2Config()
    config.num_labels = CLASSES
    return Logits(MobileNetV2ForSemanticSegmentation(config))


NETWORKS: dict[str, tuple[str, Callable[[], nn.Module]]] = {
    "SegNeXt-T": ("SegNeXt", partial(SegNeXt, "tiny", CLASSES)),
    "SegNeXt-S": ("SegNeXt", partial(SegNeXt, "small", CLASSES)),
    "SegNeXt-B": ("SegNeXt", partial(SegNeXt, "base", CLASSES)),
    **{f"SegFormer-{name}": ("SegFormer", lambda name=name: Logits(segformer(name))) for name in SEGFORMERS},
    "MobileNetV2 + DeepLabV3+": ("MobileNetV2", mobilenet),
}
