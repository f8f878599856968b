"""Folders of pictures that are not as they should be: lists, class names, file names, things that are no files."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

from segnext_edu.data import SPLITS, class_names, load_scenes
from tests.conftest import mask, photo
from tests.fuzz.judge import Fault
from tests.fuzz.mutate import WORDS, damaged

NAMES = ("a", "b", "c", "d", "e")
LISTS = ("classes.txt", "train.txt", "val.txt")
Files = dict[bytes, Any]  # path → bytes, or what stands there instead of a file


def whole() -> Files:
    files: Files = {}
    for seed, name in enumerate(NAMES):
        files[f"images/{name}.jpg".encode()] = photo(seed, (24, 16))
        files[f"annotations/{name}.png".encode()] = mask(4, seed, (24, 16))
    return {**files, b"classes.txt": b"cat\ndog\ncow\n", b"train.txt": b"a\nb\nc\n", b"val.txt": b"d\ne\n"}


def case(rng: random.Random) -> Files:
    """The files of a folder: path → content, or "folder", "fifo", "locked", "loop" for what is not a file."""
    files = whole()
    for _ in range(rng.choice((1, 1, 2, 4))):
        path = rng.choice(sorted(files))
        match rng.randrange(9):
            case 0:
                files.pop(path)
            case 1 | 2 if isinstance(files[path], bytes):
                files[path] = damaged(rng, files[path], (rng.choice(list(whole().values())),))
            case 3:
                files[path] = rng.choice(("folder", "fifo", "loop", "locked"))
            case 4:
                word = rng.choice(WORDS[3:]).replace("\0", "").replace("/", "_")[:180]
                name = word.encode("utf-8", "surrogatepass") or b"\xff\xfe"
                files[os.path.dirname(path) + b"/" * (b"/" in path) + name + os.path.splitext(path)[1]] = files.pop(
                    path
                )
            case 5 | 6 | 7:
                words = [rng.choice((*NAMES, *WORDS, "a/../b", "zz")) for _ in range(rng.choice((0, 1, 3, 5, 300)))]
                end = rng.choice(("\n", "\r\n", "\r", "\x0b", "\u2028"))
                files[rng.choice(LISTS).encode()] = end.join(words).encode("utf-8", "surrogatepass")
            case _:
                lists = rng.choice((b"train.txt", b"val.txt"))
                files[lists] = b"\n".join(name.encode() for name in rng.choices(NAMES, k=rng.choice((2, 5, 6))))
    return files


def write(files: Files, root: Path) -> None:
    for path, content in files.items():
        place = os.path.join(os.fsencode(root), path)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if content == "folder":
            os.makedirs(place, exist_ok=True)
        elif content == "fifo":
            os.mkfifo(place)
        elif content == "loop":
            os.symlink(os.path.basename(place), place)
        else:
            with open(place, "wb") as file:
                file.write(b"" if content == "locked" else content)
            if content == "locked":
                os.chmod(place, 0)


def run(case: Files, place: Path) -> None:
    write(case, place / "mine")
    read(place / "mine")


def read(data: Path) -> None:
    """Load both splits, and look at every picture, as training does."""
    seen = {}
    for split in SPLITS:
        dataset = load_scenes(data, split)
        seen[split] = [row["name"] for row in dataset]  # pyright: ignore[reportCallIssue, reportArgumentType]
        if not seen[split]:
            raise Fault("believed", "a split without pictures")
        if len(set(seen[split])) < len(seen[split]):
            raise Fault("believed", "a picture twice in a split")
        assert class_names(dataset)
    if set(seen["train"]) & set(seen["val"]) and not set(seen["train"]) <= set(seen["val"]):  # "all" holds both
        raise Fault("believed", "a picture in both train and val")
