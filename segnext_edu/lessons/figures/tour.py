"""Notebook 00's figures: a gate beside its control, the paper's plot, the mistakes, and a photograph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from ipywidgets import SelectionSlider
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from segnext_edu.checkpoints import card_short_side, read
from segnext_edu.data import class_names, load_scenes, reduce_zero_label
from segnext_edu.data.images import open_photo, prepare, to_tensor
from segnext_edu.data.palette import colours
from segnext_edu.explain.record import attention_maps
from segnext_edu.explain.sanity.baselines import randomise
from segnext_edu.inference.overlay import overlay
from segnext_edu.inference.predict import predict
from segnext_edu.lessons.figures import Explorer
from segnext_edu.model.segnext import SegNeXt, resize

if TYPE_CHECKING:
    from datasets import Dataset

SCENES = (*range(18), 59)  # of the drawn validation scenes: streets, roads and rooms
MOST = 2.5  # times its mean: the end of the colour scale
PHOTO_LAYER = (1, 2)

Layer = tuple[int, int]  # stage from 1, block from 0
Gates = dict[Layer, Tensor]  # (h, w) each
Compared = Mapping[int, tuple[Image.Image, Gates, Gates]]  # scene → the image, its gates trained and random

# GFLOPs at 512 × 512 and single-scale mIoU on ADE20K, as the paper's tables print them.
PUBLISHED = {
    "SegNeXt": {"T": (6.6, 41.1), "S": (15.9, 44.3), "B": (34.9, 48.5), "L": (70.0, 51.0)},
    "SegFormer": {"B0": (8.4, 37.4), "B1": (15.9, 42.2), "B2": (62.4, 46.5), "B3": (79.0, 49.4)},
    "Mask2Former": {"Swin-T": (74.0, 47.7)},
}
INKS = {"SegNeXt": "#0072B2", "SegFormer": "#D55E00", "Mask2Former": "#555555"}
ERRORS = "The street, its true labels, the predicted labels, and the wrong pixels in red: outlines and thin things."


def strength(x: Tensor) -> Tensor:
    """The root mean square over the channels: (1, C, h, w) → (h, w)."""
    return x[0].square().mean(0).sqrt()


def gates(model: SegNeXt, image: Image.Image, short_side: int) -> Gates:
    """The strength of every gate in units of its mean over the image, by stage and block."""
    maps = attention_maps(model, prepare(to_tensor(image), short_side))
    strong = {(stage, block): strength(x) for (stage, block, part), x in maps.items() if part == "gate"}
    return {layer: x / x.mean() for layer, x in strong.items()}


def compare(
    trained: SegNeXt, random: SegNeXt, scenes: Dataset, short_side: int, indices: Sequence[int] = SCENES
) -> Compared:
    """All that the explorer can show: every scene through both networks."""
    images = {index: scenes[index]["image"] for index in indices}
    return {
        index: (image, gates(trained, image, short_side), gates(random, image, short_side))
        for index, image in images.items()
    }


def agreement(compared: Compared, layer: Layer) -> float:
    """The correlation of the two networks' gates at a layer, the mean over the scenes."""
    pairs = [torch.stack([gate[layer].flatten() for gate in both]) for _, *both in compared.values()]
    return torch.stack([torch.corrcoef(pair)[0, 1] for pair in pairs]).mean().item()


def on_class(model: SegNeXt, scenes: Dataset, short_side: int, name: str, layer: Layer) -> list[float]:
    """How strong a gate is on the pixels of a class, in units of its mean, for each of SCENES that has the class."""
    label = [full.split(",")[0] for full in class_names(scenes)].index(name)
    ratios = []
    for index in SCENES:
        here = torch.from_numpy(reduce_zero_label(np.array(scenes[index]["mask"])) == label)  # (H, W)
        if here.any():
            gate = gates(model, scenes[index]["image"], short_side)[layer]  # (h, w)
            ratios.append(resize(gate[None, None], here.shape)[0, 0][here].mean().item())
    return ratios


def panels(count: int, width: float = 11.6, height: float = 3.1) -> tuple[Figure, list]:
    """A figure of so many images side by side, with room for a colour bar at the right."""
    figure = Figure((width, height))
    left = [0.005 + index * 0.945 / count for index in range(count)]
    return figure, [figure.add_axes((x, 0.02, 0.935 / count, 0.84), xticks=[], yticks=[]) for x in left]


def draw_gate(axis, gate: Tensor, size: tuple[int, int], title: str) -> None:
    """A gate in units of its mean, on the scale that all gates here share; size: of the image, (width, height)."""
    axis.set_title(title, fontsize=11)
    frame = (0, size[0], size[1], 0)
    axis.imshow(gate.numpy(), cmap="magma", vmin=0, vmax=MOST, extent=frame, interpolation="nearest")


def draw_scale(figure: Figure, bottom: float = 0.02, height: float = 0.8) -> None:
    """The colour bar of the gates."""
    scale = figure.add_axes((0.957, bottom, 0.012, height), xticks=[], ylim=(0, MOST))
    scale.imshow(np.linspace(0, 1, 64)[:, None], cmap="magma", extent=(0, 1, 0, MOST), origin="lower", aspect="auto")
    scale.yaxis.tick_right()
    scale.set_title("× mean", fontsize=10, x=1.2)


def draw(compared: Compared, scene: int, layer: Layer) -> Figure:
    """The scene and one gate of it, trained and random, on one scale."""
    image, *both = compared[scene]
    figure, (left, *others) = panels(3)
    left.imshow(image)
    left.set_title("the image", fontsize=11)
    for axis, gate, who in zip(others, both, ("trained", "random weights")):
        title = f"gate {layer[0]} · {layer[1]}, {who}: up to {gate[layer].max():.1f} × mean"
        draw_gate(axis, gate[layer], image.size, title)
    draw_scale(figure)
    return figure


