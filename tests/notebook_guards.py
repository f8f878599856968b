"""What every notebook must be: each guard takes one and yields its complaints; `test_notebooks.py` runs them all."""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import nbformat
from nbformat import NotebookNode

from segnext_edu.files import InputError
from segnext_edu.lessons.series import SERIES
from tools.course.exercises import exercises as read_exercises
from tools.notebooks import WIDGET_VIEW, promised_seconds
from tools.reading import reading, stated


@dataclass
class Stored:
    """A notebook and where it lies."""

    path: Path
    node: NotebookNode

    @classmethod
    def read(cls, path: Path) -> Stored:
        return cls(path, nbformat.read(path, as_version=4))

    @property
    def code(self) -> list[NotebookNode]:
        return [cell for cell in self.node.cells if cell.cell_type == "code"]

    @property
    def prose(self) -> list[NotebookNode]:
        return [cell for cell in self.node.cells if cell.cell_type == "markdown"]

    @property
    def outputs(self) -> Iterator[tuple[NotebookNode, NotebookNode]]:
        return ((cell, output) for cell in self.code for output in cell.outputs)


Complaints = Iterator[str]

# What the paper has under such names, as far as the series speaks of it.
PAPER = {
    "Eq": ("1", "2"),
    "Fig": ("1", "2", "2(a)", "2(b)", "3", "3(a)", "3(b)", "3(c)"),
    "Tab": ("1", "2"),
    "Section": ("3.1", "3.2"),
}


# What a notebook may ask of its reader, and the tour, which has no exercises.
BUDGET = {"words": 3200, "cells": 100, "lines": 450, "predicts": 8, "exercises": 4}
TOUR = BUDGET | {"words": 1500, "cells": 45, "exercises": 0}
FOLDS = {"hide-input": "source_hidden", "hide-output": "outputs_hidden"}  # the site's tag, and JupyterLab's metadata


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def lines(cell: NotebookNode) -> int:
    return len(cell.source.splitlines())


def first_line(cell: NotebookNode) -> str:
    return repr(cell.source.split("\n")[0])


def without_code(markdown: str) -> str:
    """Markdown less its fenced blocks and code spans."""
    return re.sub(r"`[^`]*`", "", re.sub(r"(?ms)^(```|~~~).*?^\1", "", markdown))


def headings(notebook: Stored) -> list[str]:
    """The texts of all headings, as they are shown."""
    text = "\n".join(re.sub(r"(?ms)^(```|~~~).*?^\1", "", cell.source) for cell in notebook.prose)
    return [re.sub(r"[`*]", "", found).strip() for found in re.findall(r"(?m)^#{1,6} +(.*)", text)]


def name(notebook: Stored) -> Complaints:
    if not re.fullmatch(r"\d\d_[a-z0-9_]+\.ipynb", notebook.path.name):
        yield f"{notebook.path.name} is not named NN_name.ipynb"


def opening(notebook: Stored) -> Complaints:
    source = notebook.node.cells[0].source if notebook.prose and notebook.node.cells[0] is notebook.prose[0] else ""
    wanted = {
        "a title": r"\A# \S",
        "'You will be able to'": r"You will be able to",
        "what it needs": r"(?i)\bneeds\b",
        "'N minutes to read'": r"\d+ minutes? to read",
    }
    yield from (f"the first cell lacks {what}" for what, pattern in wanted.items() if not re.search(pattern, source))
    if promised_seconds(notebook.node) is None:
        yield "the first cell lacks 'N seconds to run on 2 CPU cores'"


def recap(notebook: Stored) -> Complaints:
    text = "\n".join(cell.source for cell in notebook.prose)
    last = re.split(r"(?m)^## +", text)[-1]
    if "recap" not in last.split("\n")[0].lower():
        yield "the last section (## …) is not the recap"
    elif (count := len(re.findall(r"(?m)^\d+\. .*\?", last))) != 5:
        yield f"the recap has {count} numbered questions, not five"


def executed(notebook: Stored) -> Complaints:
    counts = [cell.execution_count for cell in notebook.code]
    if counts != list(range(1, len(counts) + 1)):
        yield f"the cells were not run once each, in order: {counts}"
    for cell, output in notebook.outputs:
        if output.output_type == "error" and "raises-exception" not in tags(cell):
            yield f"an untagged error, {output.ename}, below {first_line(cell)}"
        if output.get("name") == "stderr":
            yield f"a message on stderr below {first_line(cell)}"


