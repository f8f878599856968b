"""Exercise 3.1: what a dense, a depthwise and a strip convolution cost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number

LAYERS = ((32, 21, 64, 48), (3, 7, 10, 11), (5, 3, 4, 9))  # channels, length, height, width


def multiply_adds(answer: Callable[..., Any]) -> None:
    check(answer, *(_priced(place, name) for place, name in enumerate(("dense", "depthwise", "strip pair"))))


def _right_costs(c: int, k: int, h: int, w: int) -> tuple[int, int, int]:
    return c * c * k * k * h * w, c * k * k * h * w, 2 * c * k * h * w


def _priced(place: int, name: str) -> Callable[[Callable[..., Any]], str]:
    def part(answer: Callable[..., Any]) -> str:
        for layer in LAYERS:
            _expect_cost(answer, place, name, *layer)
        return name

    return part


def _expect_cost(answer: Callable[..., Any], place: int, name: str, c: int, k: int, h: int, w: int) -> None:
    result = call(answer, c, k, h, w)
    result = list(result) if isinstance(result, Tensor | np.ndarray) and result.ndim == 1 else result
    if not isinstance(result, tuple | list) or len(result) != 3:
        raise Wrong(f"Expected three numbers (dense, depthwise, strip pair), but got {described(result)}.")
    came, right = number(result[place], f"the cost of the {name}"), _right_costs(c, k, h, w)[place]
    if came != right:
        why = cause(lambda wrong: came == wrong, _cost_mistakes(place, right, c, k, h, w))
        layer = f"{c} channels, k = {k}, {h} × {w} pixels"
        raise Wrong(f"{name}: {came:,.0f} multiply-adds, expected {right:,} for {layer}.{why}")


def _cost_mistakes(place: int, right: int, c: int, k: int, h: int, w: int) -> dict[str, float]:
    pixels = h * w
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
            "Each of the two strips is used at every pixel, H · W of them, not once a row or column.": c * k * (h + w),
            "Two kernels, one after the other, cost k + k, not k · k.": c * k * k * pixels,
            "That reads every channel for every channel. The strips are depthwise.": c * right,
            "That is for one channel alone: there are C of them.": 2 * k * pixels,
        },
    )
    return {
        **special[place],
        "Those are the kernel's numbers. Each is used once at every pixel: times H · W.": right // pixels,
        "That is twice too much: a multiplication and its addition count as one.": 2 * right,
        "Height and width differ; you squared one of them.": right // w * h,
        "Height and width differ: you squared one of them.": right // h * w,
        "These are the example's numbers. Write channels, length, height and width in their place.": (
            _right_costs(*LAYERS[0])[place]
        ),
        "You let the picture shrink. With padding, H · W pixels come out.": right // pixels * (h - k + 1) * (w - k + 1),
        "The bias is an addition without a multiplication: leave it out.": right + c * pixels * (1 + (place == 2)),
    }
