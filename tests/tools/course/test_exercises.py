"""Exercises are read from their cells; every folded solution passes its check, and every stub is open."""

from __future__ import annotations

import contextlib

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segnext_edu.files import InputError
from segnext_edu.lessons.course import verdict
from segnext_edu.lessons.series import WRITTEN
from tools.course.execute import definitions
from tools.course.exercises import exercises
from tools.notebooks import FOLDER

HEADING = "#### Exercise 3.7 · Twice · ●●○ · 10 min"
STUB = '''def twice(x: int) -> int:
    """2 x."""
    raise NotImplementedError  # your lines, instead of this one

twice = checks.strip_conv.twice(twice)  # ours until yours is right'''
SOLUTION = '''<details><summary>Solution</summary>

```python
def twice(x: int) -> int:
    """2 x."""
    return 2 * x
```
</details>'''


def small(heading: str = HEADING, stub: str = STUB, solution: str = SOLUTION) -> nbformat.NotebookNode:
    output = new_output("stream", text="○ Not answered yet")
    task = new_code_cell(stub, execution_count=1, outputs=[output], metadata={"tags": ["exercise"]})
    folded = new_markdown_cell(solution, metadata={"tags": ["solution"]})
    shown = new_code_cell("twice(21)", execution_count=2, outputs=[new_output("stream", text="42")])
    return new_notebook(cells=[new_markdown_cell(f"Now you.\n\n{heading}\n\nWrite it."), task, folded, shown])


def test_an_exercise_is_read_from_its_cells() -> None:
    (exercise,) = exercises(small())
    assert (exercise.number, exercise.title, exercise.points, exercise.minutes) == ("3.7", "Twice", 2, 10)
    assert (exercise.check, exercise.name, exercise.cell) == ("strip_conv.twice", "twice", 1)
    assert "checks." not in exercise.stub and exercise.stub in exercise.source
    assert exercise.answered(exercise.solution) == STUB.replace(
        "raise NotImplementedError  # your lines, instead of this one", "return 2 * x"
    )


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ({"heading": "#### Exercise 3.7 · Twice"}, "a heading"),
        ({"stub": STUB.replace("checks.", "check_")}, "lacks a check"),
        ({"solution": "```python\ntwice = 2\n```"}, "a cell tagged solution"),
    ],
)
def test_an_exercise_without_a_part_is_refused(broken: dict, words: str) -> None:
    with pytest.raises(InputError, match=words):
        exercises(small(**broken))


@pytest.mark.parametrize("file", [one.file for one in WRITTEN])
def test_every_solution_is_right_and_every_stub_is_open(file: str) -> None:
    """Each is run with what the cells above import and define, and their own answers."""
    notebook = nbformat.read(FOLDER / file, as_version=4)
    known = {exercise.cell: exercise for exercise in exercises(notebook)}
    names: dict = {"__name__": "notebook"}
    for index, cell in enumerate(notebook.cells):
        if exercise := known.get(index):
            exec(exercise.stub, names)
            assert verdict(exercise.check, names[exercise.name]).startswith("○ "), exercise.number
            exec(exercise.solution, names)
            said = verdict(exercise.check, names[exercise.name])
            assert said.startswith("✓ "), f"Exercise {exercise.number}: {said}"
        elif cell.cell_type == "code":
            with contextlib.suppress(Exception):  # a default may be computed by the lesson
                exec(definitions(cell.source), names)
