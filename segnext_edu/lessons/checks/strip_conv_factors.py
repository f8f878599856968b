"""Exercise 3.3: the strip pair that is nearest to a square kernel."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described


def strip_factors(answer: Callable[..., Any]) -> None:
    check(answer, _rank_one_comes_back, _nearest, _double_precision)


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
