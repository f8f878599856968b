"""The comparison with other families: the published sizes, fair counts, and rows that say what was measured."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from segnext_edu import pareto
from segnext_edu.cost import count_macs, count_parameters
from segnext_edu.files import InputError
from segnext_edu.segnext import SegNeXt


@pytest.mark.parametrize(("name", "millions"), [("B0", 3.8), ("B1", 13.7), ("B2", 27.5)])
def test_segformer_has_the_papers_parameters(name: str, millions: float) -> None:
    assert count_parameters(pareto.segformer(name)) / 1e6 == pytest.approx(millions, abs=0.06)


def test_attention_is_counted() -> None:
    """The paper says 8.4 G at 512 × 512; without attention's products it would be 7.5."""
    assert count_macs(pareto.segformer("B0"), (1, 3, 512, 512)) / 1e9 == pytest.approx(8.4, abs=0.15)


def test_a_row_a_network_and_size(capsys: pytest.CaptureFixture) -> None:
    rows = pareto.measure(["SegNeXt-T", "MobileNetV2 + DeepLabV3+"], [(32, 64), (64, 32)], repeats=1)
    assert [(row["network"], row["height"], row["width"]) for row in rows] == [
        ("SegNeXt-T", 32, 64),
        ("MobileNetV2 + DeepLabV3+", 32, 64),
        ("SegNeXt-T", 64, 32),
        ("MobileNetV2 + DeepLabV3+", 64, 32),
    ]
    for row in rows:
        optimised = row["seconds"].pop("optimised")
        assert (optimised is not None) == (row["family"] == "SegNeXt")
        assert min(row["seconds"].values()) > 0 and row["multiply_adds"] > 0
    whole = count_macs(SegNeXt("tiny"), (1, 3, 32, 64))
    assert rows[0]["multiply_adds"] == whole - 4 * 150 * 32 * 64  # up to its own logits, without the enlargement
    assert capsys.readouterr().out.count("ms") == 10


@pytest.mark.parametrize("text", ["512", "512x", "0x64", "100x64", "ax64", "64x64x64"])
def test_it_refuses_what_is_no_size(text: str) -> None:
    with pytest.raises(InputError, match="multiples of 32"):
        pareto.size_from(text)


def test_the_command_writes_what_the_times_hold_for(tmp_path: Path) -> None:
    out = tmp_path / "pareto.json"
    given = ["--networks", "MobileNetV2 + DeepLabV3+", "--sizes", "32x64", "--repeats", "1", "--threads", "1"]
    subprocess.run([sys.executable, "-m", "segnext_edu.pareto", *given, "--json", str(out)], check=True)
    written = json.loads(out.read_text())
    assert written["setting"]["threads"] == 1 and written["setting"]["torch"] == torch.__version__
    assert [row["network"] for row in written["rows"]] == ["MobileNetV2 + DeepLabV3+"]
    wrong = subprocess.run([sys.executable, "-m", "segnext_edu.pareto", "--sizes", "9"], capture_output=True, text=True)
    assert wrong.returncode == 2 and wrong.stderr.startswith("error: 9:") and "Traceback" not in wrong.stderr
