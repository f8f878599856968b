"""Class names and their colours."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu.data.palette import ADE20K_NAMES, colours
from tools.scenes.mini import CLASSES


def test_the_names_of_ade20k() -> None:
    assert len(ADE20K_NAMES) == len(set(ADE20K_NAMES)) == 150
    assert (ADE20K_NAMES[0], ADE20K_NAMES[7], ADE20K_NAMES[149]) == ("wall", "bed", "flag")
    assert all(name == name.strip() for name in ADE20K_NAMES)


def test_colours_are_apart() -> None:
    for names, least in ((ADE20K_NAMES, 20), (CLASSES, 50)):
        found = colours(names)
        assert found.shape == (len(names), 3) and found.dtype == np.uint8
        apart = np.abs(found[:, None].astype(int) - found[None].astype(int)).sum(-1)
        np.fill_diagonal(apart, 999)
        assert apart.min() >= least
        assert found.max(axis=1).min() > 30, "black is for label 0"


def test_a_class_keeps_its_colour_in_every_data_set() -> None:
    everywhere = dict(zip(ADE20K_NAMES, colours(ADE20K_NAMES).tolist(), strict=True))
    for name, colour in zip(CLASSES, colours(CLASSES).tolist(), strict=True):
        assert colour == everywhere[name]
    assert colours(["sky"]).tolist() == [everywhere["sky"]], "the first synonym is enough"


def test_the_colours_one_expects() -> None:
    sky, grass, tree = colours(["sky", "grass", "tree"]).astype(int)
    assert sky.argmax() == 2 and grass.argmax() == 1 and tree.argmax() == 1


@given(st.lists(st.text(min_size=1, max_size=12), min_size=1, max_size=12))
def test_any_names_get_different_colours_always_the_same(names: list[str]) -> None:
    found = colours(names)
    assert len({tuple(colour) for colour in found.tolist()}) == len(names)
    assert (found == colours(names)).all()


def test_unknown_names_do_not_hang_on_the_process() -> None:
    code = "from segnext_edu.data.palette import colours; print(colours(['chimera', 'sky', 'griffin']).tolist())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other.strip() == str(colours(["chimera", "sky", "griffin"]).tolist())
