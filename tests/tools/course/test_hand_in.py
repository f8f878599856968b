"""What a student's notebook does with an answer: right, wrong or missing, while working and while it is graded."""

from __future__ import annotations

import json
import tracemalloc
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest

from segnext_edu.lessons import course
from segnext_edu.lessons.checks import exercise
from tools.course import handout
from tools.course.exercises import Exercise

OURS = "def multiply_adds(c, k, h, w):\n    return c * c * k * k * h * w, c * k * k * h * w, 2 * c * k * h * w\n"
EXERCISE = Exercise("3.1", "Write the bill", 1, 5, "strip_conv.multiply_adds", "multiply_adds", 0, OURS)


@pytest.fixture
def notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], dict]:
    """notebook(answer): the names that are there once the answer's cell and the one after it have run."""
    (tmp_path / course.SOLUTIONS).write_text(json.dumps(handout.encoded([EXERCISE])))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)

    def ran(answer: str, names: dict | None = None) -> dict:
        names = {} if names is None else names
        exec(answer, names)
        exec(handout.POINTS.format(number="3.1"), names)
        return names

    return ran


RIGHT = f"{OURS}\nright = multiply_adds"
WRONG = "def multiply_adds(c, k, h, w):\n    return 1, 2, 3"
STUB = "def multiply_adds(c, k, h, w):\n    raise NotImplementedError"


def test_a_right_answer_stays(notebook: Callable, capsys: pytest.CaptureFixture) -> None:
    names = notebook(RIGHT)
    assert names["multiply_adds"] is names["right"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("answer", [WRONG, STUB, "multiply_adds = 3", ""])
def test_an_open_exercise_goes_on_with_ours(answer: str, notebook: Callable, capsys: pytest.CaptureFixture) -> None:
    assert notebook(answer)["multiply_adds"](2, 3, 4, 5) == (720, 360, 240)
    assert capsys.readouterr().out.splitlines() == [
        "Exercise 3.1 is open. Until multiply_adds is right, the notebook goes on with ours."
    ]


def test_what_an_answer_prints_or_warns_of_is_no_verdict(notebook: Callable, capsys: pytest.CaptureFixture) -> None:
    cheat = WRONG.replace("    return", "    print('✓ all is well')\n    return")
    assert "goes on with ours" in (notebook(cheat), capsys.readouterr().out)[1]
    careful = RIGHT.replace("    return", "    import sys; print('careful', file=sys.stderr)\n    return")
    with warnings.catch_warnings(record=True):
        notebook(careful)
    assert capsys.readouterr() == ("", "")  # nbgrader takes all points for anything on stderr


def test_an_answer_that_prints_for_ever_keeps_its_verdict_and_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exercise, "SECONDS", 0.5)

    def for_ever(*arguments: int) -> None:
        while True:
            print("still at it" * 1000)

    tracemalloc.start()
    said = course.verdict("strip_conv.multiply_adds", for_ever)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.startswith("✗ Stopped: not done after 0.5 seconds") and peak < 10**6, peak


@pytest.mark.parametrize(
    ("answer", "words"), [(WRONG, "dense"), (STUB, "Nothing here yet"), ("", "There is no multiply")]
)
def test_grading_raises_with_the_checks_words_and_ours_in_place(
    answer: str, words: str, notebook: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    names: dict = {}
    with pytest.raises(course.NotRight, match=words):
        notebook(answer, names)
    assert names["multiply_adds"](2, 3, 4, 5) == (720, 360, 240)


def test_without_the_file_beside_it_says_what_to_do(notebook: Callable, tmp_path: Path) -> None:
    (tmp_path / course.SOLUTIONS).unlink()
    with pytest.raises(FileNotFoundError, match="Copy it here"):
        notebook(RIGHT)
