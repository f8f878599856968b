"""Exercise 4.3: what MSCA and softmax attention cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number

MAPS = ((64, 32, 48), (3, 7, 10), (5, 9, 4))  # channels, height, width
SQUARE = 5 * 5
STRIPS = 2 * (7 + 11 + 21)
Mistakes = Callable[[int, int], dict[str, float]]  # channels, pixels → what wrong formulas give


def attention_bills(answer: Callable[..., Any]) -> None:
    check(answer, _msca, _softmax, _a_tuple)


def _right_bills(c: int, h: int, w: int) -> tuple[int, int]:
    n = h * w
    return c * (SQUARE + STRIPS + c) * n, 3 * c * c * n + 2 * c * n * n


def _a_tuple(answer: Callable[..., Any]) -> str:
    """A notebook that compares with a tuple finds no list equal to it, whatever it holds."""
    result = call(answer, *MAPS[0])
    if not isinstance(result, tuple):
        raise Wrong(f"The numbers are right, but came as {described(result)}. A tuple is wanted: return msca, softmax")
    return "as a tuple"


def _msca(answer: Callable[..., Any]) -> str:
    _expect(answer, 0, "MSCA", _msca_mistakes)
    return "MSCA: once for every pixel"


def _softmax(answer: Callable[..., Any]) -> str:
    _expect(answer, 1, "softmax attention", _softmax_mistakes)
    return "softmax attention: once for every pair of pixels"


def _expect(answer: Callable[..., Any], place: int, name: str, mistakes: Mistakes) -> None:
    for size in MAPS:
        _expect_cost(answer, place, name, mistakes, *size)


def _expect_cost(answer: Callable[..., Any], place: int, name: str, mistakes: Mistakes, c: int, h: int, w: int) -> None:
    result = call(answer, c, h, w)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Wrong(f"Expected two numbers (MSCA, softmax attention), but got {described(result)}.")
    came, right = number(result[place], f"the cost of {name}"), _right_bills(c, h, w)[place]
    if came != right:
        suspects = {**mistakes(c, h * w), **_general_mistakes(place, right, c, h, w)}
        if (c, h, w) != MAPS[0]:
            suspects["These are one map's numbers. Write channels, height and width in their place."] = _right_bills(
                *MAPS[0]
            )[place]
        why = cause(lambda wrong: came == wrong, suspects)
        given = f"{c} channels, {h} × {w} pixels"
        raise Wrong(f"{name}: {came:,.0f} multiply-adds, expected {right:,} for {given}.{why}")


def _msca_mistakes(c: int, n: int) -> dict[str, float]:
    return {
        "The 1 × 1 is missing: it mixes the channels, C · C numbers.": c * (SQUARE + STRIPS) * n,
        "The 1 × 1 is not depthwise: each channel reads all C, so it has C · C numbers.": c * (SQUARE + STRIPS + 1) * n,
        "A strip pair is two strips: 2 · k, not k.": c * (SQUARE + STRIPS // 2 + c) * n,
        "The 5 × 5 is missing.": c * (STRIPS + c) * n,
        "The 5 × 5 has 25 numbers a channel, not 5.": c * (5 + STRIPS + c) * n,
        "There is one 1 × 1, not two.": c * (SQUARE + STRIPS + 2 * c) * n,
        "The 5 × 5 is a square, no strip pair: 25 numbers a channel.": c * (10 + STRIPS + c) * n,
        "Two strips one after the other cost k + k, not k · k.": c * (SQUARE + 49 + 121 + 441 + c) * n,
        "The 5 × 5 and the strips are depthwise: each channel reads itself alone.": c * c * (SQUARE + STRIPS + 1) * n,
        "The 5 × 5 is depthwise: each channel reads itself alone.": c * (c * SQUARE + STRIPS + c) * n,
        "The strips read the 5 × 5's answer, which is there already: it is computed once, not once a branch.": (
            c * (4 * SQUARE + STRIPS + c) * n
        ),
        "The product of Eq. 2 multiplies without adding up: leave it out, as count_macs does.": (
            c * (SQUARE + STRIPS + c + 1) * n
        ),
        "The biases are additions without a multiplication: leave them out.": c * (SQUARE + STRIPS + c + 8) * n,
    }


def _softmax_mistakes(c: int, n: int) -> dict[str, float]:
    maps = 3 * c * c * n
    return {
        "Every pixel is compared with every pixel: N · N scores, of C products each, not N.": maps + 2 * c * n,
        "That is only one of the two N · N products: the scores (query · key) and the weighted sum of the values.": (
            maps + c * n * n
        ),
        "A score is a sum of C products, and the weighted sum has C channels: C · N · N each.": maps + 2 * n * n,
        "There are two products of N · N: the scores, and the weighted sum. Yours are three.": maps + 3 * c * n * n,
        "A score is a sum of C products, not of C · C.": maps + 2 * c * c * n * n,
        "The three 1 × 1 convolutions (query, key, value) are missing.": 2 * c * n * n,
        "There are three 1 × 1 convolutions: query, key and value.": c * c * n + 2 * c * n * n,
        "This one has three 1 × 1 convolutions, query, key and value, and none after the sum.": (
            4 * c * c * n + 2 * c * n * n
        ),
        "A 1 × 1 convolution from C channels to C has C · C numbers.": 3 * c * n + 2 * c * n * n,
        "The comparisons are all missing: N · N · C for the scores, and as much for the sum.": maps,
        "The scores compare pixels, N · N, not channels, C · C.": maps + 2 * c * c * n,
        "The softmax's exponentials are no multiply-adds: leave them out.": maps + 2 * c * n * n + n * n,
    }


def _general_mistakes(place: int, right: int, c: int, h: int, w: int) -> dict[str, float]:
    tall, wide = _right_bills(c, h, h)[place], _right_bills(c, w, w)[place]
    return {
        "That is twice too much: a multiplication and its addition count as one.": 2 * right,
        "That is for one pixel: N is height · width.": _right_bills(c, 1, 1)[place],
        "N is height · width, not height + width.": _right_bills(c, 1, h + w)[place],
        "Height and width differ; you squared one of them.": tall,
        "Height and width differ: you squared one of them.": wide,
        "Those are the two in the other order: MSCA first.": _right_bills(c, h, w)[1 - place],
    }
