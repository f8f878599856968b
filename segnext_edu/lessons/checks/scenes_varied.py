"""Exercise 1.3: the first crop window in which no class holds more than 75 % of the labelled pixels."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

Window = tuple[int, ...]  # how many of its pixels have label 0 (none), 1, 2 …

DULL, ODD = (0, 90, 10), (0, 60, 40)
EXACT, JUST_OVER = (0, 75, 25), (0, 76, 24)
MOSTLY_ONE = (40, 48, 12)  # 80 % of the labelled pixels are one class, and 48 % of all
HALF_LABELLED = (80, 12, 8)
MANY_UNLABELLED = (79, 11, 10)
LARGE_LABELS = (0, 255, 130, 7)  # in the place of 0, 1, 2, 3: any number up to 255 is a class
ONLY_ONE, NOTHING = (0, 100, 0), (100, 0, 0)
FAIR = (0, 34, 33, 33)

PLAIN = ((DULL, DULL, ODD, FAIR), (ODD, DULL, FAIR), (ONLY_ONE, FAIR, DULL, ODD, DULL), (DULL, FAIR))
ON_THE_EDGE = ((JUST_OVER, EXACT, FAIR), (JUST_OVER, EXACT, DULL))
UNLABELLED = (
    (MOSTLY_ONE, FAIR, DULL),
    (DULL, MANY_UNLABELLED, FAIR),
    (ONLY_ONE, HALF_LABELLED, DULL),
    (NOTHING, ODD, DULL),
)
NONE = ((DULL, ONLY_ONE, JUST_OVER), (ONLY_ONE, DULL), (JUST_OVER, DULL, ONLY_ONE, NOTHING))


def first_varied(answer: Callable[..., Any]) -> None:
    check(
        answer,
        _says(PLAIN, "the first varied window"),
        _says(ON_THE_EDGE, "75 % itself is allowed"),
        _says(UNLABELLED, "pixels without a label do not count"),
        _says(NONE, "the last, where none is varied"),
        _large_labels,
    )


def _pixels(windows: tuple[Window, ...], labels: tuple[int, ...] = tuple(range(9))) -> Tensor:
    """Windows as the exercise gets them, (n, 100): their labels, shuffled."""
    generator = torch.Generator().manual_seed(len(windows))
    rows = [torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)) for counts in windows]
    return torch.tensor(labels)[torch.stack([row[torch.randperm(len(row), generator=generator)] for row in rows])]


def _right_index(windows: tuple[Window, ...]) -> int:
    varied = [sum(counts[1:]) > 0 and max(counts[1:]) <= 0.75 * sum(counts[1:]) for counts in windows]
    return varied.index(True) if any(varied) else len(windows) - 1


def _index(answer: Callable[..., Any], pixels: Tensor) -> int:
    result = call(answer, pixels)
    if isinstance(result, Tensor) and result.dtype == torch.bool:
        got = described(result)
        raise Wrong(f"Expected the index of one window, but got {got}. Which of the windows is the first that fits?")
    if isinstance(result, Tensor) and result.numel() == 1:
        result = result.item()
    if isinstance(result, bool) or not isinstance(result, Real) or float(result) % 1:
        several = isinstance(result, list | tuple) and result and all(isinstance(index, int) for index in result)
        why = " Only the first of them is wanted." if several else ""
        if isinstance(result, Tensor) and result.shape == pixels.shape[1:]:
            why = " That is the window itself. Where does it stand?"
        raise Wrong(f"Expected the index of one window, a whole number, but got {described(result)}.{why}")
    return int(float(result))


def _says(cases: tuple[tuple[Window, ...], ...], what: str) -> Callable[[Callable[..., Any]], str]:
    def part(answer: Callable[..., Any]) -> str:
        for windows in cases:
            came, right = _index(answer, _pixels(windows)), _right_index(windows)
            if came != right:
                raise Wrong(_verdict(answer, windows, came, right))
        return what

    return part


def _large_labels(answer: Callable[..., Any]) -> str:
    for windows in (*PLAIN, *NONE):
        came, right = _index(answer, _pixels(windows, LARGE_LABELS)), _right_index(windows)
        if came != right:
            raise Wrong(
                f"The same windows with the labels 255, 130 and 7 for 1, 2 and 3: expected window {right}, got {came}. "
                "Here 255 is a class like any other; only 0 means no label."
            )
    return "whatever the labels"


def _verdict(answer: Callable[..., Any], windows: tuple[Window, ...], came: int, right: int) -> str:
    """What came for these windows; and the misconception that gives the same answers for all the cases there are."""
    cases = (*PLAIN, *ON_THE_EDGE, *UNLABELLED, *NONE)
    answers = []
    for case in cases:
        try:
            answers.append(_index(answer, _pixels(case)))
        except Wrong:
            answers.append(None)
    suspects = {sentence: [wrong(case) for case in cases] for sentence, wrong in INDEX_MISTAKES.items()}
    why = cause(lambda wrong: answers == wrong, suspects)
    table = ", ".join(f"[{' '.join(map(str, counts))}]" for counts in windows)
    return f"Pixels by label (0 = none, 1, 2 …) in each window: {table}. Expected window {right}, got {came}.{why}"


def _first(fits: Callable[[Window], bool], otherwise: int | None = None) -> Callable[[tuple[Window, ...]], int]:
    """The first window that fits; `otherwise`, or the last, where none does."""

    def index(windows: tuple[Window, ...]) -> int:
        found = [fits(counts) for counts in windows]
        return found.index(True) if any(found) else len(windows) - 1 if otherwise is None else otherwise

    return index


def _top(counts: Window) -> float:
    """The largest class's share of the labelled pixels; 1 where there are none."""
    return max(counts[1:]) / sum(counts[1:]) if sum(counts[1:]) else 1.0


