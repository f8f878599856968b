"""Proof that nbgrader gives what is due: `python -m tools.course grade`.

Hand-ins of which we know what they deserve are graded as a class's are: our own answers, untouched copies, answers that
hang, end Python, warn or replace what judges them, and misconceptions from `mutants`, one per notebook, to cost that
exercise's points alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from itertools import cycle, zip_longest
from pathlib import Path

import nbformat

from segnext_edu.files import InputError
from tools.course import handout
from tools.course.exercises import Exercise, exercises
from tools.notebooks import FOLDER

HANGS = """import time

while True:
    try:
        time.sleep(1)
    except BaseException:  # not even an interrupt ends it
        pass
"""
ENDS_PYTHON = "import os\n\n\ndef {name}(*arguments):\n    os._exit(1)\n"
WARNS = """
import functools
import warnings


def careful(function):
    @functools.wraps(function)
    def warned(*arguments):
        warnings.warn("nothing serious")
        os.write(2, b"nor is this\\n")  # as libraries below Python do
        return function(*arguments)

    return warned


import os

{name} = careful({name})
"""
# The exercises take turns. All are wrong answers that replace what would say so in their own kernel.
DISHONEST = [
    """from segnext_edu.lessons import course\n\n
def {name}(*arguments):
    return 0\n\n
course.verdict = lambda *anything: "✓ all is well"
""",
    """import builtins\n\n
def {name}(*arguments):
    return 0\n\n
say = builtins.print
builtins.print = lambda *words, **how: say("✓ all is well")
""",
    """import os\n\n
def {name}(*arguments):
    return 0\n\n
os.environ.pop("NBGRADER_EXECUTION", None)
""",
]


@dataclass(frozen=True)
class HandIn:
    """A student's answers that are not our own, exercise number → source of the cell, and what they do not earn."""

    student: str
    answers: dict[str, str]
    lost: frozenset[str]


def prove(folder: Path, sets: list[str], mutants: int | None) -> Iterator[str]:
    """Grade the problem sets' hand-ins below `folder`; yields a line a student, and InputError where one is unjust."""
    written = handout.write_course(folder)
    unknown = [name for name in sets if name not in written]
    if unknown:
        raise InputError(f"there is no problem set {unknown[0]}; there are {', '.join(sorted(written))}")
    unjust = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for name, students in zip(sets, pool.map(lambda name: graded(folder, name, written[name], mutants), sets)):
            for student, (points, complaints) in students.items():
                yield f"{name}  {student:<12}{points:>5g} points{'' if complaints else ', as is due'}"
                unjust += [f"{name}, {student}: {complaint}" for complaint in complaints]
    if unjust:
        raise InputError("; ".join(unjust))


def graded(folder: Path, name: str, known: list[Exercise], mutants: int | None) -> dict[str, tuple[float, list[str]]]:
    """Hand in one problem set, and grade it. Student → the points, and what is wrong with them."""
    notebooks = {path: exercises(nbformat.read(path, as_version=4)) for path in handout.originals()[name]}
    students = list(hand_ins(notebooks, mutants))
    for student in students:
        place = folder / "submitted" / student.student / name
        place.mkdir(parents=True)
        for path in notebooks:
            answered(path, name, student.answers, place)
    # A gradebook for each set, so that they can be graded side by side.
    book = f"sqlite:///{folder / f'{name}.db'}"
    nbgrader(folder, "generate_assignment", name, f"--db={book}", "--create")
    nbgrader(folder, "autograde", name, f"--db={book}")
    earned = points(book, name)
    found = {}
    for student in students:
        given = earned[student.student]
        due = {exercise.number: 0 if exercise.number in student.lost else exercise.points for exercise in known}
        wrong = [
            f"{number} got {given[number]}, not {value}" for number, value in due.items() if given[number] != value
        ]
        found[student.student] = (sum(value or 0 for value in given.values()), wrong)
    return found


