"""The training bench: everybody's turn, and rows that hold together."""

import json
import sys

import pytest
import torch

from segnext_edu.training.recipe import Recipe
from tools.bench import training


@pytest.fixture(scope="module")
def rows():
    recipe = Recipe("mini", "tiny", 1000, batch=2, crop=32, short_side=64)
    return training.measure(["nano", "unet"], recipe, 2, "cpu", "auto", False)


@pytest.mark.slow
def test_a_row_a_network_in_the_order_asked_for(rows):
    assert [row["network"] for row in rows] == ["nano", "unet"]
    assert all(row["training"] > 0 and row["training_ready"] > 0 and row["prediction"] > 0 for row in rows)
    assert all(0 <= row["waiting"] < 1 for row in rows)
    assert all(row["waiting"] == pytest.approx(max(0, 1 - row["training"] / row["training_ready"])) for row in rows)
    assert all(row["step_gib"] is None for row in rows)  # which only a GPU counts


@pytest.mark.slow
def test_the_table_compares_with_its_first_row(rows):
    slow = {**rows[0], "training": 10.0, "prediction": 4.0, "waiting": 0.031, "step_gib": 1.5}
    quick = {**slow, "network": "quick", "training": 25.0, "prediction": 2.0}
    assert training.line(quick, slow).split() == ["quick", "25.00", "2.50", "3.1%", "1.50", "2.00", "0.50"]


def test_the_command_writes_what_it_holds_for(tmp_path, monkeypatch, capsys):
    table = [{"network": "nano", "training": 8.0, "training_ready": 8.0, "waiting": 0.0, "prediction": 9.0}]
    monkeypatch.setattr(training, "measure", lambda *args: [table[0] | {"step_gib": None}])
    path = tmp_path / "speed.json"
    monkeypatch.setattr(sys, "argv", ["bench_training", "--networks", "nano", "--crop", "64", "--json", str(path)])
    assert training.main() == 0
    said = json.loads(path.read_text())
    assert said["rows"][0]["network"] == "nano" and said["setting"]["crop"] == 64
    assert str(tmp_path) not in path.read_text()


def test_bad_input_is_a_sentence(tmp_path, monkeypatch, capsys):
    arguments = ["bench_training", "--networks", "nano", "--data", str(tmp_path / "none"), "--device", "cpu"]
    monkeypatch.setattr(sys, "argv", arguments)
    assert training.main() == 2
    assert capsys.readouterr().err.startswith("error: ")


FORMATS = {"mmsegmentation": torch.contiguous_format, "mmsegmentation-nhwc": torch.channels_last}


@pytest.mark.parametrize("name", FORMATS)
def test_the_peer_keeps_to_its_memory_format(name: str) -> None:
    """Whatever the pictures come in, and whatever Run has made of the weights."""
    pytest.importorskip("mmseg", reason="mmsegmentation is not here to compare with; `make bench` installs it")
    network = training.BUILDERS[name](7).to(memory_format=torch.channels_last)
    network.to(memory_format=network.memory_format)
    kept = []
    for layer in network.encoder.modules():
        if isinstance(layer, torch.nn.Conv2d):
            layer.register_forward_hook(lambda *call: kept.append(call[2].is_contiguous(memory_format=FORMATS[name])))
    network.encode(torch.randn(1, 3, 64, 96).to(memory_format=torch.channels_last))
    assert kept and all(kept)