def no_widgets(notebook: Stored) -> Complaints:
    if "widgets" in notebook.node.metadata:
        yield "widget state is stored (metadata.widgets)"
    for cell, output in notebook.outputs:
        if WIDGET_VIEW in output.get("data", {}):
            yield f"a widget's view is stored below {first_line(cell)}; refresh the notebook"


def size(notebook: Stored) -> Complaints:
    if notebook.path.stat().st_size > 1_500_000:
        yield f"{notebook.path.stat().st_size / 1e6:.1f} MB is more than 1.5 MB"


def short_cells(notebook: Stored) -> Complaints:
    for cell in notebook.code:
        if lines(cell) > 25 and not any(tag.startswith("mirror:") for tag in tags(cell)):
            yield f"{lines(cell)} lines, more than 25, in the cell {first_line(cell)}"
        if len(cell.outputs) > 1:
            yield f"{len(cell.outputs)} outputs, more than one, below {first_line(cell)}"
    if notebook.code and (median := statistics.median(lines(cell) for cell in notebook.code)) > 6:
        yield f"the median code cell has {median:g} lines, more than 6"


def alt_text(notebook: Stored) -> Complaints:
    for cell, output in notebook.outputs:
        for kind in output.get("data", {}):
            if kind.startswith("image/") and not output.metadata.get(kind, {}).get("alt", "").strip():
                yield f"a picture without alt text below {first_line(cell)}; display it with segnext_edu.figures.show"
    for cell in notebook.prose:
        pictures = re.findall(r"!\[\s*\]\(.*?\)|<img(?![^>]*\balt=\"[^\"]+\")[^>]*>", without_code(cell.source))
        yield from (f"a picture without alt text: {found[:60]}" for found in pictures)


def links(notebook: Stored) -> Complaints:
    for cell in notebook.prose:
        for target in re.findall(r"\]\(<?([^)\s>]+)", without_code(cell.source)):
            if not re.match(r"https://|data:|attachment:", target) and not leads_somewhere(notebook, target):
                yield f"a link to nowhere: {target}"


def leads_somewhere(notebook: Stored, target: str) -> bool:
    """Whether a relative link names a file and, in a notebook, a heading (its text with hyphens for spaces)."""
    file, _, anchor = unquote(target).partition("#")
    path = notebook.path.parent / file if file else notebook.path
    if not path.exists():
        return False
    if not anchor or path.suffix != ".ipynb":
        return True
    there = Stored.read(path) if file else notebook
    return anchor in (heading.replace(" ", "-") for heading in headings(there))


def names_resolve(notebook: Stored) -> Complaints:
    """Whatever the prose calls by a number is there: its own figures, sections and exercises, the paper's parts."""
    text = "\n\n".join(without_code(cell.source) for cell in notebook.prose)
    captions = re.findall(r"(?m)^\*\*Figure (\d+)\.\*\*", text)
    if captions != [str(number) for number in range(1, len(captions) + 1)]:
        yield f"the captions (**Figure N.**) are not numbered 1, 2, 3, …: {', '.join(captions)}"
    there = {
        "Figure": captions,
        "section": [found for head in headings(notebook) for found in re.findall(r"^(\d+) ·", head)],
        "Exercise": [found for head in headings(notebook) for found in re.findall(r"^Exercise (\d+\.\d+)", head)],
        "notebook": [notebook.number for notebook in SERIES],
        **PAPER,
    }
    for kind, known in there.items():
        written = "[Nn]otebook" if kind == "notebook" else kind
        mentions = re.findall(rf"\b{written}s?\.?[ \xa0](\d+(?:\.\d+)*(?:\([a-z]\))?)", text)
        yield from (f"{kind} {found} is nowhere" for found in mentions if found not in known)


