"""A trained model at work: label a picture, score a data set, draw what was found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from segnext_edu.data.images import prepare
from segnext_edu.inference.sliding_window import tiled
from segnext_edu.inference.tta import ONCE, Look, most_likely
from segnext_edu.model.segnext import SegNeXt

if TYPE_CHECKING:
    from segnext_edu.inference.optimize import FastSegNeXt


@torch.inference_mode()
def predict(model: SegNeXt | FastSegNeXt, picture: Tensor, short_side: int | None, look: Look = ONCE) -> Tensor:
    """Label every pixel: uint8 (3, H, W) → labels (H, W), long, 0..K-1, on the model's device.

    Args:
        short_side: what the picture's short side is resized to, in pixels; None leaves it at its own size.
        look: once and whole, or at several sizes, mirrored, in tiles.
    """
    picture = picture.to(next(model.parameters()).device)
    return most_likely(list(views(model, picture, short_side or min(picture.shape[1:]), look)), picture.shape[1:])


def views(model: SegNeXt | FastSegNeXt, picture: Tensor, short_side: int, look: Look) -> Iterator[Tensor]:
    """What each look gives: logits (1, K, h, w) at the model's stride, the mirrored ones turned back."""

    def network(images: Tensor) -> Tensor:
        return model.decode(model.encode(images))  # (1, K, h, w)

    for scale in look.scales:
        images = prepare(picture, short_side * scale)
        for mirrored in (False, True) if look.flip else (False,):
            seen = images.flip(-1) if mirrored else images
            logits = network(seen) if look.tiles is None else tiled(network, seen, look.tiles)
            yield logits.flip(-1) if mirrored else logits
