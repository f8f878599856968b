"""A run becomes a checkpoint that ships: half as large, with its terms and its log."""

import json
from pathlib import Path

import pytest
import torch

from segnext_edu.checkpoints import load, save
from segnext_edu.files import InputError
from segnext_edu.model.segnext import SegNeXt
from tools.publish import publish


@pytest.fixture
def run(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    card = {"recipe": {"data": "elsewhere/photos", "start": None, "lr": 1e-3}, "score": {"step": 2, "miou": 0.5}}
    save(SegNeXt("nano", 2), folder / "best.safetensors", ["a", "b"], card)
    (folder / "log.jsonl").write_text(json.dumps({"step": 1}) + "\n")
    return folder


def test_what_is_published(run, tmp_path):
    path = publish(run, "shown", "Not for sale.", tmp_path / "out")
    assert sorted(file.name for file in path.parent.iterdir()) == ["shown.log.jsonl", "shown.safetensors"]
    assert path.with_name("shown.log.jsonl").read_bytes() == (run / "log.jsonl").read_bytes()
    model = load(path)
    assert model.card["terms"] == "Not for sale." and model.classes == ("a", "b")
    assert model.card["recipe"] == {"data": "photos", "start": None, "lr": 1e-3}  # no folder of this machine
    assert path.stat().st_size < 0.55 * (run / "best.safetensors").stat().st_size
    for a, b in zip(model.parameters(), load(run / "best.safetensors").parameters()):
        torch.testing.assert_close(a, b, atol=1e-4, rtol=1e-3)


def test_no_run_no_checkpoint(tmp_path):
    with pytest.raises(InputError, match="no such checkpoint"):
        publish(tmp_path / "none", "shown", None, tmp_path / "out")
    assert not (tmp_path / "out").exists()
