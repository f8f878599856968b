"""The bench says something sensible with the peer and without it."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

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


def test_it_refuses_what_cannot_be_measured(capsys: pytest.CaptureFixture) -> None:
    assert speed.main(["--size", "16"]) == 2
    assert "at least 32" in capsys.readouterr().err


@pytest.mark.skipif(importlib.util.find_spec("mmseg") is None, reason="mmsegmentation is not installed (make bench)")
def test_the_peer_is_the_same_network() -> None:
    row = speed.measure("tiny", 64, 1)
    differs = row.differs["mmsegmentation"]
    assert differs is not None and differs < 1e-4
