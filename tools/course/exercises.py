"""The exercises of a notebook: where they stand, what they are worth, and what a student finds in their place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbformat import NotebookNode

from segnext_edu.files import InputError

HEADING = re.compile(r"^#### Exercise (\d+\.\d+) · (.+?) · (●+)○* · (\d+) min$", re.MULTILINE)
CHECK = re.compile(r"^checks\.(\w+\.\w+)\((\w+)\)$", re.MULTILINE)
SOLUTION = re.compile(r"^( *)### BEGIN SOLUTION\n.*?^ *### END SOLUTION\n", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Exercise:
    """One exercise: `points` are its ●, `check` is such as "msca.attend", `cell` the index of its code cell."""

    number: str
    title: str
    points: int
    minutes: int
    check: str
    name: str
    cell: int
    source: str

    @property
    def identifier(self) -> str:
        """The grade_id that nbgrader knows it by."""
        return "exercise-" + self.number.replace(".", "-")

    @property
    def solution(self) -> str:
        """The cell less the line that checks it."""
        return CHECK.sub("", self.source).rstrip() + "\n"

    @property
    def stub(self) -> str:
        """The cell with nothing between the function's description and its check."""
        return SOLUTION.sub(r"\1raise NotImplementedError  # your lines, instead of this one\n", self.source)


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """All exercises of a notebook, in order. InputError for a solution without a heading before it, or a check."""
    found, heading = [], None
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            heading = next(reversed(list(HEADING.finditer(cell.source))), heading)
        elif "### BEGIN SOLUTION" in cell.source:
            check = CHECK.search(cell.source)
            if heading is None or check is None:
                what = "a line that checks it" if heading else "a heading: '#### Exercise 3.2 · A title · ●●○ · 10 min'"
                raise InputError(f"cell {index + 1} holds a solution, but what should go with it is missing: {what}")
            number, title, dots, minutes = heading.groups()
            found.append(Exercise(number, title, len(dots), int(minutes), check[1], check[2], index, cell.source))
            heading = None
    return found
