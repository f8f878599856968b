"""Prediction: a trained model labels every pixel of an image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import torch
from PIL import Image
from torch import Tensor

from segnext_edu.checkpoints import card_short_side
from segnext_edu.data.images import open_photo, prepare, to_tensor
from segnext_edu.inference.sliding_window import SlidingWindow, slide
from segnext_edu.inference.tta import NO_TTA, TTA, most_likely
from segnext_edu.model.segnext import SegNeXt

if TYPE_CHECKING:
    from segnext_edu.inference.engines import Exported
    from segnext_edu.inference.optimize import FastSegNeXt


@torch.inference_mode()
def predict(
    model: SegNeXt | FastSegNeXt | Exported,
    photo: Image.Image | str | Path | Tensor,
    short_side: int | Literal["own"] | None = None,
    tta: TTA = NO_TTA,
    window: SlidingWindow | None = None,
) -> Tensor:
    """Label every pixel: a photograph → labels (H, W), long, 0..K-1, on the model's device.

    Args:
        photo: a PIL image, the path of an image file, or uint8 (3, H, W).
        short_side: what the photograph's short side is resized to before the network sees it, in pixels. None is what
            the model was trained at, by its card (512 where it has none); "own" leaves the photograph at its own size.
        tta: test-time augmentation, such as `MULTI_SCALE`.
        window: sliding-window inference, for photographs that are too large to be seen whole.

    Raises InputError when the file is missing or is no image.
    """
    if isinstance(photo, str | Path):
        photo = open_photo(Path(photo))
    image = to_tensor(photo) if isinstance(photo, Image.Image) else photo
    device = next((p.device for p in model.parameters()), torch.device("cpu"))  # an exported one has no parameters
    image = image.to(device)  # (3, H, W)
    if short_side is None:
        short_side = card_short_side(getattr(model, "card", {}))
    height, width = image.shape[1:]
    # A panorama at its own size: `prepare` keeps the long side to four short ones.
    side = max(min(height, width), max(height, width) / 4) if short_side == "own" else short_side
    return most_likely(list(views(model, image, side, tta, window)), image.shape[1:])


def views(
    model: SegNeXt | FastSegNeXt | Exported,
    image: Tensor,
    short_side: float,
    tta: TTA,
    window: SlidingWindow | None = None,
) -> Iterator[Tensor]:
    """The logits (1, K, h, w) of each augmented view, at the model's stride; mirrored ones are mirrored back."""

    def network(images: Tensor) -> Tensor:
        return model.decode(model.encode(images))  # (1, K, h, w)

    for scale in tta.scales:
        images = prepare(image, short_side * scale)
        for mirrored in (False, True) if tta.flip else (False,):
            seen = images.flip(-1) if mirrored else images
            logits = network(seen) if window is None else slide(network, seen, window)
            yield logits.flip(-1) if mirrored else logits
