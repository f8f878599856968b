"""Batches to learn from: crops around rare classes, wide scales, colours, and pieces of one photograph on another.

Everything random in a step is drawn from one generator, so that a run that was killed goes on as if it had not been.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.data.augment import distort_colours, draw
from segnext_edu.data.images import normalise
from tools.street.labels import ROWS
from tools.street.photos import Finder, Photo


@dataclass(frozen=True)
class Cropping:
    """How a batch is made."""

    batch: int = 8
    crop: int = 192  # pixels
    short_side: int = 320  # of a photograph at scale 1
    smallest: float = 0.5  # scales, on a logarithmic axis
    largest: float = 2.0
    balanced: float = 0.5  # share of the crops that are looked for around a rare class
    facade: float = 0.75  # share of the crops that come from LabelMeFacade, where a class leaves the choice
    mixed: float = 0.0  # share of the crops that get half the classes of another crop pasted on (ClassMix)


def batch(photos: Sequence[Photo], finder: Finder, how: Cropping, seed: int) -> tuple[Tensor, Tensor]:
    """Images (B, 3, crop, crop), normalised, and rows (B, crop, crop), 255 where nothing is labelled."""
    rng = np.random.default_rng(seed)
    crops = [cut(photos, finder, how, rng) for _ in range(how.batch)]
    pixels = torch.stack([image for image, _, _ in crops])  # (B, 3, crop, crop)
    rows = torch.stack([row for _, row, _ in crops])
    inside = torch.stack([within for _, _, within in crops])[:, None]  # (B, 1, crop, crop)
    pixels = distort_colours(pixels, draw(how.batch, torch.Generator().manual_seed(seed)))
    pixels = normalise(pixels) * inside
    pixels, rows = mix(pixels, rows, how.mixed, rng)
    return pixels.contiguous(memory_format=torch.channels_last), rows.long()


def cut(
    photos: Sequence[Photo], finder: Finder, how: Cropping, rng: np.random.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """One crop: image (3, crop, crop) in 0..1, rows (crop, crop), and where there is a photograph (crop, crop)."""
    source = "labelmefacade" if rng.random() < how.facade else "camvid"
    row = None
    if rng.random() < how.balanced:
        wanted = np.array([name == source for name, _ in ROWS]) & (np.array([len(s) for s in finder.showing]) > 0)
        weights = np.where(wanted, np.sqrt(1 / np.maximum(finder.share, 1e-6)), 0)
        row = int(rng.choice(len(ROWS), p=weights / weights.sum()))
    photo = photos[int(rng.choice(finder.of_source[source] if row is None else finder.showing[row]))]
    height, width = photo.rows.shape
    scale = how.smallest * (how.largest / how.smallest) ** rng.random()
    side = round(how.crop / (scale * how.short_side / min(height, width)))  # of the window, in the photograph's pixels

    if row is None:
        top, left = (int(rng.integers(min(0, size - side), max(0, size - side) + 1)) for size in (height, width))
    else:
        spots = np.flatnonzero(photo.rows.numpy().ravel() == row)
        y, x = divmod(int(rng.choice(spots)), width)
        top, left = (
            int(np.clip(spot - rng.integers(side), min(0, size - side), max(0, size - side)))
            for spot, size in ((y, height), (x, width))
        )
    within = (slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width)))
    margins = (within[1].start - left, left + side - within[1].stop, within[0].start - top, top + side - within[0].stop)
    image = F.pad(photo.image[:, within[0], within[1]].float() / 255, margins)
    rows = F.pad(photo.rows[within], margins, value=IGNORE)
    inside = F.pad(torch.ones_like(photo.rows[within]), margins)

    size = (how.crop, how.crop)
    image = F.interpolate(image[None], size=size, mode="bilinear", antialias=side > how.crop)[0]
    labels = F.interpolate(torch.stack([rows, inside])[None], size=size, mode="nearest-exact")[0]  # (2, crop, crop)
    if rng.random() < 0.5:
        image, labels = image.flip(-1), labels.flip(-1)
    return image, labels[0], labels[1].float()


def mix(pixels: Tensor, rows: Tensor, share: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """ClassMix with given labels: half the rows of the next crop of the batch are pasted, pixel by pixel, on this one.

    Olsson et al., "ClassMix", WACV 2021. A row keeps its meaning wherever it is pasted.
    """
    new_pixels, new_rows = pixels.clone(), rows.clone()
    for i in range(len(rows)):
        if rng.random() >= share:
            continue
        other = (i + 1) % len(rows)
        present = [row for row in rows[other].unique().tolist() if row != IGNORE]
        chosen = rng.permutation(present)[: (len(present) + 1) // 2]
        paste = torch.isin(rows[other], torch.as_tensor(chosen, dtype=rows.dtype))
        new_pixels[i] = torch.where(paste, pixels[other], pixels[i])
        new_rows[i] = torch.where(paste, rows[other], rows[i])
    return new_pixels, new_rows
