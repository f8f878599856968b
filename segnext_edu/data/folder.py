"""Folders of photographs and masks, every pair checked before anything is trained on it.

Two layouts are understood, unpacked or inside a zip:

    a folder of one's own                     the official ADEChallengeData2016
    images/       street_1.jpg  …             images/{training,validation}/       ADE_train_00000001.jpg  …
    annotations/  street_1.png  …             annotations/{training,validation}/  ADE_train_00000001.png  …
    classes.txt   one name per line             (its 150 classes are known)
    train.txt, val.txt   stems, optional

A mask is a single-channel PNG of its image's size: 0 = other, 1..K = the K classes, in the order of classes.txt.
"""

from __future__ import annotations

import lzma
import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from segnext_edu.data.pairs import Pair, Place, checked_dataset, shown
from segnext_edu.data.palette import ADE20K_NAMES
from segnext_edu.files import InputError, printable

if TYPE_CHECKING:
    from datasets import Dataset

# What reading a zip raises: damaged, encrypted, of an unknown method or version, cut off.
UNREADABLE = (OSError, zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, EOFError)
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
OFFICIAL_SPLITS = {"train": "training", "val": "validation"}


# ---- From a place to a dataset


def read_parquet(folder: Path, split: str) -> Dataset:
    """The split of a folder that holds {train,val}.parquet, read into memory; nothing is cached anywhere."""
    import pyarrow
    import pyarrow.parquet
    from datasets import ClassLabel, Dataset, Image, List
    from datasets.table import InMemoryTable

    path = folder / f"{split}.parquet"
    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowInvalid) as error:
        what = "is missing" if not path.is_file() else f"could not be read ({str(error).splitlines()[0]})"
        raise InputError(f"{path}: {what}. Make or fetch this dataset again.") from error
    if missing := {"image", "mask", "name", "classes"} - set(table.column_names):
        raise InputError(f"{path}: has no column {', '.join(sorted(missing))}; was it written by this project?")
    dataset = Dataset(InMemoryTable(table))
    kinds, labels = dataset.features, dataset.features["classes"]
    if not (isinstance(kinds["image"], Image) and isinstance(kinds["mask"], Image)) or not (
        isinstance(labels, List) and isinstance(labels.feature, ClassLabel)
    ):
        raise InputError(f"{path}: its columns hold something else than images, masks and named classes.")
    if not len(dataset):
        raise InputError(f"{path}: holds no images.")
    return dataset


def read_place(path: Path, split: str) -> Dataset:
    """The split of a folder or zip in either layout, or of a folder with parquet files. Raises InputError."""
    if any(os.path.isfile(path / name) for name in ("train.parquet", "val.parquet")):
        return read_parquet(path, split)
    with opened(path) as root:
        if is_official(root):
            return checked_dataset(official_pairs(root, split), ADE20K_NAMES)
        return checked_dataset(own_pairs(root, split), read_class_names(root / "classes.txt"))


@contextmanager
def opened(path: Path) -> Iterator[Place]:
    """The folder, on disk or within the zip at `path`, that holds images/ and annotations/."""
    if os.path.isdir(path):  # unlike Path's, these say no to names that no file can have
        yield _root(path.resolve())
        return
    if not os.path.isfile(path):
        raise InputError(f'{path}: no such folder or zip. Data is "mini", "ade20k", or the path of a folder or a zip.')
    try:
        archive = zipfile.ZipFile(path)
    except (*UNREADABLE, ValueError) as error:
        raise InputError(
            f"{path}: no zip, or one that ends early ({error}). Fetch it again: delete it first."
        ) from error
    with archive:
        yield _root(zipfile.Path(archive))


def _root(place: Place) -> Place:
    for root in (place, place / "ADEChallengeData2016"):
        if (root / "images").is_dir() and (root / "annotations").is_dir():
            return root
    raise InputError(
        f"{shown(place)}: has no images/ and annotations/ side by side. Expected those two with classes.txt, "
        "or the official ADEChallengeData2016, or train.parquet and val.parquet."
    )


