"""Checks of notebook 00: the share of each class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, described
from segnext_edu.lessons.checks.table import Exercise

__all__ = ["class_shares"]

SIZES = ((5, 9, 4), (12, 7, 6), (3, 20, 11))  # height, width, classes; never square


def _right(labels: np.ndarray, count: int) -> np.ndarray:
    labelled = labels[labels != IGNORE]
    return np.bincount(labelled, minlength=count) / labelled.size


def _labels(height: int, width: int, count: int, ignored: float | None) -> tuple[np.ndarray, int]:
    if ignored is None:
        return np.zeros((height, width), dtype=np.uint8), count
    numbers = np.random.default_rng(height * width)
    labels = numbers.integers(0, count, (height, width)).astype(np.uint8)
    labels[numbers.random((height, width)) < ignored] = IGNORE
    return labels, count


def _shares(came: Any, expected: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    result = np.asarray(came)
    if result.ndim != 1:
        got = f"one of shape {result.shape}" if result.ndim else described(came)
        raise Wrong(f"Expected an array of {count} shares, but got {got}.")
    if len(result) != count:
        large, small = len(result) > 255, len(result) < count
        raise Wrong(
            f"Expected {count} shares, one per class, but got {len(result)}."
            + " That is one for every number up to 255: set the ignored pixels aside first." * large
            + " Classes that do not occur need a 0: bincount has `minlength`." * small
        )
    return result if np.issubdtype(result.dtype, np.number) else np.full(count, np.nan)


def _mistakes(labels: np.ndarray, count: int) -> dict[str, np.ndarray]:
    expected = _right(labels, count)
    counts = expected * (labels != IGNORE).sum()
    return {
        "These are the counts. Divide by the number of labelled pixels.": counts,
        "You divided by all pixels; the ignored ones have no share to give.": counts / labels.size,
        "These are per cent. A share lies between 0 and 1.": 100 * expected,
        "You divided by the number of classes.": counts / count,
        "You averaged over the classes that occur only.": counts / max((counts > 0).sum(), 1),
        "You divided by the height: len() counts the rows. `.size` counts all.": counts / len(labels),
        "You divided by the sum of the labels. Divide by how many there are.": counts / max(labels.sum(), 1),
        "The ignored pixels are counted as class 0. Leave them out.": _right(
            np.where(labels == IGNORE, 0, labels), count
        ),
        "All zeros: `//` drops what is behind the point. Use `/`.": np.zeros(count),
        "They were rounded. Keep all their digits.": expected.round(2),
    }


def _first_three(came: np.ndarray, right: np.ndarray, *_: Any) -> str:
    shown, expected = (", ".join(f"{float(share):.3g}" for share in shares[:3]) for shares in (came, right))
    return f"The first shares are {shown}, expected {expected}."


def _an_array(answer: Callable[[np.ndarray, int], np.ndarray]) -> str:
    """The notebook goes on to sort the shares, which a list does not bear."""
    if isinstance(call(answer, np.zeros((4, 6), dtype=np.uint8), 5), list | tuple):
        raise Wrong("The numbers are right, but came as a list. The cells below go on with an array: np.array(…).")
    return "as an array"


class_shares = Exercise(
    _right,
    {
        "shares of fully labelled pictures": [(*size, 0.0) for size in SIZES],
        "ignored pixels do not count": [(*size, 0.4) for size in SIZES],
        "a class that does not occur has share 0": [(4, 6, 5, None)],
    },
    _mistakes,
    given=_labels,
    read=_shares,
    say=_first_three,
    changed="Your function changed the labels in place. Whoever called it still needs them.",
    parts=(_an_array,),
)
