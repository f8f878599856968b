"""Notebook 01's figure: leaf through the drawn scenes, and see which names fill them.

Above the picture, below it its label map, the largest regions named; on the right, a bar for every class: the share of
the scene's labelled pixels that it holds, in the colour it has on the map, so that the bars are the map's legend. The
numbers stand in a column at the right; a black mark shows the class's share in all the scenes together. Pixels without
a name are hatched: no class has stripes. One class can be picked out; the others then fade.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import torch
from ipywidgets import Dropdown, IntSlider, ToggleButtons
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from PIL.Image import Resampling, fromarray
from torch import Tensor

from segnext_edu.data import IGNORE, class_names, load_scenes, reduce_zero_label
from segnext_edu.data.palette import colours
from segnext_edu.inference.overlay import roomiest_point
from segnext_edu.lessons.figures import Explorer

if TYPE_CHECKING:
    from datasets import Dataset
    from matplotlib.axes import Axes

ALL = "all classes"
THIS, EVERY = "this scene", "all scenes"  # whose shares put the bars in order
LOG, LINEAR = "logarithmic", "linear"
NAMED = 0.03  # share from which a class has its name written on the map
LEAST = 1e-4  # share at which the logarithmic bars begin: 8 pixels of 320 × 240
TICKS = {LOG: (1e-4, 1e-3, 0.01, 0.1, 1.0), LINEAR: (0.0, 0.1, 0.2, 0.3, 0.5, 0.7)}
FIGURE = (10, 6.1)  # inches, of 100 pixels
SHOWN = (376, 282)  # pixels, width and height, of the picture and of the label map
CORNERS = (12, 295), (12, 7)  # their lower left corners
COLUMN = 1.13  # where the bars' numbers end, on an axis on which the longest bar may reach 1
OUTLINE = [withStroke(linewidth=2.5, foreground="black")]


def class_shares(labels: Tensor, count: int) -> Tensor:
    """The share of the labelled pixels that each class holds: labels 0..count-1 and 255, any shape → (count,)."""
    labelled = labels[labels != IGNORE].long()  # (N,)
    return torch.bincount(labelled, minlength=count) / labelled.numel()  # (count,)


@dataclass(frozen=True)
class Album:
    """Scenes to leaf through, and what was counted over all of them."""

    scenes: Dataset
    names: list[str]  # (K), the first synonym of each
    palette: np.ndarray  # (256, 3) uint8, by label
    shares: Tensor  # (number of scenes, K)
    kinds: list[str]  # "street", "room" or "landscape", a word a scene

    @property
    def average(self) -> Tensor:
        """Each class's share in an average scene, (K,)."""
        return self.shares.mean(0)


def open_album(scenes: Dataset) -> Album:
    """Count every class in every scene, once."""
    names = class_names(scenes)
    palette = np.zeros((IGNORE + 1, 3), np.uint8)
    palette[: len(names)] = colours(names)
    masks = (torch.from_numpy(np.array(mask)) for mask in scenes["mask"])  # (H, W) each
    shares = torch.stack([class_shares(reduce_zero_label(mask), len(names)) for mask in masks])
    kinds = scenes["kind"][:] if "kind" in scenes.column_names else ["scene"] * len(scenes)
    return Album(scenes, [name.split(",")[0] for name in names], palette, shares, kinds)


def faded(picture: np.ndarray, away: np.ndarray) -> np.ndarray:
    """The picture, pale grey wherever `away` says so: (H, W, 3) uint8 and (H, W) bool → (H, W, 3) uint8."""
    pale = 205 + picture.mean(-1, keepdims=True) * (50 / 255)  # (H, W, 1)
    return np.where(away[..., None], pale, picture).astype(np.uint8)


def hatched(label_map: np.ndarray, unnamed: np.ndarray) -> np.ndarray:
    """The map, with slanting stripes where no class has a name: (H, W, 3) uint8 and (H, W) bool → (H, W, 3) uint8."""
    y, x = np.indices(unnamed.shape)
    stripes = np.where((x + y) % 6 < 2, 90, 255)  # (H, W)
    return np.where(unnamed[..., None], stripes[..., None], label_map).astype(np.uint8)


def order(album: Album, scene: int, sort_by: str) -> list[int]:
    """The classes, the largest first; those that the scene lacks follow by their average."""
    average = album.average
    here = album.shares[scene] if sort_by == THIS else average
    return sorted(range(len(album.names)), key=lambda k: (-here[k].item(), -average[k].item()))


def headline(album: Album, scene: int, highlight: str) -> str:
    """What there is to say about the scene, or about one class in it."""
    here = album.shares[scene]
    if highlight == ALL:
        top = order(album, scene, THIS)[:3]
        present, filled = int((here > 0).sum()), here[top].sum().item()
        three = ", ".join(album.names[k] for k in top)
        what = f"Scene {scene}, a {album.kinds[scene]}: {present} of {len(here)} classes"
        return f"{what}, and three fill {filled:.0%} ({three})"
    k = album.names.index(highlight)
    found = int((album.shares[:, k] > 0).sum())
    where = f"{highlight}: {here[k]:.1%} of scene {scene}" if here[k] > 0 else f"{highlight}: not in scene {scene}"
    return f"{where}; {album.average[k]:.1%} on average; seen in {found} of {len(album.shares)} scenes"