# ---- Which files belong together


def is_official(root: Place) -> bool:
    return any((root / "images" / folder).is_dir() for folder in OFFICIAL_SPLITS.values())


def official_pairs(root: Place, split: str) -> list[Pair]:
    """All pairs of a split of ADEChallengeData2016, sorted by name."""
    return find_pairs(root / "images" / OFFICIAL_SPLITS[split], root / "annotations" / OFFICIAL_SPLITS[split])


def own_pairs(root: Place, split: str) -> list[Pair]:
    """The pairs that `split`.txt lists; without that file all of them (for "train": all that val.txt does not list)."""
    listed = {name: set(lines(root / f"{name}.txt")) for name in OFFICIAL_SPLITS if (root / f"{name}.txt").is_file()}
    if len(listed) == 2 and (both := sorted((listed["train"] & listed["val"]) - {""})):
        raise InputError(
            f"{shown(root / 'val.txt')}: lists {both[0]}, and so does train.txt. A score on images that were trained "
            "on says nothing; take each image out of one of the two."
        )
    if split in listed:
        return find_pairs(root / "images", root / "annotations", listed=root / f"{split}.txt")
    pairs = find_pairs(root / "images", root / "annotations")
    held_out = listed.get("val", set()) if split == "train" else set()
    left = [pair for pair in pairs if pair.name not in held_out]
    if not left:
        raise InputError(f"{shown(root / 'val.txt')}: lists every image, so that none is left to train on.")
    return left


def find_pairs(images: Place, annotations: Place, listed: Place | None = None) -> list[Pair]:
    """Match images/<stem>.jpg|png with annotations/<stem>.png, for the stems in the file `listed` or for all."""
    image_of, mask_of = _by_stem(images, IMAGE_SUFFIXES), _by_stem(annotations, (".png",))
    stems = [stem for stem in lines(listed) if stem] if listed else sorted(image_of.keys() | mask_of.keys())
    if not stems:
        raise InputError(f"{shown(listed or images)}: {'lists' if listed else 'holds'} no images.")
    if len(set(stems)) < len(stems):
        twice = next(stem for index, stem in enumerate(stems) if stem in stems[:index])
        raise InputError(f"{shown(listed or images)}: lists {twice} more than once. Name each image once.")
    for stem in stems:
        for files, folder, wanted in ((image_of, images, "jpg or .png"), (mask_of, annotations, "png")):
            if stem not in files:
                why = f"{shown(listed)} lists it" if listed else "its partner is there"
                raise InputError(f"{shown(folder / stem)}.{wanted}: missing, though {why}. Add it or take {stem} out.")
    return [Pair(image_of[stem], mask_of[stem]) for stem in stems]


def _by_stem(folder: Place, suffixes: tuple[str, ...]) -> dict[str, Place]:
    if not folder.is_dir():
        raise InputError(f"{shown(folder)}: this folder is missing.")
    found: dict[str, Place] = {}
    for file in folder.iterdir():
        if file.suffix.lower() in suffixes and not file.name.startswith("."):
            if file.stem in found:
                twin = found[file.stem].name
                raise InputError(f"{shown(file)}: {twin} has the same stem. Rename or remove one of them.")
            found[file.stem] = file
    return found


def read_class_names(path: Place) -> list[str]:
    """classes.txt: the name of label k stands on line k."""
    if not path.is_file():
        raise InputError(
            f"{shown(path)}: missing. Write one class name per line; line k names the label k of the masks."
        )
    names = [printable(name) for name in lines(path)]
    if not 1 <= len(names) <= 254 or "" in names or len(set(names)) < len(names):
        raise InputError(f"{shown(path)}: expected 1 to 254 different names, one per line, no line empty.")
    return names


def lines(path: Place) -> list[str]:
    try:
        return [line.strip() for line in path.read_text(encoding="utf-8-sig").strip().splitlines()]
    except (*UNREADABLE, UnicodeDecodeError) as error:
        raise InputError(f"{shown(path)}: could not be read as text ({error}). Save it as UTF-8.") from error
