"""Checks of notebook 02: the confusion matrix, IoU from it, and the mIoU of a whole data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from segnext_edu.checks.exercise import Wrong, call, cause, check, described, number
from segnext_edu.metrics import IGNORE

SHAPES = (((5, 9), 4), ((2, 6, 7), 3), ((3, 4, 11), 6))  # one picture and two batches, with their number of classes


def _counted(pred: Tensor, target: Tensor, num_classes: int) -> Tensor:
    kept = target != IGNORE
    cells = torch.bincount(target[kept] * num_classes + pred[kept], minlength=num_classes**2)
    return cells.view(num_classes, num_classes)  # (target, prediction)


def _tensor(result: Any, shape: tuple[int, ...], what: str) -> Tensor:
    """What came as a float64 tensor of the shape asked for; Wrong when it is something else."""
    try:
        came = torch.as_tensor(result).double()
    except (TypeError, ValueError, RuntimeError):
        raise Wrong(f"Expected {what}, a tensor of shape {shape}, but got {described(result)}.") from None
    if came.shape != shape:
        raise Wrong(f"Expected {what}, a tensor of shape {shape}, but got {described(came)}.")
    return came


def _same(came: Tensor, expected: Tensor) -> bool:
    return torch.allclose(came, expected.double(), atol=1e-6, equal_nan=True)


# ---- 2.1 the confusion matrix


def confusion_matrix(answer: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    check(answer, _all_labelled, _some_ignored, _absent_classes)


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
    came = _tensor(result, (num_classes, num_classes), "the counts")
    expected = _counted(pred, target, num_classes)
    if not _same(came, expected):
        why = cause(lambda wrong: _same(came, wrong(pred, target, num_classes)), COUNT_MISTAKES)
        row, column = ((came - expected).abs() > 1e-6).logical_or(came.isnan()).nonzero()[0].tolist()
        raise Wrong(
            f"For {tuple(target.shape)} pixels, {int((target == IGNORE).sum())} of them ignored, "
            f"cell ({row}, {column}) is {came[row, column]:g}, expected {expected[row, column]}.{why}"
        )


def _all_labelled(answer: Callable[..., Any]) -> str:
    for shape, num_classes in SHAPES:
        _expect_counts(answer, *_pixels(shape, num_classes, 0.0), num_classes)
    return "one picture or a batch"


def _some_ignored(answer: Callable[..., Any]) -> str:
    for shape, num_classes in SHAPES:
        _expect_counts(answer, *_pixels(shape, num_classes, 0.3), num_classes)
    return "ignored pixels do not count"


def _absent_classes(answer: Callable[..., Any]) -> str:
    try:
        _expect_counts(answer, torch.zeros(3, 4).long(), torch.ones(3, 4).long(), 5)
    except Wrong as wrong:
        hint = " A class that does not occur keeps its row and column of zeros: bincount has `minlength`."
        raise Wrong(f"With classes 2, 3 and 4 of 5 nowhere to be seen: {wrong}{hint}") from None
    return "classes that do not occur keep their zeros"


# ---- 2.2 IoU from the matrix


def class_iou(answer: Callable[[Tensor], Tensor]) -> None:
    check(answer, _occurring, _never_seen)


def _parts(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hits, pixels truly of the class, pixels called so; (K,) each."""
    return counts.diag().double(), counts.sum(1), counts.sum(0)


def _iou(counts: Tensor) -> Tensor:
    hits, true, said = _parts(counts)
    return hits / (true + said - hits)


