"""The photographs of both sets in memory, and where in them each class is to be found."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.files import InputError
from tools.street.labels import ROWS, row_of

SOURCES = ("labelmefacade", "camvid")
ENOUGH = 64  # pixels of a class, for a photograph to count as one that shows it


@dataclass(frozen=True)
class Photo:
    """One photograph: uint8 image (3, H, W) and rows (H, W), 255 where nothing is labelled."""

    source: str
    name: str
    image: Tensor
    rows: Tensor


def read(folder: Path, stems: Sequence[str]) -> list[Photo]:
    """The named photographs of one set; the folder's name tells which."""
    source = folder.name
    if source not in SOURCES:
        raise InputError(f"{folder}: expected a folder called {' or '.join(SOURCES)}")
    order = np.full(256, IGNORE, np.uint8)
    for index, name in enumerate((folder / "classes.txt").read_text("utf-8").split()):
        order[index + 1] = row_of(source, name)
    photos = []
    for stem in stems:
        image = np.array(Image.open(folder / "images" / f"{stem}.jpg").convert("RGB"))
        mask = order[np.array(Image.open(folder / "annotations" / f"{stem}.png"))]
        photos.append(
            Photo(source, stem, torch.from_numpy(image).permute(2, 0, 1).contiguous(), torch.from_numpy(mask))
        )
    return photos


def split(folder: Path, part: str, share: float = 0.15, seed: int = 0) -> list[str]:
    """Stems: "train" and "val" as the set has them; "learn" and "choose" divide "train" by place, to choose a recipe.

    LabelMeFacade's places are its names up to "__"; CamVid's frames are divided in time, the last ones of each video.
    """
    if part in ("train", "val"):
        return (folder / f"{part}.txt").read_text("utf-8").split()
    stems = split(folder, "train")
    if folder.name == "camvid":
        videos = {video: sorted(s for s in stems if s.startswith(video)) for video in {s.split("_")[0] for s in stems}}
        aside = {stem for frames in videos.values() for stem in frames[round((1 - share) * len(frames)) :]}
    else:  # as tools.comparison's holdout does it
        places = sorted({stem.split("__")[0] for stem in stems})
        random.Random(seed).shuffle(places)
        aside = set()
        for place in places:
            if len(aside) < share * len(stems):
                aside |= {stem for stem in stems if stem.split("__")[0] == place}
    return [stem for stem in stems if (stem in aside) == (part == "choose")]


class Finder:
    """Which photographs show what: the rows of each, and how often a class is to be looked for."""

    def __init__(self, photos: Sequence[Photo]):
        counts = np.stack([np.bincount(photo.rows.numpy().ravel(), minlength=256)[: len(ROWS)] for photo in photos])
        self.showing = [np.flatnonzero(counts[:, row] >= ENOUGH) for row in range(len(ROWS))]
        self.share = counts.sum(0) / counts.sum()  # (rows,) of the labelled pixels
        self.of_source = {name: np.flatnonzero([p.source == name for p in photos]) for name in SOURCES}
