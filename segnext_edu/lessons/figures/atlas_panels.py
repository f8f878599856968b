"""A photograph with a picked pixel, and the three panels that most views of notebook 10's figure consist of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segnext_edu.explain.atlas.maps import Sight, best_classes
from segnext_edu.explain.atlas.sheet import AMOUNT, SIGNED, Sheet, blended, coarse, coloured
from segnext_edu.explain.record import cell_of

WIDTH, HEIGHT = 1140, 430
TOP, LEFTS, BOX = 62, (8, 385, 762), (370, 280)  # where the three panels begin, and how large they may be
MOST = 2.5  # the end of both scales, in means or in root mean squares
UNITS = {
    "strength": "strength over all channels, × its mean",
    "mean": "mean of the channels, × its root mean square",
    "channel": "one channel, × its root mean square",
}
CONTROL = "random weights: the control"

Place = tuple[int, int]  # row and column of the picked pixel, in per cent of the way down and across


@dataclass(frozen=True, eq=False)
class Scene:
    """A photograph and the two networks' sights of it."""

    name: str
    photo: Image.Image
    trained: Sight
    randomised: Sight

    @cached_property
    def small(self) -> np.ndarray:
        """The photograph at the size of a panel, (h, w, 3)."""
        return self.fitted(*BOX)

    def fitted(self, wide: int, tall: int) -> np.ndarray:
        factor = min(wide / self.photo.width, tall / self.photo.height)
        size = max(1, round(self.photo.width * factor)), max(1, round(self.photo.height * factor))
        return np.asarray(self.photo.resize(size))

    def pixel(self, at: Place) -> tuple[int, int]:
        """The picked pixel (y, x) of the networks' input."""
        height, width = self.trained.images.shape[2:]
        return round(at[0] / 100 * (height - 1)), round(at[1] / 100 * (width - 1))

    @cached_property
    def areas(self) -> list[Tensor]:
        """Where the trained network sees each class: K × (h, w) of bool, always the same objects."""
        return [self.trained.labels == label for label in range(len(self.trained.probabilities))]

    def spot(self, at: Place, tall: int, wide: int) -> tuple[float, float]:
        """Where the picked pixel lies (y, x) when the photograph is so tall and wide."""
        (y, x), (height, width) = self.pixel(at), self.trained.images.shape[2:]
        return (y + 0.5) / height * tall, (x + 0.5) / width * wide

    def cell(self, at: Place, shape: torch.Size) -> tuple[int, int]:
        """The cell (y, x) that holds the picked pixel in a map (…, h, w)."""
        (y, x), (height, width) = self.pixel(at), self.trained.images.shape[2:]
        return cell_of(y, height, shape[-2]), cell_of(x, width, shape[-1])


def three_panels(
    sheet: Sheet,
    scene: Scene,
    at: Place,
    title: str,
    maps: Sequence[np.ndarray],
    heads: Sequence[str],
    opacity: float,
    cells: torch.Size | None = None,
) -> None:
    """The photograph and two maps (h, w, 3) laid over it; at the pixel a cross, or the box of its cell in so many."""
    photo = scene.small
    tall, wide = photo.shape[:2]
    headline(sheet, scene, at, title, heads)
    pictures = [photo, *(blended(photo, picture, opacity) for picture in maps)]
    for left, picture, head in zip(LEFTS, pictures, (scene.name, *heads)):
        left += (BOX[0] - wide) // 2
        sheet.paste(coarse(picture), left, TOP)
        sheet.write(left, TOP - 6, head, va="bottom")
        if cells is None:
            y, x = scene.spot(at, tall, wide)
            sheet.cross(left + x, TOP + y)
        else:
            mark_cell(sheet, scene, at, cells, (left, TOP), (tall, wide))


def headline(sheet: Sheet, scene: Scene, at: Place, title: str, heads: Sequence[str]) -> None:
    """The claim above all panels; it opens the alt text, too."""
    sheet.write(WIDTH / 2, 18, title, 13, ha="center", va="center")
    sheet.alt = f"{title}. {scene.name}, cross {at[0]} % down and {at[1]} % across; beside it: {'; '.join(heads)}."


def mark_cell(
    sheet: Sheet, scene: Scene, at: Place, cells: torch.Size, corner: tuple[int, int], size: tuple[int, int]
) -> None:
    """The outline of the cell, of so many (…, h, w), that holds the picked pixel; never smaller than 7 pixels."""
    (row, column), (tall, wide) = scene.cell(at, cells), (size[0] / cells[-2], size[1] / cells[-1])
    extra = max(0, 7 - tall) / 2, max(0, 7 - wide) / 2
    top, left = corner[1] + row * tall - extra[0], corner[0] + column * wide - extra[1]
    sheet.frame(left, top, wide + 2 * extra[1], tall + 2 * extra[0])


def shades(maps: Sequence[Tensor], reading: str) -> list[np.ndarray]:
    """Maps as `attention_map` gives them, in colours, all on one scale."""
    if reading == "strength":
        return [coloured(x, 0, MOST, AMOUNT) for x in maps]
    return [coloured(x, -MOST, MOST, SIGNED) for x in maps]


def legend(sheet: Sheet, reading: str) -> None:
    if reading == "strength":
        sheet.scale(800, 360, AMOUNT, ("0", "1", "2"), UNITS[reading], end=MOST / 2)
    else:
        sheet.scale(800, 360, SIGNED, (f"-{MOST}", "0", f"{MOST}"), UNITS[reading])


def label_note(sheet: Sheet, scene: Scene, at: Place) -> None:
    """What both networks take the pixel for."""
    said = []
    for sight in (scene.trained, scene.randomised):
        ((name, share),) = best_classes(sight, *scene.cell(at, sight.labels.shape), count=1)
        said.append(f"{name} ({share:.0%})")
    sheet.write(8, 366, f"The cross is labelled {said[0]};", va="center")
    sheet.write(8, 386, f"with random weights {said[1]}.", va="center")


def number(scene: Scene, at: Place, values: Tensor) -> str:
    """A map's value at the cross."""
    return f"{values[scene.cell(at, values.shape)].item():.1f}"


def correlation(first: Tensor, second: Tensor) -> float:
    """Pearson's, between two maps (h, w), the coarser one laid over the finer; 0 where one is even."""
    size = max(first.shape, second.shape)
    centred = []
    for values in (first, second):
        rows, columns = (torch.arange(n) * side // n for n, side in zip(size, values.shape))
        spread = values[rows][:, columns].double().flatten()
        centred.append(spread - spread.mean())
    lengths = centred[0].norm() * centred[1].norm()
    return (centred[0] @ centred[1] / lengths.clamp(min=1e-30)).item()


def half_radius(pull: Tensor, y: int, x: int) -> int:
    """Within how many pixels of (y, x) half of a gradient's size (H, W) lies."""
    rows, columns = torch.arange(pull.shape[0]) - y, torch.arange(pull.shape[1]) - x
    distance = (rows[:, None].square() + columns.square()).sqrt().round().long()  # (H, W)
    gathered = torch.bincount(distance.flatten(), pull.double().flatten()).cumsum(0)  # within each whole radius
    return int((gathered < gathered[-1] / 2).sum())
