"""A canvas that paints a picture and its label map with the same strokes.

Everything is drawn three times as large as it is shown: `SCALE` x `SCALE` fine samples a pixel. The picture is their
mean, so edges are smooth; the label map takes the sample in the pixel's centre, so every pixel has one exact label.

The picture must come out the same to the bit on every machine, so a shape is filled by integer arithmetic alone, and
arrays see only + - * / and comparisons, which every processor rounds alike.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

CLASSES = (
    "wall",
    "building, edifice",
    "sky",
    "floor, flooring",
    "tree",
    "ceiling",
    "road, route",
    "windowpane, window",
    "grass",
    "sidewalk, pavement",
    "person, individual, someone, somebody, mortal, soul",
    "door, double door",
    "table",
    "mountain, mount",
    "car, auto, automobile, machine, motorcar",
    "water",
    "painting, picture",
    "sofa, couch, lounge",
    "rug, carpet, carpeting",
    "fence, fencing",
    "lamp",
    "streetlight, street lamp",
    "pole",
)
LABELS = {"other": 0} | {name.split(",")[0]: label for label, name in enumerate(CLASSES, start=1)}
KEYS = tuple(LABELS)

SCALE = 3  # fine samples along a pixel's side; odd, so that one of them is the centre
STEPS = 8  # a corner lies on a grid of 1/8 fine sample

Colour = tuple[int, int, int]
Point = tuple[float, float]
Shade = Callable[[np.ndarray, np.ndarray], np.ndarray]  # (x, y) in pixels -> brightness, 256 = as it is


class Canvas:
    """The picture, (3, H·SCALE, W·SCALE) uint8, and beside it the labels, (H·SCALE, W·SCALE) uint8."""

    def __init__(self, height: int, width: int):
        self.height, self.width = height, width
        self.planes = np.zeros((3, height * SCALE, width * SCALE), np.uint8)
        self.labels = np.zeros((height * SCALE, width * SCALE), np.uint8)

    def polygon(
        self,
        points: Sequence[Point],
        colour: Colour,
        label: str | None = None,
        shade: Shade | None = None,
        opacity: float = 1.0,
    ) -> None:
        """Fill a polygon given in pixels (x to the right, y down); overlapping loops cut holes (even-odd rule).

        `label` is a key of LABELS; None keeps what is there, for what belongs to the thing below: a shadow, a handle.
        """
        filled = self._inside(points)
        if filled is None:
            return
        rows, columns, inside = filled
        if label is not None:
            np.copyto(self.labels[rows, columns], np.uint8(LABELS[label]), where=inside)
        brightness = None
        if shade is not None:
            x = (np.arange(columns.start, columns.stop)[None, :] + 0.5) / SCALE
            y = (np.arange(rows.start, rows.stop)[:, None] + 0.5) / SCALE
            brightness = shade(x, y)
        weight = round(256 * opacity)
        for plane, value in zip(self.planes, colour, strict=True):
            old = plane[rows, columns]
            new = np.uint8(value)
            if brightness is not None:
                new = np.clip((brightness * value) >> 8, 0, 255)
            if weight < 256:
                new = (old.astype(np.int32) * (256 - weight) + np.asarray(new, np.int32) * weight) >> 8
            np.copyto(old, new, where=inside, casting="unsafe")

    def _inside(self, points: Sequence[Point]) -> tuple[slice, slice, np.ndarray] | None:
        """The fine samples whose centre lies in the polygon: rows, columns and (rows, columns) bool; None if none."""
        corners = np.array([(round(x * SCALE * STEPS), round(y * SCALE * STEPS)) for x, y in points], np.int64)
        (left, top), (right, bottom) = corners.min(0) // STEPS, corners.max(0) // STEPS + 1
        left, top = max(int(left), 0), max(int(top), 0)
        right, bottom = min(int(right), self.width * SCALE), min(int(bottom), self.height * SCALE)
        if left >= right or top >= bottom:
            return None
        after = np.roll(corners, -1, axis=0)
        upward = (corners[:, 1] > after[:, 1])[:, None]
        x0, y0 = np.where(upward, after, corners).T[:, :, None]  # (edges, 1): each edge from its upper end
        x1, y1 = np.where(upward, corners, after).T[:, :, None]
        centre = np.arange(top, bottom)[None, :] * STEPS + STEPS // 2  # (1, rows)
        crossed = (y0 <= centre) & (centre < y1)  # (edges, rows)
        drop = np.maximum(y1 - y0, 1)
        # The first column whose centre is not left of the edge: the ceiling of (x - STEPS/2) / STEPS, in integers.
        numerator = x0 * drop + (centre - y0) * (x1 - x0) - STEPS // 2 * drop
        column = np.clip(-(-numerator // (STEPS * drop)) - left, 0, right - left)
        span = right - left + 1
        flat = (np.arange(bottom - top)[None, :] * span + column)[crossed]
        flips = np.bincount(flat, minlength=(bottom - top) * span).reshape(bottom - top, span) & 1
        inside = np.bitwise_xor.accumulate(flips.astype(np.uint8), axis=1)[:, :-1].astype(bool)
        return slice(top, bottom), slice(left, right), inside

    def ellipse(
        self, x: float, y: float, rx: float, ry: float, colour: Colour, label: str | None = None, **how
    ) -> None:
        """Fill an ellipse with its centre at (x, y)."""
        self.polygon([(x + rx * c, y + ry * s) for c, s in CIRCLE], colour, label, **how)

    def stroke(
        self,
        points: Sequence[Point],
        width: float | tuple[float, float],
        colour: Colour,
        label: str | None = None,
        **how,
    ) -> None:
        """A line through the points, `width` pixels wide, or (at its start, at its end)."""
        first, last = width if isinstance(width, tuple) else (width, width)
        left, right = [], []
        for i, (x, y) in enumerate(points):
            (xa, ya), (xb, yb) = points[max(i - 1, 0)], points[min(i + 1, len(points) - 1)]
            length = max(math.sqrt((xb - xa) * (xb - xa) + (yb - ya) * (yb - ya)), 1e-6)
            half = (first + (last - first) * i / max(len(points) - 1, 1)) / 2
            across = (-(yb - ya) / length * half, (xb - xa) / length * half)
            left.append((x + across[0], y + across[1]))
            right.append((x - across[0], y - across[1]))
        self.polygon(left + right[::-1], colour, label, **how)

    def box(self, x0: float, y0: float, x1: float, y1: float, colour: Colour, label: str | None = None, **how) -> None:
        """An upright rectangle."""
        self.polygon([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], colour, label, **how)

    def label_at(self, x: float, y: float) -> str | None:
        """The key of the label at a place in pixels; None outside the picture."""
        row, column = math.floor(y * SCALE), math.floor(x * SCALE)
        if 0 <= row < self.labels.shape[0] and 0 <= column < self.labels.shape[1]:
            return KEYS[int(self.labels[row, column])]
        return None

    def picture(self) -> np.ndarray:
        """The picture, (H, W, 3) uint8: each pixel the mean of its fine samples, in steps of 4 (small files)."""
        fine = self.planes.reshape(3, self.height, SCALE, self.width, SCALE)
        mean = (fine.sum(axis=(2, 4), dtype=np.int32) + SCALE * SCALE // 2) // (SCALE * SCALE)
        return np.ascontiguousarray(np.minimum((mean + 2) & ~3, 255).astype(np.uint8).transpose(1, 2, 0))

    def mask(self) -> np.ndarray:
        """The labels, (H, W) uint8: 0 = other, 1..K = CLASSES, as the centre of each pixel has it."""
        return np.ascontiguousarray(self.labels[SCALE // 2 :: SCALE, SCALE // 2 :: SCALE])


def turn(angle: float) -> Point:
    """(cos, sin) of an angle in turns, rounded so that no machine's mathematics library makes a difference."""
    return round(math.cos(2 * math.pi * angle), 6), round(math.sin(2 * math.pi * angle), 6)


CIRCLE = [turn(i / 28) for i in range(28)]


class Dice:
    """Random numbers with names; the bit generator and its two methods used here never change between releases."""

    def __init__(self, seed: int):
        self.generator = np.random.Generator(np.random.PCG64(seed))

    def between(self, low: float, high: float) -> float:
        return low + (high - low) * float(self.generator.random())

    def whole(self, low: int, high: int) -> int:
        """An integer, both ends included."""
        return int(self.generator.integers(low, high + 1))

    def chance(self, probability: float) -> bool:
        return float(self.generator.random()) < probability

    def one(self, choices: Sequence[Any]) -> Any:
        return choices[int(self.generator.integers(len(choices)))]


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`a` with a `share` of `b` in it."""
    red, green, blue = (round(p + (q - p) * share) for p, q in zip(a, b, strict=True))
    return red, green, blue


def bright(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(round(value * factor), 255) for value in colour)
    return red, green, blue