def draw(album: Album, scene: int, highlight: str, sort_by: str, scale: str) -> Figure:
    """Picture and label map on the left, a bar for every class on the right."""
    figure = Figure(FIGURE)
    figure.suptitle(headline(album, scene, highlight), x=0.012, y=0.985, ha="left", fontsize=12.5, weight="bold")
    draw_maps(figure, album, scene, highlight)
    bars = figure.add_axes((0.515, 0.098, 0.455, 0.832))
    draw_bars(bars, album, scene, highlight, sort_by, scale)
    return figure


def draw_maps(figure: Figure, album: Album, scene: int, highlight: str) -> None:
    """The picture, and the label map with the names of its large regions."""
    row, shares = album.scenes[scene], album.shares[scene]
    labels = reduce_zero_label(np.array(row["mask"]))  # (H, W)
    shown = np.asarray(fromarray(labels).resize(SHOWN, Resampling.NEAREST))
    picked = album.names.index(highlight) if highlight != ALL else None
    pictures = row["image"].resize(SHOWN, Resampling.BICUBIC), hatched(album.palette[shown], shown == IGNORE)
    for pixels, corner in zip(map(np.asarray, pictures), CORNERS):
        figure.figimage(pixels if picked is None else faded(pixels, shown != picked), *corner)

    named = (shares >= NAMED).nonzero().flatten().tolist() if picked is None else [picked] * bool(shares[picked] > 0)
    (left, bottom), (width, height) = CORNERS[1], SHOWN
    for k in named:
        y, x, _ = roomiest_point(labels[::4, ::4] == k)
        right = min(max(4 * x * width / labels.shape[1], 32), width - 32)  # no name is cut off at the side
        up = height - 4 * y * height / labels.shape[0]
        at = (left + right) / figure.bbox.width, (bottom + up) / figure.bbox.height
        figure.text(*at, album.names[k], color="white", ha="center", va="center", size=8.5, path_effects=OUTLINE)


def draw_bars(axis: Axes, album: Album, scene: int, highlight: str, sort_by: str, scale: str) -> None:
    """A row a class: name, colour, share here as a bar and in the column, share in all scenes as a mark."""
    rows, here, average = order(album, scene, sort_by), album.shares[scene].numpy(), album.average.numpy()
    most = max(0.3, 1.05 * here.max())

    def place(share: float) -> float:
        """Where a share lies on the axis, 0 to 1."""
        return max(0.0, 1 - np.log10(share) / np.log10(LEAST)) if scale == LOG and share > 0 else share / most

    palette, frame = album.palette[rows] / 255, {"edgecolor": "0.35", "linewidth": 0.5}
    strong = np.array([1.0 if highlight in (ALL, album.names[k]) else 0.2 for k in rows])
    lengths, marks = [place(here[k]) for k in rows], [place(average[k]) for k in rows]
    axis.barh(range(len(rows)), lengths, 0.78, color=np.c_[palette, strong], **frame)
    axis.scatter([-0.022] * len(rows), range(len(rows)), 75, palette, marker="s", edgecolors="0.35", linewidths=0.5)
    axis.plot(marks, range(len(rows)), "k|", markersize=13, markeredgewidth=2)
    for row, k in enumerate(rows):
        tone = "black" if here[k] > 0 else "0.6"
        weight = "bold" if highlight == album.names[k] else "normal"
        axis.text(-0.045, row, album.names[k], ha="right", va="center", size=9.5, color=tone, weight=weight)
        if here[k] > 0:
            tone = {"color": "0.25", "alpha": max(strong[row], 0.4)}
            axis.text(COLUMN, row, f"{here[k]:.1%}", ha="right", va="center", size=9, **tone)
    ticks = [tick for tick in TICKS[scale] if place(tick) <= 1]
    axis.set_xticks([place(tick) for tick in ticks], [f"{100 * tick:g}%" for tick in ticks], size=9)
    axis.set(xlim=(-0.035, COLUMN), ylim=(len(rows) - 0.4, -0.6), yticks=[])
    marks_mean = f"black mark: all {len(album.shares)} scenes; striped on the map: no name"
    axis.set_xlabel(f"share of the labelled pixels ({scale}), numbers at the right\n{marks_mean}", size=9)
    axis.spines[["top", "right", "left"]].set_visible(False)


def describe(album: Album, scene: int, highlight: str, sort_by: str, scale: str) -> str:
    """The figure in words."""
    return f"A drawn scene, its label map, and a bar for each class. {headline(album, scene, highlight)}."


def explorer(scenes: Dataset | None = None) -> Explorer:
    """The figure with its controls, over the drawn scenes that ship with the project where no others are given."""
    album = open_album(load_scenes("mini", "train") if scenes is None else scenes)
    return Explorer(
        partial(draw, album),
        partial(describe, album),
        scene=IntSlider(min(27, len(album.shares) - 1), 0, len(album.shares) - 1, description="scene"),
        highlight=Dropdown(options=[ALL, *album.names], description="pick out"),
        sort_by=ToggleButtons(options=[THIS, EVERY], description="sorted by"),
        scale=ToggleButtons(options=[LOG, LINEAR], description="bars"),
    )
