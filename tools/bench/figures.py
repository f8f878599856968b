"""How long an interaction with each figure takes: `python -m tools.bench figures`.

An interaction is a control that moves: drawn anew, put into a PNG, and handed to the widget. A figure with several
views has a line for each.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

import torch

from segnext_edu.lessons.figures import Explorer
from segnext_edu.lessons.figures.catalogue import TOPICS, build

GOAL = 150  # milliseconds: above it, a slider feels as if it stuck
MOVES = 8  # a control


def main(arguments: Sequence[str] = ()) -> int:
    """Print a line a figure: the median and the slowest interaction, in milliseconds. It takes no options."""
    load = os.getloadavg()[0]
    print(f"threads: {torch.get_num_threads()}, load before: {load:.1f}, goal: {GOAL} ms an interaction")
    print(f"{'':26}{'first':>10}{'median':>10}{'slowest':>10}   by the control")
    for name in TOPICS:
        start = time.perf_counter()
        explorer = build(name)
        first = time.perf_counter() - start
        for view in views(explorer):
            times = measured(explorer, view)
            every = [seconds for some in times.values() for seconds in some]
            slowest = max(times, key=lambda control: max(times[control]))
            print(
                f"{f'{name} {view}':26}{first * 1e3:7.0f} ms{median(every) * 1e3:7.0f} ms{max(every) * 1e3:7.0f} ms"
                f"   {slowest}",
                flush=True,
            )
    return 0


def views(explorer: Explorer) -> list[str]:
    """The figure's views, as its control "view" names them; "" for a figure that has but one."""
    return choices(explorer.controls["view"]) if "view" in explorer.controls else [""]


def measured(explorer: Explorer, view: str) -> dict[str, list[float]]:
    """Seconds of the interactions with each control that is shown in a view."""
    if view:
        explorer.controls["view"].value = view
    times = {}
    for control in list(explorer.shown):
        start = explorer.controls[control].value
        times[control] = [interaction(explorer, control, value) for value in moves(explorer, control)]
        explorer.controls[control].value = start
    return times


def interaction(explorer: Explorer, control: str, value: Any) -> float:
    """Seconds from moving the control to the new picture."""
    start = time.perf_counter()
    explorer.controls[control].value = value
    return time.perf_counter() - start


def moves(explorer: Explorer, control: str) -> Iterator[Any]:
    """Up to `MOVES` values that the control can take and that it does not have, spread over its range."""
    every = [value for value in choices(explorer.controls[control]) if value != explorer.controls[control].value]
    yield from every[:: max(1, len(every) // MOVES)][:MOVES]


def choices(widget: Any) -> list[Any]:
    """All the values that a slider, a dropdown, toggle buttons or a checkbox can take."""
    if hasattr(widget, "options"):
        return [
            option[1] if isinstance(option, tuple) else option
            for option in getattr(widget, "_options_full", widget.options)
        ]
    if hasattr(widget, "min"):
        count = round((widget.max - widget.min) / widget.step)
        return [widget.min + index * widget.step for index in range(count + 1)]
    return [False, True]


if __name__ == "__main__":
    sys.exit(main())
