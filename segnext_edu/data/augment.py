"""Joint augmentation: the same scale, crop and flip for image and mask, other colours for the image alone.

The authors' recipe: short side × U(0.5, 2), a crop in which no class holds more than 75 % of the labelled pixels (ten
tries), flip, photometric distortion, ImageNet normalisation, padding. The choice of the crop differs in two small
things from `RandomCrop` of mmsegmentation, the code behind the recipe: that one refuses exactly 75 %, too, and after
ten refusals takes an eleventh window unseen; here the tenth is taken as it is.

Everything random is drawn first, on the CPU, as a `Draws`; what follows is a pure function of it, runs on whatever
device the image lies on, and gives one sample the same crop whether it trains alone or beside others, on one device
or on eight.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.data.images import normalise

SCALES = (0.5, 2.0)
TRIES = 10  # crop windows at most; the last one is taken as it is
LARGEST_SHARE = 0.75  # of one class among a crop's labelled pixels
COARSE = 4  # windows are judged by every fourth pixel each way
HUE = math.pi / 5  # ± 36°: OpenCV's ± 18 of 180 in the reference


@dataclass(frozen=True)
class Draws:
    """Every random decision for B samples; probabilities are uniform in [0, 1)."""

    scale: Tensor  # (B,) factor on the short side
    windows: Tensor  # (B, TRIES, 2) where crops begin, y then x, 0 = first possible place, 1 = last
    flip: Tensor  # (B,) bool
    brightness: Tensor  # (B,) added
    contrast: Tensor  # (B,) factor
    contrast_first: Tensor  # (B,) bool: before saturation and hue, or after them
    saturation: Tensor  # (B,) factor
    hue: Tensor  # (B,) added, in radians

    def __getitem__(self, index: slice) -> Draws:
        """Some of the samples."""
        return Draws(**{field.name: getattr(self, field.name)[index] for field in dataclasses.fields(self)})


def draw(count: int, generator: torch.Generator) -> Draws:
    """Decide everything for `count` samples. Each of the four colour changes happens to half of them."""

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return low + (high - low) * torch.rand(count, *shape, generator=generator)

    def coin() -> Tensor:
        return torch.rand(count, generator=generator) < 0.5

    def half(values: Tensor, neutral: float) -> Tensor:
        return torch.where(coin(), values, neutral)

    return Draws(
        scale=uniform(*SCALES),
        windows=uniform(0, 1, TRIES, 2),
        flip=coin(),
        brightness=half(uniform(-32 / 255, 32 / 255), 0.0),
        contrast=half(uniform(0.5, 1.5), 1.0),
        contrast_first=coin(),
        saturation=half(uniform(0.5, 1.5), 1.0),
        hue=half(uniform(-HUE, HUE), 0.0),
    )


def augment(
    images: Sequence[Tensor], masks: Sequence[Tensor], draws: Draws, crop: int, short_side: int
) -> tuple[Tensor, Tensor]:
    """A training batch from B images of any sizes.

    Args:
        images: uint8 (3, H, W) each. masks: uint8 (H, W) each, labels 0..K-1 and 255.
        crop: side of the square that comes out. short_side: of an image at scale 1, both in pixels.

    Returns: images (B, 3, crop, crop) float, normalised, and masks (B, crop, crop) long; outside the image 0 and 255.
    """
    pairs = [
        scale_crop_flip(image, mask, draws[i : i + 1], crop, short_side)
        for i, (image, mask) in enumerate(zip(images, masks))
    ]
    pixels = torch.stack([image for image, _, _ in pairs])  # (B, 3, crop, crop)
    inside = torch.stack([inside for _, _, inside in pairs])  # (B, 1, crop, crop)
    pixels = normalise(distort_colours(pixels, draws)) * inside
    return pixels.contiguous(memory_format=torch.channels_last), torch.stack([mask for _, mask, _ in pairs])


def scale_crop_flip(
    image: Tensor, mask: Tensor, draws: Draws, crop: int, short_side: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The geometry of one sample: only the pixels of the crop are ever computed.

    Returns: image (3, crop, crop) in 0..1, bilinear; mask (crop, crop) long, nearest; inside (1, crop, crop), 1 where
    there is an image.
    """
    device = image.device
    height, width = mask.shape
    # As in the reference, "keep the ratio, short side s, long side at most 4 s".
    factor = min(short_side / min(height, width), 4 * short_side / max(height, width)) * draws.scale.item()
    size = torch.tensor([round(height * factor), round(width * factor)])  # of the scaled image, which is never made
    starts = (draws.windows[0] * (size - crop + 1).clamp(min=1)).floor()  # (TRIES, 2)

    def grid(start: Tensor, stride: int) -> Tensor:
        """Where in the image (-1..1, x then y) the crop's pixels come from: (n, crop / stride, crop / stride, 2)."""
        steps = torch.arange(0, crop, stride, device=device) + 0.5
        y, x = ((2 * (start[:, axis, None] + steps) / size[axis] - 1) for axis in (0, 1))  # (n, crop / stride)
        if draws.flip.item():
            x = x.flip(-1)
        n, side = y.shape
        return torch.stack([x[:, None, :].expand(n, side, side), y[:, :, None].expand(n, side, side)], dim=-1)

    # Labels are moved up by one, so that what lies outside the image, 0, is told from label 0.
    labels = torch.where(mask == IGNORE, 0, mask.float() + 1)[None, None]  # (1, 1, H, W)
    starts = starts.to(device)
    coarse = F.grid_sample(labels.expand(TRIES, -1, -1, -1), grid(starts, COARSE), mode="nearest", align_corners=False)
    start = starts[first_varied(coarse.flatten(1).long())][None]  # (1, 2)

    where = grid(start, 1)  # (1, crop, crop, 2)
    pixels = F.grid_sample(image[None].float() / 255, where, padding_mode="border", align_corners=False)
    label = F.grid_sample(labels, where, mode="nearest", align_corners=False).long()[0, 0]  # (crop, crop)
    inside = (where.abs() <= 1).all(-1).to(pixels.dtype)  # (1, crop, crop)
    return pixels[0], torch.where(label == 0, IGNORE, label - 1), inside


