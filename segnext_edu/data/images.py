"""Photographs on their way into the network: opened, turned upright, resized, normalised."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps
from torch import Tensor

from segnext_edu.files import InputError

MOST_PIXELS = 120 * 10**6  # of a photograph: memory is bounded by it
ORIENTATION = 0x0112  # EXIF's tag
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def open_photo(path: Path) -> Image.Image:
    """Read a photograph whole, or raise an InputError that says what is wrong with the file."""
    if not os.path.isfile(path) and os.path.exists(path):
        raise InputError(f"{path}: a folder, a pipe or a device; expected a JPEG or PNG file")  # a pipe may never end
    try:
        with (
            warnings.catch_warnings(action="ignore", category=Image.DecompressionBombWarning),
            Image.open(path) as photo,
        ):
            pixels = photo.width * photo.height
            if pixels <= MOST_PIXELS:
                return upright(photo)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such photograph") from error
    except Exception as error:  # Pillow's decoders let SyntaxError, RuntimeError, struct.error and others escape
        raise InputError(f"{path}: not an image that can be read ({error}); expected a whole JPEG or PNG") from error
    raise InputError(
        f"{path}: has {pixels / 1e6:,.0f} million pixels; expected at most {MOST_PIXELS // 10**6} million. Shrink it."
    )


def upright(image: Image.Image) -> Image.Image:
    """The image in RGB, turned as its camera says; as it is where the camera's note is damaged."""
    try:
        turned = image if image.getexif().get(ORIENTATION, 1) == 1 else ImageOps.exif_transpose(image)
    except Exception:  # of any kind; damaged pixels raise again below
        turned = image
    if turned.mode != "RGB":  # Pillow would copy an image that is as it should be
        return turned.convert("RGB")
    turned.load()
    return turned


def to_tensor(image: Image.Image) -> Tensor:
    """A PIL image, turned upright as its camera says → uint8 (3, H, W)."""
    return torch.from_numpy(np.array(upright(image))).permute(2, 0, 1)  # (3, H, W)


def prepare(image: Tensor, short_side: float) -> Tensor:
    """uint8 (3, H, W) → model input (1, 3, h, w): short side resized, sides rounded up to multiples of 32, normalised.

    This is the authors' test-time preparation, "keep the ratio, short side s, long side at most 4 s", so that memory is
    bounded whatever the shape. The smoothing matters where a photograph shrinks a lot.
    """
    height, width = image.shape[1:]
    factor = min(short_side / min(height, width), 4 * short_side / max(height, width))
    size = [32 * math.ceil(max(1, round(side * factor)) / 32) for side in (height, width)]
    pixels = image[None].float().div_(255)  # (1, 3, H, W)
    pixels = F.interpolate(pixels, size=size, mode="bilinear", align_corners=False, antialias=True)  # (1, 3, h, w)
    return normalise(pixels).contiguous(memory_format=torch.channels_last)


def normalise(pixels: Tensor) -> Tensor:
    """0..1 → zero mean and unit variance over ImageNet: (B, 3, H, W) → (B, 3, H, W)."""
    mean, std = (pixels.new_tensor(values).view(1, 3, 1, 1) for values in (IMAGENET_MEAN, IMAGENET_STD))
    return (pixels - mean) / std
