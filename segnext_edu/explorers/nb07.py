"""Notebook 07's figure: one pixel of a drawn scene, followed through the four stages to its classes.

Above, a trained network; below, as the control, the same network with random weights. In each stage's map: how like the
pixel's own cell every other cell is. At the right: the classes that the decoder finds most probable for the pixel.
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
from matplotlib.patches import Rectangle
from torch import Tensor

from segnext_edu.checkpoints import load
from segnext_edu.data import class_names, load_scenes
from segnext_edu.data.palette import colours
from segnext_edu.explorers import Explorer
from segnext_edu.files import repository_data
from segnext_edu.inference import card_short_side, prepare, to_tensor
from segnext_edu.segnext import SegNeXt, resize

SCENES = {"street": 59, "room": 51, "landscape": 34}  # of the drawn validation scenes
MARK = "#D55E00"
TOP = 4  # classes that get a bar
WIDE, TALL, GAP = 196, 147, 6  # of a panel, pixels
TOPS = 46, 222  # where the two rows begin
WIDTH, HEIGHT = 1190, 376
VIRIDIS = (colormaps["viridis"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)  # (256, 3)


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
    left = ("the pixel and its cells", scene.picture), (f"the truth: {_name(classes, truth)}", palette[scene.labels])
    for top, (title, image), (name, seen) in zip(TOPS, left, scene.seen.items()):
        _paint(canvas, image, top, 0)
        _head(figure, title, top, 0)
        for stage, features in enumerate(seen.maps, start=1):
            height, width = scene.labels.shape
            alike = similarity(features, *_cell(features, (height, width), (x, y)))
            _paint(canvas, VIRIDIS[((alike.clamp(-1, 1) + 1) * 127.5).round().long().numpy()], top, stage)
            _head(figure, f"{name}: stage {stage}", top, stage)
            for place in (0, stage):
                _outline(figure, features, (height, width), (x, y), top, place)
        _head(figure, f"{name}: its classes", top, 5)
        _draw_bars(figure, canvas, best_classes(seen.probabilities, y, x), classes, truth, palette, top)
    canvas[8:18, 480:736, :3] = VIRIDIS
    _write(figure, 474, 13, "unlike the pixel's cell: -1", ha="right", va="center", fontsize=9)
    _write(figure, 742, 13, "1: like it", ha="left", va="center", fontsize=9)
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


def _outline(
    figure: Figure, features: Tensor, shape: tuple[int, int], at: tuple[int, int], top: int, place: int
) -> None:
    """Draw the outline of the cell that holds a pixel."""
    row, column = _cell(features, shape, at)
    tall, wide = TALL / features.shape[1], WIDE / features.shape[2]
    corner = column * wide + place * (WIDE + GAP), HEIGHT - row * tall - top
    figure.add_artist(Rectangle(corner, wide, -tall, fill=False, color=MARK, lw=1.8, transform=None))


def _write(figure: Figure, x: float, y: float, text: str, **style: Any) -> None:
    """Text at a place counted in pixels from the upper left."""
    figure.text(x / WIDTH, 1 - y / HEIGHT, text, **style)


def _head(figure: Figure, text: str, top: int, place: int) -> None:
    _write(figure, place * (WIDE + GAP) + WIDE / 2, top - 5, text, ha="center", va="bottom", fontsize=9)


def _draw_bars(
    figure: Figure,
    canvas: np.ndarray,
    best: list[tuple[int, float]],
    classes: list[str],
    truth: int,
    palette: np.ndarray,
    top: int,
) -> None:
    left, high = 5 * (WIDE + GAP) + 112, TALL // TOP
    for place, (index, share) in enumerate(best):
        upper = top + high * place + 6
        canvas[upper : upper + high - 12, left - 1 : left + 1 + round(66 * share), :3] = 40
        canvas[upper + 1 : upper + high - 13, left : left + round(66 * share), :3] = palette[index + 1]
        text, weight = f"{_name(classes, index + 1)} {share:.0%}", "bold" if index + 1 == truth else "normal"
        _write(figure, left - 6, upper + high / 2 - 6, text, ha="right", va="center", fontsize=9, weight=weight)
