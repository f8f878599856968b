"""Exercise 12.4: the least time that a layer can take."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, number

# multiply-adds, bytes, multiply-adds a second, bytes a second
COMPUTING = (6e9, 2e8, 1e11, 1e10)  # 60 ms of products, 20 ms of memory
CARRYING = (1e8, 4e8, 5e10, 2e10)  # 2 ms and 20 ms
EVEN = (3e9, 6e9, 1e11, 2e11)
EVERY = (COMPUTING, CARRYING, EVEN)

Formula = Callable[[float, float, float, float], float]

SUSPECTS: dict[str, Formula] = {
    "The two were added up. Products and memory work at the same time: the slower one decides.": (
        lambda macs, carried, rate, bandwidth: macs / rate + carried / bandwidth
    ),
    "That is the shorter of the two times. Who waits for whom? The longer one decides.": (
        lambda macs, carried, rate, bandwidth: min(macs / rate, carried / bandwidth)
    ),
    "Only the products are counted.": lambda macs, carried, rate, bandwidth: macs / rate,
    "Only the bytes are counted.": lambda macs, carried, rate, bandwidth: carried / bandwidth,
    "Those are multiply-adds a byte, the intensity. The exercise asks for seconds.": (
        lambda macs, carried, rate, bandwidth: macs / carried
    ),
    "Rate and bandwidth have changed places.": (
        lambda macs, carried, rate, bandwidth: max(macs / bandwidth, carried / rate)
    ),
    "That is a rate: multiply-adds a second. Divide the multiply-adds by it.": (
        lambda macs, carried, rate, bandwidth: min(rate, macs / carried * bandwidth)
    ),
    "That is upside down: one over the seconds.": (
        lambda macs, carried, rate, bandwidth: min(rate / macs, bandwidth / carried)
    ),
    "Those are milliseconds.": lambda macs, carried, rate, bandwidth: 1e3 * max(macs / rate, carried / bandwidth),
    "A multiply-add was counted as two operations, but the rate is in multiply-adds already.": (
        lambda macs, carried, rate, bandwidth: max(2 * macs / rate, carried / bandwidth)
    ),
}


def least_seconds(answer: Callable[..., Any]) -> None:
    check(answer, _bound_by_products, _bound_by_memory, _even)


def _right(macs: float, carried: float, rate: float, bandwidth: float) -> float:
    return max(macs / rate, carried / bandwidth)


def _near(came: float, right: float) -> bool:
    return abs(came - right) <= 1e-9 * abs(right)


def _prove(answer: Callable[..., Any], numbers: tuple[float, float, float, float]) -> None:
    came = number(call(answer, *numbers), "seconds")
    if not _near(came, _right(*numbers)):
        every = [number(call(answer, *some), "seconds") for some in EVERY]

        def explains(formula: Formula) -> bool:  # several formulas may agree in one case, but not in all
            return all(_near(mine, formula(*some)) for mine, some in zip(every, EVERY))

        macs, carried, rate, bandwidth = numbers
        raise Wrong(
            f"{macs:.0e} multiply-adds at {rate:.0e} a second, {carried:.0e} bytes at {bandwidth:.0e} a second: "
            f"expected {_right(*numbers):.3g} s, but got {came:.3g}.{cause(explains, SUSPECTS)}"
        )


def _bound_by_products(answer: Callable[..., Any]) -> str:
    _prove(answer, COMPUTING)
    return "bound by products"


def _bound_by_memory(answer: Callable[..., Any]) -> str:
    _prove(answer, CARRYING)
    return "bound by memory"


def _even(answer: Callable[..., Any]) -> str:
    _prove(answer, EVEN)
    return "where both are even"
