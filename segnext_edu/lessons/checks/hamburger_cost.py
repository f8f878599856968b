"""Exercise 6.3: what softmax attention and the factorisation cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number

SIZES = ((256, 4096, 16, 7), (5, 11, 3, 2), (96, 700, 8, 6), (7, 13, 2, 1))  # channels, pixels, rank, steps


def multiply_adds(answer: Callable[..., Any]) -> None:
    check(answer, *(_priced(place, name) for place, name in enumerate(("attention", "factorisation"))))


def _right_costs(d: int, n: int, r: int, t: int) -> tuple[int, int]:
    update = n * d * r + d * r * r + n * r * r
    return 2 * n * n * d, (2 * t + 1) * update + 2 * n * d * r


def _priced(place: int, name: str) -> Callable[[Callable[..., Any]], str]:
    def part(answer: Callable[..., Any]) -> str:
        for size in SIZES:
            _expect_cost(answer, place, name, *size)
        return f"{name} ({len(SIZES)} sizes)"

    return part


def _expect_cost(answer: Callable[..., Any], place: int, name: str, d: int, n: int, r: int, t: int) -> None:
    result = call(answer, d, n, r, t)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Wrong(f"Expected two numbers (attention, factorisation), but got {described(result)}.")
    came, right = number(result[place], f"the cost of the {name}"), _right_costs(d, n, r, t)[place]
    if came != right:
        mistakes = (_attention_mistakes, _nmf_mistakes)[place](d, n, r, t)
        why = cause(lambda wrong: came == wrong, mistakes)
        where = f"D = {d}, N = {n}, R = {r}, {t} step{'s' * (t > 1)}"
        raise Wrong(f"{name}: {came:,.0f} multiply-adds, expected {right:,} for {where}.{why}")


def _attention_mistakes(d: int, n: int, r: int, t: int) -> dict[str, float]:
    return {
        "That is one product. There are two: the table of weights, then the weighted sums.": n * n * d,
        "Each of the N · N weights is a product of D numbers: times D.": 2 * n * n,
        "That compares channels with channels, D · D. Here pixels are compared with pixels.": 2 * d * d * n,
        "A pixel is compared with all N, itself included: N · N, not N.": 2 * n * d,
        "That is twice too much: a multiplication and its addition count as one.": 4 * n * n * d,
        "There is no 1 × 1 in attend(): it takes x as it is, three times.": 2 * n * n * d + 3 * n * d * d,
        "The softmax is no matrix product: leave it out.": 2 * n * n * d + n * n,
        "Attention is done once, it takes no steps.": 2 * n * n * d * t,
        "That is the factorisation. The attention comes first.": _right_costs(d, n, r, t)[1],
    }


def _nmf_mistakes(d: int, n: int, r: int, t: int) -> dict[str, float]:
    right, large, gram, small = _right_costs(d, n, r, t)[1], n * d * r, d * r * r + n * r * r, n * d * r * 2
    update = large + gram
    return {
        "The coefficients' last update, after all the steps, is missing.": right - update,
        "The coefficients' last update is missing, and so is the product that puts the picture together.": (
            right - update - large
        ),
        "After the steps comes one more update, the coefficients', not two.": right + update,
        "After the steps comes one more update, not two; and then the product that puts the picture together.": (
            right + update - large
        ),
        "The start, xᵀ·bases, comes once, before the steps.": right + (t - 1) * large,
        "Number by number is no matrix product: leave that out.": right + (2 * t + 1) * 2 * n * r,
        "The start is missing: xᵀ·bases, before the softmax.": right - large,
        "The end is missing too, and so is the start: two more products of N · D · R.": right - small,
        "A step has two updates, the coefficients' and the bases'.": (t + 1) * update + small,
        "The products below the fraction's line are missing.": (2 * t + 1) * large + small,
        "Below the line of the bases' update stands bases·(coefᵀ·coef), N · R² and D · R².": right - t * gram,
        "You multiplied (coef·basesᵀ)·bases from the left. coef·(basesᵀ·bases) is the same and cheaper.": (2 * t + 1)
        * 3
        * large
        + small,
        "basesᵀ·bases costs D · R², too.": right - (2 * t + 1) * d * r * r,
        "coef times the small matrix costs N · R², too.": right - (2 * t + 1) * n * r * r,
        "That is twice too much: a multiplication and its addition count as one.": 2 * right,
        "That is one step. There are several, times `steps`.": 3 * update + small,
        "That is the attention. The factorisation comes second.": 2 * n * n * d,
    }
