"""Exercise 10.1: which branch is the strongest, place by place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

LENGTHS = (5, 7, 11, 21)
SIZES = ((2, 3, 5, 8), (3, 4, 7, 6))  # batch, channels, height, width


def winners(answer: Callable[..., Any]) -> None:
    check(answer, _right_shape, _right_lengths, _any_branches)


def _parts(b: int, c: int, h: int, w: int, lengths: tuple[int, ...] = LENGTHS) -> dict[int, Tensor]:
    """Parts whose strengths, means, signs and largest channels disagree about the winner."""
    generator = torch.Generator().manual_seed(h * w)
    shape = len(lengths), b, c, h, w
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    lifts = torch.randn(len(lengths), b, 1, h, w, generator=generator, dtype=torch.float64)
    return dict(zip(lengths, values + lifts))


def _right(parts: dict[int, Tensor]) -> Tensor:
    strongest = torch.stack([part.square().mean(1) for part in parts.values()]).argmax(0)  # (B, h, w)
    return torch.tensor(list(parts))[strongest]


def _answer(answer: Callable[..., Any], parts: dict[int, Tensor]) -> Tensor:
    given = {length: part.clone() for length, part in parts.items()}
    result = call(answer, given)
    if any(not torch.equal(given[length], part) for length, part in parts.items()):
        raise Wrong("Your function changed the parts in place. Whoever called it still needs them.")
    if not isinstance(result, Tensor):
        why = " One for the whole picture? Each place has a winner of its own." if isinstance(result, int) else ""
        if isinstance(result, tuple) and len(result) == 2:
            why = " max gives two things, the greatest values and where they stand; argmax gives the second alone."
        raise Wrong(f"Expected a tensor of branch lengths, (B, h, w), but got {described(result)}.{why}")
    return result


def _right_shape(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        parts = _parts(*size)
        came, (b, c, h, w) = tuple(_answer(answer, parts).shape), size
        if came != (b, h, w):
            suspects = {
                "Each channel has a winner of its own there. First make one strength a place, over the channels.": (
                    (b, c, h, w)
                ),
                "The batch is gone: pictures must not be mixed.": (h, w),
                "Along axis 0 stands the batch there. Stack along it: torch.stack(…).": (len(parts), h, w),
                "That is a number a branch and place. Which of the four is the greatest?": (len(parts), b, h, w),
                "Those are the places' winners of one dimension too many: strength() has taken the channels away.": (
                    b, 1, h, w
                ),
            }  # fmt: skip
            why = cause(came.__eq__, suspects)
            raise Wrong(f"The parts are {size}; expected {(b, h, w)}, but got {came}.{why}")
    return "one winner a place"


def _right_lengths(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        parts = _parts(*size)
        _expect_lengths(_answer(answer, parts), parts)
    return "the branch furthest from zero, by its length"


def _expect_lengths(result: Tensor, parts: dict[int, Tensor]) -> None:
    right = _right(parts)
    if not torch.equal(result.to(right), right):
        why = cause(lambda wrong: torch.allclose(result.to(wrong), wrong), _suspects(parts))
        off = (result.to(right) != right).float().mean().item()
        raise Wrong(f"The shape is right, but {off:.0%} of the places have another winner.{why}")


def _suspects(parts: dict[int, Tensor]) -> dict[str, Tensor]:
    stack, lengths = torch.stack(list(parts.values())), torch.tensor(list(parts))  # (4, B, C, h, w)
    power = stack.square().mean(2)  # (4, B, h, w)
    return {
        "Those are 0, 1, 2, 3, places in the stack. Make lengths of them: torch.tensor(list(parts))[…].": (
            power.argmax(0)
        ),
        "Those are 1, 2, 3, 4, counted places. Make lengths of them: torch.tensor(list(parts))[…].": power.argmax(0)
        + 1,
        "Those are the strengths themselves. Which branch has them? argmax.": power.amax(0).sqrt(),
        "Those are the losers: argmin in the place of argmax?": lengths[power.argmin(0)],
        "You compare means, in which plus and minus cancel. Compare strengths.": lengths[stack.mean(2).argmax(0)],
        "You compare sizes of means: plus and minus have cancelled before. Square first, then the mean.": (
            lengths[stack.mean(2).abs().argmax(0)]
        ),
        "You compare the mean of the sizes; strength is the root of the mean *square*.": (
            lengths[stack.abs().mean(2).argmax(0)]
        ),
        "You compare each branch's loudest channel. Strength counts all channels.": (
            lengths[stack.abs().amax(2).argmax(0)]
        ),
        "You compare each branch's largest value; a large minus counts as much.": lengths[stack.amax(2).argmax(0)],
        "One winner for the whole picture. Each place has its own.": lengths[
            power.mean((2, 3), keepdim=True).expand_as(power).argmax(0)
        ],
        "The lengths are in another order than the parts: take them from the dictionary.": lengths.flip(0)[
            power.argmax(0)
        ],
    }


def _any_branches(answer: Callable[..., Any]) -> str:
    for lengths in ((21, 5), (3, 9, 15)):
        parts = _parts(*SIZES[0], lengths)
        result, right = _answer(answer, parts), _right(parts)
        if result.shape != right.shape or not torch.equal(result.to(right), right):
            raise Wrong(
                f"Right for branches {LENGTHS}, wrong for {lengths}. The lengths must come from the dictionary's keys."
            )
    return "whatever the branches"
