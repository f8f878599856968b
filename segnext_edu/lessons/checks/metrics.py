"""The checks of notebook 02: the confusion matrix, the IoU of each class, and the mIoU of a whole data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, described, number
from segnext_edu.lessons.checks.table import Exercise

__all__ = ["class_iou", "confusion_matrix", "dataset_miou"]

SHAPES = (((5, 9), 4), ((2, 6, 7), 3), ((3, 4, 11), 6))  # one picture and two batches, with their number of classes
ABSENT = "classes that do not occur keep their zeros"


def _counted(pred: Tensor, target: Tensor, num_classes: int) -> Tensor:
    kept = target != IGNORE
    cells = torch.bincount(target[kept] * num_classes + pred[kept], minlength=num_classes**2)
    return cells.view(num_classes, num_classes)  # (target, prediction)


def _as_tensor(result: Any, shape: tuple[int, ...], what: str) -> Tensor:
    """What came, as a tensor of the shape asked for; Wrong when it is something else."""
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
    return result


def _pixels(shape: tuple[int, ...], num_classes: int, ignored: float | None) -> tuple[Tensor, Tensor, int]:
    """Random predictions and targets, in unequal numbers per class, right in about half; without a share, 0 for 1."""
    if ignored is None:
        return torch.zeros(shape).long(), torch.ones(shape).long(), num_classes
    generator = torch.Generator().manual_seed(sum(shape))
    odds = torch.arange(1.0, num_classes + 1)
    target = torch.multinomial(odds, torch.Size(shape).numel(), True, generator=generator).view(shape)
    guess = torch.randint(num_classes, shape, generator=generator)
    pred = torch.where(torch.rand(shape, generator=generator) < 0.5, target, guess)
    target[torch.rand(shape, generator=generator) < ignored] = IGNORE
    return pred, target, num_classes


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


def _first_difference(came: Tensor, right: Tensor, pred: Tensor, target: Tensor, num_classes: int) -> str:
    row, column = (~torch.isclose(came.double(), right.double())).nonzero()[0].tolist()
    return (
        f"For {tuple(target.shape)} pixels, {int((target == IGNORE).sum())} of them ignored, "
        f"cell ({row}, {column}) is {came[row, column]:g}, expected {right[row, column]}."
    )


def _retold(said: str, proved: str) -> str:
    stopped = "your function stopped" in said
    if proved == ABSENT:
        hint = " A class that does not occur keeps its row and column of zeros: bincount has `minlength`."
        return f"With classes 2, 3 and 4 of 5 nowhere to be seen: {said}{hint}"
    if proved == "ignored pixels do not count" and stopped:
        hint = " Pixels whose target is 255 must leave both, pred and target, before anything is counted."
        return f"As soon as some pixels have no label (255): {said}{hint}"
    if "must match the size of tensor b" in said:
        return f"{said} Were pred and target both cut by the same condition?"
    return said


confusion_matrix = Exercise(
    _counted,
    {
        "one picture or a batch": [(*shape, 0.0) for shape in SHAPES],
        "ignored pixels do not count": [(*shape, 0.3) for shape in SHAPES],
        ABSENT: [((3, 4), 5, None)],
    },
    COUNT_MISTAKES,
    given=_pixels,
    read=lambda result, right, *_: _as_tensor(result, tuple(right.shape), "the counts"),
    say=_first_difference,
    retell=_retold,
)


def _parts(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hits, pixels truly of the class, pixels called so; (K,) each."""
    return counts.diag().double(), counts.sum(1), counts.sum(0)


def _right_iou(counts: Tensor) -> Tensor:
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
    "These are per cent. An IoU lies between 0 and 1.": lambda counts: 100 * _right_iou(counts),
    "Brackets are missing: `/` comes before `+` and `-`. What is below the line belongs into ( ).": _iou_with(
        lambda hits, true, said: hits / said + true - hits
    ),
    "Brackets are missing; `/` comes before `+` and `-`. What is below the line belongs into ( ).": _iou_with(
        lambda hits, true, said: hits / true + said - hits
    ),
    "The column sum is in it twice. Rows are summed by .sum(1).": _iou_with(
        lambda hits, true, said: hits / (2 * said - hits)
    ),
    "The row sum is in it twice. Columns are summed by .sum(0).": _iou_with(
        lambda hits, true, said: hits / (2 * true - hits)
    ),
    "trace() adds up the whole diagonal. Each class has its own hits: diag().": _iou_with(
        lambda hits, true, said: hits.sum() / (true + said - hits.sum())
    ),
    "All zeros: `//` divides whole numbers and drops the rest. Use `/`.": lambda counts: _right_iou(counts).floor(),
}


def _some_counts(num_classes: int, absent: Sequence[int] = ()) -> Tensor:
    """Counts as of a fair network: a strong diagonal, no symmetry; `absent` classes neither occur nor are predicted."""
    generator = torch.Generator().manual_seed(num_classes)
    counts = torch.randint(1, 20, (num_classes, num_classes), generator=generator)
    counts += torch.diag(torch.randint(20, 90, (num_classes,), generator=generator))
    for label in absent:
        counts[label, :] = counts[:, label] = 0
    return counts


def _first_class(came: Tensor, right: Tensor, counts: Tensor) -> str:
    label = int((~torch.isclose(came.double(), right, equal_nan=True)).nonzero()[0])
    hits, true, said = (int(part[label]) for part in _parts(counts))
    return (
        f"Class {label} (intersection {hits}, row sum {true}, column sum {said}) gets {came[label]:.4f}, "
        f"expected {right[label]:.4f}."
    )


