"""The checks of notebook 01: labels as the model counts them, one window for two, the first varied crop."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, described
from segnext_edu.lessons.checks.scenes_crop import crop_flip
from segnext_edu.lessons.checks.table import Exercise

__all__ = ["crop_flip", "first_varied", "reduce_zero_label"]

SIZES = ((7, 5), (2, 6, 9), (3, 1, 4, 8))  # masks may come one by one or in batches


def _mask(size: tuple[int, ...], dtype: torch.dtype, ignored: bool) -> tuple[Tensor]:
    """Labels 0..150 with both ends in it; some 255 where asked for."""
    generator = torch.Generator().manual_seed(sum(size))
    mask = torch.randint(0, 151, size, generator=generator)
    flat = mask.view(-1)
    flat[:4] = torch.tensor([0, 1, 2, 150])
    if ignored:
        flat[4::5] = 255
    return (mask.to(dtype),)


def _right_labels(mask: Tensor) -> Tensor:
    labels = mask.long() - 1
    labels[(mask == 0) | (mask == 255)] = 255
    return labels


LABEL_MISTAKES: dict[str, Callable[[Tensor], Tensor]] = {
    "Here 0 - 1 is -1. (In uint8 it would be 255, by luck: uint8 has no -1.) Say what 0 becomes.": (
        lambda mask: torch.where(mask == 255, 255, mask - 1)
    ),
    "Nothing takes care of 0 and 255: each needs a line of its own.": lambda mask: mask - 1,
    "255 was ignored already, and has to stay so.": lambda mask: torch.where(mask == 0, 255, mask - 1),
    "You set 255 first and subtracted afterwards, so it moved down with the rest.": (
        lambda mask: torch.where(mask == 0, 255, mask) - 1
    ),
    "You clamped at 0: what is 'something else' in the file is now the first class.": (
        lambda mask: (mask - 1).clamp(min=0)
    ),
    "The classes have not moved: 1 in the file is 0 for the model.": lambda mask: torch.where(mask == 0, 255, mask),
    "You looked for 0 after subtracting. By then, 0 is the first class.": (
        lambda mask: (mask - 1).masked_fill(mask == 1, 255)
    ),
    "You moved the labels up. They go down by one.": lambda mask: mask + 1,
}


def _whole_numbers(result: Any, right: Tensor, mask: Tensor) -> Tensor:
    if not isinstance(result, Tensor) or result.shape != mask.shape:
        raise Wrong(f"Expected a tensor of shape {tuple(mask.shape)}, but got {described(result)}.")
    if result.is_floating_point() or result.dtype == torch.bool:
        raise Wrong(f"Expected whole numbers, but got {described(result)}. A label is a name: keep it whole.")
    return result.long()


def _first_label(came: Tensor, right: Tensor, mask: Tensor) -> str:
    at = int((came != right).flatten().nonzero()[0])
    given, got, wanted = (labels.flatten()[at].item() for labels in (mask, came, right))
    return f"In a mask of {str(mask.dtype).removeprefix('torch.')}, {given} became {got}; expected {wanted}."


reduce_zero_label = Exercise(
    _right_labels,
    {
        f"0 becomes 255, k becomes k - 1 ({len(SIZES)} shapes)": [(size, torch.int64, False) for size in SIZES],
        "255 stays 255": [(size, torch.int64, True) for size in SIZES],
        "in uint8, too": [(size, torch.uint8, True) for size in SIZES],
    },
    lambda mask: {sentence: wrong(mask.long()) for sentence, wrong in LABEL_MISTAKES.items()},
    given=_mask,
    read=_whole_numbers,
    say=_first_label,
    tolerance=0,
    changed="Your function changed the mask in place. Called twice, it would move every label twice.",
    kept="the mask stays as it was",
)


Counts = tuple[int, ...]  # how many of its pixels have label 0 (none), 1, 2 …

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


def _pixels(windows: tuple[Counts, ...], labels: tuple[int, ...] = tuple(range(9))) -> tuple[Tensor]:
    """Windows as the exercise gets them, (n, 100): their labels, shuffled."""
    generator = torch.Generator().manual_seed(len(windows))
    rows = [torch.arange(len(counts)).repeat_interleave(torch.tensor(counts)) for counts in windows]
    shuffled = [row[torch.randperm(len(row), generator=generator)] for row in rows]
    return (torch.tensor(labels)[torch.stack(shuffled)],)


def _counts(pixels: Tensor) -> tuple[Counts, ...]:
    return tuple(tuple(row.bincount(minlength=3).tolist()) for row in pixels)


def _index(result: Any, right: int, pixels: Tensor) -> int:
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


def _which(came: int, right: int, pixels: Tensor) -> str:
    table = ", ".join(f"[{' '.join(map(str, counts))}]" for counts in _counts(pixels))
    return f"Pixels by label (0 = none, 1, 2 …) in each window: {table}. Expected window {right}, got {came}."


def _first(fits: Callable[[Counts], bool], otherwise: int | None = None) -> Callable[[tuple[Counts, ...]], int]:
    """The first window that fits; `otherwise`, or the last, where none does."""

    def index(windows: tuple[Counts, ...]) -> int:
        found = [fits(counts) for counts in windows]
        return found.index(True) if any(found) else len(windows) - 1 if otherwise is None else otherwise

    return index


def _top(counts: Counts) -> float:
    """The largest class's share of the labelled pixels; 1 where there are none."""
    return max(counts[1:]) / sum(counts[1:]) if sum(counts[1:]) else 1.0


def _right_index(pixels: Tensor) -> int:
    return _first(lambda counts: _top(counts) <= 0.75)(_counts(pixels))


def _last_varied(windows: tuple[Counts, ...]) -> int:
    return max((index for index, counts in enumerate(windows) if _top(counts) <= 0.75), default=len(windows) - 1)


INDEX_MISTAKES: dict[str, Callable[[tuple[Counts, ...]], int]] = {
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

first_varied = Exercise(
    _right_index,
    {
        "the first varied window": [(windows,) for windows in PLAIN],
        "75 % itself is allowed": [(windows,) for windows in ON_THE_EDGE],
        "pixels without a label do not count": [(windows,) for windows in UNLABELLED],
        "the last, where none is varied": [(windows,) for windows in NONE],
    },
    lambda pixels: {sentence: wrong(_counts(pixels)) for sentence, wrong in INDEX_MISTAKES.items()},
    given=_pixels,
    read=_index,
    say=_which,
    everywhere=True,
    parts=(
        Exercise(
            _right_index,
            {"whatever the labels": [(windows, LARGE_LABELS) for windows in (*PLAIN, *NONE)]},
            {},
            given=_pixels,
            read=_index,
            say=lambda came, right, pixels: (
                f"The same windows with the labels 255, 130 and 7 for 1, 2 and 3: expected window {right}, got {came}. "
                "Here 255 is a class like any other; only 0 means no label."
            ),
        ),
    ),
)