def first_varied(windows: Tensor) -> Tensor:
    """Index () of the first window in which no class holds more than 75 % of the labelled pixels; the last if none.

    Shapes: windows (n, pixels), 0 = no label, classes from 1.
    """
    counts = torch.zeros(len(windows), IGNORE + 1, device=windows.device)
    counts.scatter_add_(1, windows, torch.ones_like(windows, dtype=counts.dtype))
    counts = counts[:, 1:]  # (n, classes)
    varied = counts.amax(1) <= LARGEST_SHARE * counts.sum(1)
    varied &= counts.sum(1) > 0
    varied[-1] = True
    return varied.int().argmax()


def distort_colours(x: Tensor, draws: Draws) -> Tensor:
    """Brightness, contrast, saturation and hue, as drawn; (B, 3, H, W) in 0..1 → the same."""
    from kornia.color import rgb_to_hsv

    def column(values: Tensor) -> Tensor:
        return values.to(x)[:, None, None, None]  # (B, 1, 1, 1)

    x = (x + column(draws.brightness)).clamp(0, 1)
    x = (x * column(torch.where(draws.contrast_first, draws.contrast, 1.0))).clamp(0, 1)
    hue, saturation, value = rgb_to_hsv(x).split(1, dim=1)  # hue in radians
    saturation = (saturation * column(draws.saturation)).clamp(0, 1)
    x = hsv_to_rgb(torch.cat([hue + column(draws.hue), saturation, value], dim=1))
    return (x * column(torch.where(draws.contrast_first, 1.0, draws.contrast))).clamp(0, 1)


def hsv_to_rgb(hsv: Tensor) -> Tensor:
    """Hue (radians), saturation, value → red, green, blue: (B, 3, H, W) → (B, 3, H, W).

    The closed form, one line for all three colours. Kornia's gathers from a table of six cases, and on a CPU takes
    longer than the network's forward pass.
    """
    hue, saturation, value = hsv.split(1, dim=1)  # (B, 1, H, W)
    sector = (hsv.new_tensor([5.0, 3.0, 1.0]).view(1, 3, 1, 1) + hue * (3 / math.pi)) % 6  # (B, 3, H, W)
    return value * (1 - saturation * torch.minimum(sector, 4 - sector).clamp(0, 1))
