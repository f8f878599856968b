"""A trained model at work: label a picture, score a data set, draw what was found."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont, ImageOps
from torch import Tensor

from segnext_edu.augment import normalise
from segnext_edu.data import class_names, reduce_zero_label
from segnext_edu.files import InputError
from segnext_edu.looks import ONCE, Look, most_likely
from segnext_edu.machine import watch_load
from segnext_edu.metrics import IGNORE, ConfusionMatrix
from segnext_edu.segnext import SegNeXt
from segnext_edu.windows import tiled

if TYPE_CHECKING:
    from datasets import Dataset

    from segnext_edu.optimize import FastSegNeXt

watch_load()


def open_photo(path: Path) -> Image.Image:
    """Read a photograph whole, or raise an InputError that says what is wrong with the file."""
    try:
        with Image.open(path) as photo:
            return ImageOps.exif_transpose(photo).convert("RGB")
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such photograph") from error
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: not a picture that can be read ({error}); expected a whole JPEG or PNG") from error


def to_tensor(picture: Image.Image) -> Tensor:
    """A PIL picture, turned upright as its camera says → uint8 (3, H, W)."""
    upright = ImageOps.exif_transpose(picture).convert("RGB")
    return torch.from_numpy(np.array(upright)).permute(2, 0, 1)  # (3, H, W)


def prepare(picture: Tensor, short_side: float) -> Tensor:
    """uint8 (3, H, W) → model input (1, 3, h, w): short side resized, sides rounded up to multiples of 32, normalised.

    This is the authors' test-time preparation. The smoothing matters where a photograph shrinks a lot.
    """
    height, width = picture.shape[1:]
    factor = short_side / min(height, width)
    size = [32 * math.ceil(round(side * factor) / 32) for side in (height, width)]
    pixels = picture[None].float() / 255  # (1, 3, H, W)
    pixels = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)  # (1, 3, h, w)
    return normalise(pixels).contiguous(memory_format=torch.channels_last)


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


def evaluate(
    model: SegNeXt, scenes: Iterable[tuple[Tensor, Tensor]], short_side: int | None, look: Look = ONCE
) -> ConfusionMatrix:
    """Score pictures at their own size.

    Args:
        scenes: pairs of a uint8 picture (3, H, W) and its labels (H, W) in 0..K-1, 255 where there is none.
        short_side, look: as for `predict`.
    """
    matrix = ConfusionMatrix(model.num_classes)
    for picture, labels in scenes:
        predicted = predict(model, picture, short_side, look)
        matrix.update(predicted, labels.to(predicted.device))
    return matrix


def scored_scenes(dataset: Dataset, classes: Sequence[str]) -> Iterable[tuple[Tensor, Tensor]]:
    """The scenes of a data set with their labels in the order of `classes`, matched by name.

    Pixels of a class that is not among `classes` count as unlabelled.

    Raises InputError when not one name is shared.
    """
    theirs = class_names(dataset)
    if not set(theirs) & set(classes):
        raise InputError(
            f"the data's classes ({', '.join(theirs[:5])}, …) and the model's ({', '.join(classes[:5])}, …) share no "
            "name; a model can only be scored on classes it was trained for"
        )
    order = torch.full((IGNORE + 1,), IGNORE)
    for index, name in enumerate(theirs):
        if name in classes:
            order[index] = classes.index(name)
    for index in range(len(dataset)):
        scene = dataset[index]
        mask = torch.from_numpy(np.array(scene["mask"]))  # (H, W)
        yield to_tensor(scene["image"]), order[reduce_zero_label(mask).long()]


def overlay(picture: Image.Image, labels: np.ndarray, classes: Sequence[str], colours: np.ndarray) -> Image.Image:
    """The picture with its labels laid over it: a tint for each class, an outline, and the name where it fits best.

    Args:
        labels: (H, W) of 0..K-1, the picture's size. colours: (K, 3) uint8.
    """
    photo = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"), dtype=np.float32)
    tint = colours[labels].astype(np.float32)  # (H, W, 3)
    mixed = 0.45 * photo + 0.55 * tint
    edge = np.zeros(labels.shape, dtype=bool)
    edge[1:] |= labels[1:] != labels[:-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    mixed[edge] = 0.5 * tint[edge]
    image = Image.fromarray(mixed.round().astype(np.uint8))
    pen = ImageDraw.Draw(image)
    size = max(10, min(image.size) // 28)
    font = ImageFont.load_default(size)
    for label in np.unique(labels):
        name, *_ = classes[int(label)].split(",")
        y, x, radius = roomiest_point(labels == label)
        if 2 * radius > size:
            room = pen.textlength(name, font) / 2 + size // 4  # so that no name is cut off at the picture's side
            x = max(room, min(image.width - room, x))
            pen.text((x, y), name, "white", font, anchor="mm", stroke_width=max(1, size // 8), stroke_fill="black")
    return image


def roomiest_point(region: np.ndarray) -> tuple[float, float, float]:
    """Where a name fits best in a region (H, W) of bool: (y, x, distance to the region's edge), in pixels.

    Peels the region like an onion; the last pixel left is the answer. Large regions are peeled at a reduced size.
    """
    stride = max(1, max(region.shape) // 160)
    rest = F.pad(torch.from_numpy(region[::stride, ::stride].copy())[None].float(), (1, 1, 1, 1))  # (1, h + 2, w + 2)
    depth = torch.zeros_like(rest)
    while rest.any():
        depth += rest
        rest = -F.max_pool2d(-rest, 3, stride=1, padding=1)
    innermost = (depth[0] == depth.max()).nonzero().float()  # (n, 2): a point, or the spine of something long
    middle = innermost.mean(0)
    y, x = innermost[(innermost - middle).square().sum(1).argmin()].tolist()
    return (y - 0.5) * stride, (x - 0.5) * stride, depth.max().item() * stride


def report(matrix: ConfusionMatrix, classes: Sequence[str]) -> str:
    """The scores as a text table: mIoU, accuracy, then IoU and pixels of each class that occurs."""
    iou = matrix.per_class_iou()
    pixels = matrix.counts.sum(1)
    lines = [f"mIoU {matrix.miou():.4f}", f"pixel accuracy {matrix.pixel_accuracy():.4f}", ""]
    lines += [
        f"{name:<40} IoU {iou[i]:.4f}   {int(pixels[i]):>12,} pixels"
        for i, name in enumerate(classes)
        if not math.isnan(iou[i])
    ]
    return "\n".join(lines)


def card_short_side(card: dict[str, Any]) -> int:
    """The short side a checkpoint was trained at, in pixels; the paper's 512 where its card does not say."""
    return card.get("recipe", {}).get("short_side", 512)
