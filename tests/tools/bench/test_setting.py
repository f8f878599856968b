"""What the benchmarks share: fair turns, medians, sizes that are sizes, and what times hold for."""

from __future__ import annotations

import argparse
import time
from types import SimpleNamespace

import pytest
import torch

from tools.bench import setting


def test_the_calls_take_turns_and_the_median_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []
    now = [0.0]
    monkeypatch.setattr(setting, "time", SimpleNamespace(perf_counter=lambda: now[0]))

    def takes(name: str, seconds: list[float]):
        def call() -> torch.Tensor:
            order.append(name)
            now[0] += seconds.pop(0)
            return torch.zeros(())

        return call

    quick, slow = setting.alternate([takes("a", [8, 1, 1, 8]), takes("b", [1, 2, 2, 2])], 3, warm_up=1)
    assert order == ["a", "b"] * 4
    assert (quick, slow) == (1, 2)  # neither the warm-up nor the one slow turn of a counts


def test_processor_time_does_not_count_waiting() -> None:
    def idle() -> torch.Tensor:
        time.sleep(0.2)
        return torch.zeros(())

    (by_processor,) = setting.alternate([idle], 1, 0, processor_time=True)
    (by_clock,) = setting.alternate([idle], 1, 0)
    assert by_processor < 0.1 < by_clock


def test_the_setting_names_what_changes_times(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TOP_PAD_", "4096")
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    found = setting.environment(repeats=3)
    assert found["allocator"]["MALLOC_TOP_PAD_"] == "4096"
    assert found["waiting"] == "passive"
    assert found["threads"] == torch.get_num_threads()
    assert found["clock"] == "wall"
    assert "processor" in setting.environment(3, processor_time=True)["clock"]


@pytest.mark.parametrize("text", ["2048", "2048x", "x", "16x512", "-64x64", "64x64x3", "ax64"])
def test_sizes_that_are_none(text: str) -> None:
    assert setting.size("2048x1024") == (2048, 1024)
    with pytest.raises(argparse.ArgumentTypeError, match="WIDTHxHEIGHT"):
        setting.size(text)
