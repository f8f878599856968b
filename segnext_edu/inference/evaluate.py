"""A trained network scored on a data set."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import torch
from torch import Tensor

from segnext_edu.data import IGNORE, class_names, load_scenes
from segnext_edu.data.dataset import labels_of
from segnext_edu.data.images import to_tensor
from segnext_edu.files import InputError
from segnext_edu.inference.predict import predict
from segnext_edu.inference.sliding_window import SlidingWindow
from segnext_edu.inference.tta import NO_TTA, TTA
from segnext_edu.metrics import ConfusionMatrix
from segnext_edu.model.segnext import SegNeXt

if TYPE_CHECKING:
    from datasets import Dataset

    from segnext_edu.inference.engines import Exported
    from segnext_edu.inference.optimize import FastSegNeXt


def evaluate(
    model: SegNeXt | FastSegNeXt | Exported,
    data: str | Path | Dataset | Iterable[tuple[Tensor, Tensor]],
    short_side: int | Literal["own"] | None = None,
    tta: TTA = NO_TTA,
    window: SlidingWindow | None = None,
) -> ConfusionMatrix:
    """Predict the images of a data set and count, at their own size, what was predicted for which label.

    Args:
        data: "mini", "ade20k", a folder or a zip, whose val split is scored; a data set of `load_scenes`; or pairs of a
            uint8 image (3, H, W) and its labels (H, W) in 0..K-1, 255 where there is none. The classes of a data set
            are matched with the model's by name, so that the model must be one that `checkpoints.load` read.
        short_side, tta, window: as for `predict`.

    Raises InputError when the data cannot be read, or share no class with the model.
    """
    if isinstance(data, str | Path):
        data = load_scenes(data, "val")
    scenes = scored_scenes(cast("Dataset", data), model.classes) if hasattr(data, "features") else data
    matrix = ConfusionMatrix(model.num_classes)
    for image, labels in scenes:
        predicted = predict(model, image, short_side, tta, window)
        matrix.update(predicted, labels.to(predicted.device))
    return matrix


def scored_scenes(dataset: Dataset, classes: Sequence[str]) -> Iterable[tuple[Tensor, Tensor]]:
    """The scenes of a data set with their labels in the order of `classes`, matched by name.

    Pixels of a class that is not among `classes` count as unlabelled.

    Raises InputError when not one name is shared.
    """
    theirs = class_names(dataset)
    if not set(theirs) & set(classes):
        raise InputError(
            f"the data's classes ({', '.join(theirs[:5])}, …) and the model's ({', '.join(classes[:5])}, …) share no "
            "name; a model can only be scored on classes it was trained for"
        )
    order = torch.full((IGNORE + 1,), IGNORE)
    for index, name in enumerate(theirs):
        if name in classes:
            order[index] = classes.index(name)
    for index in range(len(dataset)):
        scene = dataset[index]
        yield to_tensor(scene["image"]), order[labels_of(scene, len(theirs)).long()]


def report(matrix: ConfusionMatrix, classes: Sequence[str]) -> str:
    """The scores as a text table: mIoU, accuracy, then IoU and pixels of each class that occurs."""
    iou = matrix.per_class_iou()
    pixels = matrix.counts.sum(1)
    lines = [f"mIoU {matrix.miou():.4f}", f"pixel accuracy {matrix.pixel_accuracy():.4f}", ""]
    lines += [
        f"{name:<40} IoU {iou[i]:.4f}   {int(pixels[i]):>12,} pixels"
        for i, name in enumerate(classes)
        if not math.isnan(iou[i])
    ]
    return "\n".join(lines)