def hand_ins(notebooks: dict[Path, list[Exercise]], mutants: int | None) -> Iterator[HandIn]:
    """All that is handed in for one problem set."""
    everything = [exercise for known in notebooks.values() for exercise in known]
    yield HandIn("ours", {}, frozenset())
    yield HandIn("untouched", {e.number: e.source for e in everything}, frozenset(e.number for e in everything))
    unruly = {}
    for first, second, *others in notebooks.values():
        unruly |= {first.number: first.answered(HANGS)}
        unruly |= {second.number: ENDS_PYTHON.format(name=second.name)}  # the line that checks is gone, too
        unruly |= {third.number: third.answered(third.solution + WARNS.format(name=third.name)) for third in others[:1]}
    lost = frozenset(e.number for known in notebooks.values() for e in known[:2])
    yield HandIn("unruly", unruly, lost)
    ways = cycle(DISHONEST)
    yield HandIn(
        "dishonest",
        {e.number: next(ways).format(name=e.name) for e in everything},
        frozenset(e.number for e in everything),
    )
    columns = [misconceptions(known)[:mutants] for known in notebooks.values()]
    for index, row in enumerate(zip_longest(*columns)):
        chosen = dict(answer for answer in row if answer)
        yield HandIn(f"mutant-{index + 1}", chosen, frozenset(chosen))


def misconceptions(known: list[Exercise]) -> list[tuple[str, str]]:
    """(exercise number, the source of a cell that answers it wrongly), the exercises taking turns."""
    answers = []
    for exercise in known:
        notebook, check = exercise.check.split(".")
        wrong = mutants_of(notebook)[check]
        sources = [mutant_source(notebook, check, words, exercise.name) for words in wrong]
        answers.append([(exercise.number, exercise.answered(source)) for source in sources])
    return [answer for turn in zip_longest(*answers) for answer in turn if answer]


def mutants_of(notebook: str) -> dict[str, dict]:
    """Check → its misconceptions, by the words that name them."""
    return import_module(f"tools.course.mutants.{notebook}").WRONG


def mutant_source(notebook: str, check: str, words: str, name: str) -> str:
    """Lines by which `name` becomes one of the misconceptions."""
    return (
        f"import sys\n\nsys.path.insert(0, {str(FOLDER.parent)!r})\nfrom tools.course.mutants import {notebook}\n\n"
        f"{name} = {notebook}.WRONG[{check!r}][{words!r}]\n"
    )


def answered(path: Path, name: str, answers: dict[str, str], place: Path) -> None:
    """Hand in one notebook: a student's copy with these answers, and ours to the other exercises."""
    original = nbformat.read(path, as_version=4)
    copy = handout.copy(original, name)
    cells = {cell.metadata.get("nbgrader", {}).get("grade_id"): cell for cell in copy.cells}
    for exercise in exercises(original):
        ours = exercise.answered(exercise.solution)
        cells[exercise.identifier].source = answers.get(exercise.number, ours)
    nbformat.write(copy, place / path.name)


def nbgrader(folder: Path, *arguments: str) -> None:
    """Run nbgrader in its course folder. It looks for a program called alembic, which lies beside this Python."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    command = [sys.executable, "-m", "nbgrader", *arguments]
    done = subprocess.run(command, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    # Where it cannot load its configuration it says so and goes on without one.
    if done.returncode or "Exception while loading config file" in done.stderr:
        raise InputError(f"nbgrader {arguments[0]} failed: {' '.join(done.stderr.strip().splitlines()[-3:])}")


def points(book: str, name: str) -> dict[str, dict[str, float | None]]:
    """Student → exercise number → points, from nbgrader's gradebook. None where somebody would have to look."""
    from nbgrader.api import Gradebook

    with Gradebook(book) as gradebook:
        return {
            str(submission.student_id): {
                grade.name.removeprefix("exercise-").removesuffix("-points").replace("-", "."): None
                if grade.needs_manual_grade
                else grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
            }
            for submission in gradebook.assignment_submissions(name)
        }
