"""What lists the notebooks lists those that there are."""

from __future__ import annotations

import nbformat

from segnext_edu.lessons.series import SERIES, WRITTEN, table
from tools.notebooks import FOLDER, with_table


def test_the_series_is_what_lies_in_the_folder() -> None:
    assert [notebook.file for notebook in WRITTEN] == sorted(path.name for path in FOLDER.glob("*.ipynb"))
    assert len({notebook.topic for notebook in SERIES}) == len(SERIES)


def test_readme_and_tour_list_them() -> None:
    """After a change of the series: python -m tools.notebooks lists"""
    readme = (FOLDER.parent / "README.md").read_text("utf-8")
    tour = "\n".join(cell.source for cell in nbformat.read(FOLDER / SERIES[0].file, as_version=4).cells)
    assert table("notebooks/") in readme and table() in tour


def test_an_old_table_is_replaced_and_nothing_else() -> None:
    old = "| notebook | you build | a |\n| --- | --- | --- |\n| x | y | z |\n\nStill being written: all."
    assert with_table(f"Before.\n\n{old}\n\nAfter.\n") == f"Before.\n\n{table()}\n\nAfter.\n"
    assert with_table("| other | table |\n") == "| other | table |\n"
