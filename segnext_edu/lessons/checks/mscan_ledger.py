"""Exercise 5.1: the sizes of the four maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number

EVEN = ((512, 512), (256, 384), (96, 32))
ODD = ((375, 500), (33, 65), (97, 40), (240, 321), (1023, 37))

Sizes = list[tuple[float, float]]


def map_sizes(answer: Callable[..., Any]) -> None:
    check(answer, _expected(EVEN, "multiples of 32"), _expected(ODD, "odd sizes, rounded up"), _list_of_tuples)


def _expected(pictures: tuple[tuple[int, int], ...], proved: str) -> Callable[[Callable[..., Any]], str]:
    def part(answer: Callable[..., Any]) -> str:
        for height, width in pictures:
            _expect_sizes(answer, height, width)
        return proved

    return part


def _list_of_tuples(answer: Callable[..., Any]) -> str:
    """A notebook that compares with such a list finds nothing else equal to it, whatever the numbers are."""
    result = call(answer, *ODD[0])
    if not isinstance(result, list) or not all(isinstance(pair, tuple) for pair in result):
        raise Wrong(f"The numbers are right, but came as {result}. A list of tuples is wanted: [(h, w), …]")
    return "as a list of pairs"


def _sizes(height: int, width: int, side: Callable[[int, int], float], strides: tuple[int, ...]) -> Sizes:
    return [(side(height, stride), side(width, stride)) for stride in strides]


def _up(side: int, stride: int) -> int:
    return -(-side // stride)


def _unpadded(side: int, stride: int) -> int:
    while stride > 1:  # a 3 × 3 kernel with stride 2 that hangs over nowhere
        side, stride = (side - 1) // 2, stride // 2
    return side


def _expect_sizes(answer: Callable[..., Any], height: int, width: int) -> None:
    came, right = _pairs(call(answer, height, width)), _sizes(height, width, _up, (4, 8, 16, 32))
    if came != right:
        suspects = _mistakes(height, width)
        if height != width:
            suspects["It is the same for every picture. Write height and width in the place of the example's."] = (
                _sizes(*EVEN[0], _up, (4, 8, 16, 32))
            )
        why = cause(lambda wrong: came == wrong, suspects)
        raise Wrong(
            f"A picture of {height} × {width}: your maps are {_listed(came)}, but come as {_listed(right)}.{why}"
        )


def _pairs(result: Any) -> Sizes:
    if not isinstance(result, tuple | list):
        raise Wrong(f"Expected a list of four (height, width), but got {described(result)}.")
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in result):
        raise Wrong(f"Each map should be a pair, (height, width), but the list is {described(result)}.")
    return [(number(h, "a height"), number(w, "a width")) for h, w in result]


def _listed(sizes: Sizes) -> str:
    return ", ".join(f"{height:g} × {width:g}" for height, width in sizes)


def _mistakes(height: int, width: int) -> dict[str, Sizes]:
    strides = (4, 8, 16, 32)
    down = _sizes(height, width, lambda side, stride: side // stride, strides)
    right = _sizes(height, width, _up, strides)
    return {
        "You rounded down. The kernel hangs over the border by one, so a last pixel that is left over still gets an "
        "answer: round up.": down,
        "You rounded to the nearest number. A rest, however small, is one more row: round up.": _sizes(
            height, width, lambda side, stride: int(side / stride + 0.5), strides
        ),
        "Python's round() goes to the nearest number (and from 62.5 to 62). A rest is one more row: round up.": _sizes(
            height, width, lambda side, stride: round(side / stride), strides
        ),
        "The height is in it twice.": [(h, h) for h, _ in right],
        "The width is in it twice.": [(w, w) for _, w in right],
        "You did not round: half a pixel is none. Round up.": _sizes(
            height, width, lambda side, stride: side / stride, strides
        ),
        "The stem has two convolutions with stride 2, not one: the first map is at stride 4.": _sizes(
            height, width, _up, (2, 4, 8, 16)
        ),
        "The first map is missing, and there is one too many: stage 1 ends at stride 4.": _sizes(
            height, width, _up, (8, 16, 32, 64)
        ),
        "The stem quarters the sides; the steps after it only halve them.": _sizes(
            height, width, _up, (4, 16, 64, 256)
        ),
        "Four stages, four maps: the picture itself is none of them.": _sizes(height, width, _up, (1, 4, 8, 16, 32)),
        "Stage 1 is missing: it is at stride 4.": _sizes(height, width, _up, (8, 16, 32)),
        "Stages 2, 3 and 4 are missing.": right[:1],
        "Height and width are swapped: (H, W), as in a tensor's shape.": [(w, h) for h, w in right],
        "The last stage came first.": right[::-1],
        "Always one more is too many: where nothing is left over, nothing is added.": [(h + 1, w + 1) for h, w in down],
        "You forgot the padding: with padding=1 the border's pixels get an answer as well.": _sizes(
            height, width, _unpadded, strides
        ),
        "You filled the picture up to a multiple of 32 first. The encoder does not: each step rounds for itself.": [
            (32 * _up(height, 32) // stride, 32 * _up(width, 32) // stride) for stride in strides
        ],
    }
