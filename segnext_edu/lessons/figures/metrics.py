"""Notebook 02's figure: break a mask in three ways, and see all measures move.

Left the labels of one scene as the controls have spoiled them, in the middle the pixels that became wrong, right the
accuracy, the mIoU and the IoU of every class in the scene, the largest class first. The bars have the mask's colours.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch
from ipywidgets import Dropdown, IntSlider
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import max_pool2d

from segnext_edu.data import IGNORE, class_names, load_scenes, reduce_zero_label
from segnext_edu.data.palette import colours
from segnext_edu.lessons.figures import Explorer
from segnext_edu.metrics import ConfusionMatrix

STREET = 59  # of the drawn validation scenes, the one that notebooks 00, 03 and 04 look at
PAIRS = (("person", "streetlight"), ("road", "sky"))  # small things and large ones, to be mistaken for each other
RED = (200, 30, 90)


def erode(labels: Tensor, label: int, rings: int) -> Tensor:
    """Take rings of pixels off one class; its neighbours grow into the gap. labels (H, W) → (H, W)."""
    for _ in range(rings):
        others = labels.float().masked_fill(labels == label, -1)[None]  # (1, H, W)
        beside = max_pool2d(others, 3, stride=1, padding=1)[0].long()  # (H, W)
        labels = labels.where((labels != label) | (beside < 0), beside)
    return labels


def spoil(labels: Tensor, label: int = 0, rings: int = 0, shift: int = 0, swap: tuple[int, ...] = ()) -> Tensor:
    """One class eroded, everything moved to the right, two classes' names exchanged.

    labels (H, W), every pixel labelled: what a network says has no gaps either → (H, W).
    """
    labels = erode(labels, label, rings)
    columns = (torch.arange(labels.shape[1]) - shift).clamp(min=0)  # (W,)
    names = torch.arange(256)
    names[list(swap)] = names[list(swap[::-1])]
    return names[labels[:, columns]]


def scores(pred: Tensor, target: Tensor, num_classes: int) -> tuple[float, float, Tensor]:
    """Accuracy, mIoU, and the IoU of each class (K,)."""
    matrix = ConfusionMatrix(num_classes)
    matrix.update(pred, target)
    return matrix.pixel_accuracy(), matrix.miou(), matrix.per_class_iou()


def paint(labels: Tensor, classes: list[str]) -> np.ndarray:
    """Labels (H, W) → their colours, (H, W, 3); what has no label stays black."""
    table = np.zeros((256, 3), dtype=np.uint8)
    table[: len(classes)] = colours(classes)
    return table[labels.numpy()]


def errors(pred: Tensor, target: Tensor, classes: list[str]) -> np.ndarray:
    """The wrong pixels in red over a pale picture of the target; labels (H, W) → (H, W, 3)."""
    faint = 190 + paint(target, classes).mean(-1, keepdims=True) * 65 / 255  # (H, W, 1)
    wrong = ((pred != target) & (target != IGNORE))[..., None].numpy()  # (H, W, 1)
    return np.where(wrong, RED, faint) / 255


def draw(truth: Tensor, classes: list[str], **how: Any) -> Figure:
    """The spoiled mask, its errors and its scores. truth (H, W); `how` as `spoil` takes it."""
    pred = spoil(truth, **how)
    accuracy, miou, iou = scores(pred, truth, len(classes))
    figure = Figure((11, 3.7))
    figure.suptitle(f"{accuracy:.1%} of all pixels are right; each class has one vote, and the mIoU is {miou:.2f}")
    panels = {"the mask, spoiled": paint(pred, classes), "wrong, in red": errors(pred, truth, classes)}
    for left, (title, picture) in zip((0.005, 0.355), panels.items()):
        axis = figure.add_axes((left, 0.02, 0.345, 0.8), xticks=[], yticks=[], title=title)
        axis.imshow(picture, interpolation="nearest")
    axis = figure.add_axes((0.82, 0.02, 0.13, 0.8), xlim=(0, 1), xticks=[], yticks=[])
    axis.set_title("accuracy, mIoU, and the IoU of each class", fontsize=10, x=0.25)
    axis.spines[["top", "bottom"]].set_visible(False)
    present = by_size(truth)
    rows = [("accuracy", accuracy, (0.35, 0.35, 0.35)), ("mIoU", miou, (0, 0, 0))]
    rows += [(short(classes[k]), iou[k].item(), colours(classes)[k] / 255) for k in present]
    for height, (name, value, colour) in enumerate(rows):
        height += 0.6 * (height > 1)  # a gap between the means and the classes
        axis.barh(height, value, 0.78, color=colour, edgecolor="0.4", linewidth=0.5)
        axis.text(-0.06, height, name, ha="right", va="center", weight="bold" if height < 2 else "normal", size=9)
        axis.text(1.06, height, f"{value:.2f}", va="center", size=9)
    axis.invert_yaxis()
    return figure


def describe(truth: Tensor, classes: list[str], **how: Any) -> str:
    """The picture of the same arguments in a sentence."""
    accuracy, miou, iou = scores(spoil(truth, **how), truth, len(classes))
    lowest = min(by_size(truth), key=lambda k: iou[k])
    said = f"A spoiled mask, its errors in red, and its scores: accuracy {accuracy:.3f}, mIoU {miou:.3f}"
    return f"{said}; lowest of the classes is {short(classes[lowest])} with {iou[lowest]:.3f}."


def by_size(truth: Tensor) -> list[int]:
    """The classes of a scene, the one with most pixels first."""
    pixels = torch.bincount(truth[truth != IGNORE].flatten())
    return [k for k in pixels.argsort(descending=True, stable=True).tolist() if pixels[k]]


def short(name: str) -> str:
    """A class's first name: ADE20K's have several, with commas."""
    return name.split(",")[0]


def explorer(scene: int = STREET) -> Explorer:
    """The figure on one of the drawn validation scenes; it must have the classes of `PAIRS`."""
    scenes = load_scenes("mini", "val")
    classes = class_names(scenes)
    truth = reduce_zero_label(torch.from_numpy(np.array(scenes[scene]["mask"]))).long()  # (H, W)
    names = [short(name) for name in classes]
    swaps = {" ↔ ".join(pair): tuple(map(names.index, pair)) for pair in PAIRS}
    return Explorer(
        partial(draw, truth, classes),
        partial(describe, truth, classes),
        rings=IntSlider(1, 0, 6, description="erode, rings"),
        label=Dropdown(
            options={names[k]: k for k in by_size(truth)}, value=names.index("streetlight"), description="of"
        ),
        shift=IntSlider(0, 0, 12, description="shift, pixels"),
        swap=Dropdown(options={"nothing": (), **swaps}, description="swap"),
    )