def _last_varied(windows: tuple[Window, ...]) -> int:
    return max((index for index, counts in enumerate(windows) if _top(counts) <= 0.75), default=len(windows) - 1)


INDEX_MISTAKES: dict[str, Callable[[tuple[Window, ...]], int]] = {
    "It is always the first window: is anything compared?": lambda windows: 0,
    "It is always the last window.": lambda windows: len(windows) - 1,
    "You took the most varied window. The first that is varied enough is wanted: it keeps the crops random.": (
        lambda windows: min(range(len(windows)), key=lambda index: _top(windows[index]))
    ),
    "You took the last window that fits, not the first.": _last_varied,
    "You found the first that is *not* varied: the comparison is the wrong way round.": _first(
        lambda counts: _top(counts) > 0.75
    ),
    "Exactly 75 % is allowed: at most is <=, not <.": _first(lambda counts: _top(counts) < 0.75),
    "You divided by all the pixels. The share is one of the labelled pixels.": _first(
        lambda counts: sum(counts[1:]) > 0 and max(counts[1:]) <= 0.75 * sum(counts)
    ),
    "You divided by all the pixels, so a window with hardly a label, or none, looks varied.": _first(
        lambda counts: max(counts[1:]) <= 0.75 * sum(counts)
    ),
    "Label 0 was counted as if it were a class. It means: no label. Drop its column.": _first(
        lambda counts: max(counts) <= 0.75 * sum(counts)
    ),
    "Label 0 was counted as a class when the largest was looked for. It means: no label.": _first(
        lambda counts: sum(counts[1:]) > 0 and max(counts) <= 0.75 * sum(counts[1:])
    ),
    "A window without a single label passed: 0 is at most 75 % of 0. Ask for labels, too.": _first(
        lambda counts: max(counts[1:]) <= 0.75 * sum(counts[1:])
    ),
    "Where none is varied, the last window is wanted. argmax of nothing but False is 0.": _first(
        lambda counts: _top(counts) <= 0.75, otherwise=0
    ),
    "Where none is varied, argmax of nothing but False is 0; and a window without labels passed.": _first(
        lambda counts: max(counts[1:]) <= 0.75 * sum(counts[1:]), otherwise=0
    ),
    "Where none is varied, the last window is wanted: return n - 1, not -1.": _first(
        lambda counts: _top(counts) <= 0.75, otherwise=-1
    ),
    "You asked for two classes. Two are there even where one of them holds nearly everything.": _first(
        lambda counts: sum(count > 0 for count in counts[1:]) > 1
    ),
    "Windows are counted from 0.": lambda windows: _first(lambda counts: _top(counts) <= 0.75)(windows) + 1,
    "Only the first window was looked at. Is there a `return` in the loop that ends it too early?": (
        lambda windows: 0 if _top(windows[0]) <= 0.75 else len(windows) - 1
    ),
    "The limit is 75 %, not 50 %.": _first(lambda counts: _top(counts) <= 0.5),
}
