"""Every check lets right answers through, however written, and says of every wrong one what is wrong with it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from importlib import import_module

import pytest
import torch

from segnext_edu.lessons import checks
from tests.lessons.checks.test_every import exercises, stub

ANSWERS = {notebook: import_module(f"tools.course.mutants.{notebook}") for notebook in checks.__all__}
EVERY = [(notebook, exercise) for notebook in checks.__all__ for exercise in exercises(getattr(checks, notebook))]
RIGHT = [(*every, number) for every in EVERY for number in range(len(ANSWERS[every[0]].RIGHT[every[1]]))]
WRONG = [(*every, words) for every in EVERY for words in ANSWERS[every[0]].WRONG[every[1]]]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is one of the clock, and on a busy machine a right answer takes long by the clock."""
    monkeypatch.setattr("segnext_edu.lessons.checks.exercise.SECONDS", 60)


def verdict(notebook: str, exercise: str, answer: Callable, capsys: pytest.CaptureFixture) -> str:
    returned = getattr(getattr(checks, notebook), exercise)(answer)
    said = capsys.readouterr().out.strip()
    assert (returned is answer) == said.startswith("✓")  # only a right answer is gone on with
    return said


@pytest.mark.parametrize(("notebook", "exercise"), EVERY)
def test_there_are_enough_answers(notebook: str, exercise: str) -> None:
    assert len(ANSWERS[notebook].RIGHT[exercise]) >= 2 and len(ANSWERS[notebook].WRONG[exercise]) >= 5


@pytest.mark.parametrize(("notebook", "exercise"), EVERY)
def test_what_a_notebook_goes_on_with_is_right(
    notebook: str, exercise: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = getattr(getattr(checks, notebook), exercise)
    ours = check(None)
    assert check(ours) is ours and "✗" not in capsys.readouterr().out.splitlines()[-1]
    monkeypatch.setenv("NBGRADER_EXECUTION", "autograde")
    assert check(stub) is stub and check(None) is not None  # an answer stays; where there is none, ours comes


@pytest.mark.parametrize(("notebook", "exercise", "number"), RIGHT)
def test_a_right_answer_is_let_through(
    notebook: str, exercise: str, number: int, capsys: pytest.CaptureFixture
) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    began = time.process_time()
    said = verdict(notebook, exercise, ANSWERS[notebook].RIGHT[exercise][number], capsys)
    assert said.count("✓") >= 2 and "✗" not in said and "\n" not in said, said
    assert time.process_time() - began < 3  # a fraction of a second where nobody else computes
    assert torch.rand(3).equal(expected)  # the notebook's random numbers go on as they were


@pytest.mark.parametrize(("notebook", "exercise", "words"), WRONG)
def test_a_misconception_is_named(notebook: str, exercise: str, words: str, capsys: pytest.CaptureFixture) -> None:
    said = verdict(notebook, exercise, ANSWERS[notebook].WRONG[exercise][words], capsys)
    assert said.startswith(("✗ ", "○ ")) and "✓" not in said and "\n" not in said, said
    assert words in said or re.search(words, said), said
