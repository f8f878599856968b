"""Exercise 2.1: the confusion matrix of a picture or a batch, with pixels that have no label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SHAPES = (((5, 9), 4), ((2, 6, 7), 3), ((3, 4, 11), 6))  # one picture and two batches, with their number of classes


def confusion_matrix(answer: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    check(answer, _all_labelled, _some_ignored, _absent_classes)


def _counted(pred: Tensor, target: Tensor, num_classes: int) -> Tensor:
    kept = target != IGNORE
    cells = torch.bincount(target[kept] * num_classes + pred[kept], minlength=num_classes**2)
    return cells.view(num_classes, num_classes)  # (target, prediction)


def as_tensor(result: Any, shape: tuple[int, ...], what: str) -> Tensor:
    """What came as a float64 tensor of the shape asked for; Wrong when it is something else."""
    if not isinstance(result, Tensor):
        numbers = isinstance(result, np.ndarray | list) and len(result) > 0
        why = " The cells below go on with a tensor: torch.tensor(…) makes one of it." if numbers else ""
        raise Wrong(f"Expected {what}, a tensor of shape {shape}, but got {described(result)}.{why}")
    if result.shape != shape:
        suspects = {
            f" The cells stand in a row. `.view({shape[0]}, {shape[0]})` makes a table of them.": (shape[0] ** 2,),
            " A table, where a row is wanted: the hits are counts.diag(), and the sums keep no axis.": shape[:1] * 2,
            " Their mean is the next exercise.": (),
        }
        why = next((sentence for sentence, other in suspects.items() if tuple(result.shape) == other), "")
        raise Wrong(f"Expected {what}, a tensor of shape {shape}, but got {described(result)}.{why}")
    return result.double()


def same(came: Tensor, expected: Tensor) -> bool:
    return torch.allclose(came, expected.double(), atol=1e-6, equal_nan=True)


def _pixels(shape: tuple[int, ...], num_classes: int, ignored: float) -> tuple[Tensor, Tensor]:
    """Random predictions and targets, in unequal numbers a class, right in about half of the pixels."""
    generator = torch.Generator().manual_seed(sum(shape))
    odds = torch.arange(1.0, num_classes + 1)
    target = torch.multinomial(odds, torch.Size(shape).numel(), True, generator=generator).view(shape)
    guess = torch.randint(num_classes, shape, generator=generator)
    pred = torch.where(torch.rand(shape, generator=generator) < 0.5, target, guess)
    target[torch.rand(shape, generator=generator) < ignored] = IGNORE
    return pred, target


def _in_shares(counts: Tensor, dim: int | None) -> Tensor:
    return counts / (counts.sum() if dim is None else counts.sum(dim, keepdim=True))


COUNT_MISTAKES: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "Rows and columns are swapped: the row is the true class, the column what was predicted. "
    "So it is target · K + prediction.": lambda pred, target, k: _counted(pred, target, k).T,
    "Every cell holds 0 or 1: `counts[target, pred] += 1` with tensors adds once to a cell, however many pixels fall "
    "into it. Let bincount do the counting.": lambda pred, target, k: _counted(pred, target, k).clamp(max=1),
    "The loop hands over a whole row of pixels at a time, and adds once to each cell that occurs in it, however often. "
    "Loop over .flatten(), or let bincount do the counting.": lambda pred, target, k: torch.stack(
        [_counted(said, true, k).clamp(max=1) for said, true in zip(pred, target)]
    ).sum(0),
    "The ignored pixels (255) are counted as class 0: leave them out.": lambda pred, target, k: _counted(
        pred, target.where(target != IGNORE, 0), k
    ),
    "The ignored pixels (255) are counted as the last class: leave them out.": lambda pred, target, k: _counted(
        pred, target.clamp(max=k - 1), k
    ),
    "The ignored pixels (255) are counted as right: leave them out.": lambda pred, target, k: _counted(
        pred, target.where(target != IGNORE, pred), k
    ),
    "Class 0 is left out as well. Here 0 is a class like any other, and 255 alone is ignored.": (
        lambda pred, target, k: _counted(pred, target.where(target != 0, IGNORE), k)
    ),
    "Only the right pixels were counted. The mistakes belong into the matrix too, beside the diagonal.": (
        lambda pred, target, k: _counted(pred, target, k).diag().diag()
    ),
    "A cell's number is target · K + prediction: K rows of K cells. Yours adds where it should multiply.": (
        lambda pred, target, k: torch.bincount((target + k + pred).flatten(), minlength=k * k)[: k * k].view(k, k)
    ),
    "Only the first picture of the batch was counted.": lambda pred, target, k: _counted(pred[0], target[0], k),
    "These are shares of all pixels. Keep the counts: only counts can be added over pictures.": (
        lambda pred, target, k: _in_shares(_counted(pred, target, k), None)
    ),
    "These are shares of a row. Keep the counts: only counts can be added over pictures.": (
        lambda pred, target, k: _in_shares(_counted(pred, target, k), 1)
    ),
}


def _expect_counts(answer: Callable[..., Any], pred: Tensor, target: Tensor, num_classes: int) -> None:
    result = call(answer, pred.clone(), target.clone(), num_classes)
    came = as_tensor(result, (num_classes, num_classes), "the counts")
    expected = _counted(pred, target, num_classes)
    if not same(came, expected):
        why = cause(lambda wrong: same(came, wrong(pred, target, num_classes)), COUNT_MISTAKES)
        row, column = ((came - expected).abs() > 1e-6).logical_or(came.isnan()).nonzero()[0].tolist()
        raise Wrong(
            f"For {tuple(target.shape)} pixels, {int((target == IGNORE).sum())} of them ignored, "
            f"cell ({row}, {column}) is {came[row, column]:g}, expected {expected[row, column]}.{why}"
        )


def _all_labelled(answer: Callable[..., Any]) -> str:
    for shape, num_classes in SHAPES:
        try:
            _expect_counts(answer, *_pixels(shape, num_classes, 0.0), num_classes)
        except Wrong as wrong:
            if "must match the size of tensor b" not in str(wrong):
                raise
            raise Wrong(f"{wrong} Were pred and target both cut by the same condition?") from None
    return "one picture or a batch"


def _some_ignored(answer: Callable[..., Any]) -> str:
    for shape, num_classes in SHAPES:
        try:
            _expect_counts(answer, *_pixels(shape, num_classes, 0.3), num_classes)
        except Wrong as wrong:
            if "your function stopped" not in str(wrong):
                raise
            hint = " Pixels whose target is 255 must leave both, pred and target, before anything is counted."
            raise Wrong(f"As soon as some pixels have no label (255): {wrong}{hint}") from None
    return "ignored pixels do not count"


def _absent_classes(answer: Callable[..., Any]) -> str:
    try:
        _expect_counts(answer, torch.zeros(3, 4).long(), torch.ones(3, 4).long(), 5)
    except Wrong as wrong:
        hint = " A class that does not occur keeps its row and column of zeros: bincount has `minlength`."
        raise Wrong(f"With classes 2, 3 and 4 of 5 nowhere to be seen: {wrong}{hint}") from None
    return "classes that do not occur keep their zeros"
