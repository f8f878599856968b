"""What a class is handed: every student's copy runs to its end without an answer, and nbgrader finds its way in it."""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segnext_edu.files import InputError
from tests.notebook_guards import Stored, links
from tools.course import handout
from tools.course.exercises import exercises
from tools.notebooks import FOLDER, execute

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
    text = "[a](02_two.ipynb) [b](08_eight.ipynb#4-·-Go) [c](../segnext_edu/run.py) [d](https://x.org) ![e](data:x)"
    assert handout.relinked(text, "ps1") == (
        "[a](02_two.ipynb) [b](../ps4/08_eight.ipynb#4-·-Go) c [d](https://x.org) ![e](data:x)"
    )


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


@pytest.mark.slow
@pytest.mark.parametrize("name", [path.name for path in NOTEBOOKS])
def test_an_untouched_copy_runs_to_its_end(name: str, handed_out: Path) -> None:
    path = handed_out / handout.folder(name) / name
    student = nbformat.read(path, as_version=4)
    execute(student, path.parent)  # raises where a cell does
    said = {
        cell.metadata.nbgrader.grade_id: cell.outputs[0].text for cell in student.cells if "nbgrader" in cell.metadata
    }
    for exercise in exercises(nbformat.read(FOLDER / name, as_version=4)):
        assert said[exercise.identifier].startswith("✗ Nothing here yet")
        assert said[f"{exercise.identifier}-points"] == (
            f"Exercise {exercise.number} is open. Until {exercise.name} is right, the notebook goes on with ours.\n"
        )
