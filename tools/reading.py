"""What a reader meets in a notebook, counted, and the minutes that it takes: no time is typed."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from nbformat import NotebookNode

from tools.course.exercises import HEADING, tagged

STATED = re.compile(r"(?:\d+(?:–| to ))?\b(\d+) minutes? to read")


@dataclass(frozen=True)
class Reading:
    """What is visible: folded code and outputs, hints and solutions do not count; folded cells do."""

    words: int
    cells: int
    lines: int  # of code, blank ones aside
    predicts: int
    exercises: int
    practice: int  # minutes that the exercises' headings promise

    @property
    def minutes(self) -> int:
        """180 words or 15 lines a minute, one minute per *Predict*, and half as much again as the exercises promise."""
        return math.ceil(self.words / 180 + self.lines / 15 + self.predicts + 1.5 * self.practice)


def reading(notebook: NotebookNode) -> Reading:
    """What one notebook asks of its reader."""
    prose = "\n\n".join(visible(cell.source) for cell in notebook.cells if cell.cell_type == "markdown")
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code" and not tagged(cell, "hide-input")]
    practice = [int(minutes) for *_, minutes in HEADING.findall(prose)]
    return Reading(
        words=sum(bool(re.search(r"\w", word)) for word in prose.split()),
        cells=len(notebook.cells),
        lines=sum(bool(line.strip()) for source in code for line in source.splitlines()),
        predicts=prose.count("**Predict"),
        exercises=len(practice),
        practice=sum(practice),
    )


def visible(markdown: str) -> str:
    """Markdown less what is folded, fenced, drawn or a link's target; an inline formula is a word."""
    text = re.sub(r"(?s)<details>.*?</details>|<svg.*?</svg>|\$\$.*?\$\$", "", markdown)
    text = re.sub(r"(?ms)^(```|~~~).*?^\1", "", text)
    text = re.sub(r"\$[^$\n]+\$", "x", text)
    return re.sub(r"\]\([^)]*\)|<[^>]+>", "", text)


def state(notebook: NotebookNode) -> None:
    """Write the minutes into the opening cell, where it says 'N minutes to read'."""
    opening = notebook.cells[0]
    opening.source = STATED.sub(f"{reading(notebook).minutes} minutes to read", opening.source)


def stated(notebook: NotebookNode) -> int | None:
    """The minutes that the opening cell says; None where it does not say."""
    found = STATED.search(notebook.cells[0].source)
    return int(found[1]) if found else None
