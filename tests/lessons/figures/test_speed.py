"""What notebook 12's figure says about a network is what was measured."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch

from segnext_edu.lessons.figures import speed as figures
from segnext_edu.lessons.figures.speed import Measurements, Timed
from segnext_edu.model.segnext import SegNeXt
from tools.bench import sizes


@pytest.fixture
def measured() -> Measurements:
    """At 1e9 multiply-adds per second: A promises 2 and 8 ms, B 1 and 4 ms."""
    table = {
        ("A", 128): Timed(2_000_000, 0.004, 0.003),
        ("A", 256): Timed(8_000_000, 0.016, 0.012),
        ("B", 128): Timed(1_000_000, 0.005, None),
        ("B", 256): Timed(4_000_000, 0.020, None),
    }
    return Measurements(1e9, table)


def test_the_promise_is_work_over_rate(measured: Measurements) -> None:
    assert measured.promise("A", 256) == pytest.approx(0.008)
    assert measured.networks == ["B", "A"] and measured.sides == [128, 256]


def test_the_words_say_what_was_measured(measured: Measurements) -> None:
    said = figures.describe(measured, "A", 256, False)
    assert "promise 8.0 ms" in said and "says 16 ms" in said and "2.0 times" in said
    assert "says 12 ms" in figures.describe(measured, "A", 256, True)


def test_optimised_changes_nothing_where_there_is_no_such_thing(measured: Measurements) -> None:
    assert figures.describe(measured, "B", 128, True) == figures.describe(measured, "B", 128, False)


def test_the_bars_are_the_table(measured: Measurements) -> None:
    right = figures.render(measured, "A", 256, True).axes[1]
    widths = [bar.get_width() for container in right.containers for bar in container]
    assert widths == pytest.approx([20, 12, 4, 8])  # measured B, A; promised B, A
    left = figures.render(measured, "A", 256, True).axes[0]
    lines = {str(line.get_label()): list(line.get_ydata()) for line in left.lines}
    assert lines["promised"] == pytest.approx([2, 8]) and lines["measured"] == pytest.approx([3, 12])


def test_the_faster_layout_counts_of_square_pictures(tmp_path: Path) -> None:
    seconds = {"as it comes": 0.3, "channels_last": 0.2, "optimised": None}
    row = {"network": "A", "height": 64, "width": 64, "multiply_adds": 10, "seconds": seconds}
    path = tmp_path / "sizes.json"
    path.write_text(json.dumps({"rate": 5.0, "rows": [row, row | {"width": 128, "multiply_adds": 20}]}))
    assert figures.read(path) == Measurements(5.0, {("A", 64): Timed(10, 0.2, None)})


@pytest.mark.parametrize("way", ["as it comes", "channels_last", "optimised"])
def test_the_ways_to_run_a_network_answer_alike(way: str) -> None:
    torch.manual_seed(0)
    model = SegNeXt("nano", 5).eval()
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        answer = sizes.ways(lambda: copy.deepcopy(model), images)[way]()
        torch.testing.assert_close(answer, model.decode(model.encode(images)), atol=1e-4, rtol=1e-3)


def test_a_call_is_made_at_least_once_and_not_for_ever() -> None:
    calls: list[int] = []

    def call() -> torch.Tensor:
        calls.append(sum(range(100_000)))
        return torch.zeros(1)

    assert sizes.least(call, 0.0) > 0 and len(calls) == 1
    assert sizes.least(call, 0.05) < 0.05 and len(calls) > 2


def test_the_count_is_the_notebooks() -> None:
    row = sizes.counted("SegNeXt-T", (512, 512))
    assert row["parameters"] == 4_263_414 and 6.4e9 < row["multiply_adds"] < 6.6e9  # 6.6 with the last enlargement


def test_the_shipped_table_is_whole() -> None:
    measured = figures.read(figures.repository_data() / "runs" / "sizes_cpu.json")
    assert set(measured.table) == {(name, side) for name in measured.networks for side in measured.sides}
    assert 6.4e9 < measured.table["SegNeXt-T", 512].multiply_adds < 6.6e9
    assert all(timed.plain > 0 for timed in measured.table.values())
    assert {name for (name, _), timed in measured.table.items() if timed.optimised} == {
        "SegNeXt-T",
        "SegNeXt-S",
        "SegNeXt-B",
    }
