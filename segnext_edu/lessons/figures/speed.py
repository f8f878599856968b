"""Notebook 12's interactive figure: what a network's multiply-adds promise, and what the clock says.

The promise is the time that its multiply-adds would take at the rate of one large matrix product. Seven networks,
square pictures of several sizes, with and without `optimize`. All times were measured once, by `speed_measure.py`, on
one thread, and lie in data/runs with their settings: the figure times nothing itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from ipywidgets import Checkbox, Dropdown, SelectionSlider
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from segnext_edu.files import repository_data
from segnext_edu.lessons.figures import Explorer

CHOSEN, OTHERS = "#0072B2", "0.78"


@dataclass(frozen=True)
class Timed:
    """One network at one size: what was counted and measured. Seconds a picture."""

    multiply_adds: int
    plain: float  # in the faster of the two memory layouts
    optimised: float | None  # of SegNeXt only

    def seconds(self, optimised: bool) -> float:
        """With `optimize` where there is such a thing and it is asked for."""
        return self.optimised if optimised and self.optimised is not None else self.plain


@dataclass(frozen=True)
class Measurements:
    """The whole table, and the matrix product's rate, multiply-adds per second."""

    rate: float
    table: dict[tuple[str, int], Timed]  # by network and by side, pixels

    @property
    def networks(self) -> list[str]:
        """In the order of their multiply-adds, the fewest first."""
        return sorted({name for name, _ in self.table}, key=lambda name: self.table[name, self.sides[0]].multiply_adds)

    @property
    def sides(self) -> list[int]:
        return sorted({side for _, side in self.table})

    def promise(self, network: str, side: int) -> float:
        """Seconds that the multiply-adds alone would take."""
        return self.table[network, side].multiply_adds / self.rate


def read(path: Path) -> Measurements:
    """The square pictures in a file that `speed_measure.py` wrote."""
    stored = json.loads(path.read_text("utf-8"))
    table = {}
    for row in stored["rows"]:
        if row["height"] == row["width"]:
            seconds = row["seconds"]
            plain = min(seconds["as it comes"], seconds["channels_last"])
            table[row["network"], row["height"]] = Timed(row["multiply_adds"], plain, seconds["optimised"])
    return Measurements(stored["rate"], table)


def milliseconds(seconds: float) -> str:
    """Two figures that count: 3.1 ms, 31 ms, 3100 ms."""
    return f"{1e3 * seconds:.1f} ms" if seconds < 0.00995 else f"{1e3 * seconds:.0f} ms"


def describe(measured: Measurements, network: str, side: int, optimised: bool) -> str:
    """What there is to see, in words."""
    promise, took = measured.promise(network, side), measured.table[network, side].seconds(optimised)
    how = ", optimised," if optimised and measured.table[network, side].optimised is not None else ""
    return (
        f"{network}{how} at {side} × {side}: its multiply-adds promise {milliseconds(promise)}, "
        f"the clock says {milliseconds(took)}, {took / promise:.1f} times as long."
    )


def render(measured: Measurements, network: str, side: int, optimised: bool) -> Figure:
    """Seconds over the size for one network; promise and time of all networks at one size."""
    figure = Figure((10.4, 4.4))
    figure.suptitle(describe(measured, network, side, optimised), fontsize=11)
    left, right = figure.add_axes((0.07, 0.13, 0.33, 0.74)), figure.add_axes((0.66, 0.13, 0.31, 0.74))
    draw_sizes(left, measured, network, side, optimised)
    draw_networks(right, measured, network, side, optimised)
    return figure


def draw_sizes(axis: Axes, measured: Measurements, network: str, side: int, optimised: bool) -> None:
    sides = measured.sides
    for name in measured.networks:
        times = [1e3 * measured.table[name, s].seconds(optimised) for s in sides]
        axis.plot(sides, times, color=OTHERS, lw=1)
    axis.axvline(side, color="0.85", lw=6, zorder=0)
    axis.plot(sides, [1e3 * measured.promise(network, s) for s in sides], "--", color=CHOSEN, label="promised")
    times = [1e3 * measured.table[network, s].seconds(optimised) for s in sides]
    axis.plot(sides, times, "o-", color=CHOSEN, label="measured")
    axis.set(xscale="log", yscale="log", xlabel="side of the picture, pixels", ylabel="milliseconds")
    axis.set_xticks(sides, [str(s) for s in sides])
    axis.minorticks_off()
    axis.legend(frameon=False, loc="upper left")
    axis.set_title(f"{network}; grey: the others", fontsize=10)


def draw_networks(axis: Axes, measured: Measurements, network: str, side: int, optimised: bool) -> None:
    names = measured.networks
    times = [1e3 * measured.table[name, side].seconds(optimised) for name in names]
    promised = [1e3 * measured.promise(name, side) for name in names]
    axis.barh(names, times, color=[CHOSEN if name == network else OTHERS for name in names])
    axis.barh(names, promised, color="none", edgecolor="0.2", lw=1.2)
    for y, (took, promise) in enumerate(zip(times, promised)):
        axis.text(max(took, promise), y, f" {took / promise:.1f} ×", va="center", fontsize=9)
    axis.set(xlim=(0, 1.15 * max(*times, *promised)), xlabel="milliseconds")
    axis.set_title(f"{side} × {side}: full measured, outlined promised", fontsize=10)


def explorer(path: Path | None = None) -> Explorer:
    """The figure, opened on SegNeXt-T at 512 × 512."""
    measured = read(path or repository_data() / "runs" / "sizes_cpu.json")
    return Explorer(
        partial(render, measured),
        partial(describe, measured),
        network=Dropdown(options=measured.networks, value="SegNeXt-T", description="network"),
        side=SelectionSlider(options=measured.sides, value=512, description="side"),
        optimised=Checkbox(value=False, description="optimised"),
    )
