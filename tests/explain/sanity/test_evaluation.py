"""Every map of a picture gets its areas; and the command writes them, or one line that says what is wrong."""

import json
from pathlib import Path

import pytest
import torch

from segnext_edu import SegNeXt
from segnext_edu.explain.sanity import evaluation
from segnext_edu.explain.sanity.baselines import randomise
from segnext_edu.files import repository_data
from tools.sanity import main

MINI = repository_data() / "checkpoints" / "nano_mini.safetensors"
NAMES = [f"gate of stage {stage}" for stage in (1, 2, 3, 4)]
NAMES += ["branch 5 of stage 3", "branch 21 of stage 3", "Grad-CAM of stage 2", "Grad-CAM of stage 4"]


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    torch.manual_seed(0)
    model = SegNeXt("nano", 6).eval()
    torch.nn.init.normal_(model.decoder.classify.weight)  # or one class takes all
    return model


def test_a_twin_of_itself_is_alike(model: SegNeXt):
    picture = torch.randn(3, 64, 96, generator=torch.Generator().manual_seed(0))
    found = evaluation.map_scores(model, model, picture, seed=0)
    assert found is not None
    names = [name for name in found if f"{name}, random weights" in found]
    assert names == NAMES
    for name in names:
        assert found[name].alike in (0, pytest.approx(1))  # 0: a map that is flat
        assert found[name].deletion == found[f"{name}, random weights"].deletion
    assert found["edges"].edges == pytest.approx(1) and found["edges"].alike is None
    assert {"middle", "noise", "smooth noise", "the class's own probability"} < set(found)
    assert all(0 <= value <= 1 for fate in found.values() for value in fate.deletion + fate.insertion)


def test_no_class_to_ask_about(model: SegNeXt, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(evaluation, "class_to_ask", lambda labels: None)
    assert evaluation.map_scores(model, randomise(model), torch.randn(3, 64, 64), seed=0) is None


def test_bars_of_every_part_and_length(model: SegNeXt):
    table = evaluation.turned_bars(model, draws=2)
    assert set(table) == {f"{part} {length}" for part in ("horizontal", "vertical", "pair") for length in (7, 11, 21)}
    assert all(len(values) == 2 for row in table.values() for values in row.values())


@pytest.mark.slow
def test_the_command_writes_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture):
    monkeypatch.setattr("tools.sanity.turned_bars", lambda model: evaluation.turned_bars(model, draws=1))
    out = tmp_path / "controls.json"
    assert main(["--checkpoint", str(MINI), "--data", "mini", "--pictures", "1", "--out", str(out)]) == 0
    table = json.loads(out.read_text("utf-8"))
    assert table["pictures"] == table["asked"] == 1 and table["checkpoint"]["file"] == MINI.name
    assert len(table["maps"]["gate of stage 2"]["deletion"]) == 1 and str(tmp_path) not in out.read_text("utf-8")
    assert set(table["bars"]) == {"trained", *(f"untrained {seed}" for seed in range(5))}
    assert "1 of 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"--out": "controls.txt"}, ".json"),
        ({"--pictures": "0"}, "at least 1"),
        ({"--data": "nowhere"}, "nowhere"),
        ({"--checkpoint": "nothing.safetensors"}, "nothing.safetensors"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(
    change: dict[str, str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
):
    monkeypatch.chdir(tmp_path)
    arguments = {"--checkpoint": str(MINI), "--data": "mini", "--pictures": "1", "--out": "controls.json", **change}
    assert main([word for pair in arguments.items() for word in pair]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and words in said and said.count("\n") == 1
    assert not list(tmp_path.iterdir())
