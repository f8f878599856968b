"""Notebook 07's figure: one pixel of a drawn scene, followed through the four stages to its classes.

Above, a trained network; below, as the control, the same network with random weights. In each stage's map: how like the
pixel's own cell, which is marked, every other cell is: green where they are alike, white where they have nothing in
common, violet where they are opposites. At the right: the classes that the decoder finds most probable for the pixel.
At the left: the pixel in its picture, and on the labels the square of stage 4's cell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from ipywidgets import Dropdown, IntSlider
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, Rectangle
from matplotlib.patheffects import withStroke
from torch import Tensor

from segnext_edu.checkpoints import card_short_side, load
from segnext_edu.data import class_names, load_scenes
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.data.palette import colours
from segnext_edu.files import repository_data
from segnext_edu.lessons.figures import Explorer
from segnext_edu.model.segnext import SegNeXt, resize

SCENES = {"street": 59, "room": 51, "landscape": 34}  # of the drawn validation scenes
MARK = "#E69F00"
HALO = [withStroke(linewidth=5, foreground="white"), withStroke(linewidth=3.4, foreground="black")]
TOP = 4  # classes that get a bar
WIDE, TALL, GAP = 184, 138, 6  # of a panel, pixels
RING = 9  # the radius of the mark around a cell that is too small to be seen, pixels
TOPS = 68, 246  # where the two rows begin
WIDTH, HEIGHT = 1150, 388
SHADES = (colormaps["PRGn"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)  # (256, 3), white at 0
TEXT = 13  # points


@dataclass(frozen=True)
class Seen:
    """What one network makes of a picture: four maps (C, h, w), and the classes' probabilities (K, H, W)."""

    maps: tuple[Tensor, ...]
    probabilities: Tensor


@dataclass(frozen=True)
class Scene:
    """A picture (H, W, 3), its labels (H, W) as the file holds them (0 = other), and what the networks see."""

    picture: np.ndarray
    labels: np.ndarray
    seen: Mapping[str, Seen]


def cell_of(pixel: int, pixels: int, cells: int) -> int:
    """Which of so many cells, laid evenly along a row of pixels, holds this pixel; all count from 0."""
    return pixel * cells // pixels


def similarity(x: Tensor, row: int, column: int) -> Tensor:
    """The cosine between one cell's channels and every cell's: (C, h, w) → (h, w), from -1 to 1."""
    directions = F.normalize(x, dim=0)  # (C, h, w), each cell of length 1
    return (directions * directions[:, row, column, None, None]).sum(0)  # (h, w)


@torch.inference_mode()
def look(model: SegNeXt, picture: Tensor, short_side: int) -> Seen:
    """Send a picture, uint8 (3, H, W), through a network in eval mode."""
    maps = model.encode(prepare(picture, short_side))
    logits = resize(model.decode(maps), picture.shape[1:])  # (1, K, H, W)
    return Seen(tuple(x[0] for x in maps), logits[0].softmax(0))


def best_classes(probabilities: Tensor, y: int, x: int) -> list[tuple[int, float]]:
    """The most probable classes of a pixel, (class, probability), the most probable first."""
    values, classes = probabilities[:, y, x].topk(TOP)
    return list(zip(classes.tolist(), values.tolist()))


def draw(scene: Scene, classes: list[str], x: int, y: int) -> Figure:
    """The picture for pixel (x, y): a row for each network, from the scene to the classes.

    All panels are painted into one array and shown at once: as axes of their own they would take three times as long.
    """
    palette = np.vstack([np.zeros((1, 3), np.uint8), colours(classes)])
    truth = int(scene.labels[y, x])
    canvas = np.full((HEIGHT, WIDTH, 4), 255, np.uint8)
    figure = Figure((WIDTH / 100, HEIGHT / 100))
    left = ("the picture", scene.picture), (f"label: {_name(classes, truth)}", palette[scene.labels])
    for top, (title, image), (name, seen) in zip(TOPS, left, scene.seen.items()):
        _paint(canvas, image, top, 0)
        _head(figure, title, top, 0)
        for stage, features in enumerate(seen.maps, start=1):
            row, column = _cell(features, scene.labels.shape, (x, y))
            alike = similarity(features, row, column)
            _paint(canvas, SHADES[((alike.clamp(-1, 1) + 1) * 127.5).round().long().numpy()], top, stage)
            _head(figure, f"{name}: stage {stage}", top, stage)
            _mark(figure, features, row, column, top, stage)
            if stage == (1 if image is scene.picture else 4):  # the pixel above; below, all that one cell stands for
                _mark(figure, features, row, column, top, 0)
        _head(figure, f"{name}: classes", top, 5)
        _draw_bars(figure, canvas, best_classes(seen.probabilities, y, x), classes, truth, palette, top)
    _draw_scale(figure, canvas)
    figure.figimage(canvas, zorder=-1)
    return figure


