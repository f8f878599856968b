"""A folder of photographs: each labelled, and one that fails does not stop the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from segnext_edu.__main__ import main
from segnext_edu.files import InputError
from segnext_edu.photographs import jobs
from tests.conftest import photo


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    for seed, name in enumerate(("a.jpg", "b.JPG", "b.png")):
        (place / name).write_bytes(photo(seed))
    (place / "notes.txt").write_text("mine")
    (place / "._a.jpg").write_bytes(b"litter")
    return place


def predict(folder: Path, out: Path) -> int:
    return main(["predict", str(folder), "--checkpoint", "nano_mini", "--short-side", "32", "--out", str(out)])


def test_every_photograph_of_a_folder(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(folder, tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a.png", "b.JPG.png", "b.png.png"]
    assert capsys.readouterr().out.endswith("3 overlays in " + str(tmp_path / "out") + "\n")


def test_one_that_fails_does_not_stop_the_others(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "a.jpg").write_bytes(b"no picture")
    assert predict(folder, tmp_path / "out") == 2
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["b.JPG.png", "b.png.png"]
    said = capsys.readouterr().err
    assert "a.jpg: not an image that can be read" in said
    assert said.endswith("error: 1 of 3 photographs could not be labelled; the others are written\n")


def test_a_folder_of_nothing_and_an_out_that_is_no_folder(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file.png").touch()
    with pytest.raises(InputError, match="empty: has no photographs"):
        jobs(tmp_path / "empty", tmp_path / "out")
    for out in (tmp_path / "file.png", folder):
        with pytest.raises(InputError, match="a folder of photographs needs a folder of its own"):
            jobs(folder, out)
    with pytest.raises(InputError, match=r"give --out a name that ends in \.png or \.jpg"):
        jobs(folder / "a.jpg", tmp_path / "out.gif")
