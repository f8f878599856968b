"""Checks of notebook 00: the share of each class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SIZES = ((5, 9, 4), (12, 7, 6), (3, 20, 11))  # height, width, classes; never square


def class_shares(answer: Callable[[np.ndarray, int], np.ndarray]) -> None:
    check(answer, _all_labelled, _some_ignored, _absent_classes, _an_array)


def _right(labels: np.ndarray, count: int) -> np.ndarray:
    labelled = labels[labels != IGNORE]
    return np.bincount(labelled, minlength=count) / labelled.size


def _labels(height: int, width: int, count: int, ignored: float) -> np.ndarray:
    numbers = np.random.default_rng(height * width)
    labels = numbers.integers(0, count, (height, width)).astype(np.uint8)
    labels[numbers.random((height, width)) < ignored] = IGNORE
    return labels


def _compare(answer: Callable[[np.ndarray, int], np.ndarray], labels: np.ndarray, count: int) -> None:
    given = labels.copy()
    came = call(answer, given, count)
    if not np.array_equal(given, labels):
        raise Wrong("Your function changed the labels in place. Whoever called it still needs them.")
    result, expected = np.asarray(came), _right(labels, count)
    if result.ndim != 1:
        got = f"one of shape {result.shape}" if result.ndim else described(came)
        raise Wrong(f"Expected an array of {count} shares, but got {got}.")
    if len(result) != count:
        raise Wrong(
            f"Expected {count} shares, one a class, but got {len(result)}."
            + (
                " That is one for every number up to 255: set the ignored pixels aside first."
                if len(result) > 255
                else ""
            )
            + (" Classes that do not occur need a 0: bincount has `minlength`." if len(result) < count else "")
        )
    if not np.issubdtype(result.dtype, np.number) or not np.allclose(result, expected):
        counts = expected * (labels != IGNORE).sum()
        suspects = {
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
        shown = ", ".join(f"{float(share):.3g}" for share in result[:3])
        raise Wrong(
            f"The first shares are {shown}, expected {', '.join(f'{share:.3g}' for share in expected[:3])}."
            + cause(lambda suspect: np.allclose(result, suspect), suspects)
        )


def _all_labelled(answer: Callable[[np.ndarray, int], np.ndarray]) -> str:
    for height, width, count in SIZES:
        _compare(answer, _labels(height, width, count, 0.0), count)
    return "shares of fully labelled pictures"


def _some_ignored(answer: Callable[[np.ndarray, int], np.ndarray]) -> str:
    for height, width, count in SIZES:
        _compare(answer, _labels(height, width, count, 0.4), count)
    return "ignored pixels do not count"


def _an_array(answer: Callable[[np.ndarray, int], np.ndarray]) -> str:
    """The notebook goes on to sort the shares, which a list does not bear."""
    if isinstance(call(answer, np.zeros((4, 6), dtype=np.uint8), 5), list | tuple):
        raise Wrong("The numbers are right, but came as a list. The cells below go on with an array: np.array(…).")
    return "as an array"


def _absent_classes(answer: Callable[[np.ndarray, int], np.ndarray]) -> str:
    _compare(answer, np.zeros((4, 6), dtype=np.uint8), 5)
    return "a class that does not occur has share 0"
