"""What a class is handed: the open exercises without their solutions, in a form in which nbgrader finds its way.

That a copy runs to its end without an answer is what the guards on the notebooks prove: it is the stored notebook.
"""

from __future__ import annotations

import ast
import symtable
from pathlib import Path

import nbformat
import pytest

from segnext_edu.files import InputError
from tests.notebook_guards import Stored, links
from tests.tools.course.test_exercises import STUB, small
from tools.course import handout
from tools.course.execute import Stubs
from tools.course.exercises import exercises
from tools.notebooks import FOLDER

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class") / "handout"
    handout.write(folder, "students")
    return folder


def test_a_student_finds_the_stub_and_no_solution() -> None:
    original = small()
    _, stub, points, shown = handout.copy(original, "ps1").cells
    assert stub.source == STUB and stub.outputs[0].text.startswith("○") and shown.outputs[0].text == "42"
    assert points.source.endswith('course.hand_in("strip_conv.twice", "twice", globals())')
    assert points.metadata.nbgrader == {
        "schema_version": 3, "grade_id": "exercise-3-7-points", "grade": True, "locked": True, "points": 2,
        "solution": False, "task": False,
    }  # fmt: skip
    assert stub.metadata.nbgrader.solution and not stub.metadata.nbgrader.grade and not stub.metadata.nbgrader.locked
    assert original == small() | {"cells": original.cells}  # untouched


def test_the_lecturer_finds_the_answer_and_nbgrader_gives_the_stub_back() -> None:
    cell = handout.copy(small(), "ps1", "lecturer").cells[1]
    assert "return 2 * x" in cell.source and "raise" not in cell.source and cell.source.endswith("yours is right")
    assert not cell.outputs and cell.execution_count is None
    cell, _ = Stubs().preprocess_cell(cell, {}, 1)
    assert cell.source == STUB and "stub" not in cell.metadata


def test_links_lead_to_where_the_notebooks_lie_now() -> None:
    text = "[a](03_strip_convolution.ipynb) [b](08_training.ipynb#4-·-Go) [c](../x.py) [d](https://x.org) ![e](data:x)"
    assert handout.relinked(text, "ps1") == text.replace("(08", "(../ps4/08").replace("[c](../x.py)", "c")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("dear to me")
    for write in (handout.write_course, lambda out: handout.write(out, "students")):
        with pytest.raises(InputError, match="another name"):
            write(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_nothing_of_an_answer_is_handed_out(name: str, handed_out: Path) -> None:
    student = Stored.read(handed_out / handout.folder(name) / name)
    source = "\n".join(cell.source for cell in student.node.cells)
    assert "<summary>Solution" not in source and not list(links(student))
    for exercise in exercises(nbformat.read(FOLDER / name, as_version=4)):
        body = exercise.solution.removeprefix(exercise.stub.partition("    raise Not")[0])
        assert body.strip() and body != exercise.solution and body not in source


def bound(source: str) -> set[str]:
    """The names that a cell gives a value to, outside of its functions and classes."""
    namespace = symtable.symtable(source, "cell", "exec")
    return {symbol.get_name() for symbol in namespace.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_an_open_exercise_lacks_nothing_that_later_cells_take(name: str) -> None:
    """Ours stands under the exercise's name; whatever else a solution defines, an open exercise would lack."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    for exercise in exercises(notebook):
        lacking = bound(exercise.solution) - bound(exercise.stub) - {exercise.name}
        later = [cell.source for cell in notebook.cells[exercise.cell + 1 :] if cell.cell_type == "code"]
        used = {node.id for source in later for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        assert not lacking & used
