"""Exercise 2.2: the IoU of each class from the counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check
from segnext_edu.lessons.checks.metrics_matrix import as_tensor, same


def class_iou(answer: Callable[[Tensor], Tensor]) -> None:
    check(answer, _occurring, _never_seen)


def _parts(counts: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Hits, pixels truly of the class, pixels called so; (K,) each."""
    return counts.diag().double(), counts.sum(1), counts.sum(0)


def right_iou(counts: Tensor) -> Tensor:
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
    "These are per cent. An IoU lies between 0 and 1.": lambda counts: 100 * right_iou(counts),
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
    "All zeros: `//` divides whole numbers and drops the rest. Use `/`.": lambda counts: right_iou(counts).floor(),
}


def some_counts(num_classes: int, absent: Sequence[int] = ()) -> Tensor:
    """Counts as of a fair network: a strong diagonal, no symmetry; `absent` classes neither occur nor are predicted."""
    generator = torch.Generator().manual_seed(num_classes)
    counts = torch.randint(1, 20, (num_classes, num_classes), generator=generator)
    counts += torch.diag(torch.randint(20, 90, (num_classes,), generator=generator))
    for label in absent:
        counts[label, :] = counts[:, label] = 0
    return counts


def _expect_iou(answer: Callable[..., Any], counts: Tensor) -> None:
    came, expected = as_tensor(call(answer, counts.clone()), (len(counts),), "one IoU a class"), right_iou(counts)
    if not same(came, expected):
        why = cause(lambda wrong: same(came, wrong(counts)), IOU_MISTAKES)
        label = int((~torch.isclose(came, expected, equal_nan=True)).nonzero()[0])
        hits, true, said = (int(part[label]) for part in _parts(counts))
        raise Wrong(
            f"Class {label} (intersection {hits}, row sum {true}, column sum {said}) gets {came[label]:.4f}, "
            f"expected {expected[label]:.4f}.{why}"
        )


def _occurring(answer: Callable[..., Any]) -> str:
    for num_classes in (2, 5, 9):
        _expect_iou(answer, some_counts(num_classes))
    return "intersection over union (3 sizes)"


def _never_seen(answer: Callable[..., Any]) -> str:
    counts = some_counts(4, absent=[2])
    came = as_tensor(call(answer, counts.clone()), (4,), "one IoU a class")
    if came[2] in (0, 1):
        verdict = "wholly wrong" if came[2] == 0 else "perfect"
        raise Wrong(
            f"Class 2 neither occurs nor was predicted, and gets {came[2]:g}, as if it were {verdict}. "
            "Nothing was asked, so there is no score: leave 0 / 0 the NaN it is."
        )
    _expect_iou(answer, counts)
    return "no score, NaN, where there was no question"
