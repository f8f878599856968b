"""The busy bench: the other process comes and goes, everybody has turns in both, and all networks answer alike."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from matplotlib.figure import Figure

from tools.bench import busy


def children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if busy.SPIN in child.cmdline()]


def test_the_other_process_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy, "SETTLED", 0)
    with busy.others_work(False):
        assert not children()
    with pytest.raises(KeyError), busy.others_work(True):
        assert len(children()) == 1
        raise KeyError
    assert not children()


def test_every_call_has_its_turns_quiet_and_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy, "SETTLED", 0)
    seen: list[tuple[str, int]] = []
    calls = {name: lambda name=name: seen.append((name, len(children()))) for name in "ab"}
    times, taken = busy.alternate(calls, 2)
    turn = [("a", 0)] * 6 + [("b", 0)] * 6 + [("a", 1)] * 6 + [("b", 1)] * 6
    assert seen == turn * 2
    assert list(times) == ["a", "b"] and all(seconds > 0 for pair in times.values() for seconds in pair)
    assert len(taken) == 2


def test_a_training_step_and_a_figure_are_timed_too(tmp_path: Path) -> None:
    calls = busy.tasks("nano", tmp_path / "run")
    first, second = (calls["training step"]() for _ in range(2))
    assert isinstance(first, dict) and isinstance(second, dict) and second["step"] == first["step"] + 1
    assert isinstance(calls["figure"](), Figure)


def test_a_line_a_network(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pair = {"ours": (0.1, 0.25), "ONNX Runtime": (0.2, 0.3)}
    monkeypatch.setattr(busy.torch, "set_num_threads", lambda count: None)
    monkeypatch.setattr(busy, "networks", lambda *args: {})
    monkeypatch.setattr(busy, "tasks", lambda *args: {})
    monkeypatch.setattr(busy, "alternate", lambda *args: (pair, (0.0, 1.0)))
    busy.main(["--threads", "1"])
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[-3:-1] == [["ours", "100.0", "250.0", "2.50"], ["ONNX", "Runtime", "200.0", "300.0", "1.50"]]
