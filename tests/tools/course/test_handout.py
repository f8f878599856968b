"""What a class is handed: every student's copy runs to its end without an answer, and nbgrader finds its way in it."""

from __future__ import annotations

import ast
import symtable
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segnext_edu.files import InputError
from tests.notebook_guards import Stored, links
from tools.course import handout
from tools.course.execute import definitions
from tools.course.exercises import exercises
from tools.notebooks import FOLDER, execute, promised_seconds

NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
CELL = '''def twice(x: int) -> int:
    """2 x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

checks.strip_conv.twice(twice)'''


@pytest.fixture(scope="module")
def handed_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("class") / "handout"
    handout.write(folder, "students")
    return folder


def small(heading: str = "#### Exercise 3.7 · Twice · ●●○ · 10 min", source: str = CELL) -> nbformat.NotebookNode:
    done = new_code_cell(source, execution_count=1, outputs=[new_output("stream", text="✓ twice")])
    shown = new_code_cell("twice(21)", execution_count=2, outputs=[new_output("stream", text="42")])
    return new_notebook(cells=[new_markdown_cell(f"Now you.\n\n{heading}\n\nWrite it."), done, shown])


def test_an_exercise_is_read_from_its_cells() -> None:
    (exercise,) = exercises(small())
    assert (exercise.number, exercise.title, exercise.points, exercise.minutes) == ("3.7", "Twice", 2, 10)
    assert (exercise.check, exercise.name, exercise.cell) == ("strip_conv.twice", "twice", 1)
    assert "BEGIN" in exercise.solution and "checks." not in exercise.solution


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"heading": "#### Exercise 3.7 · Twice"}, "a heading"),
        ({"source": CELL.replace("checks.", "check_")}, "a line that checks it"),
    ],
)
def test_an_exercise_without_a_part_is_refused(broken: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        exercises(small(**broken))


def test_a_student_finds_a_stub_and_the_pictures_that_are_expected() -> None:
    original = small()
    _, stub, points, shown = handout.copy(original, "ps1").cells
    assert "return 2" not in stub.source and "SOLUTION" not in stub.source
    assert stub.source.startswith("def twice(x: int) -> int:") and stub.source.endswith(
        "checks.strip_conv.twice(twice)"
    )
    with pytest.raises(NotImplementedError):
        exec(f"{stub.source.partition('checks.')[0]}\ntwice(3)", {})
    assert not stub.outputs and stub.execution_count is None and shown.outputs[0].text == "42"
    assert points.metadata.nbgrader == {
        "schema_version": 3, "grade_id": "exercise-3-7-points", "grade": True, "locked": True, "points": 2,
        "solution": False, "task": False,
    }  # fmt: skip
    assert stub.metadata.nbgrader.solution and not stub.metadata.nbgrader.grade and not stub.metadata.nbgrader.locked
    assert original == small() | {"cells": original.cells}  # untouched
    assert "return 2" in handout.copy(original, "ps1", "lecturer").cells[1].source


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
    source = "\n".join(cell.source for cell in student.code)
    for exercise in exercises(nbformat.read(FOLDER / name, as_version=4)):
        inside = exercise.source.partition("### BEGIN SOLUTION\n")[2].partition("### END")[0]
        assert inside.strip() and inside not in source
    assert "SOLUTION" not in source and not list(links(student))


def quickest() -> set[str]:
    """The notebook of each folder that promises to run in the shortest time."""
    chosen: dict[str, Path] = {}
    for path in sorted(NOTEBOOKS, key=lambda path: promised_seconds(nbformat.read(path, as_version=4)) or 0):
        chosen.setdefault(handout.folder(path.name), path)
    return {path.name for path in chosen.values()}


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_an_untouched_copy_runs_to_its_end(name: str, handed_out: Path) -> None:
    """In one notebook of each folder all cells run; in the others, which the guards on notebooks run in full with our
    answers in place, the exercises and what they need.
    """
    path = handed_out / handout.folder(name) / name
    student = nbformat.read(path, as_version=4)
    if name not in quickest():
        for cell in student.cells:
            if cell.cell_type == "code" and "nbgrader" not in cell.metadata:
                cell.source = definitions(cell.source)
                cell.metadata.tags = ["raises-exception"]  # a default may be computed by the lesson; so in grading
    execute(student, path.parent)  # raises where a cell does
    said = {
        cell.metadata.nbgrader.grade_id: cell.outputs[0].text for cell in student.cells if "nbgrader" in cell.metadata
    }
    for exercise in exercises(nbformat.read(FOLDER / name, as_version=4)):
        assert said[exercise.identifier].startswith("✗ Nothing here yet")
        assert said[f"{exercise.identifier}-points"] == (
            f"Exercise {exercise.number} is open. Until {exercise.name} is right, the notebook goes on with ours.\n"
        )


def bound(source: str) -> set[str]:
    """The names that a cell gives a value to, outside of its functions and classes."""
    namespace = symtable.symtable(source, "cell", "exec")
    return {symbol.get_name() for symbol in namespace.get_symbols() if symbol.is_assigned() or symbol.is_imported()}


@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_all_that_later_cells_take_from_an_answer_is_lent(name: str) -> None:
    """Our answer is lent under the exercise's name; whatever else a solution defines, an open exercise lacks."""
    notebook = nbformat.read(FOLDER / name, as_version=4)
    for exercise in exercises(notebook):
        lacking = bound(exercise.source) - bound(exercise.stub) - {exercise.name}
        later = [cell.source for cell in notebook.cells[exercise.cell + 1 :] if cell.cell_type == "code"]
        used = {node.id for source in later for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Name)}
        assert not lacking & used