def _iou_with(formula: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda counts: formula(*_parts(counts))


IOU_MISTAKES: dict[str, Callable[[Tensor], Tensor]] = {
    "The intersection is counted twice in the union: row sum + column sum holds it once in each. Subtract it once.": (
        _iou_with(lambda hits, true, said: hits / (true + said))
    ),
    "That is the Dice score (F1), twice the intersection over row sum + column sum: a relative of IoU, and kinder.": (
        _iou_with(lambda hits, true, said: 2 * hits / (true + said))
    ),
    "That is recall: you divided by the true pixels (row sum) alone, so pixels wrongly called this class cost "
    "nothing.": _iou_with(lambda hits, true, said: hits / true),
    "That is precision: you divided by the predicted pixels (column sum) alone, so missed pixels cost nothing.": (
        _iou_with(lambda hits, true, said: hits / said)
    ),
    "You subtracted the intersection twice: what is left are the mistakes alone. Subtract it once.": (
        _iou_with(lambda hits, true, said: hits / (true + said - 2 * hits))
    ),
    "You divided by all pixels. The union is smaller: those truly of the class, or called so.": (
        lambda counts: counts.diag() / counts.sum()
    ),
    "That is the accuracy of the question 'this class or not?': pixels that have nothing to do with the class count "
    "as right.": lambda counts: 1 - (counts.sum(0) + counts.sum(1) - 2 * counts.diag()) / counts.sum(),
    "All zeros: `//` divides whole numbers and drops the rest. Use `/`.": lambda counts: _iou(counts).floor(),
}


def _matrix(num_classes: int, absent: Sequence[int] = ()) -> Tensor:
    """Counts as of a fair network: a strong diagonal, no symmetry; `absent` classes neither occur nor are predicted."""
    generator = torch.Generator().manual_seed(num_classes)
    counts = torch.randint(1, 20, (num_classes, num_classes), generator=generator)
    counts += torch.diag(torch.randint(20, 90, (num_classes,), generator=generator))
    for label in absent:
        counts[label, :] = counts[:, label] = 0
    return counts


def _expect_iou(answer: Callable[..., Any], counts: Tensor) -> None:
    came, expected = _tensor(call(answer, counts.clone()), (len(counts),), "one IoU a class"), _iou(counts)
    if not _same(came, expected):
        why = cause(lambda wrong: _same(came, wrong(counts)), IOU_MISTAKES)
        label = int((~torch.isclose(came, expected, equal_nan=True)).nonzero()[0])
        hits, true, said = (int(part[label]) for part in _parts(counts))
        raise Wrong(
            f"Class {label} (intersection {hits}, row sum {true}, column sum {said}) gets {came[label]:.4f}, "
            f"expected {expected[label]:.4f}.{why}"
        )


def _occurring(answer: Callable[..., Any]) -> str:
    for num_classes in (2, 5, 9):
        _expect_iou(answer, _matrix(num_classes))
    return "intersection over union (3 sizes)"


def _never_seen(answer: Callable[..., Any]) -> str:
    counts = _matrix(4, absent=[2])
    came = _tensor(call(answer, counts.clone()), (4,), "one IoU a class")
    if came[2] in (0, 1):
        verdict = "wholly wrong" if came[2] == 0 else "perfect"
        raise Wrong(
            f"Class 2 neither occurs nor was predicted, and gets {came[2]:g}, as if it were {verdict}. "
            "Nothing was asked, so there is no score: leave 0 / 0 the NaN it is."
        )
    _expect_iou(answer, counts)
    return "no score, NaN, where there was no question"


# ---- 2.3 the mIoU of a data set


def dataset_miou(answer: Callable[[list[Tensor]], float]) -> None:
    check(answer, _one_picture, _many_pictures, _absent_everywhere)


def _add(matrices: list[Tensor]) -> Tensor:
    return torch.stack(matrices).sum(0)


def _right_miou(matrices: list[Tensor]) -> float:
    return _iou(_add(matrices)).nanmean().item()


def _weighted(matrices: list[Tensor]) -> float:
    counts = _add(matrices)
    return (_iou(counts).nan_to_num() * counts.sum(1) / counts.sum()).sum().item()


def _truth_only(matrices: list[Tensor]) -> float:
    counts = _add(matrices)
    return _iou(counts)[counts.sum(1) > 0].mean().item()


MIOU_MISTAKES: dict[str, Callable[[list[Tensor]], float]] = {
    "That is the mean of the pictures' mIoUs. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([_iou(counts).nanmean() for counts in matrices]).mean().item()
    ),
    "You averaged each class's IoU over the pictures. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([_iou(counts) for counts in matrices]).nanmean(0).nanmean().item()
    ),
    "You averaged all IoUs of all pictures at once. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([_iou(counts) for counts in matrices]).nanmean().item()
    ),
    "You divided by all classes: one that never occurs and is never predicted counts as 0. Average over the others "
    "(nanmean).": lambda matrices: _iou(_add(matrices)).nan_to_num().mean().item(),
    "A class that never occurs and is never predicted counts as perfect. Average over the others (nanmean).": (
        lambda matrices: _iou(_add(matrices)).nan_to_num(1).mean().item()
    ),
    "That is pixel accuracy: the diagonal's sum over the sum of all.": (
        lambda matrices: (_add(matrices).diag().sum() / _add(matrices).sum()).item()
    ),
    "You weighted the classes by their pixels. In mIoU each class has the same say, however small.": _weighted,
    "Classes that were predicted but occur in no target were left out. A thing seen where there is none is a mistake, "
    "and counts with IoU 0.": _truth_only,
    "That is the sum of the IoUs. Divide by how many classes there were.": (
        lambda matrices: _iou(_add(matrices)).nansum().item()
    ),
    "That is the mean recall: the diagonal over the row sums. IoU divides by the union.": (
        lambda matrices: (_add(matrices).diag() / _add(matrices).sum(1)).nanmean().item()
    ),
    "That is the first picture's mIoU alone.": lambda matrices: _iou(matrices[0]).nanmean().item(),
}


def _expect_miou(answer: Callable[..., Any], matrices: list[Tensor]) -> None:
    came = number(call(answer, [counts.clone() for counts in matrices]), "the mIoU")
    expected = _right_miou(matrices)
    if came != came:
        raise Wrong(
            f"Your mIoU is NaN, expected {expected:.4f}: one class without a score makes the plain mean NaN. "
            "Average over the classes that have one (nanmean)."
        )
    if abs(came - expected) > 1e-6:
        why = cause(lambda wrong: abs(came - wrong(matrices)) < 1e-6, MIOU_MISTAKES)
        raise Wrong(
            f"For {len(matrices)} picture(s) and {len(matrices[0])} classes your mIoU is {came:.4f}, "
            f"expected {expected:.4f}.{why}"
        )


def _one_picture(answer: Callable[..., Any]) -> str:
    _expect_miou(answer, [_matrix(4)])
    return "one picture"


def _many_pictures(answer: Callable[..., Any]) -> str:
    """Pictures of different sizes, each with other classes; every class occurs somewhere."""
    _expect_miou(answer, [_matrix(6, absent=[1, 3]), 5 * _matrix(6, absent=[0, 3]), _matrix(6, absent=[2, 4, 5]).T])
    return "added first, divided last"


def _absent_everywhere(answer: Callable[..., Any]) -> str:
    """Class 2 is nowhere; class 0 occurs in no target, but was predicted."""
    matrices = [_matrix(5, absent=[2]), 3 * _matrix(5, absent=[2, 4])]
    for counts in matrices:
        counts[0, :] = 0
    _expect_miou(answer, matrices)
    return "over the classes that occur"
