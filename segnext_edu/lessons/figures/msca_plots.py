"""The still figures of notebook 04: receptive fields, the task, learning curves, and an ablation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from segnext_edu.checkpoints import card_short_side
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.record import attention_maps
from segnext_edu.figures import Picture, show
from segnext_edu.metrics import ConfusionMatrix
from segnext_edu.model.segnext import SegNeXt

INKS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#555555")
THIN = ("pole", "streetlight", "fence", "person")
SIGNED: dict[str, Any] = {"cmap": "PuOr", "vmin": -1.5, "vmax": 1.5}


def show_fields(fields: Mapping[str, Tensor]) -> Picture:
    """Receptive fields, (size, size) each, on one scale: by how many paths each pixel reaches the middle."""
    figure = Figure((2.3 * len(fields) + 0.8, 2.7), layout="constrained")
    axes = figure.subplots(1, len(fields))
    top = max(field.max().item() for field in fields.values())
    for axis, (name, field) in zip(axes, fields.items()):
        drawn = axis.imshow(field.log1p(), cmap="cividis", vmin=0, vmax=np.log1p(top))
        axis.set(title=f"{name}:\n{int((field > 0).sum())} pixels", xticks=[], yticks=[])
    ticks = [0, *(number for number in (1, 4, 20, 100) if number <= top)]
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, ticks=np.log1p(ticks))
    bar.ax.set_yticklabels([str(tick) for tick in ticks])
    bar.set_label("paths")
    sizes = ", ".join(f"{name} {int((field > 0).sum())}" for name, field in fields.items())
    return show(figure, f"Receptive fields around the middle pixel; pixels reached: {sizes}.")


def show_task(x: Tensor, wanted: Tensor) -> Picture:
    """One example of the task: values, marks, and what is wanted. x (1, 2, H, W), wanted (1, 1, H, W)."""
    figure = Figure((7.5, 3.2), layout="constrained")
    axes = figure.subplots(1, 3)
    for axis, (name, panel) in zip(axes, (("values", x[0, 0]), ("marks", x[0, 1]), ("wanted", wanted[0, 0]))):
        drawn = axis.imshow(panel, **SIGNED)
        axis.set(title=name, xticks=[], yticks=[])
    figure.colorbar(drawn, ax=axes, shrink=0.8, extend="both")
    return show(figure, "Random values; single marks in some rows; the values of those rows, and 0 elsewhere.")


def show_learning(runs: Mapping[str, Sequence[tuple[Any, Sequence[float]]]], variance: float) -> Picture:
    """The unexplained variance along training, one line per seed; runs: name → (model, losses) per seed."""
    figure = Figure((8.4, 3.3), layout="constrained")
    axis = figure.subplots()
    for (name, seeds), ink in zip(runs.items(), INKS):
        for number, (_, losses) in enumerate(seeds):
            means = np.array(losses).reshape(-1, 20).mean(1) / variance
            axis.plot(np.arange(10, len(losses), 20), means, color=ink, lw=1.4, label=name if number == 0 else None)
    axis.axhline(0.5, color="0.4", ls=":", label="half of every value")
    axis.set(xlabel="step", ylabel="unexplained variance", ylim=(0, 1.1))
    axis.set_title("A product selects at once; a sum needs a nonlinear layer behind it", fontsize=12)
    axis.legend(loc="upper right")
    return show(figure, "Learning curves: product and sum with FFN fall to 0, the sum stays at one half.")


def all_gates(model: SegNeXt, image: Image.Image) -> Tensor:
    """Every number of every gate that an image gets: (N,)."""
    maps = attention_maps(model, prepare(to_tensor(image), card_short_side(model.card)))
    return torch.cat([gate.flatten() for (_, _, part), gate in maps.items() if part == "gate"])


def show_ablation(scores: Mapping[str, ConfusionMatrix], classes: Sequence[str]) -> Picture:
    """Accuracy, mIoU and the IoU of thin classes, a group of bars each; scores: name of the ablation → counts."""
    short = [name.split(",")[0] for name in classes]
    table = {
        name: [matrix.pixel_accuracy(), matrix.miou(), *matrix.per_class_iou()[[short.index(c) for c in THIN]].tolist()]
        for name, matrix in scores.items()
    }
    figure = Figure((10, 3.4), layout="constrained")
    axis = figure.subplots()
    groups, width = ("pixel accuracy", "mIoU", *(f"IoU of {name}" for name in THIN)), 0.8 / len(table)
    for number, ((name, values), ink) in enumerate(zip(table.items(), INKS)):
        places = np.arange(len(groups)) + (number - (len(table) - 1) / 2) * width
        axis.bar(places, values, width, color=ink, label=name)
        for x, value in zip(places, values):
            axis.text(x, value + 0.01, f"{100 * value:.0f}", ha="center", fontsize=8)
    axis.set_xticks(range(len(groups)), groups)
    axis.set(ylim=(0, 1.12), ylabel="score")
    axis.set_title("Switching strips off costs little accuracy, and much of the thin classes", fontsize=12)
    axis.legend(ncols=len(table), loc="upper right", fontsize=9)
    words = "; ".join(f"{name}: accuracy {values[0]:.2f}, pole {values[2]:.2f}" for name, values in table.items())
    return show(figure, f"Scores with strip pairs switched off. {words}.")
