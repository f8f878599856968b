"""nbgrader gives what is due. Each problem set meets one misconception a notebook here; `course grade` knows all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from segnext_edu.files import InputError
from segnext_edu.lessons.series import WRITTEN
from tools.course import grade, handout
from tools.course.exercises import exercises
from tools.notebooks import find

SETS = sorted({one.problem_set for one in WRITTEN} - {""})


@pytest.mark.slow
@pytest.mark.parametrize("name", SETS)
def test_nbgrader_gives_what_is_due(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The unruly hand-in, which hangs and ends Python, and the dishonest one tell of kernels and not of a set."""
    everyone = grade.hand_ins
    students = ["ours", "untouched", *(["unruly", "dishonest"] if name == SETS[0] else []), "mutant-1"]
    monkeypatch.setattr(grade, "hand_ins", lambda *given: (s for s in everyone(*given) if s.student in students))
    lines = list(grade.prove(tmp_path / "course", [name], mutants=1))
    assert [line.split()[1] for line in lines] == students
    assert all(line.endswith("as is due") for line in lines)


def test_every_misconception_has_its_turn_in_a_hand_in() -> None:
    notebooks = {path: exercises(nbformat.read(path, as_version=4)) for path in handout.originals()["ps1"]}
    students = list(grade.hand_ins(notebooks, None))[4:]
    for known in notebooks.values():
        numbers = [exercise.number for exercise in known]
        mine = [student.answers[n] for student in students for n in numbers if n in student.answers]
        notebook = known[0].check.split(".")[0]
        assert len(mine) == len(set(mine)) == sum(map(len, grade.mutants_of(notebook).values()))
    for student in students:
        books = [number.split(".")[0] for number in student.answers]
        assert len(books) == len(set(books)) and student.lost == set(student.answers)


def test_an_injustice_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    everything = [e for path in handout.originals()["ps4"] for e in exercises(nbformat.read(path, as_version=4))]
    right = {exercise.number: float(exercise.points) for exercise in everything}

    def earned(book: str, name: str) -> dict:
        return {"ours": right | {"8.2": 0.0}, "untouched": dict.fromkeys(right, 0.0)}

    both = [
        grade.HandIn("ours", {}, frozenset()),
        grade.HandIn("untouched", {}, frozenset(right)),
    ]
    monkeypatch.setattr(grade, "hand_ins", lambda *_: iter(both))
    monkeypatch.setattr(grade, "nbgrader", lambda *_: None)
    monkeypatch.setattr(grade, "points", earned)
    with pytest.raises(InputError, match=r"^ps4, ours: 8\.2 got 0\.0, not 1$"):
        list(grade.prove(tmp_path / "course", ["ps4"], 1))


def test_a_problem_set_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no problem set ps9; there are ps1, ps2"):
        list(grade.prove(tmp_path / "course", ["ps9"], 1))


def test_a_configuration_that_does_not_load_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "nbgrader_config.py").write_text("this is no Python")
    with pytest.raises(InputError, match="nbgrader list failed"):
        grade.nbgrader(tmp_path, "list")


@pytest.mark.slow
@pytest.mark.parametrize("passes", [True, False])
def test_validate_says_what_its_exit_code_does_not(passes: bool, tmp_path: Path) -> None:
    """nbgrader's `validate` ends with 0 whatever it has found; its words must tell."""
    *_, exercise = exercises(nbformat.read(find("03"), as_version=4))
    copy = handout.copy(nbformat.read(find("03"), as_version=4), "ps1")
    ours = [cell for cell in copy.cells if exercise.identifier in cell.metadata.get("nbgrader", {}).get("grade_id", "")]
    if passes:
        ours[0].source = exercise.answered(exercise.solution)
    imports = new_code_cell("from segnext_edu.lessons import checks")
    nbformat.write(new_notebook(cells=[imports, *ours], metadata=copy.metadata), tmp_path / "one.ipynb")
    command = [sys.executable, "-m", "nbgrader", "validate", "one.ipynb", "--Execute.timeout=120"]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ}, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0
    assert ("Success!" in said) == passes, said
    assert ("Not answered yet" in said) != passes, said