def describe(scene: Scene, classes: list[str], x: int, y: int) -> str:
    """The picture in a sentence."""
    guesses = [
        f"{name} {_name(classes, best + 1)} ({share:.0%})"
        for name, seen in scene.seen.items()
        for best, share in best_classes(seen.probabilities, y, x)[:1]
    ]
    truth = _name(classes, int(scene.labels[y, x]))
    return f"Pixel ({x}, {y}) is {truth}. Its likeness to all cells, stage by stage; best class: {', '.join(guesses)}."


def explorer(index: str = "street", x: int = 40, y: int = 208) -> Explorer:
    """The figure with its sliders, on the drawn scenes that ship, at pixel (x, y) of one of `SCENES`."""
    trained = load(repository_data() / "checkpoints" / "nano_mini.safetensors")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        untrained = SegNeXt(trained.variant, trained.num_classes).eval()
    data = load_scenes("mini", "val")
    classes = class_names(data)
    scenes = {}
    for name, number in SCENES.items():
        row = data[number]
        picture = to_tensor(row["image"])  # (3, H, W)
        networks = {"trained": trained, "untrained": untrained}
        seen = {key: look(model, picture, card_short_side(trained.card)) for key, model in networks.items()}
        scenes[name] = Scene(np.array(row["image"]), np.array(row["mask"]), seen)
    height, width = scenes[index].labels.shape
    return Explorer(
        lambda scene, x, y: draw(scenes[scene], classes, x, y),
        alt=lambda scene, x, y: describe(scenes[scene], classes, x, y),
        scene=Dropdown(options=list(scenes), value=index, description="scene"),
        x=IntSlider(x, 0, width - 1, description="x (right)"),
        y=IntSlider(y, 0, height - 1, description="y (down)"),
    )


def _name(classes: list[str], label: int) -> str:
    """A label as the file holds it, in a word."""
    return classes[label - 1].split(",")[0] if label else "other"


def _cell(features: Tensor, shape: tuple[int, int], at: tuple[int, int]) -> tuple[int, int]:
    """The row and column of a map's cell that holds the pixel (x, y) of a picture of this shape."""
    return cell_of(at[1], shape[0], features.shape[1]), cell_of(at[0], shape[1], features.shape[2])


def _paint(canvas: np.ndarray, image: np.ndarray, top: int, place: int) -> None:
    """Put an image (h, w, 3) into a panel, each of its pixels as a block."""
    rows, columns = (np.arange(size) * count // size for size, count in zip((TALL, WIDE), image.shape))
    left = place * (WIDE + GAP)
    canvas[top : top + TALL, left : left + WIDE, :3] = image[rows[:, None], columns]


def _mark(figure: Figure, features: Tensor, row: int, column: int, top: int, place: int) -> None:
    """Draw the outline of a map's cell, or a ring around it where the cell is smaller than the ring."""
    tall, wide = TALL / features.shape[1], WIDE / features.shape[2]
    x, y = place * (WIDE + GAP) + column * wide, HEIGHT - top - (row + 1) * tall  # of its lower left corner
    if min(tall, wide) < RING:
        outline = Ellipse((x + wide / 2, y + tall / 2), 2 * RING, 2 * RING)
    else:
        outline = Rectangle((x, y), wide, tall)
    outline.set(fill=False, edgecolor=MARK, linewidth=2, transform=None, path_effects=HALO)
    figure.add_artist(outline)


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Text at a place counted in pixels from the upper left."""
    figure.text(x / WIDTH, 1 - y / HEIGHT, text, fontsize=TEXT, **style)


def _head(figure: Figure, text: str, top: int, place: int) -> None:
    _write(figure, place * (WIDE + GAP), top - 5, text, ha="left", va="bottom")


def _draw_scale(figure: Figure, canvas: np.ndarray) -> None:
    """What the colours mean, above the maps, with a tick where a cell has nothing in common with the pixel's."""
    left = 450
    canvas[9:21, left : left + 256, :3] = SHADES
    canvas[21:25, left + 127 : left + 129, :3] = 60
    _write(figure, left - 8, 15, "unlike the marked cell: -1", ha="right", va="center")
    _write(figure, left + 264, 15, "1: like it", ha="left", va="center")
    _write(figure, left + 128, 35, "0", ha="center", va="center")


def _draw_bars(
    figure: Figure,
    canvas: np.ndarray,
    best: list[tuple[int, float]],
    classes: list[str],
    truth: int,
    palette: np.ndarray,
    top: int,
) -> None:
    """A line for each of the most probable classes, and below it a bar, full width for a probability of 1."""
    left, high = 5 * (WIDE + GAP), TALL // TOP
    for place, (index, share) in enumerate(best):
        lower, long = top + high * (place + 1), round((WIDTH - left - 8) * share)
        canvas[lower - 12 : lower - 3, left : left + 2 + long, :3] = 40
        canvas[lower - 11 : lower - 4, left + 1 : left + 1 + long, :3] = palette[index + 1]
        text, weight = f"{_name(classes, index + 1)} {share:.0%}", "bold" if index + 1 == truth else "normal"
        _write(figure, left, lower - 14, text, ha="left", va="bottom", weight=weight)
