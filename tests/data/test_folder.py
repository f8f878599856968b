"""Folders and zips in both layouts: what is read, and what is said about those that cannot be."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from segnext_edu.data import class_names, load_scenes
from segnext_edu.files import InputError
from tests.conftest import contents, mask, photo


def names(source: Path, split: str) -> list[str]:
    return load_scenes(source, split)["name"][:]


def rows(source: Path, split: str) -> list[dict]:
    scenes = load_scenes(source, split)
    return [scenes[index] for index in range(len(scenes))]


def test_a_folder_of_ones_own(own_folder: Path):
    before = contents(own_folder)
    scenes = load_scenes(own_folder, "val")
    assert class_names(scenes) == ["cat", "dog", "cow"]
    assert scenes["name"][:] == ["d", "e"] and scenes[0]["classes"] == [0, 1, 2]
    assert scenes[0]["image"].mode == "RGB" and scenes[0]["mask"].mode == "L"
    assert set(np.unique(scenes[0]["mask"])) == {0, 1, 2, 3}
    assert contents(own_folder) == before


def test_the_lists_divide_the_folder(own_folder: Path):
    assert (names(own_folder, "train"), names(own_folder, "val")) == (list("abc"), list("de"))
    (own_folder / "train.txt").unlink()
    (own_folder / "val.txt").write_text("\ufeffb\r\n\r\nc\r\n", encoding="utf-8")  # as Windows' editor saves it
    assert (names(own_folder, "train"), names(own_folder, "val")) == (list("ade"), list("bc"))
    (own_folder / "val.txt").unlink()
    assert names(own_folder, "train") == names(own_folder, "val") == list("abcde")


def test_file_names_of_many_kinds(own_folder: Path):
    (own_folder / "train.txt").write_text("a.b\nPHOTO\nüber\n", encoding="utf-8")
    for stem, image, label in (("a.b", ".jpeg", ".png"), ("PHOTO", ".JPG", ".PNG"), ("über", ".png", ".png")):
        (own_folder / "images" / f"{stem}{image}").write_bytes(photo(0))
        (own_folder / "annotations" / f"{stem}{label}").write_bytes(mask(4, 0))
    (own_folder / "images" / ".DS_Store").write_bytes(b"")
    (own_folder / "images" / "._a.jpg").write_bytes(b"")
    assert names(own_folder, "train") == ["a.b", "PHOTO", "über"]


def test_a_folder_still_reads_after_a_change_of_directory(own_folder: Path, monkeypatch):
    monkeypatch.chdir(own_folder.parent)
    scenes = load_scenes("mine")
    monkeypatch.chdir(own_folder)
    assert scenes[0]["image"].size == (48, 32)


def test_the_official_folder_its_parent_and_its_zip_hold_the_same(official_folder: Path, official_zip: Path):
    assert len(class_names(load_scenes(official_zip))) == 150
    for split, count in (("train", 8), ("val", 3)):
        from_folder, from_zip = rows(official_folder, split), rows(official_zip, split)
        assert len(from_folder) == count and rows(official_folder.parent, split) == from_folder
        for one, other in zip(from_folder, from_zip, strict=True):
            assert one["name"] == other["name"] and one["classes"] == other["classes"]
            assert one["image"].tobytes() == other["image"].tobytes()
            assert one["mask"].tobytes() == other["mask"].tobytes()


BAD = {  # what was done to the folder: (how, the file that the message must name, words it must have)
    "image missing": (lambda f: (f / "images/b.jpg").unlink(), "images/b.jpg", "missing"),
    "mask missing": (lambda f: (f / "annotations/b.png").unlink(), "annotations/b.png", "missing"),
    "listed, not there": (lambda f: (f / "train.txt").write_text("a\nnobody\n"), "images/nobody", "train.txt lists it"),
    "same stem twice": (lambda f: (f / "images/b.png").write_bytes(photo(1)), "images/b", "same stem"),
    "no pictures": (
        lambda f: [x.unlink() for x in f.glob("*/*")] and (f / "train.txt").unlink(),
        "images",
        "no images",
    ),
    "empty list": (lambda f: (f / "train.txt").write_text("\n"), "train.txt", "no images"),
    "list not text": (lambda f: (f / "train.txt").write_bytes(b"\xff\xfe\xfa"), "train.txt", "UTF-8"),
    "no classes": (lambda f: (f / "classes.txt").unlink(), "classes.txt", "missing"),
    "classes empty": (lambda f: (f / "classes.txt").write_text(""), "classes.txt", "expected 1 to 254"),
    "class twice": (lambda f: (f / "classes.txt").write_text("cat\ndog\ncat\n"), "classes.txt", "different names"),
    "class without name": (lambda f: (f / "classes.txt").write_text("cat\n\ndog\n"), "classes.txt", "no line empty"),
    "no annotations": (lambda f: shutil.rmtree(f / "annotations"), "mine", "images/ and annotations/"),
    "empty folder": (lambda f: shutil.rmtree(f) or f.mkdir(), "mine", "images/ and annotations/"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_folders_are_told_apart(what: str, own_folder: Path):
    spoil, file, words = BAD[what]
    spoil(own_folder)
    before = contents(own_folder.parent)
    with pytest.raises(InputError) as caught:
        load_scenes(own_folder)
    message = str(caught.value)
    assert file in message and words in message and "\n" not in message
    assert contents(own_folder.parent) == before


def test_a_missing_partner_without_lists(own_folder: Path):
    (own_folder / "train.txt").unlink()
    (own_folder / "images" / "e.jpg").unlink()
    with pytest.raises(InputError, match="images/e.jpg.*missing, though its partner is there"):
        load_scenes(own_folder)


def test_a_zip_that_ends_early(official_zip: Path):
    whole = official_zip.read_bytes()
    for length in (0, 100, len(whole) // 2, len(whole) - 30):
        official_zip.write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"ADEChallengeData2016\.zip: .*ends early"):
            load_scenes(official_zip)


def test_a_zip_with_a_damaged_member_names_it(official_zip: Path, official_folder: Path):
    whole = official_zip.read_bytes()
    victim = (official_folder / "images/training/ADE_train_00000003.jpg").read_bytes()
    middle = whole.index(victim) + len(victim) // 2
    official_zip.write_bytes(whole[:middle] + bytes(20) + whole[middle + 20 :])
    with pytest.raises(InputError, match=r"ADEChallengeData2016\.zip/.*ADE_train_00000003\.jpg: could not be decoded"):
        load_scenes(official_zip)


def test_an_official_folder_without_one_split(official_folder: Path):
    shutil.rmtree(official_folder / "images/training")
    assert len(load_scenes(official_folder, "val")) == 3
    with pytest.raises(InputError, match="images/training: this folder is missing"):
        load_scenes(official_folder, "train")


def test_labelmefacade_loads_as_it_lies(real_data: Path):
    train, val = (load_scenes(real_data / "labelmefacade", split) for split in ("train", "val"))
    assert (len(train), len(val)) == (730, 134) and class_names(train)[:2] == ["building", "car"]
    assert not set(train["name"]) & set(val["name"])


def test_the_real_ade20k_pairs(real_data: Path):
    train, val = (load_scenes(real_data / "ADEChallengeData2016", split) for split in ("train", "val"))
    assert (len(train), len(val)) == (2, 33)
    picture = val[0]
    assert picture["image"].size == picture["mask"].size and picture["image"].mode == "RGB"


def test_a_val_list_that_names_every_image_leaves_nothing_to_train_on(own_folder: Path) -> None:
    (own_folder / "train.txt").unlink(missing_ok=True)
    (own_folder / "val.txt").write_text("\n".join(sorted(path.stem for path in (own_folder / "images").iterdir())))
    with pytest.raises(InputError, match=r"val\.txt: lists every image"):
        load_scenes(str(own_folder), "train")


def test_an_image_in_both_lists_is_refused(own_folder: Path) -> None:
    (own_folder / "val.txt").write_text("d\nb\n", encoding="utf-8")
    for split in ("train", "val"):
        with pytest.raises(InputError, match=r"val\.txt: lists b, and so does train\.txt"):
            load_scenes(own_folder, split)


def test_a_list_that_names_an_image_twice_is_refused(own_folder: Path) -> None:
    (own_folder / "train.txt").write_text("a\nb\na\n")
    with pytest.raises(InputError, match=r"train\.txt: lists a more than once"):
        load_scenes(str(own_folder), "train")


@pytest.mark.parametrize("field", ["encrypted", "version", "method"])
def test_a_zip_that_cannot_be_unpacked_is_named(field: str, own_folder: Path, tmp_path: Path) -> None:
    """One byte of both headers: the flag of encryption, the version that is needed, the method."""
    path = tmp_path / "odd.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(own_folder.rglob("*")):
            archive.write(file, file.relative_to(own_folder))
    data = bytearray(path.read_bytes())
    local, central, value = {"encrypted": (6, 8, 1), "version": (4, 6, 99), "method": (8, 10, 99)}[field]
    for signature, offset in ((b"PK\x03\x04", local), (b"PK\x01\x02", central)):
        start = data.find(signature)
        while start >= 0:
            data[start + offset] = value
            start = data.find(signature, start + 4)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"odd\.zip"):
        load_scenes(str(path), "train")


@pytest.mark.parametrize("name", ["x" * 5000, "a\0b", "\udcff"])
def test_a_name_that_no_file_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="no such folder or zip"):
        load_scenes(name, "train")
