"""A photograph with its labels laid over it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont

from segnext_edu.data.images import upright

BAND = 256  # rows


def overlay(image: Image.Image, labels: np.ndarray, classes: Sequence[str], colours: np.ndarray) -> Image.Image:
    """The image with its labels laid over it: a tint for each class, an outline, and the name where it fits best.

    Args:
        labels: (H, W) of 0..K-1, the image's size. colours: (K, 3) uint8.
    """
    mixed = np.array(upright(image))  # (H, W, 3)
    edge = np.zeros(labels.shape, dtype=bool)
    edge[1:] |= labels[1:] != labels[:-1]
    edge[:, 1:] |= labels[:, 1:] != labels[:, :-1]
    present: set[int] = set()
    for top in range(0, len(labels), BAND):  # in bands: floats take twelve bytes per pixel
        rows = slice(top, top + BAND)
        tint = colours[labels[rows]].astype(np.float32)  # (rows, W, 3)
        mixed[rows] = np.where(edge[rows, :, None], 0.5 * tint, 0.45 * mixed[rows] + 0.55 * tint).round()
        present.update(np.unique(labels[rows]).tolist())
    drawn = Image.fromarray(mixed)
    pen = ImageDraw.Draw(drawn)
    size = max(10, min(drawn.size) // 28)
    font = ImageFont.load_default(size)
    for label in sorted(present):
        name, *_ = classes[label].split(",")
        y, x, radius = roomiest_point(labels == label)
        if 2 * radius > size:
            room = pen.textlength(name, font) / 2 + size // 4  # so that no name is cut off at the image's side
            x = max(room, min(drawn.width - room, x))
            pen.text((x, y), name, "white", font, anchor="mm", stroke_width=max(1, size // 8), stroke_fill="black")
    return drawn


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
