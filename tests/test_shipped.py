"""What data/ ships: each checkpoint is what its card says, small, and good enough to look at."""

import itertools
import json
from pathlib import Path

import pytest

from segnext_edu.checkpoints import card_short_side, load
from segnext_edu.data import class_names, load_scenes
from segnext_edu.files import repository_data
from segnext_edu.inference.evaluate import evaluate, scored_scenes

FOLDER = repository_data() / "checkpoints"
SHIPPED = sorted(FOLDER.glob("*.safetensors"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_card_and_log_tell_of_the_file(path: Path):
    assert path.stat().st_size <= 10_000_000
    score = load(path).card["score"]
    log = [json.loads(line) for line in path.with_suffix(".log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == list(range(1, len(log) + 1))
    assert log[score["step"] - 1] == score
    assert f"{score['miou']:.4f}" in (FOLDER / "README.md").read_text()


@pytest.mark.slow
def test_nano_has_learned_the_drawn_scenes():
    model = load(FOLDER / "nano_mini.safetensors")
    scenes = load_scenes("mini", "val")
    assert model.variant == "nano" and list(model.classes) == class_names(scenes)
    matrix = evaluate(model, scored_scenes(scenes, model.classes), card_short_side(model.card))
    assert matrix.miou() >= 0.65
    assert matrix.miou() == pytest.approx(model.card["score"]["miou"], abs=2e-3)


def test_what_comes_from_restricted_data_says_so():
    for name in ("nano_street", "tiny_street"):
        assert "non-commercial" in load(FOLDER / f"{name}.safetensors").card["terms"]


def test_tiny_keeps_its_score_in_half_precision(real_data: Path):
    model = load(FOLDER / "tiny_street.safetensors")
    assert model.variant == "tiny"
    scenes = scored_scenes(load_scenes(str(real_data / "labelmefacade"), "val"), model.classes)
    every_fourth = itertools.islice(scenes, 0, None, 4)
    matrix = evaluate(model, every_fourth, card_short_side(model.card))
    assert matrix.miou() == pytest.approx(model.card["score"]["miou"], abs=0.06)