def computed_numbers(notebook: Stored) -> Complaints:
    """Decimals in prose were typed. Not meant: code, links, formulas, versions, and numbers that name something."""
    names = r"Exercise|Fig(?:ure|\.)|Sec(?:tion|\.)|Tab(?:le|\.)|Eq\.|arXiv:?|Python|[Tt]orch|mmsegmentation|BY"
    for cell in notebook.prose:
        if "quotes-paper" in tags(cell):
            continue
        text = without_code(cell.source)
        text = re.sub(r"(?s)\$\$.*?\$\$|\$[^$\n]+\$", "", text)
        text = re.sub(r"\]\([^)]*\)|<[^>]+>|https?://\S+", "", text)
        text = re.sub(rf"(?:(?:{names})[\s ]|^#+ )\(?\d+(?:\.\d+)+", "", text, flags=re.MULTILINE)
        yield from (f"a number typed into the prose: {found}" for found in re.findall(r"\d+\.\d+", text))


def exercises(notebook: Stored) -> Complaints:
    """They are open, checked by the notebook's own checks, and answered in a folded cell below."""
    topic = next((one.topic for one in SERIES if one.number == notebook.path.name[:2]), "")
    try:
        known = read_exercises(notebook.node)
    except InputError as error:
        yield str(error)
        return
    for exercise in known:
        said = shown(notebook.node.cells[exercise.cell])
        if exercise.check.split(".")[0] != topic:
            yield f"Exercise {exercise.number} calls checks.{exercise.check}, not one of checks.{topic}"
        if not said.startswith("○ "):
            yield f"Exercise {exercise.number} is not open, its check says {said[:40]!r}"
    if any("### BEGIN SOLUTION" in cell.source for cell in notebook.code):
        yield "an answer (### BEGIN SOLUTION) stands in a code cell; fold it below (CONTRIBUTING.md)"


def time(notebook: Stored) -> Complaints:
    minutes = reading(notebook.node).minutes
    if stated(notebook.node) not in (None, minutes):
        yield (
            f"the first cell says {stated(notebook.node)} minutes to read, and it takes {minutes}; "
            "run python -m tools.notebooks lists"
        )


def budget(notebook: Stored) -> Complaints:
    """Short enough to finish. Notebooks that are not rewritten yet may be longer."""
    one = next((one for one in SERIES if one.number == notebook.path.name[:2]), None)
    if one is None or not one.rewritten:
        return
    found = reading(notebook.node)
    for what, most in (TOUR if one.topic == "tour" else BUDGET).items():
        if (count := getattr(found, what)) > most:
            yield f"{count} {what}, more than {most}"
    if one.topic != "tour" and found.exercises < 3:
        yield f"{found.exercises} exercises, fewer than 3"


def folding(notebook: Stored) -> Complaints:
    for cell in notebook.code:
        for tag, key in FOLDS.items():
            if (tag in tags(cell)) != bool(cell.metadata.get("jupyter", {}).get(key)):
                yield f"the tag {tag} and jupyter.{key} go together; one of them is missing in {first_line(cell)}"


def shown(cell: NotebookNode, kinds: tuple[str, ...] = ("execute_result", "display_data", "stream")) -> str:
    """What stands below a code cell as text, the words behind its pictures included."""
    some = (output for output in cell.outputs if output.output_type in kinds)
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in some)


def proofs(notebook: Stored) -> Complaints:
    """What a cell ends in comparing is the same, and a nan that is stored is one that the text speaks of.

    nbval only compares with what is stored, and is content with a proof that failed then and fails now. A difference
    that is meant is printed, in words.
    """
    cells = notebook.node.cells
    for index, cell in enumerate(cells):
        if cell.cell_type != "code":
            continue
        compares = re.search(r"(allclose|equal)\(", cell.source.rstrip().split("\n")[-1])
        if compares and re.search(r"\bFalse\b", shown(cell, ("execute_result",))):
            yield f"what was to be the same is not, below {first_line(cell)}"
        around = "\n".join(near.source for near in cells[max(index - 1, 0) : index + 2])
        if re.search(r"\bnan\b", shown(cell)) and not re.search(r"(?i)\bnan\b", around):
            yield f"a nan that nobody speaks of below {first_line(cell)}"


GUARDS = (
    name,
    opening,
    recap,
    executed,
    no_widgets,
    size,
    short_cells,
    alt_text,
    links,
    names_resolve,
    computed_numbers,
    exercises,
    time,
    budget,
    folding,
    proofs,
)
