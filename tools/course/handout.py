"""A folder of notebooks for a class: the students' copies, or the lecturer's, as nbgrader reads them.

The students' are the series' own notebooks less the solutions, and with a locked cell after each exercise that counts
the points; in the lecturer's the answers are filled in, and nbgrader takes them out again (`nbgrader_config.py`).
Problem sets are folders; what is not graded goes into one of its own.
"""

from __future__ import annotations

import os
import re
import shutil
from copy import deepcopy
from pathlib import Path
from typing import Literal

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

from segnext_edu.files import InputError, appears_whole
from segnext_edu.lessons.series import SERIES
from tools.course.exercises import Exercise, exercises, tagged
from tools.notebooks import FOLDER

UNGRADED = "ungraded"
POINTS = """# Leave this cell as it is: it counts the points.
from segnext_edu.lessons import course

course.hand_in("{check}", "{name}", globals())"""


def originals() -> dict[str, list[Path]]:
    """The series' notebooks by the folder of the handout that they belong in."""
    paths = sorted(FOLDER.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise InputError(f"{FOLDER} holds no notebooks; run this in a checkout of the project")
    folders = sorted({folder(path.name) for path in paths})
    return {name: [path for path in paths if folder(path.name) == name] for name in folders}


def folder(name: str) -> str:
    """ps1 for 01_scenes_and_labels.ipynb."""
    return next((one.problem_set for one in SERIES if one.file == name and one.problem_set), UNGRADED)


def write(out: Path, for_whom: Literal["students", "lecturer"]) -> dict[str, list[Exercise]]:
    """Write all the notebooks into folders below `out`, as a whole or not at all. Returns the exercises of each."""
    refuse(out)
    written = {}
    with appears_whole(out) as part:
        for name, paths in originals().items():
            known = []
            (part / name).mkdir(parents=True)
            for path in paths:
                notebook = nbformat.read(path, as_version=4)
                known += exercises(notebook)
                nbformat.write(copy(notebook, name, for_whom), part / name / path.name)
            written[name] = known
    return written


def copy(notebook: NotebookNode, place: str, for_whom: Literal["students", "lecturer"] = "students") -> NotebookNode:
    """A notebook of the series as it stands in the handout's folder `place`."""
    notebook = deepcopy(notebook)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source, place)
    for exercise in reversed(exercises(notebook)):
        cell = notebook.cells[exercise.cell]
        cell.metadata.nbgrader = marks(exercise.identifier, solution=True)
        if for_whom == "lecturer":
            cell.metadata.stub = cell.source
            cell.update(source=exercise.answered(exercise.solution), outputs=[], execution_count=None)
        points = new_code_cell(
            POINTS.format(check=exercise.check, name=exercise.name), id=f"{exercise.identifier}-points"
        )
        points.metadata.nbgrader = marks(f"{exercise.identifier}-points", points=exercise.points)
        notebook.cells.insert(exercise.cell + 1, points)
    notebook.cells = [cell for cell in notebook.cells if not tagged(cell, "solution")]
    return notebook


def marks(identifier: str, points: int | None = None, solution: bool = False) -> dict:
    """nbgrader's metadata, in its schema's version 3: a cell with points is a test, locked."""
    kind = {"grade": points is not None, "locked": points is not None, "solution": solution, "task": False}
    return {"schema_version": 3, "grade_id": identifier, **kind} | ({} if points is None else {"points": points})


def relinked(markdown: str, place: str) -> str:
    """Links to other notebooks as they lie in the handout; a link to a file that is not handed out becomes its text."""

    def link(found: re.Match) -> str:
        text, target = found.groups()
        if re.fullmatch(r"\d\d_\w+\.ipynb(#.*)?", target):
            lies = folder(target.partition("#")[0])
            return f"[{text}]({os.path.relpath(Path(lies, target), place)})"
        return found[0] if re.match(r"https?:|#|data:|attachment:", target) else text

    return re.sub(r"(?<!!)\[([^]]*)\]\(([^)\s]+)\)", link, markdown)


def write_course(out: Path) -> dict[str, list[Exercise]]:
    """The lecturer's folder: nbgrader's, with the solutions under source/ and a configuration that knows the traps."""
    refuse(out)
    with appears_whole(out) as part:
        written = write(part / "source", "lecturer")
        shutil.copy(Path(__file__).with_name("nbgrader_config.py"), part)
    return written


def refuse(out: Path) -> None:
    """InputError where writing `out` would destroy something."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already; remove it, or choose another name for --out")
