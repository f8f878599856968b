import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segnext_edu import SegNeXt
from segnext_edu.__main__ import main
from segnext_edu.checkpoints import save
from segnext_edu.data import class_names, load_scenes


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    classes = class_names(load_scenes("mini", "val"))
    save(SegNeXt("nano", len(classes)), path, classes, {"recipe": {"short_side": 64}})
    return path


@pytest.fixture
def photo(tmp_path) -> Path:
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)).save(tmp_path / "photo.jpg")
    return tmp_path / "photo.jpg"


def refused(capsys, *arguments: object) -> str:
    """Run a command that must fail on its input: exit code 2, one line on stderr, which is returned."""
    assert main([str(argument) for argument in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: ") and said.count("\n") == 1
    return said


@pytest.mark.slow
def test_train_evaluate_predict_from_the_shell(tmp_path, photo):
    """The three commands as a user types them, on the drawn scenes."""

    def run(*arguments: object) -> str:
        command = [sys.executable, "-m", "segnext_edu", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    out = run("train", "--data", "mini", "--variant", "nano", "--out", "runs/first", "--steps", 2, "--batch", 2,
              "--crop", 64, "--device", "cpu")  # fmt: skip
    best = json.loads((tmp_path / "runs/first/log.jsonl").read_text().splitlines()[-1])["miou"]
    assert f"best mIoU {best:.4f}" in out
    out = run("evaluate", "--checkpoint", "runs/first/last.safetensors", "--data", "mini")
    assert f"mIoU {best:.4f}" in out and "pixel accuracy" in out and "sky" in out
    out = run("predict", "--checkpoint", "runs/first/last.safetensors", photo, "--out", "overlay.png")
    assert "%" in out
    assert Image.open(tmp_path / "overlay.png").size == (90, 60)


class TestRefusals:
    def test_predict(self, capsys, checkpoint, photo, tmp_path):
        out = tmp_path / "overlay.png"
        assert "none.jpg: no such photograph" in refused(
            capsys, "predict", "--checkpoint", checkpoint, tmp_path / "none.jpg", "--out", out
        )
        whole = photo.read_bytes()
        photo.write_bytes(whole[:500])
        assert "photo.jpg: not an image" in refused(capsys, "predict", "--checkpoint", checkpoint, photo, "--out", out)
        photo.write_bytes(whole)
        assert "name that ends in .png" in refused(
            capsys, "predict", "--checkpoint", checkpoint, photo, "--out", tmp_path / "overlay.xyz"
        )
        assert "no such checkpoint" in refused(
            capsys, "predict", "--checkpoint", tmp_path / "x.safetensors", photo, "--out", out
        )
        assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg"]

    def test_an_output_that_cannot_be_written(self, capsys, checkpoint, photo, tmp_path):
        (tmp_path / "file").touch()
        said = refused(capsys, "predict", "--checkpoint", checkpoint, photo, "--out", tmp_path / "file" / "overlay.png")
        assert "could not be written" in said

    def test_evaluate(self, capsys, checkpoint, tmp_path):
        said = refused(capsys, "evaluate", "--checkpoint", checkpoint, "--data", tmp_path / "nowhere")
        assert "nowhere" in said

    def test_train(self, capsys, tmp_path):
        assert "--data is missing" in refused(capsys, "train", "--out", tmp_path / "run")
        assert "nowhere" in refused(capsys, "train", "--data", tmp_path / "nowhere", "--out", tmp_path / "run")
        assert "toaster" in refused(capsys, "train", "--data", "mini", "--device", "toaster", "--out", tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_data(self, capsys, tmp_path):
        said = refused(capsys, "data", "ade20k", "--source", tmp_path / "none.zip", "--out", tmp_path / "subset")
        assert "none.zip" in said
        assert not any(tmp_path.iterdir())


def test_a_folder_is_scored_on_its_val_txt_and_else_on_all(checkpoint, tmp_path, capsys):
    place = tmp_path / "own"
    (place / "images").mkdir(parents=True)
    (place / "annotations").mkdir()
    scenes = load_scenes("mini", "val").select(range(3))
    for index in range(3):
        scenes[index]["image"].save(place / "images" / f"{index}.png")
        scenes[index]["mask"].save(place / "annotations" / f"{index}.png")
    (place / "classes.txt").write_text("\n".join(class_names(scenes)) + "\n")

    def pixels() -> int:
        assert main(["evaluate", "--checkpoint", str(checkpoint), "--data", str(place)]) == 0
        lines = capsys.readouterr().out.splitlines()[3:]
        return sum(int(line.split()[-2].replace(",", "")) for line in lines)

    labelled = [int((np.array(scenes[index]["mask"]) > 0).sum()) for index in range(3)]
    assert pixels() == sum(labelled)
    (place / "val.txt").write_text("1\n")
    assert pixels() == labelled[1]
    shutil.rmtree(place)