def _iou_read(result: Any, right: Tensor, counts: Tensor) -> Tensor:
    came = _as_tensor(result, (len(counts),), "one IoU a class")
    if right.isnan().any() and came[2] in (0, 1):
        verdict = "wholly wrong" if came[2] == 0 else "perfect"
        raise Wrong(
            f"Class 2 neither occurs nor was predicted, and gets {came[2]:g}, as if it were {verdict}. "
            "Nothing was asked, so there is no score: leave 0 / 0 the NaN it is."
        )
    return came


class_iou = Exercise(
    _right_iou,
    {
        "intersection over union (3 sizes)": ((2,), (5,), (9,)),
        "no score, NaN, where there was no question": ((4, [2]),),
    },
    IOU_MISTAKES,
    lambda counts: _right_iou(counts).float(),
    given=lambda num_classes, absent=(): (_some_counts(num_classes, absent),),
    read=_iou_read,
    say=_first_class,
)


def _add(matrices: list[Tensor]) -> Tensor:
    return torch.stack(matrices).sum(0)


def _right_miou(matrices: list[Tensor]) -> float:
    return _right_iou(_add(matrices)).nanmean().item()


def _weighted(matrices: list[Tensor]) -> float:
    counts = _add(matrices)
    return (_right_iou(counts).nan_to_num() * counts.sum(1) / counts.sum()).sum().item()


def _truth_only(matrices: list[Tensor]) -> float:
    counts = _add(matrices)
    return _right_iou(counts)[counts.sum(1) > 0].mean().item()


MIOU_MISTAKES: dict[str, Callable[[list[Tensor]], float]] = {
    "That is the mean of the pictures' mIoUs. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([_right_iou(counts).nanmean() for counts in matrices]).mean().item()
    ),
    "You averaged each class's IoU over the pictures. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([_right_iou(counts) for counts in matrices]).nanmean(0).nanmean().item()
    ),
    "You averaged all IoUs of all pictures at once. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([_right_iou(counts) for counts in matrices]).nanmean().item()
    ),
    "You divided by all classes: one that never occurs and is never predicted counts as 0. Average over the others "
    "(nanmean).": lambda matrices: _right_iou(_add(matrices)).nan_to_num().mean().item(),
    "A class that never occurs and is never predicted counts as perfect. Average over the others (nanmean).": (
        lambda matrices: _right_iou(_add(matrices)).nan_to_num(1).mean().item()
    ),
    "That is pixel accuracy: the diagonal's sum over the sum of all.": (
        lambda matrices: (_add(matrices).diag().sum() / _add(matrices).sum()).item()
    ),
    "You weighted the classes by their pixels. In mIoU each class has the same say, however small.": _weighted,
    "Classes that were predicted but occur in no target were left out. A thing seen where there is none is a mistake, "
    "and counts with IoU 0.": _truth_only,
    "That is the sum of the IoUs. Divide by how many classes there were.": (
        lambda matrices: _right_iou(_add(matrices)).nansum().item()
    ),
    "That is the mean recall: the diagonal over the row sums. IoU divides by the union.": (
        lambda matrices: (_add(matrices).diag() / _add(matrices).sum(1)).nanmean().item()
    ),
    "That is per cent. An mIoU lies between 0 and 1.": lambda matrices: 100 * _right_miou(matrices),
    "It was rounded. Keep all the digits.": lambda matrices: round(_right_miou(matrices), 3),
    "It was rounded; keep all the digits.": lambda matrices: round(_right_miou(matrices), 2),
    "That is the first picture's mIoU alone.": lambda matrices: _right_iou(matrices[0]).nanmean().item(),
}


def _one_number(result: Any, right: float, matrices: list[Tensor]) -> float:
    if isinstance(result, list | tuple) and len(result) == len(matrices):
        raise Wrong(f"Expected one number, but got {described(result)}. One for all pictures: add the matrices first.")
    came = number(result, "the mIoU")
    if came != came:
        raise Wrong(
            f"Your mIoU is NaN, expected {right:.4f}: one class without a score makes the plain mean NaN. "
            "Average over the classes that have one (nanmean)."
        )
    return came


def _pictures(kind: str) -> tuple[list[Tensor]]:
    if kind == "one":
        return ([_some_counts(4)],)
    if kind == "many":  # of different sizes, each with other classes; every class occurs somewhere
        return ([_some_counts(6, [1, 3]), 5 * _some_counts(6, [0, 3]), _some_counts(6, [2, 4, 5]).T],)
    matrices = [_some_counts(5, [2]), 3 * _some_counts(5, [2, 4])]
    for counts in matrices:  # class 2 is nowhere; class 0 occurs in no target, but was predicted
        counts[0, :] = 0
    return (matrices,)


dataset_miou = Exercise(
    _right_miou,
    {
        "one picture": (("one",),),
        "added first, divided last": (("many",),),
        "over the classes that occur": (("absent",),),
    },
    MIOU_MISTAKES,
    given=_pictures,
    read=_one_number,
    say=lambda came, right, matrices: (
        f"For {len(matrices)} picture(s) and {len(matrices[0])} classes your mIoU is {came:.4f}, expected {right:.4f}."
    ),
    changed="The first picture's table has been changed: `total = matrices[0]` makes no copy, "
    "and `+=` writes into it. Write total = total + …",
)
