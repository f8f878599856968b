"""Exercise 8.2: the learning rate's way up and down."""

from __future__ import annotations

from collections.abc import Callable
from math import cos, isclose, isnan, pi
from typing import Any

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, number
from segnext_edu.training.recipe import lr_factor as right_factor

DOWN_MISTAKES: dict[str, Callable[[int, int, int], float]] = {
    "That is how far the run has come, not what is left of it: 1 minus that.": lambda s, n, w: s / n,
    "Off by one: steps count from 0, so at step 0 nothing is done yet (1 - step / steps, not step + 1).": (
        lambda s, n, w: 1 - (s + 1) / n
    ),
    "Off by one: divide by steps, not by steps - 1, or the last step is wasted at a rate of 0.": (
        lambda s, n, w: 1 - s / (n - 1)
    ),
    "There the way down begins only after the warm-up. Ours begins at step 0, as in the authors' code.": (
        lambda s, n, w: 1 - (s - w) / (n - w)
    ),
    "There the rate stays at its top after the warm-up: the way down is missing.": lambda s, n, w: 1.0,
    "The polynomial's power is 1 here, a straight line: yours is bent (power 2).": lambda s, n, w: (1 - s / n) ** 2,
    "The polynomial's power is 1 here, a straight line: yours is bent (power 0.9).": lambda s, n, w: (1 - s / n) ** 0.9,
    "150 and 15 are the example's numbers. Write steps and warmup in their place.": (
        lambda s, n, w: right_factor(s, 150, 15)
    ),
    "That is half a cosine; ours is a straight line.": lambda s, n, w: 0.5 + 0.5 * cos(pi * s / n),
    "The warm-up still works after its end: from step `warmup` on its factor is 1.": lambda s, n, w: (
        (1 - s / n) * s / w
    ),
}
UP_MISTAKES: dict[str, Callable[[int, int, int], float]] = {
    "There is no warm-up in it: before step `warmup` the line is multiplied by step / warmup.": lambda s, n, w: (
        1 - s / n
    ),
    "That is the warm-up alone. The way down runs beneath it from step 0: multiply the two.": lambda s, n, w: s / w,
    "That is the warm-up alone, and off by one. Multiply step / warmup by the way down.": lambda s, n, w: (s + 1) / w,
    "Off by one: at step 0 the warm-up has not begun, so its factor is step / warmup, not (step + 1) / warmup.": (
        lambda s, n, w: (1 - s / n) * (s + 1) / w
    ),
    "Off by one: the warm-up reaches its end at step `warmup`, so divide by warmup and not by warmup - 1.": (
        lambda s, n, w: (1 - s / n) * s / (w - 1)
    ),
    "That warm-up runs backwards: it should rise from 0 to 1, and yours falls.": lambda s, n, w: (
        (1 - s / n) * (1 - s / w)
    ),
    "You divided by the warm-up's factor: multiply.": lambda s, n, w: (1 - s / n) / (s / w) if s else float("inf"),
    "You added the two factors (or subtracted): multiply.": lambda s, n, w: 1 - s / n + s / w,
    "You took the smaller of the two: multiply them, as the authors' code does.": lambda s, n, w: min(1 - s / n, s / w),
    "There the warm-up climbs to the line's height at step `warmup`; ours multiplies the line at every step.": (
        lambda s, n, w: (1 - w / n) * s / w
    ),
}


def lr_factor(answer: Callable[[int, int, int], float]) -> None:
    check(answer, _way_down, _warm_up, _no_warm_up)


def _expect_factor(answer: Callable[..., Any], run: tuple[int, int], at: list[int], mistakes: dict[str, Any]) -> None:
    """Compare at some steps; a mistake is named when it gives the answer's numbers at all of them."""
    steps, warmup = run
    came = [number(call(answer, step, steps, warmup), "a factor between 0 and 1") for step in at]
    for step, value in zip(at, came):
        expected = right_factor(step, steps, warmup)
        if isnan(value):
            raise Wrong(
                f"lr_factor({step}, {steps}, {warmup}) gave NaN, which is no number; expected {expected:.5f}. NaN "
                "comes of 0 / 0, of infinity times 0, or of the root or the logarithm of a negative number."
            )
        if not isclose(value, expected, abs_tol=1e-5):

            def explains(wrong: Callable[[int, int, int], float]) -> bool:
                return all(isclose(value, wrong(step, steps, warmup), abs_tol=1e-5) for step, value in zip(at, came))

            why = cause(explains, mistakes)
            times = value / expected if expected else 0.0
            if not why and times and explains(lambda s, n, w, times=times: times * right_factor(s, n, w)):
                why = f" It is {times:.3g} times that at every step. A factor is 1 at its top: no per cent, no rate."
            asked = f"lr_factor({step}, {steps}, {warmup})"
            raise Wrong(f"{asked} gave {value:.5f}, expected {expected:.5f}.{why}")


def _way_down(answer: Callable[..., Any]) -> str:
    for steps, warmup in ((200, 20), (160, 37), (90, 10)):
        _expect_factor(answer, (steps, warmup), [warmup + 1, steps // 2, steps - 7, steps - 1, warmup], DOWN_MISTAKES)
    return "straight down, above 0 to the last step"


def _warm_up(answer: Callable[..., Any]) -> str:
    for steps, warmup in ((200, 20), (160, 37), (90, 10)):
        _expect_factor(answer, (steps, warmup), [warmup // 2, 1, warmup - 1, 0], UP_MISTAKES)
    return "warm-up on top of it"


def _no_warm_up(answer: Callable[..., Any]) -> str:
    try:
        _expect_factor(answer, (50, 0), [0, 1, 25], {})
    except Wrong as wrong:
        raise Wrong(
            f"A run without warm-up (warmup = 0) goes wrong: are you dividing by warmup all the same? {wrong}"
        ) from None
    return "runs without one, too"
