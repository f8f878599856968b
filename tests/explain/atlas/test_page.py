"""The atlas as a page: what lies in it, that it is one file, and that what cannot be read or written is said."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from segnext_edu import SegNeXt
from segnext_edu.__main__ import main
from segnext_edu.checkpoints import save
from segnext_edu.explain.atlas import page as module
from segnext_edu.explain.atlas.maps import PARTS, Sight, attention_map, dominant_map, look
from segnext_edu.explain.record import similarity
from segnext_edu.explain.sanity.baselines import randomise

CLASSES = ("wall", "sky", "tree, plant", "car", "</script><b>road</b>")
TERMS = "For the sake of a test only."


def photo() -> Image.Image:
    pixels = torch.randint(0, 256, (64, 96, 3), generator=torch.Generator().manual_seed(0)).byte()
    return Image.fromarray(pixels.numpy())


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    torch.manual_seed(3)
    model = SegNeXt("nano", len(CLASSES)).eval()
    model.classes, model.card = CLASSES, {"recipe": {"short_side": 64}, "terms": TERMS}
    return model


@pytest.fixture(scope="module")
def sights(model: SegNeXt) -> tuple[Sight, Sight]:
    return look(model, photo()), look(randomise(model), photo())


@pytest.fixture(scope="module")
def page(sights: tuple[Sight, Sight]) -> str:
    return module.page("<i>dog</i>.jpg", photo(), *sights)


def data(page: str) -> dict[str, Any]:
    (found,) = re.findall(r"const atlas = (\{.*\});\n", page)
    return json.loads(found)


def unpacked(packed: bytes, array: dict[str, Any], kind: type = np.uint8) -> np.ndarray:
    """An array as the page reads it: levels where it has no `low`, else values."""
    count = int(np.prod(array["shape"]))
    levels = np.frombuffer(packed, kind, count, array["at"]).reshape(array["shape"])
    return levels if "low" not in array else array["low"] + levels / 255 * (array["high"] - array["low"])


def test_every_map_on_the_page_is_the_atlas_map(page: str, sights: tuple[Sight, Sight]) -> None:
    found = data(page)
    packed = b64decode(found["bytes"])
    assert found["layers"] == [list(layer) for layer in sights[0].layers]
    for network, sight in zip(found["networks"], sights, strict=True):
        assert len(network["maps"]) == len(sight.layers) * len(PARTS) * 2
        for key, array in network["maps"].items():
            stage, block, part, reading = key.split(".")
            wanted = attention_map(sight, (int(stage), int(block)), part if part == "gate" else int(part), reading)
            half_a_level = (array["high"] - array["low"]) / 255 / 2
            np.testing.assert_allclose(unpacked(packed, array), wanted, atol=half_a_level + 1e-5)
        for key, array in network["dominant"].items():
            stage, block = key.split(".")
            assert np.array_equal(unpacked(packed, array), dominant_map(sight, (int(stage), int(block))))


def test_a_pixel_on_the_page_is_what_the_network_says(page: str, sights: tuple[Sight, Sight]) -> None:
    found = data(page)
    packed = b64decode(found["bytes"])
    for network, sight in zip(found["networks"], sights, strict=True):
        assert np.array_equal(unpacked(packed, network["labels"]), sight.labels)
        classes, shares = (unpacked(packed, network["best"][what]) for what in ("classes", "shares"))
        assert np.array_equal(classes[0], sight.labels)
        wanted = sight.probabilities.numpy()
        np.testing.assert_allclose(
            shares / 255, np.take_along_axis(wanted, classes.astype(int), 0), atol=0.5 / 255 + 1e-6
        )
        step = (network["shares"]["high"] - network["shares"]["low"]) / 255
        np.testing.assert_allclose(unpacked(packed, network["shares"]), sight.shares, atol=step / 2 + 1e-5)
        for stage in module.DECODED:
            directions = unpacked(packed, network["features"][str(stage)], np.int8).astype(int)
            alike = (directions * directions[1, 1]).sum(-1) / 127**2
            wanted = similarity(sight.recording.stages[stage - 1], 1, 1)[0]
            np.testing.assert_allclose(alike, wanted, atol=0.06)


def test_the_receptive_fields_are_those_of_their_cells(page: str, sights: tuple[Sight, Sight]) -> None:
    network, packed = data(page)["networks"][0], b64decode(data(page)["bytes"])
    assert len(network["fields"]) == module.FIELDS[0] * module.FIELDS[1]
    for field in network["fields"][::7]:
        levels = unpacked(packed, field)
        assert levels.max() == 255 and levels.shape == tuple(sights[0].labels.shape)
        pull = sights[0].pull(4, *field["cell"])
        y, x = divmod(int(pull.argmax()), pull.shape[1])
        assert levels[y // 8, x // 8] == 255


def test_the_page_is_one_file_that_asks_for_nothing(page: str) -> None:
    outside = re.sub(r"const atlas = \{.*\};\n", "", page)
    assert not re.search(
        r"https?://|//[a-z]+\.|\bimport\b|fetch\(|XMLHttpRequest|<link(?! rel=\"icon\" href=\"data:)", outside
    )
    assert "default-src 'none'" in outside
    assert not re.search(r'src="(?!data:)', outside)
    assert len(page.encode()) < module.MOST_BYTES


def test_names_cannot_put_markup_into_the_page(page: str) -> None:
    assert page.count("</script>") == 1
    assert "<i>dog" not in page and "<b>road" not in page
    assert data(page)["name"] == "<i>dog</i>.jpg" and data(page)["classes"][4] == CLASSES[4]


def test_the_terms_of_the_checkpoint_stand_on_the_page(page: str) -> None:
    assert data(page)["terms"] == TERMS


def test_a_page_that_would_be_too_large_is_refused(
    sights: tuple[Sight, Sight], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BYTES", 50_000)
    with pytest.raises(module.InputError, match="smaller network"):
        module.page("dog.jpg", photo(), *sights)


@pytest.fixture
def files(tmp_path: Path, model: SegNeXt) -> Path:
    photo().save(tmp_path / "photo.png")
    (tmp_path / "letter.jpg").write_text("Dear photograph")
    Image.new("RGB", (20, 400)).save(tmp_path / "strip.png")
    save(model, tmp_path / "model.safetensors", CLASSES, model.card)
    return tmp_path


def run(folder: Path, photograph: str, out: str) -> int:
    return main(
        [
            "atlas",
            str(folder / photograph),
            "--out",
            str(folder / out),
            "--checkpoint",
            str(folder / "model.safetensors"),
        ]
    )


def test_the_command_writes_the_page(files: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(files, "photo.png", "new/atlas.html") == 0
    assert "MB" in capsys.readouterr().out
    assert data((files / "new/atlas.html").read_text("utf-8"))["name"] == "photo.png"
    assert [path.name for path in (files / "new").iterdir()] == ["atlas.html"]


@pytest.mark.parametrize(
    ("photograph", "out", "said"),
    [
        ("gone.jpg", "atlas.html", "no such photograph"),
        ("letter.jpg", "atlas.html", "not an image that can be read"),
        ("strip.png", "atlas.html", "20 × 400 pixels"),
        ("photo.png", "atlas.pdf", "ends in .html"),
        ("photo.png", "letter.jpg/atlas.html", "could not be written"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_left(
    files: Path, photograph: str, out: str, said: str, capsys: pytest.CaptureFixture
) -> None:
    before = sorted(path.name for path in files.iterdir())
    assert run(files, photograph, out) == 2
    message = capsys.readouterr().err
    assert said in message and message.startswith("error: ") and message.count("\n") == 1
    assert sorted(path.name for path in files.iterdir()) == before


def test_a_full_disk_leaves_the_old_page(files: Path, small_disk: Any, capsys: pytest.CaptureFixture) -> None:
    (files / "atlas.html").write_text("the old one")
    with small_disk(20_000):
        assert run(files, "photo.png", "atlas.html") == 2
    assert "could not be written" in capsys.readouterr().err
    assert (files / "atlas.html").read_text() == "the old one"