def describe(compared: Compared, scene: int, layer: Layer) -> str:
    """The figure of the same arguments in a sentence."""
    trained, random = (gate[layer].max().item() for gate in compared[scene][1:])
    where = f"Scene {scene} and the gate of stage {layer[0]}, block {layer[1]}"
    return f"{where}: at most {trained:.1f} times its mean in the trained network, {random:.1f} with random weights."


def shipped() -> Compared:
    """The drawn scenes, seen by the checkpoint that ships and by the same network with random weights."""
    with torch.random.fork_rng(devices=[]):  # the notebook's random numbers go on as they were
        trained = read("nano_mini")
    return compare(trained, randomise(trained), load_scenes("mini", "val"), card_short_side(trained.card))


def explorer(compared: Compared | None = None, scene: int = SCENES[-1], layer: Layer = (2, 1)) -> Explorer:
    """The figure, opened at this scene and layer; without `compared` on what ships."""
    compared = shipped() if compared is None else compared
    layers = {f"{stage} · {block}": (stage, block) for stage, block in compared[scene][1]}
    return Explorer(
        partial(draw, compared),
        partial(describe, compared),
        scene=SelectionSlider(options=list(compared), value=scene, description="scene"),
        layer=SelectionSlider(options=layers, value=layer, description="stage · block"),
    )


def draw_published() -> Figure:
    """Published mIoU against published cost, one line per family."""
    figure = Figure((7.2, 3.6), layout="constrained")
    axis = figure.subplots()
    for family, sizes in PUBLISHED.items():
        cost, miou = zip(*sizes.values())
        axis.plot(cost, miou, "o-", color=INKS[family], label=family)
        for name, (x, y) in sizes.items():
            axis.annotate(name, (x, y), xytext=(4, -13), textcoords="offset points", fontsize=10, color=INKS[family])
    axis.set_xscale("log")
    axis.set(
        xlabel="multiply-adds for 512 × 512 pixels, billions",
        ylabel="mIoU on ADE20K, %",
        xlim=(5.5, 105),
        ylim=(36, 52.5),
    )
    axis.set_xticks([6, 10, 20, 40, 80], labels=["6", "10", "20", "40", "80"], minor=False)
    axis.set_xticks([], minor=True)
    axis.set_title("At equal cost SegNeXt scores higher (published numbers)", fontsize=12)
    axis.legend(loc="upper left")
    return figure


def describe_published() -> str:
    """The plot in a sentence."""
    ours, theirs = PUBLISHED["SegNeXt"]["S"], PUBLISHED["SegFormer"]["B1"]
    return (
        f"mIoU against cost: at {ours[0]} billion multiply-adds SegNeXt-S has {ours[1]} % mIoU and SegFormer-B1 "
        f"{theirs[1]} %; SegNeXt's line lies above SegFormer's throughout."
    )


def draw_errors(image: Image.Image, truth: np.ndarray, labels: np.ndarray, tints: np.ndarray) -> Figure:
    """An image, its labels, predicted labels, and the wrong pixels in red; truth is 255 where there is no label."""
    palette = np.vstack([tints, np.zeros((256 - len(tints), 3), np.uint8)])  # 255 is black
    faint = 200 + np.array(image).mean(-1, keepdims=True) * 55 / 255  # (H, W, 1)
    wrong = ((truth != 255) & (labels != truth))[..., None]  # (H, W, 1)
    shown = image, palette[truth], palette[labels], np.where(wrong, (200, 30, 90), faint) / 255
    figure, axes = panels(4, 12.2, 2.6)
    for axis, pixels, title in zip(axes, shown, ("the image", "true labels", "predicted labels", "wrong")):
        axis.imshow(pixels)
        axis.set_title(title, fontsize=11)
    return figure


def open_or_temple(path: str | None) -> Image.Image:
    """A photograph of the reader's, or the temple that comes with scikit-learn; at most 480 pixels wide."""
    if path is None:
        from sklearn.datasets import load_sample_image

        photo = Image.fromarray(load_sample_image("china.jpg"))
    else:
        photo = open_photo(Path(path))
    return photo.resize((480, max(1, 480 * photo.height // photo.width)))


def draw_photograph(photo: Image.Image, model: SegNeXt, layer: Layer = PHOTO_LAYER) -> Figure:
    """A photograph, its labels, one gate, and the same gate with random weights."""
    short_side = card_short_side(model.card)
    labels = predict(model, to_tensor(photo), short_side).numpy()  # (H, W)
    figure, (left, second, third, fourth) = panels(4, 12.6, 2.6)
    left.imshow(photo)
    left.set_title("the photograph", fontsize=11)
    second.imshow(overlay(photo, labels, model.classes, colours(model.classes)))
    second.set_title("predicted labels", fontsize=11)
    for axis, network, who in ((third, model, "trained"), (fourth, randomise(model), "random weights")):
        gate = gates(network, photo, short_side)[layer]
        draw_gate(axis, gate, photo.size, f"gate {layer[0]} · {layer[1]}, {who}")
    draw_scale(figure)
    return figure


def describe_photograph(model: SegNeXt, layer: Layer = PHOTO_LAYER) -> str:
    """The figure of the photograph in a sentence."""
    return (
        f"A photograph, its labels from {len(model.classes)} classes, the gate of stage {layer[0]}, block {layer[1]}, "
        "and the same gate with random weights."
    )
