"""What the cell below an exercise does: nothing while a student works; while nbgrader grades, it judges and lends."""

from __future__ import annotations

import tracemalloc
import warnings
from collections.abc import Callable

import pytest

from segnext_edu.lessons import course
from segnext_edu.lessons.checks import exercise
from tools.course import handout

OURS = (
    "def receptive_field(kernels, strides):\n    size = 1\n    for k, s in zip(kernels[::-1], strides[::-1]):\n"
    "        size = (size - 1) * s + k\n    return size\n"
)
RIGHT = f"{OURS}\nright = receptive_field"
WRONG = "def receptive_field(kernels, strides):\n    return 123"
STUB = "def receptive_field(kernels, strides):\n    raise NotImplementedError"
CHECK = "from segnext_edu.lessons import checks\nreceptive_field = checks.strip_conv.receptive_field(receptive_field)"


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict]:
    """notebook(answer): the names that are there once the answer's cell and the one after it have run."""
    monkeypatch.delenv("NBGRADER_EXECUTION", raising=False)

    def ran(answer: str, names: dict | None = None) -> dict:
        names = {} if names is None else names
        exec(answer, names)
        exec(handout.POINTS.format(check="strip_conv.receptive_field", name="receptive_field"), names)
        return names

    return ran


def test_a_right_answer_stays(notebook: Callable, capsys: pytest.CaptureFixture) -> None:
    names = notebook(RIGHT)
    assert names["receptive_field"] is names["right"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("answer", [WRONG, STUB, "receptive_field = 3"])
def test_an_open_exercise_goes_on_with_ours(answer: str, notebook: Callable) -> None:
    assert notebook(f"{answer}\n{CHECK}")["receptive_field"]([3, 5], [2, 1]) == 11


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
    said = course.verdict("strip_conv.receptive_field", for_ever)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert said.startswith("✗ Stopped: not done after 0.5 seconds") and peak < 10**6, peak


@pytest.mark.parametrize("checked", ["", CHECK])
@pytest.mark.parametrize(
    ("answer", "words"), [(WRONG, "Kernels"), (STUB, "Not answered yet"), ("", "There is no receptive")]
)
def test_grading_raises_with_the_checks_words_and_ours_in_place(
    answer: str, words: str, checked: str, notebook: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    names: dict = {}
    with pytest.raises(course.NotRight, match=words):
        notebook(f"{answer}\n{checked if answer else ''}", names)
    assert names["receptive_field"]([3, 5], [2, 1]) == 11
