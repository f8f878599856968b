"""The bench: fair turns, medians, and something sensible to say with the peer and without it."""

from __future__ import annotations

import importlib.util
import json
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from segnext_edu.cost import count_macs
from segnext_edu.model.segnext import SegNeXt
from tools.bench import reference, speed


@pytest.fixture(autouse=True)
def threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def test_the_calls_take_turns_and_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    now = [0.0]
    monkeypatch.setattr(speed, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def takes(name: str, seconds: list[float]):
        def call() -> torch.Tensor:
            order.append(name)
            now[0] += seconds.pop(0)
            return torch.zeros(())

        return call

    quick, slow = speed.alternate([takes("a", [8, 1, 1, 8]), takes("b", [1, 2, 2, 2])], 3, warm_up=1)
    assert order == ["a", "b"] * 4
    assert (quick, slow) == (1, 2)  # neither the warm-up nor the one slow turn of a counts


def test_processor_time_does_not_count_waiting() -> None:
    def idle() -> torch.Tensor:
        time.sleep(0.2)
        return torch.zeros(())

    (by_processor,) = speed.alternate([idle], 1, 0, processor_time=True)
    (by_clock,) = speed.alternate([idle], 1, 0)
    assert by_processor < 0.1 < by_clock


def test_without_the_peer_it_prints_our_times_and_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture, tmp_path: Path
) -> None:
    monkeypatch.setattr(reference.importlib.util, "find_spec", lambda name: None)
    given = ("--variants", "nano", "--size", "64", "--threads", "1", "--repeats", "1")
    assert speed.main([*given, "--json", str(tmp_path / "times.json")]) == 0
    printed = capsys.readouterr().out
    assert "threads: 1" in printed
    assert "nano" in printed
    assert "make bench" in printed
    written = json.loads((tmp_path / "times.json").read_text())
    (row,) = written["rows"]
    setting, seconds = written["setting"], row["seconds"]
    assert (setting["threads"], setting["height"], setting["width"], setting["repeats"]) == (1, 64, 64, 1)
    assert seconds.pop("mmsegmentation") is None and row["differs"].pop("mmsegmentation") is None
    assert set(seconds) == {"ours", "optimised", "optimised bf16", "floor"} and min(seconds.values()) > 0
    assert row["multiply_adds"] == count_macs(SegNeXt("nano"), (1, 3, 64, 64)) - 4 * 150 * 64 * 64  # the enlargement
    assert seconds["floor"] == pytest.approx(row["multiply_adds"] / max(row["products"].values()))
    assert row["differs"]["optimised"] < 1e-5
    assert 0.5 < row["agrees"]["optimised bf16"] <= 1
    assert f"({seconds['ours'] / seconds['optimised']:5.2f})" in printed


def test_both_ways_make_the_same_product() -> None:
    matrix, convolution = (product() for product in speed.products().values())
    assert torch.allclose(convolution[0].permute(1, 2, 0).flatten(0, 1), matrix, atol=1e-3)


def test_the_setting_names_what_changes_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TOP_PAD_", "4096")
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    setting = speed.environment(repeats=3)
    assert setting["allocator"]["MALLOC_TOP_PAD_"] == "4096"
    assert setting["waiting"] == "passive"
    assert setting["threads"] == torch.get_num_threads()
    assert setting["clock"] == "wall"
    assert "processor" in speed.environment(3, processor_time=True)["clock"]


def test_it_refuses_what_cannot_be_measured(capsys: pytest.CaptureFixture) -> None:
    assert speed.main(["--size", "16"]) == 2
    assert "at least 32" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("mmseg") is None, reason="mmsegmentation is not installed (make bench)")
def test_the_peer_is_the_same_network() -> None:
    row = speed.measure("tiny", 64, 1)
    differs = row.differs["mmsegmentation"]
    assert differs is not None and differs < 1e-4
