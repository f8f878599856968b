"""The checks of notebook 03: what convolutions cost, a pair of strips, and the pair nearest to a square kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described
from segnext_edu.lessons.checks.table import Exercise

__all__ = ["multiply_adds", "strip_factors", "strip_pair"]

LAYERS = ((32, 21, 64, 48), (3, 7, 10, 11), (5, 3, 4, 9))  # channels, length, height, width
PICTURES = ((2, 3, 9, 12, 5), (1, 4, 8, 7, 3), (3, 2, 15, 11, 9))  # batch, channels, height, width, length
COSTS = ("dense", "depthwise", "strip pair")


def _right_costs(c: int, k: int, h: int, w: int) -> tuple[int, int, int]:
    return c * c * k * k * h * w, c * k * k * h * w, 2 * c * k * h * w


def _cost_mistakes(index: int, c: int, k: int, h: int, w: int) -> dict[str, float]:
    right, pixels = _right_costs(c, k, h, w)[index], h * w
    special: tuple[dict[str, float], ...] = (
        {
            "Each of the C channels that come out reads all C that go in: C · C.": c * k * k * pixels,
            "A square kernel has k · k numbers.": c * c * k * pixels,
            "C channels in, each for C channels out: that is C · C, not 2 · C.": 2 * c * k * k * pixels,
        },
        {
            "That is the dense one. Depthwise, a channel that comes out reads one channel only.": c * right,
            "A square kernel has k · k numbers.": c * k * pixels,
            "A depthwise layer saves the factor C: divide the dense one by the channels.": c * right / k,
            "That is for one channel alone: there are C of them.": k * k * pixels,
        },
        {
            "That is one strip. The pair has two.": c * k * pixels,
            "Each of the two strips is used at every pixel, H · W of them, not once per row or column.": c
            * k
            * (h + w),
            "Two kernels, one after the other, cost k + k, not k · k.": c * k * k * pixels,
            "That reads every channel for every channel. The strips are depthwise.": c * right,
            "That is for one channel alone: there are C of them.": 2 * k * pixels,
        },
    )
    return {
        **special[index],
        "Those are the kernel's numbers. Each is used once at every pixel: times H · W.": right // pixels,
        "That is twice too much: a multiplication and its addition count as one.": 2 * right,
        "Height and width differ; you squared one of them.": right // w * h,
        "Height and width differ: you squared one of them.": right // h * w,
        "These are the example's numbers. Write channels, length, height and width in their place.": (
            _right_costs(*LAYERS[0])[index]
        ),
        "You let the picture shrink. With padding, H · W pixels come out.": right // pixels * (h - k + 1) * (w - k + 1),
        "The bias is an addition without a multiplication: leave it out.": right + c * pixels * (1 + (index == 2)),
    }


def _cost(index: int, *parts: Exercise) -> Exercise:
    return Exercise(
        _right_costs,
        {COSTS[index]: LAYERS},
        lambda *layer: _cost_mistakes(index, *layer),
        expected="three numbers (dense, depthwise, strip pair)",
        names=tuple(f"the cost of the {name}" for name in COSTS),
        index=index,
        tolerance=0,
        say=lambda came, right, c, k, h, w: (
            f"{COSTS[index]}: {came:,.0f} multiply-adds, expected {right:,} for {c} channels, k = {k}, "
            f"{h} × {w} pixels."
        ),
        parts=parts,
    )


multiply_adds = _cost(0, _cost(1), _cost(2))


def _right_pair(x: Tensor, row: Tensor, col: Tensor) -> Tensor:
    channels, length = row.shape
    across = F.conv2d(x, row[:, None, None, :], padding=(0, length // 2), groups=channels)
    return F.conv2d(across, col[:, None, :, None], padding=(length // 2, 0), groups=channels)


def _pictures(*size: int) -> tuple[Tensor, Tensor, Tensor]:
    batch, channels, height, width, length = size
    generator = torch.Generator().manual_seed(height * width)
    x = torch.randn(batch, channels, height, width, generator=generator)
    row, col = torch.randn(2, channels, length, generator=generator)
    return x, row, col


def _pads_swapped(x: Tensor, row: Tensor, col: Tensor) -> Tensor:
    channels, half = row.shape[0], row.shape[1] // 2
    across = F.conv2d(x, row[:, None, None, :], padding=(half, 0), groups=channels)
    return F.conv2d(across, col[:, None, :, None], padding=(0, half), groups=channels)


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
    "`row` is vertical and `col` horizontal: the row's weight is (C, 1, 1, k), the column's (C, 1, k, 1).": (
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
    "Only the horizontal strip was used.": lambda x, row, col: _right_pair(x, row, _alone(col)),
    "Only the vertical strip was used.": lambda x, row, col: _right_pair(x, _alone(row), col),
    "`row` was used for both strips.": lambda x, row, col: _right_pair(x, row, row),
    "All channels got the first channel's kernels.": (
        lambda x, row, col: _right_pair(x, row[:1].expand_as(row), col[:1].expand_as(col))
    ),
    "The kernels are turned round. PyTorch's convolution does not flip; leave them as they are.": (
        lambda x, row, col: _right_pair(x, row.flip(1), col.flip(1))
    ),
    "The picture was continued round its edges. Pad with zeros.": _wrapped,
}


def _other_size(result: Any, x: Tensor, row: Tensor, col: Tensor) -> str:
    (b, c, h, w), k = x.shape, row.shape[1]
    if not isinstance(result, Tensor):
        return ""
    suspects = {
        "The padding is missing: k // 2 zeros at each end of a strip.": (b, c, h - k + 1, w - k + 1),
        "`padding=k // 2` pads all four sides, twice. The horizontal strip needs (0, k // 2), the vertical one "
        "(k // 2, 0).": (b, c, h + k - 1, w + k - 1),
        "The channels were summed: with groups=C each channel keeps its own.": (b, 1, h, w),
        "The horizontal strip was not padded.": (b, c, h, w - k + 1),
        "The vertical strip was not padded.": (b, c, h - k + 1, w),
        "Half of the kernel hangs over, not all of it: pad by k // 2.": (b, c, h + k + 1, w + k + 1),
    }
    why = cause(lambda shape: tuple(result.shape) == shape, suspects)
    grown = result.shape[-1] - w if result.shape[:2] == (b, c) else 0
    if not why and result.ndim == 4 and grown == result.shape[-2] - h:
        why = f" That is what padding by {(grown + k - 1) // 2} gives, but here k // 2 is {k // 2}."
    return why


def _border(came: Tensor, right: Tensor, x: Tensor, row: Tensor, col: Tensor) -> str:
    inside = (..., *[slice(row.shape[1] // 2, -(row.shape[1] // 2))] * 2)
    if not torch.allclose(came[inside].to(right), right[inside], atol=1e-4):
        return ""
    return " Inside, all is well; at the border it is not. Look at the padding: zeros, k // 2 of them."


strip_pair = Exercise(
    _right_pair,
    {"row, then column, a pair per channel": PICTURES},
    PAIR_MISTAKES,
    given=_pictures,
    hint=_other_size,
    suspect=_border,
    tolerance=1e-4,
    same_dtype=False,
    drawn=" Asked twice it gives two answers: a new nn.Conv2d draws its own weights. Use `row` and `col`.",
    shape=f"the picture keeps its size ({len(PICTURES)} sizes)",
    changed="Your function changed x, row or col in place. Whoever called it still needs them.",
    kept="its arguments stay as they were",
)


def strip_factors(answer: Callable[..., Any]) -> Any:
    return check(answer, _rank_one_comes_back, _nearest, _double_precision, ours=_nearest_pair)


def _nearest_pair(kernel: Tensor) -> tuple[Tensor, Tensor]:
    u, s, vh = torch.linalg.svd(kernel)
    return u[:, 0] * s[0], vh[0]


def _kernel(size: int, dtype: torch.dtype = torch.float32) -> Tensor:
    return torch.randn(size, size, generator=torch.Generator().manual_seed(size), dtype=dtype)


def _factors(answer: Callable[..., Any], kernel: Tensor) -> tuple[Tensor, Tensor]:
    result = call(answer, kernel.clone())
    size = len(kernel)
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        got = described(result)
        product = " That looks like their product: return the two factors." if isinstance(result, Tensor) else ""
        if isinstance(result, tuple) and len(result) == 3:
            product = " That is all the svd gives. Which column, which row, and how large?"
        raise Wrong(f"Expected two tensors, (col, row), but got {got}.{product}")
    for name, factor in zip(("col", "row"), result):
        if factor.shape != (size,):
            why = {(size, 1): " One axis too many: [:, 0] takes a column out, [:, 0:1] leaves it a matrix."}
            why |= {(1, size): " One axis too many: [0] takes a row out, [0:1] leaves it a matrix."}
            why |= {(size, size): " That is a whole matrix. One column of u, one row of vh: the first."}
            got = f"{described(factor)}.{why.get(tuple(factor.shape), '')}"
            raise Wrong(f"Expected {name} of shape ({size},), but got {got}")
    return result[0], result[1]


def _expect_nearest(answer: Callable[..., Any], kernel: Tensor) -> None:
    col, row = _factors(answer, kernel)
    came = torch.outer(col, row).to(kernel)
    if not came.isfinite().all():
        raise Wrong("Your pair holds NaN or infinity. Is something divided by 0, or a root taken of a negative number?")
    u, s, vh = torch.linalg.svd(kernel)
    best = torch.outer(u[:, 0] * s[0], vh[0])
    distance, least = (kernel - came).norm().item(), (kernel - best).norm().item()
    if distance > least + 1e-4 * kernel.norm().item():
        middle = len(kernel) // 2
        suspects = {
            "It is u·vᵀ without the singular value: multiply one of the two by s[0].": torch.outer(u[:, 0], vh[0]),
            "The singular value is in both factors: once is enough.": best * s[0],
            "The square root of s[0] belongs into both factors, or s[0] into one.": best / s[0].sqrt(),
            "The two are swapped: first the column, then the row.": best.T,
            "Each pair has one singular value, and only the first pair is wanted: s[0], not all of s.": torch.outer(
                u[:, 0] * s, vh[0]
            ),
            "You took the kernel's middle column and row, scaled. They know nothing of the rest.": torch.outer(
                kernel[:, middle] / kernel[middle, middle], kernel[middle]
            ),
            "`vh` holds the rows already: take vh[0], not vh[:, 0]. (The old torch.svd gives v: take v[:, 0].)": (
                torch.outer(u[:, 0] * s[0], vh[:, 0])
            ),
            "Two things: `vh` holds the rows already, so take vh[0], not vh[:, 0]; and s[0] is missing in both.": (
                torch.outer(u[:, 0], vh[:, 0])
            ),
            "The columns of u are what you want: u[:, 0], not u[0].": torch.outer(u[0] * s[0], vh[0]),
            "You took the last singular value. They are sorted, the largest first.": torch.outer(
                u[:, -1] * s[-1], vh[-1]
            ),
            "You took the kernel's middle column and row. They know nothing of the rest.": torch.outer(
                kernel[:, middle], kernel[middle]
            ),
            "Those are the means of the rows and columns: right for rank 1 alone, if scaled.": torch.outer(
                kernel.mean(1), kernel.mean(0)
            ),
            "Those are the means, scaled. They bring back a kernel of rank 1, but are not nearest to others.": (
                torch.outer(kernel.mean(1), kernel.mean(0)) / kernel.mean()
            ),
            "The signs are lost: was there an abs()?": best.abs(),
        }
        why = cause(lambda wrong: torch.allclose(came, wrong, rtol=1e-3, atol=1e-4), suspects)
        why = why or " The nearest is the first term of the sum above: s₁ times u₁ times v₁."
        away, nearest = (length / kernel.norm().item() for length in (distance, least))
        raise Wrong(
            f"For a {len(kernel)} × {len(kernel)} kernel your pair is {away:.0%} of the kernel's length away from it, "
            f"the nearest pair {nearest:.0%}.{why}"
        )


def _rank_one_comes_back(answer: Callable[..., Any]) -> str:
    for size in range(3, 22, 2):
        square = _kernel(size)
        _expect_nearest(answer, torch.outer(square[0], square[1]))
    return "kernels of rank 1 come back (10 sizes)"


def _nearest(answer: Callable[..., Any]) -> str:
    for size in range(3, 22, 2):
        _expect_nearest(answer, _kernel(size))
    return "no pair is nearer to the others"


def _double_precision(answer: Callable[..., Any]) -> str:
    for factor in _factors(answer, _kernel(5, torch.float64)):
        if factor.dtype != torch.float64:
            raise Wrong(f"The kernel was float64, but your answer is {described(factor)}: the precision was lost.")
    return "float64 stays float64"
