"""What lists the notebooks lists those that there are, under one title."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest

from segnext_edu.lessons.series import SERIES
from tools.notebooks import FOLDER

ROOT = Path(__file__).parents[1]
WRITTEN = [notebook for notebook in SERIES if notebook.written]


def text_of(name: str) -> str:
    if name.endswith(".md"):
        return (ROOT / name).read_text("utf-8")
    return "\n".join(cell.source for cell in nbformat.read(ROOT / name, as_version=4).cells)


def test_the_series_is_what_lies_in_the_folder() -> None:
    assert [notebook.file for notebook in WRITTEN] == sorted(path.name for path in FOLDER.glob("*.ipynb"))
    assert [notebook.number for notebook in SERIES] == [f"{number:02}" for number in range(len(SERIES))]


@pytest.mark.parametrize(
    ("name", "folder", "first"), [("README.md", "notebooks/", "00"), ("notebooks/00_tour.ipynb", "", "01")]
)
def test_a_list_of_the_notebooks_is_whole(name: str, folder: str, first: str) -> None:
    """A row for each that is written, and one line that names those that are not."""
    text = text_of(name)
    rows = re.findall(r"(?m)^\| \[(.+?)\]\((\S+?)\) \|", text)
    assert rows == [(f"{n.number} {n.title}", f"{folder}{n.file}") for n in WRITTEN if n.number >= first]
    missing = ", ".join(f"{notebook.number} {notebook.title}" for notebook in SERIES if not notebook.written)
    assert re.findall(r"(?m)^Still being written: (.+)\.$", text) == ([missing] if missing else [])
