"""What a run of the comparison leaves is what happened in it; what is set aside stays aside."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segnext_edu.data import load_scenes
from segnext_edu.files import InputError
from tools import comparison


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twelve pictures of four places."""
    place = tmp_path_factory.mktemp("streets")
    (place / "images").mkdir()
    (place / "annotations").mkdir()
    (place / "classes.txt").write_text("light\ndark\n")
    stems = [f"{city}__{index}" for city in ("davis", "palma", "boston", "gerona") for index in range(3)]
    for index, stem in enumerate(stems):
        mask = np.where(np.arange(80)[None] + np.zeros((64, 1)) < 20 + 4 * index, 1, 2).astype(np.uint8)
        image = np.where(mask == 1, 200, 50)[..., None].repeat(3, axis=2)
        Image.fromarray(image.astype(np.uint8)).save(place / "images" / f"{stem}.png")
        Image.fromarray(mask).save(place / "annotations" / f"{stem}.png")
    (place / "train.txt").write_text("".join(f"{stem}\n" for stem in stems[:9]))
    (place / "val.txt").write_text("".join(f"{stem}\n" for stem in stems[9:]))
    return place


class TestHoldout:
    def test_nothing_of_the_validation_split_and_no_place_on_both_sides(self, folder, tmp_path):
        comparison.holdout(folder, tmp_path / "aside", share=0.3)
        train, val = ((tmp_path / "aside" / f"{name}.txt").read_text().split() for name in ("train", "val"))
        assert sorted(train + val) == sorted((folder / "train.txt").read_text().split())
        assert len(val) == 3 and not {stem[:4] for stem in train} & {stem[:4] for stem in val}
        assert len(load_scenes(tmp_path / "aside", "train")) == 6

    def test_a_folder_without_a_list_is_refused_in_words(self, folder, tmp_path):
        shutil.copytree(folder, tmp_path / "bare")
        (tmp_path / "bare" / "train.txt").unlink()
        with pytest.raises(InputError, match="train.txt"):
            comparison.holdout(tmp_path / "bare", tmp_path / "aside")
        assert not (tmp_path / "aside").exists()


@pytest.fixture(scope="module")
def outcome(folder, tmp_path_factory):
    patch = pytest.MonkeyPatch()
    patch.setattr(comparison, "RECIPE", {"batch": 2, "crop": 32, "short_side": 64, "head_lr_mult": 1.0})
    patch.setattr(comparison, "SAVE_EVERY", 2)
    work = tmp_path_factory.mktemp("work")
    yield comparison.run(str(folder), "nano", 3, 4, 1e-3, work, "auto"), work
    patch.undo()


class TestRun:
    def test_it_can_be_stored_and_says_how_it_was_made(self, outcome, folder):
        result = json.loads(json.dumps(outcome[0]))
        assert result["network"] == "nano" and result["recipe"]["data"] == folder.name
        assert (result["recipe"]["seed"], result["recipe"]["steps"], result["recipe"]["lr"]) == (3, 4, 1e-3)
        assert result["environment"]["precision"] == "float32"
        assert str(folder) not in json.dumps(result)

    def test_the_curve_is_the_logs(self, outcome):
        result, work = outcome
        log = [json.loads(line) for line in (work / "log.jsonl").read_text().splitlines()]
        assert result["curve"]["step"] == [2, 4]
        assert result["curve"]["miou"] == [log[1]["miou"], log[3]["miou"]]
        assert result["curve"]["loss"][1] == pytest.approx(np.mean([line["loss"] for line in log]))

    def test_the_confusion_matrix_is_the_last_steps(self, outcome, folder):
        counts = np.array(outcome[0]["counts"])
        assert counts.sum() == 3 * 64 * 80
        iou = counts.diagonal() / (counts.sum(0) + counts.sum(1) - counts.diagonal())
        assert iou.mean() == pytest.approx(outcome[0]["curve"]["miou"][-1])

    def test_run_again_it_ends_at_once_with_the_same(self, outcome, folder, monkeypatch):
        monkeypatch.setattr(comparison, "RECIPE", {"batch": 2, "crop": 32, "short_side": 64, "head_lr_mult": 1.0})
        result, work = outcome
        assert comparison.run(str(folder), "nano", 3, 4, 1e-3, work, "auto")["counts"] == result["counts"]


@pytest.mark.parametrize("name", comparison.NETWORKS)
def test_every_network_says_its_name(name):
    assert name.startswith(comparison.NETWORKS[name](4).variant)
