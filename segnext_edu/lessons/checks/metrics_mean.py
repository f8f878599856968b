"""Exercise 2.3: the mIoU of a whole data set, from one table a picture."""

from __future__ import annotations

from collections.abc import Callable
from math import isclose
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number
from segnext_edu.lessons.checks.metrics_iou import right_iou, some_counts


def dataset_miou(answer: Callable[[list[Tensor]], float]) -> None:
    check(answer, _one_picture, _many_pictures, _absent_everywhere)


def _add(matrices: list[Tensor]) -> Tensor:
    return torch.stack(matrices).sum(0)


def _right_miou(matrices: list[Tensor]) -> float:
    return right_iou(_add(matrices)).nanmean().item()


def _weighted(matrices: list[Tensor]) -> float:
    counts = _add(matrices)
    return (right_iou(counts).nan_to_num() * counts.sum(1) / counts.sum()).sum().item()


def _truth_only(matrices: list[Tensor]) -> float:
    counts = _add(matrices)
    return right_iou(counts)[counts.sum(1) > 0].mean().item()


MIOU_MISTAKES: dict[str, Callable[[list[Tensor]], float]] = {
    "That is the mean of the pictures' mIoUs. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([right_iou(counts).nanmean() for counts in matrices]).mean().item()
    ),
    "You averaged each class's IoU over the pictures. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([right_iou(counts) for counts in matrices]).nanmean(0).nanmean().item()
    ),
    "You averaged all IoUs of all pictures at once. Add the matrices first, then take IoU: once, at the end.": (
        lambda matrices: torch.stack([right_iou(counts) for counts in matrices]).nanmean().item()
    ),
    "You divided by all classes: one that never occurs and is never predicted counts as 0. Average over the others "
    "(nanmean).": lambda matrices: right_iou(_add(matrices)).nan_to_num().mean().item(),
    "A class that never occurs and is never predicted counts as perfect. Average over the others (nanmean).": (
        lambda matrices: right_iou(_add(matrices)).nan_to_num(1).mean().item()
    ),
    "That is pixel accuracy: the diagonal's sum over the sum of all.": (
        lambda matrices: (_add(matrices).diag().sum() / _add(matrices).sum()).item()
    ),
    "You weighted the classes by their pixels. In mIoU each class has the same say, however small.": _weighted,
    "Classes that were predicted but occur in no target were left out. A thing seen where there is none is a mistake, "
    "and counts with IoU 0.": _truth_only,
    "That is the sum of the IoUs. Divide by how many classes there were.": (
        lambda matrices: right_iou(_add(matrices)).nansum().item()
    ),
    "That is the mean recall: the diagonal over the row sums. IoU divides by the union.": (
        lambda matrices: (_add(matrices).diag() / _add(matrices).sum(1)).nanmean().item()
    ),
    "That is per cent. An mIoU lies between 0 and 1.": lambda matrices: 100 * _right_miou(matrices),
    "It was rounded. Keep all the digits.": lambda matrices: round(_right_miou(matrices), 3),
    "It was rounded; keep all the digits.": lambda matrices: round(_right_miou(matrices), 2),
    "That is the first picture's mIoU alone.": lambda matrices: right_iou(matrices[0]).nanmean().item(),
}


def _expect_miou(answer: Callable[..., Any], matrices: list[Tensor]) -> None:
    given = [counts.clone() for counts in matrices]
    result = call(answer, given)
    if isinstance(result, list | tuple) and len(result) == len(matrices):
        raise Wrong(f"Expected one number, but got {described(result)}. One for all pictures: add the matrices first.")
    came = number(result, "the mIoU")
    expected = _right_miou(matrices)
    if came != came:
        raise Wrong(
            f"Your mIoU is NaN, expected {expected:.4f}: one class without a score makes the plain mean NaN. "
            "Average over the classes that have one (nanmean)."
        )
    if abs(came - expected) > 1e-6:
        why = cause(lambda wrong: isclose(came, wrong(matrices), rel_tol=1e-6, abs_tol=1e-6), MIOU_MISTAKES)
        raise Wrong(
            f"For {len(matrices)} picture(s) and {len(matrices[0])} classes your mIoU is {came:.4f}, "
            f"expected {expected:.4f}.{why}"
        )
    if not all(torch.equal(counts, kept) for counts, kept in zip(given, matrices)):
        raise Wrong(
            "The number is right, but the first picture's table has been changed: `total = matrices[0]` makes no copy, "
            "and `+=` writes into it. Write total = total + …"
        )


def _one_picture(answer: Callable[..., Any]) -> str:
    _expect_miou(answer, [some_counts(4)])
    return "one picture"


def _many_pictures(answer: Callable[..., Any]) -> str:
    """Pictures of different sizes, each with other classes; every class occurs somewhere."""
    _expect_miou(
        answer, [some_counts(6, absent=[1, 3]), 5 * some_counts(6, absent=[0, 3]), some_counts(6, absent=[2, 4, 5]).T]
    )
    return "added first, divided last"


def _absent_everywhere(answer: Callable[..., Any]) -> str:
    """Class 2 is nowhere; class 0 occurs in no target, but was predicted."""
    matrices = [some_counts(5, absent=[2]), 3 * some_counts(5, absent=[2, 4])]
    for counts in matrices:
        counts[0, :] = 0
    _expect_miou(answer, matrices)
    return "over the classes that occur"
