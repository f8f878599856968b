"""Exercise 3.2: a pair of strips for every channel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

PICTURES = ((2, 3, 9, 12, 5), (1, 4, 8, 7, 3), (3, 2, 15, 11, 9))  # batch, channels, height, width, length


def strip_pair(answer: Callable[..., Any]) -> None:
    check(answer, _keeps_the_size, _right_values, _leaves_its_arguments)


def _right_pair(x: Tensor, row: Tensor, col: Tensor) -> Tensor:
    channels, length = row.shape
    lying = F.conv2d(x, row[:, None, None, :], padding=(0, length // 2), groups=channels)
    return F.conv2d(lying, col[:, None, :, None], padding=(length // 2, 0), groups=channels)


def _pictures(size: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width, length = size
    generator = torch.Generator().manual_seed(height * width)
    x = torch.randn(batch, channels, height, width, generator=generator)
    row, col = torch.randn(2, channels, length, generator=generator)
    return x, row, col


def _keeps_the_size(answer: Callable[..., Any]) -> str:
    for size in PICTURES:
        _expect_size(answer, *size)
    return f"the picture keeps its size ({len(PICTURES)} sizes)"


def _expect_size(answer: Callable[..., Any], b: int, c: int, h: int, w: int, k: int) -> None:
    result = call(answer, *_pictures((b, c, h, w, k)))
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a tensor of shape {(b, c, h, w)}, but got {described(result)}.")
    if result.shape != (b, c, h, w):
        suspects = {
            "The padding is missing: k // 2 zeros at each end of a strip.": (b, c, h - k + 1, w - k + 1),
            "`padding=k // 2` pads all four sides, twice. The lying strip needs (0, k // 2), the standing one "
            "(k // 2, 0).": (b, c, h + k - 1, w + k - 1),
            "The channels were summed: with groups=C each channel keeps its own.": (b, 1, h, w),
            "The lying strip was not padded.": (b, c, h, w - k + 1),
            "The standing strip was not padded.": (b, c, h - k + 1, w),
            "Half of the kernel hangs over, not all of it: pad by k // 2.": (b, c, h + k + 1, w + k + 1),
        }
        why = cause(lambda shape: tuple(result.shape) == shape, suspects)
        grown = result.shape[-1] - w if result.shape[:2] == (b, c) else 0
        if not why and grown == result.shape[-2] - h:
            why = f" That is what padding by {(grown + k - 1) // 2} gives, but here k // 2 is {k // 2}."
        raise Wrong(f"x is {(b, c, h, w)} with k = {k}; your answer is {tuple(result.shape)}.{why}")


def _right_values(answer: Callable[..., Any]) -> str:
    for size in PICTURES:
        _expect_values(answer, *_pictures(size))
    return "row, then column, a pair a channel"


def _expect_values(answer: Callable[..., Any], x: Tensor, row: Tensor, col: Tensor) -> None:
    right = _right_pair(x, row, col)
    result = call(answer, x.clone(), row.clone(), col.clone()).to(right.dtype)
    if not torch.allclose(result, right, atol=1e-4):
        suspects = {sentence: wrong(x, row, col) for sentence, wrong in PAIR_MISTAKES.items()}
        why = cause(lambda wrong: torch.allclose(result, wrong, atol=1e-4), suspects)
        half = row.shape[1] // 2
        inside = (..., slice(half, -half), slice(half, -half))
        if not why and not torch.equal(result, call(answer, x.clone(), row.clone(), col.clone()).to(right.dtype)):
            why = " Asked twice it gives two answers: a new nn.Conv2d draws its own weights. Use `row` and `col`."
        if not why and torch.allclose(result[inside], right[inside], atol=1e-4):
            why = " Inside, all is well; at the border it is not. Look at the padding: zeros, k // 2 of them."
        off = (result - right).abs().max().item()
        raise Wrong(f"The shape is right, the numbers are not: they are off by up to {off:.3g}.{why}")


def _pads_swapped(x: Tensor, row: Tensor, col: Tensor) -> Tensor:
    channels, half = row.shape[0], row.shape[1] // 2
    lying = F.conv2d(x, row[:, None, None, :], padding=(half, 0), groups=channels)
    return F.conv2d(lying, col[:, None, :, None], padding=(0, half), groups=channels)


def _wrapped(x: Tensor, row: Tensor, col: Tensor) -> Tensor:
    half = row.shape[1] // 2
    around = F.pad(x, (half, half, half, half), mode="circular")
    return _right_pair(around, row, col)[..., half:-half, half:-half]


def _one_sided(x: Tensor, row: Tensor, col: Tensor) -> Tensor:
    """All the zeros at the left and above."""
    height, width, length = *x.shape[2:], row.shape[1]
    return _right_pair(F.pad(x, (length // 2, 0, length // 2, 0)), row, col)[..., :height, :width]


def _alone(kernel: Tensor) -> Tensor:
    """The kernel that changes nothing: a 1 in the middle."""
    return F.one_hot(torch.tensor(kernel.shape[1] // 2), kernel.shape[1]).to(kernel).expand_as(kernel)


PAIR_MISTAKES: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
    "The two paddings are swapped. The size comes out right, and the border wrong: a (1, k) kernel needs "
    "padding=(0, k // 2).": _pads_swapped,
    "`row` stands and `col` lies: the row's weight is (C, 1, 1, k), the column's (C, 1, k, 1).": (
        lambda x, row, col: _right_pair(x, col, row)
    ),
    "You added the two strips' answers. The second must read what the first has written.": (
        lambda x, row, col: _right_pair(x, row, _alone(col)) + _right_pair(x, _alone(row), col)
    ),
    "You multiplied the two strips' answers. The second must read what the first has written.": (
        lambda x, row, col: _right_pair(x, row, _alone(col)) * _right_pair(x, _alone(row), col)
    ),
    "x was added at the end. There is no shortcut here.": lambda x, row, col: x + _right_pair(x, row, col),
    "All the zeros are at one end. k // 2 of them belong to each.": _one_sided,
    "Only the lying strip was used.": lambda x, row, col: _right_pair(x, row, _alone(col)),
    "Only the standing strip was used.": lambda x, row, col: _right_pair(x, _alone(row), col),
    "`row` was used for both strips.": lambda x, row, col: _right_pair(x, row, row),
    "All channels got the first channel's kernels.": (
        lambda x, row, col: _right_pair(x, row[:1].expand_as(row), col[:1].expand_as(col))
    ),
    "The kernels are turned round. PyTorch's convolution does not flip; leave them as they are.": (
        lambda x, row, col: _right_pair(x, row.flip(1), col.flip(1))
    ),
    "The picture was continued round its edges. Pad with zeros.": _wrapped,
}


def _leaves_its_arguments(answer: Callable[..., Any]) -> str:
    given = _pictures(PICTURES[0])
    kept = [tensor.clone() for tensor in given]
    call(answer, *given)
    if not all(torch.equal(now, before) for now, before in zip(given, kept)):
        raise Wrong("Your function changed x, row or col in place. Whoever called it still needs them.")
    return "its arguments stay as they were"
