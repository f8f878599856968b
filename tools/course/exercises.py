"""The exercises of a notebook: where they stand, what they are worth, and the answers that are folded below them.

In the stored notebooks exercises are open. One is a heading (`#### Exercise 4.2 · The gate · ●○○ · 5 min`), the task, a
code cell tagged `exercise` with a stub and the line that checks it, and a cell tagged `solution`: a folded `<details>`
with the code that belongs in the stub's place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from nbformat import NotebookNode

from segnext_edu.files import InputError

HEADING = re.compile(r"^#### Exercise (\d+\.\d+) · (.+?) · (●+)○* · (\d+) min$", re.MULTILINE)
CHECK = re.compile(r"^(\w+) = checks\.(\w+\.\w+)\(\1\).*\n?", re.MULTILINE)
FOLDED = re.compile(r"<details><summary>Solution</summary>\n\n```python\n(.+?)```\n</details>\s*", re.DOTALL)


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
    source: str  # of that cell
    solution: str  # what belongs into it, without the line that checks

    @property
    def identifier(self) -> str:
        """The grade_id that nbgrader knows it by."""
        return "exercise-" + self.number.replace(".", "-")

    @property
    def stub(self) -> str:
        """The cell without the line that checks."""
        return CHECK.sub("", self.source).rstrip() + "\n"

    def answered(self, answer: str) -> str:
        """The cell with an answer in the place of its stub."""
        return self.source.replace(self.stub, answer)


def tagged(cell: NotebookNode, tag: str) -> bool:
    """Whether a cell has a tag."""
    return tag in cell.metadata.get("tags", [])


def exercises(notebook: NotebookNode) -> list[Exercise]:
    """The exercises that are checked, in order. InputError where one lacks its heading, its check or its solution."""
    found, heading = [], None
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            heading = next(reversed(list(HEADING.finditer(cell.source))), heading)
        if not tagged(cell, "exercise"):
            continue
        check = CHECK.search(cell.source)
        below = notebook.cells[index + 1] if index + 1 < len(notebook.cells) else cell
        solution = FOLDED.fullmatch(below.source) if tagged(below, "solution") else None
        if heading is None or check is None or solution is None:
            lacking = "a heading before it, '#### Exercise 3.2 · A title · ●●○ · 10 min'"
            if heading:
                lacking = "a cell tagged solution below it: <details> with a python block" if check else "a check"
            raise InputError(f"cell {index + 1} is tagged exercise, but lacks {lacking} (see CONTRIBUTING.md)")
        number, title, dots, minutes = heading.groups()
        about = number, title, len(dots), int(minutes), check[2], check[1]
        found.append(Exercise(*about, index, cell.source, solution[1]))
        heading = None
    return found
