"""write_subset: the choice, its form, that it repeats, and that it appears whole or not at all."""

from __future__ import annotations

import hashlib
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu.data import ade20k, class_names, load_scenes
from segnext_edu.data.ade20k import spread, write_subset
from segnext_edu.data.pairs import Pair
from segnext_edu.files import InputError
from tests.conftest import SCENES, Site, contents, mask


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40), st.integers(1, 45), st.integers(0, 3))
def test_the_choice_takes_one_of_every_scene_in_turn(scene_of: list[int], count: int, seed: int):
    pairs = [Pair(Path(f"{i}.jpg"), Path(f"{i}.png")) for i in range(len(scene_of))]
    scenes = {str(i): str(scene) for i, scene in enumerate(scene_of)}
    chosen = spread(pairs, scenes, count, str(seed))
    there, taken = Counter(scenes.values()), Counter(scenes[pair.name] for pair in chosen)
    assert len(chosen) == len(set(chosen)) == min(count, len(pairs))
    assert all(taken[scene] in (there[scene], max(taken.values()), max(taken.values()) - 1) for scene in there)
    assert chosen == spread(pairs, scenes, count, str(seed)) == spread(pairs, scenes, 99, str(seed))[:count]


def test_another_seed_is_another_choice():
    pairs = [Pair(Path(f"{i}.jpg"), Path(f"{i}.png")) for i in range(50)]
    assert spread(pairs, {}, 10, "0") != spread(pairs, {}, 10, "1")


def test_what_is_written_and_said(official_zip: Path, tmp_path: Path, capsys):
    out = tmp_path / "small"
    before = contents(tmp_path)
    write_subset(official_zip, out, train=4, val=2)
    train, val = load_scenes(out), load_scenes(out, "val")
    assert (len(train), len(val)) == (4, 2) and len(class_names(train)) == 150
    assert len({SCENES[int(name[-8:]) - 1] for name in train["name"]}) == 4
    assert train[0]["image"].mode == "RGB" and train[0]["mask"].mode == "L"

    card, said = (out / "README.md").read_text(), capsys.readouterr().out
    for text in (card, said):
        assert "train: 4 of 8 images, from 4 scene categories" in text and "val: 2 of 3 images" in text
        assert "non-commercial" in text and "ade20k.csail.mit.edu/terms" in text and "seed 0" in text
    for name in ("train.parquet", "val.parquet"):
        assert f"{hashlib.sha256((out / name).read_bytes()).hexdigest()}  {name}" in card
    assert {name for name in contents(tmp_path) if not name.startswith("small/")} == set(before)


def test_the_files_bytes_are_kept(official_zip: Path, official_folder: Path, tmp_path: Path):
    write_subset(official_zip, tmp_path / "small", train=8, val=3)
    raw = load_scenes(tmp_path / "small").with_format("arrow")[:]
    for kind, suffix in (("image", "jpg"), ("mask", "png")):
        folder = official_folder / {"image": "images", "mask": "annotations"}[kind] / "training"
        for name, stored in zip(raw["name"].to_pylist(), raw[kind].to_pylist(), strict=True):
            assert stored["bytes"] == (folder / f"{name}.{suffix}").read_bytes()


def test_the_same_seed_gives_the_same_files_from_zip_and_folder(
    official_zip: Path, official_folder: Path, tmp_path: Path
):
    for source, out, seed in ((official_zip, "a", 1), (official_folder, "b", 1), (official_zip, "c", 2)):
        write_subset(source, tmp_path / out, train=3, val=2, seed=seed)
    write_subset(official_zip, tmp_path / "c", train=3, val=2, seed=1)  # a subset may be replaced by another
    a, b, c = (contents(tmp_path / out) for out in "abc")
    assert a == c and a.keys() == b.keys()
    assert a["train.parquet"] == b["train.parquet"] and a["val.parquet"] == b["val.parquet"]


def test_fewer_than_asked_for_are_all_taken_and_it_says_so(official_zip: Path, tmp_path: Path, capsys):
    write_subset(official_zip, tmp_path / "small")
    assert "train: 8 of 8 images, from 4 scene categories (all there are; 2,000 were asked" in capsys.readouterr().out
    assert len(load_scenes(tmp_path / "small")) == 8


def test_from_a_web_address(official_zip: Path, tmp_path: Path, serve, capsys):
    site = serve(Site(official_zip.read_bytes()))
    digest = hashlib.sha256(site.content).hexdigest()
    out = tmp_path / "data" / "small"
    write_subset(site.url, out, train=4, val=2, sha256=digest)
    assert len(load_scenes(out)) == 4
    kept = tmp_path / "data" / "ADEChallengeData2016.zip"
    assert kept.read_bytes() == site.content and f"{kept}: downloaded" in capsys.readouterr().out
    write_subset(site.url, out, train=5, val=2, sha256=digest)
    assert len(site.seen) == 1 and len(load_scenes(out)) == 5
    assert sorted(file.name for file in out.parent.iterdir()) == ["ADEChallengeData2016.zip", "small"]


