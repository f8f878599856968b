"""What the cell below an exercise does: nothing while a student works; while nbgrader grades, it judges and lends."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable

import pytest

from segnext_edu.lessons import course
from segnext_edu.lessons.checks import exercise
from tools.course import handout

OURS = "def multiply_adds(c, k, h, w):\n    return c * c * k * k * h * w, c * k * k * h * w, 2 * c * k * h * w\n"
RIGHT = f"{OURS}\nright = multiply_adds"
WRONG = "def multiply_adds(c, k, h, w):\n    return 1, 2, 3"
STUB = "def multiply_adds(c, k, h, w):\n    raise NotImplementedError"
CHECK = "from segnext_edu.lessons import checks\nmultiply_adds = checks.strip_conv.multiply_adds(multiply_adds)"


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """notebook(answer): the names that are there once the answer's cell and the one after it have run."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)

    def ran(answer: str, names: dict | None = None) -> dict:
        names = {} if names is None else names
        exec(answer, names)
        exec(handout.POINTS.format(check="strip_conv.multiply_adds", name="multiply_adds"), names)
        return names

    return ran


def test_a_right_answer_stays(notebook: Callable, capsys: pytest.CaptureFixture) -> None:
    names = notebook(RIGHT)
    assert names["multiply_adds"] is names["right"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("answer", [WRONG, STUB, "multiply_adds = 3"])
def test_an_open_exercise_goes_on_with_ours(answer: str, notebook: Callable) -> None:
    assert notebook(f"{answer}\n{CHECK}")["multiply_adds"](2, 3, 4, 5) == (720, 360, 240)


def test_what_an_answer_prints_or_warns_of_is_no_verdict(
    notebook: Callable, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    cheat = WRONG.replace("    return", "    print('✓ all is well')\n    return")
    with pytest.raises(course.NotRight):
        notebook(cheat)
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


@pytest.mark.parametrize("checked", ["", CHECK])
@pytest.mark.parametrize(
    ("answer", "words"), [(WRONG, "dense"), (STUB, "Not answered yet"), ("", "There is no multiply")]
)
def test_grading_raises_with_the_checks_words_and_ours_in_place(
    answer: str, words: str, checked: str, notebook: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    names: dict = {}
    with pytest.raises(course.NotRight, match=words):
        notebook(f"{answer}\n{checked if answer else ''}", names)
    assert names["multiply_adds"](2, 3, 4, 5) == (720, 360, 240)
