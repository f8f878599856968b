"""A sheet of pictures and words, laid out in pixels: what the atlas is drawn on.

All pictures are painted into one array, and the words, as matplotlib writes them, are laid over it; as axes of their
own the pictures would take many times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

AMOUNT = (colormaps["viridis"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)  # of something, from none
SIGNED = (colormaps["PuOr_r"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)  # around zero, which is white
INK = "#222222"
COARSE = 5


class Sheet:
    """White paper of so many pixels; everything is placed from its upper left corner."""

    def __init__(self, width: int, height: int):
        self.canvas = np.full((height, width, 3), 255, np.uint8)
        self.texts: list[tuple[float, float, str, dict[str, Any]]] = []
        self.alt = ""

    def paste(self, picture: np.ndarray, left: int, top: int) -> None:
        """Put a picture (h, w, 3) uint8 there; what reaches over the sheet's sides is cut off."""
        height, width = self.canvas.shape[:2]
        picture = picture[max(0, -top) :, max(0, -left) :]
        top, left = max(0, top), max(0, left)
        area = self.canvas[top : min(height, top + len(picture)), left : min(width, left + picture.shape[1])]
        area[:] = picture[: area.shape[0], : area.shape[1]]

    def write(self, x: float, y: float, text: str, size: float = 10.5, **style: Any) -> None:
        """Words at a place; `style` as matplotlib's text has it (ha, va, color, weight)."""
        self.texts.append((x, y, text, {"fontsize": size, "color": INK, **style}))

    def frame(self, left: float, top: float, width: float, height: float, colour: Sequence[int] = (213, 94, 0)) -> None:
        """The outline of a rectangle, two pixels thick with a white line around it."""
        x0, y0, x1, y1 = (round(value) for value in (left, top, left + width, top + height))
        for shade, out in (((255, 255, 255), 2), (tuple(colour), 1)):
            tone = np.array(shade, np.uint8)
            for side in range(2 + (out == 2)):
                a, b, c, d = x0 - out + side, y0 - out + side, x1 + out - side, y1 + out - side
                self._line(a, b, c - a, 1, tone)
                self._line(a, d - 1, c - a, 1, tone)
                self._line(a, b, 1, d - b, tone)
                self._line(c - 1, b, 1, d - b, tone)

    def cross(self, x: float, y: float) -> None:
        """Four arms around a place that they leave open: black on white, to be seen on anything."""
        x, y = round(x), round(y)
        for thick, tone in ((5, 255), (3, 0)):
            reach, half = 18 + (thick == 5), thick // 2
            for sign in (-1, 1):
                start = 5 - (thick == 5) if sign > 0 else -reach
                self._line(x + start, y - half, reach - 5 + (thick == 5), thick, np.uint8(tone))
                self._line(x - half, y + start, thick, reach - 5 + (thick == 5), np.uint8(tone))

    def scale(self, left: int, top: int, table: np.ndarray, ticks: Sequence[str], title: str, end: float = 1.0) -> None:
        """What the colours mean: the table from left to right, its title before it, ticks at even distances below it.

        The last tick stands at the table's end, or where `end` times the ticks' whole distance is the table's.
        """
        self.paste(np.repeat(table[None], 12, 0), left, top)
        for index, tick in enumerate(ticks):
            x = left + len(table) / end * index / (len(ticks) - 1)
            self.write(x, top + 24, tick, 9.5, ha="center", va="center")
        self.write(left - 10, top + 6, title, 9.5, ha="right", va="center")

    def _line(self, left: int, top: int, width: int, height: int, tone: np.ndarray | np.uint8) -> None:
        self.canvas[max(0, top) : max(0, top + height), max(0, left) : max(0, left + width)] = tone

    def picture(self) -> Image.Image:
        """The sheet as an RGB picture."""
        paper = self.canvas.copy()
        height, width = paper.shape[:2]
        for x, y, text, style in self.texts:
            top, left, cover, colour = lettered(width, height, x, y, text, tuple(style.items()))
            area = paper[top : top + cover.shape[0], left : left + cover.shape[1]]
            area[:] = np.rint(area + cover * (colour - area))
        return Image.fromarray(paper)


@lru_cache(maxsize=256)  # most words stay from picture to picture, and writing is slower than painting
def lettered(
    width: int, height: int, x: float, y: float, text: str, style: tuple[tuple[str, Any], ...]
) -> tuple[int, int, np.ndarray, np.ndarray]:
    """Words on a sheet so large: their top and left end, how much they cover of each pixel (h, w, 1), their colour."""
    figure = Figure((width / 100, height / 100), dpi=100)
    renderer = FigureCanvasAgg(figure).get_renderer()
    words = figure.text(x / width, 1 - y / height, text, **dict(style))
    words.draw(renderer)
    cover = np.asarray(renderer.buffer_rgba())[..., 3:] / np.float32(255)  # (H, W, 1)
    rows, columns = (np.flatnonzero(cover.any((axis, 2))) for axis in (1, 0))
    top, left = rows.min(initial=height), columns.min(initial=width)
    cover = cover[top : rows.max(initial=top) + 1, left : columns.max(initial=left) + 1].copy()
    return int(top), int(left), cover, np.array(to_rgb(words.get_color()), np.float32) * 255


def coloured(values: Tensor, low: float, high: float, table: np.ndarray) -> np.ndarray:
    """A map in a table's colours, `low` in the first and `high` in the last: (h, w) → (h, w, 3) uint8."""
    levels = ((values.double() - low) / (high - low) * 255).round().clamp(0, 255).long()
    return table[levels.numpy()]


def enlarged(picture: np.ndarray, tall: int, wide: int) -> np.ndarray:
    """At another size, each pixel a block: (h, w, 3) → (tall, wide, 3)."""
    rows, columns = (np.arange(size) * count // size for size, count in zip((tall, wide), picture.shape))
    return picture[rows[:, None], columns]


def blended(photo: np.ndarray, colours: np.ndarray, opacity: float) -> np.ndarray:
    """Colours (h, w, 3) laid over a photograph (H, W, 3): at opacity 0 the photograph, at 1 the colours alone."""
    over = enlarged(colours, *photo.shape[:2])
    return np.rint((1 - opacity) * photo + opacity * over).astype(np.uint8)


def coarse(picture: np.ndarray) -> np.ndarray:
    """Colours to the nearest five levels of 255: no eye sees it, and a PNG takes half as many bytes."""
    return (np.rint(picture / COARSE) * COARSE).astype(np.uint8)