def test_a_download_is_checked(official_zip: Path, tmp_path: Path, serve, monkeypatch):
    site = serve(Site(official_zip.read_bytes()))
    with pytest.raises(InputError, match="has the SHA-256 .* instead of 000"):
        write_subset(site.url, tmp_path / "data" / "small", sha256="0" * 64)
    monkeypatch.setattr(ade20k, "OFFICIAL_URL", site.url)
    with pytest.raises(InputError, match="but 967,382,037 were expected"):
        write_subset(site.url, tmp_path / "data" / "small")
    assert not list((tmp_path / "data").iterdir())


def test_a_local_zip_is_checked_against_its_sum(official_zip: Path, tmp_path: Path):
    digest = hashlib.sha256(official_zip.read_bytes()).hexdigest()
    write_subset(official_zip, tmp_path / "small", train=1, val=1, sha256=digest.upper())
    with pytest.raises(InputError, match="is not a file with the SHA-256 000"):
        write_subset(official_zip, tmp_path / "other", sha256="0" * 64)


def test_without_scene_categories_it_still_works_and_says_so(official_folder: Path, tmp_path: Path, capsys):
    (official_folder / "sceneCategories.txt").unlink()
    write_subset(official_folder, tmp_path / "small", train=3, val=2)
    assert "sceneCategories.txt: not there" in capsys.readouterr().out and len(load_scenes(tmp_path / "small")) == 3


BAD = {  # what was done to the official folder: (how, the file that the message must name, words it must have)
    "label above 150": (
        lambda f: (f / "annotations/training/ADE_train_00000003.png").write_bytes(mask(200, 3)),
        "ADE_train_00000003.png",
        "150 classes",
    ),
    "mask missing": (
        lambda f: (f / "annotations/validation/ADE_val_00000002.png").unlink(),
        "ADE_val_00000002.png",
        "missing",
    ),
    "truncated JPEG": (
        lambda f: (f / "images/validation/ADE_val_00000001.jpg").write_bytes(b"\xff\xd8\xff"),
        "ADE_val_00000001.jpg",
        "could not be decoded",
    ),
    "no validation": (lambda f: shutil.rmtree(f / "images/validation"), "images/validation", "missing"),
    "another layout": (lambda f: [shutil.rmtree(x) for x in f.glob("images/*")], "ADEChallengeData2016", "official"),
    "no annotations": (lambda f: shutil.rmtree(f / "annotations"), "ADEChallengeData2016", "images/ and annotations/"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_archives_leave_everything_as_it_was(what: str, official_folder: Path, tmp_path: Path):
    spoil, file, words = BAD[what]
    write_subset(official_folder, tmp_path / "small", train=2, val=1)
    spoil(official_folder)
    before = contents(tmp_path)
    with pytest.raises(InputError) as caught:
        write_subset(official_folder, tmp_path / "small")
    assert file in str(caught.value) and words in str(caught.value) and "\n" not in str(caught.value)
    assert contents(tmp_path) == before


def test_a_full_disk_leaves_nothing_behind(official_zip: Path, tmp_path: Path, small_disk):
    before = contents(tmp_path)
    with small_disk(8_000), pytest.raises(InputError, match="small: could not be written.*Free some space"):
        write_subset(official_zip, tmp_path / "small")
    assert contents(tmp_path) == before and not (tmp_path / "small").exists()


def test_a_folder_with_other_things_is_not_replaced(official_zip: Path, tmp_path: Path, monkeypatch):
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("years of work")
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    for out in ("precious", "."):
        with pytest.raises(InputError, match="Name a new folder"):
            write_subset(official_zip, out)
    assert contents(tmp_path) == before


def test_less_than_one_picture_is_refused(official_zip: Path, tmp_path: Path):
    with pytest.raises(InputError, match="0 train and 2 validation"):
        write_subset(official_zip, tmp_path / "small", train=0, val=2)


def test_the_real_pairs(real_data: Path, tmp_path: Path):
    write_subset(real_data / "ADEChallengeData2016", tmp_path / "small")
    for split, count in (("train", 2), ("val", 33)):
        subset, folder = load_scenes(tmp_path / "small", split), load_scenes(real_data / "ADEChallengeData2016", split)
        assert sorted(subset["name"]) == sorted(folder["name"]) and len(subset) == count
        place = {name: index for index, name in enumerate(folder["name"])}
        for index in range(count):
            one = subset[index]
            other = folder[place[one["name"]]]
            assert one["image"].tobytes() == other["image"].tobytes()
            assert one["mask"].tobytes() == other["mask"].tobytes() and one["classes"] == other["classes"]
