"""Exercise 1.1: from labels as files hold them to labels as the model counts them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SIZES = ((7, 5), (2, 6, 9), (3, 1, 4, 8))  # masks may come one by one or in batches


def reduce_zero_label(answer: Callable[..., Any]) -> None:
    check(answer, _moves_down, _keeps_ignored, _small_numbers, _leaves_the_mask)


def _mask(size: tuple[int, ...], dtype: torch.dtype, ignored: bool) -> Tensor:
    """Labels 0..150 with both ends in it; some 255 where asked for."""
    generator = torch.Generator().manual_seed(sum(size))
    mask = torch.randint(0, 151, size, generator=generator)
    flat = mask.view(-1)
    flat[:4] = torch.tensor([0, 1, 2, 150])
    if ignored:
        flat[4::5] = 255
    return mask.to(dtype)


def _right_labels(mask: Tensor) -> Tensor:
    labels = mask.long() - 1
    labels[(mask == 0) | (mask == 255)] = 255
    return labels


def _expect_labels(answer: Callable[..., Any], mask: Tensor) -> None:
    result, right = call(answer, mask.clone()), _right_labels(mask)
    if not isinstance(result, Tensor) or result.shape != mask.shape:
        raise Wrong(f"Expected a tensor of shape {tuple(mask.shape)}, but got {described(result)}.")
    if result.is_floating_point() or result.dtype == torch.bool:
        raise Wrong(f"Expected whole numbers, but got {described(result)}. A label is a name: keep it whole.")
    if torch.equal(result.long(), right):
        return
    came = result.long()
    suspects = {sentence: wrong(mask.long()) for sentence, wrong in LABEL_MISTAKES.items()}
    why = cause(lambda wrong: torch.equal(came, wrong), suspects)
    at = int((came != right).flatten().nonzero()[0])
    given, got, wanted = (labels.flatten()[at].item() for labels in (mask, came, right))
    kind = str(mask.dtype).removeprefix("torch.")
    raise Wrong(f"In a mask of {kind}, {given} became {got}; expected {wanted}.{why}")


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


def _moves_down(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        _expect_labels(answer, _mask(size, torch.int64, ignored=False))
    return f"0 becomes 255, k becomes k - 1 ({len(SIZES)} shapes)"


def _keeps_ignored(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        _expect_labels(answer, _mask(size, torch.int64, ignored=True))
    return "255 stays 255"


def _small_numbers(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        _expect_labels(answer, _mask(size, torch.uint8, ignored=True))
    return "in uint8, too"


def _leaves_the_mask(answer: Callable[..., Any]) -> str:
    mask = _mask(SIZES[1], torch.uint8, ignored=True)
    kept = mask.clone()
    call(answer, mask)
    if not torch.equal(mask, kept):
        raise Wrong("Your function changed the mask in place. Called twice, it would move every label twice.")
    return "the mask stays as it was"
