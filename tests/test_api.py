"""What `from segnext_edu import …` gives, and the way of one photo through the command."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import segnext_edu
from segnext_edu import SegNeXt, evaluate, load, optimize, predict
from segnext_edu.__main__ import main
from segnext_edu.data import load_scenes
from segnext_edu.data.images import to_tensor
from segnext_edu.files import InputError
from segnext_edu.inference.evaluate import scored_scenes

PACKAGE = Path(segnext_edu.__file__).parent


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    return load("nano_mini")


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    return load_scenes("mini", "val")[0]["image"]


def test_names_are_imported_when_they_are_asked_for() -> None:
    code = "import sys, segnext_edu; print('torch' in sys.modules, set(segnext_edu.__all__) <= set(dir(segnext_edu)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("name", segnext_edu.__all__)
def test_every_name_is_what_its_module_defines(name: str) -> None:
    module = import_module(f"segnext_edu.{segnext_edu.MODULES[name]}")
    assert getattr(segnext_edu, name) is getattr(module, name)


def test_types_and_the_command_are_declared() -> None:
    assert (PACKAGE / "py.typed").is_file()
    project = PACKAGE.parent / "pyproject.toml"
    if not project.is_file():
        pytest.skip("no checkout")
    module, name = tomllib.loads(project.read_text("utf-8"))["project"]["scripts"]["segnext-edu"].split(":")
    assert getattr(import_module(module), name).__doc__ == "The installed command `segnext-edu`."


def test_load_takes_a_name_or_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: SegNeXt) -> None:
    shipped = segnext_edu.checkpoints.available()["nano_mini"].path
    assert load(shipped).card == model.card
    with pytest.raises(InputError, match="no such checkpoint.*nano_mini"):
        load("nano_mine")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "nano_mini").write_text("a file of one's own of this name")
    with pytest.raises(InputError, match="nano_mini: not a checkpoint"):
        load("nano_mini")


def test_predict_takes_an_image_a_path_or_a_tensor(tmp_path: Path, model: SegNeXt, photo: Image.Image) -> None:
    photo.save(tmp_path / "photo.png")
    labels = predict(model, photo)
    assert labels.shape == (photo.height, photo.width) and labels.dtype == torch.long
    for same in (tmp_path / "photo.png", str(tmp_path / "photo.png"), to_tensor(photo)):
        assert torch.equal(predict(model, same), labels)


def test_a_photo_is_seen_at_the_size_that_the_model_was_trained_at(model: SegNeXt, photo: Image.Image) -> None:
    trained_at = model.card["recipe"]["short_side"]
    assert trained_at != 512
    assert torch.equal(predict(model, photo), predict(model, photo, trained_at))
    assert (predict(model, photo) != predict(model, photo, 512)).any()
    fast = optimize(model)
    assert torch.equal(predict(fast, photo), predict(fast, photo, trained_at))
    assert fast.classes == model.classes
    fresh = SegNeXt("nano", 5).eval()
    assert torch.equal(predict(fresh, photo), predict(fresh, photo, 512))


def test_evaluate_takes_a_data_set_a_folder_or_pairs(tmp_path: Path, model: SegNeXt) -> None:
    scenes = load_scenes("mini", "val").select(range(2))
    for name in ("images", "annotations"):
        (tmp_path / name).mkdir()
    for index in range(2):
        scenes[index]["image"].save(tmp_path / "images" / f"{index}.png")
        scenes[index]["mask"].save(tmp_path / "annotations" / f"{index}.png")
    (tmp_path / "classes.txt").write_text("\n".join(model.classes), encoding="utf-8")
    counts = evaluate(model, scored_scenes(scenes, model.classes), 64).counts
    assert counts.sum() > 0
    for same in (scenes, tmp_path, str(tmp_path)):
        assert torch.equal(evaluate(model, same, 64).counts, counts)


def test_the_encoder_describes_its_features_as_timm_does() -> None:
    encoder = SegNeXt("tiny").eval().encoder
    assert [info["reduction"] for info in encoder.feature_info] == [4, 8, 16, 32]
    outputs = {}
    for info in encoder.feature_info:
        encoder.get_submodule(info["module"]).register_forward_hook(
            lambda _, __, output, name=info["module"]: outputs.update({name: output})
        )
    with torch.no_grad():
        feats = encoder(torch.zeros(1, 3, 64, 96))
    for info, feat in zip(encoder.feature_info, feats, strict=True):
        assert feat is outputs[info["module"]]
        assert feat.shape == (1, info["num_chs"], 64 // info["reduction"], 96 // info["reduction"])


def passed(arguments: list[str]) -> set[str]:
    """The package's modules whose functions a command calls, without the command line's own and the choice of a device.

    The network counts as one, as the notebooks build it (model/), optimised, or in another engine.
    """
    seen = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        path = Path(frame.f_code.co_filename)
        if event == "call" and path.is_relative_to(PACKAGE):
            seen.add(path.relative_to(PACKAGE).with_suffix("").as_posix())

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        assert main(arguments) == 0
    finally:
        sys.setprofile(before)
    network = {name for name in seen if name.startswith("model/")}
    network |= {f"inference/{name}" for name in ("optimize", "folding", "bfloat16", "engines")}
    assert seen & network
    return seen - network - {"__main__", "cli", "photographs", "machine"} | {"network"}


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--plain"]], ids=["optimised", "plain"])
def test_a_photo_passes_few_modules(tmp_path: Path, photo: Image.Image, options: list[str]) -> None:
    photo.save(tmp_path / "photo.png")
    command = ["predict", "--checkpoint", "nano_mini", str(tmp_path / "photo.png"), "--out", str(tmp_path / "o.png")]
    assert main([*command, *options]) == 0  # importing runs each module once: not the photo's way
    found = passed([*command, *options])
    assert len(found) <= 8, found


def test_plain_runs_the_model_that_the_notebooks_build(
    tmp_path: Path, photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo.save(tmp_path / "photo.png")

    def overlay(name: str, *options: str) -> np.ndarray:
        command = ["predict", "--checkpoint", "nano_mini", str(tmp_path / "photo.png"), "--out", str(tmp_path / name)]
        assert main([*command, *options]) == 0
        return np.asarray(Image.open(tmp_path / name))

    optimised = overlay("optimised.png")
    monkeypatch.delattr("segnext_edu.inference.optimize.FastSegNeXt")  # so that nothing can be optimised any more
    plain = overlay("plain.png", "--plain")
    assert (plain == optimised).mean() > 0.999  # logits differ by 1e-6, which may decide a pixel
