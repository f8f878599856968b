"""What a notebook says of itself: its title, goals, exercises and questions, and where its figure with controls is."""

from __future__ import annotations

import re
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from segnext_edu.lessons.series import WRITTEN
from tools.course.exercises import Exercise, exercises
from tools.notebooks import find


@dataclass(frozen=True)
class Lesson:
    """What a notebook says of itself."""

    file: str
    title: str
    goals: list[str]
    figure: str  # where the figure to play with is: "the opening", "section 7 · …"; "" where there is none
    recap: list[str]
    exercises: list[Exercise]


def lesson(name: str) -> Lesson:
    """The notebook whose name begins so, such as "03"."""
    path = find(name)
    notebook = nbformat.read(path, as_version=4)
    opening, recap = notebook.cells[0].source, notebook.cells[-1].source
    return Lesson(
        path.name,
        re.search(r"^# (.+)$", opening, re.MULTILINE)[1],  # type: ignore[index]
        goals(opening),
        section_with_figure(notebook),
        re.findall(r"^\d\. (.+)$", recap, re.MULTILINE),
        exercises(notebook),
    )


def goals(opening: str) -> list[str]:
    """What a reader will be able to do: a list, or one line with dots between."""
    listed = re.findall(r"^- (.+(?:\n  .+)*)", opening, re.MULTILINE)
    in_line = re.search(r"You will be able to\*\* (.+?)\.?$", opening, re.MULTILINE)
    return [" ".join(goal.split()) for goal in listed or (in_line[1].split(" · ") if in_line else [])]


def section_with_figure(notebook: NotebookNode) -> str:
    """Where the figure with controls is; "" where a notebook has none."""
    where = "the opening"
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            where = ([where] + [f"section {found}" for found in re.findall(r"^## (.+)$", cell.source, re.MULTILINE)])[
                -1
            ]
        elif re.search(r"\b[eE]xplorer\(", cell.source):
            return where
    return ""


def numbers() -> list[str]:
    """The written notebooks, by the two digits that they begin with."""
    return [notebook.number for notebook in WRITTEN]
