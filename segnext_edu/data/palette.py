"""Names of the 150 classes of ADE20K, and a colour for every class name.

A class has the same colour in every data set, so a sky is blue on each label map of this project. The names come
from `data/ade20k_classes.tsv` (with each class's share of the pixels and its number of images): the table of the
SceneParse150 benchmark, Zhou et al., "Scene Parsing through ADE20K Dataset", CVPR 2017.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cache

import numpy as np

from segnext_edu.files import repository_data


def _names() -> tuple[str, ...]:
    lines = (repository_data() / "ade20k_classes.tsv").read_text(encoding="utf-8").splitlines()
    return tuple(line.split("\t")[4] for line in lines[1:])


ADE20K_NAMES: tuple[str, ...] = _names()

# By first synonym. Things that meet in an image differ in lightness, not only in hue: that survives colour blindness.
CHOSEN: dict[str, tuple[int, int, int]] = {
    "wall": (196, 184, 168),
    "building": (176, 96, 84),
    "sky": (140, 200, 240),
    "floor": (134, 100, 72),
    "tree": (28, 108, 56),
    "ceiling": (232, 226, 212),
    "road": (96, 92, 104),
    "bed": (206, 130, 176),
    "windowpane": (84, 150, 206),
    "grass": (136, 194, 84),
    "cabinet": (156, 118, 60),
    "sidewalk": (216, 164, 216),
    "person": (220, 36, 60),
    "earth": (150, 124, 84),
    "door": (104, 52, 32),
    "table": (236, 158, 52),
    "mountain": (112, 120, 152),
    "plant": (64, 158, 92),
    "curtain": (172, 92, 148),
    "chair": (202, 94, 32),
    "car": (24, 56, 152),
    "water": (20, 122, 152),
    "sea": (12, 96, 136),
    "river": (48, 140, 170),
    "lake": (36, 132, 176),
    "painting": (242, 112, 130),
    "sofa": (122, 48, 140),
    "rug": (64, 164, 156),
    "fence": (252, 208, 132),
    "lamp": (255, 244, 92),
    "streetlight": (255, 196, 0),
    "pole": (72, 40, 72),
    "house": (200, 124, 100),
    "field": (196, 190, 96),
    "rock": (128, 128, 124),
    "sand": (226, 206, 150),
    # LabelMeFacade's names for what ADE20K calls tree, sidewalk and windowpane
    "vegetation": (52, 132, 44),
    "pavement": (206, 150, 206),
    "window": (96, 160, 212),
}


def _candidates(name: str) -> np.ndarray:
    """64 colours that follow from a name alone, (64, 3), kept away from black and white."""
    draws = b"".join(hashlib.sha256(f"{name}/{i}".encode()).digest() for i in range(6))
    return 32 + np.frombuffer(draws, np.uint8).astype(np.int64).reshape(-1, 3) * 208 // 256


def _farthest(name: str, taken: np.ndarray) -> np.ndarray:
    """The candidate of `name` whose nearest neighbour among `taken`, (N, 3), is farthest away."""
    candidates = _candidates(name)
    distance = np.abs(candidates[:, None] - taken[None]).sum(-1).min(1)
    return candidates[distance.argmax()]


@cache
def _ade20k_colours() -> dict[str, tuple[int, int, int]]:
    """First synonym -> colour, for the chosen names and then for the rest of ADE20K's, in its order."""
    table = dict(CHOSEN)
    for name in ADE20K_NAMES:
        first = _first_synonym(name)
        if first not in table:
            red, green, blue = _farthest(first, np.array(list(table.values()))).tolist()
            table[first] = (red, green, blue)
    return table


def _first_synonym(name: str) -> str:
    return name.split(",")[0].strip().lower()


def colours(names: Sequence[str]) -> np.ndarray:
    """One colour per class, (K, 3) uint8, no two alike.

    A name of ADE20K (its first synonym decides) has its colour whatever stands beside it; other names get colours that
    follow from their spelling, away from those before them. Black is left for label 0 and for pixels that are ignored.
    """
    known, taken = _ade20k_colours(), [(0, 0, 0)]
    mine = {known[first] for first in map(_first_synonym, names) if first in known}
    for name in names:
        colour = known.get(_first_synonym(name))
        if colour is None or colour in taken:
            red, green, blue = _farthest(name, np.array([*taken, *mine])).tolist()
            colour = (red, green, blue)
        taken.append(colour)
    return np.array(taken[1:], np.uint8).reshape(-1, 3)
