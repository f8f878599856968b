"""How checks speak, whatever the exercise: what was given, what came, and never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from segnext_edu.lessons.checks.exercise import Wrong, call, check, described, given, number


def prints_it(x: Any) -> None:
    print(x)


def forgets_the_other_branch(x: Any, limit: float) -> Any:
    if limit > 1:
        return x


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (torch.zeros(2, 3), "a tensor of shape (2, 3), float32"),
        (np.zeros((2, 3)), "a NumPy array of shape (2, 3), float64"),
        ((torch.zeros(2), 1), "a tuple of 2 (a tensor of shape (2,), float32; 1)"),
        ([torch.zeros(2)] * 4, "a list of 4"),
        ([1, 2], "[1, 2]"),
        ({"a": 1}, "a dictionary of 1"),
        ((x for x in ()), "a generator, which has computed nothing yet (list(…) makes it)"),
        (nn.Embedding(2, 2), "an Embedding"),
        (nn.ReLU(), "a ReLU"),
        ("x" * 99, "a str"),
    ],
)
def test_a_value_in_a_few_words(value: Any, words: str) -> None:
    assert described(value) == words


def test_arguments_are_called_by_the_answers_own_names() -> None:
    answer = lambda maps, rate, mix: None  # noqa: E731
    said = given(answer, ([torch.zeros(3, 9), torch.zeros(3, 5)], 0.5, nn.ReLU()))
    assert said == "With maps = 2 tensors (3, 9), (3, 5), rate = 0.5, mix = a ReLU"
    assert given(lambda *every: None, (torch.zeros(2), 1)) == "Called with a tensor of shape (2,), float32, 1"


@pytest.mark.parametrize(
    "value", [2, 2.0, np.float32(2), np.int64(2), np.array([2]), torch.tensor(2), torch.ones(1) * 2]
)
def test_a_number_of_any_kind_is_a_number(value: Any) -> None:
    assert number(value, "two") == 2.0


@pytest.mark.parametrize("value", [True, "2", None, [2], torch.zeros(2), np.zeros(2)])
def test_what_is_no_number_is_none(value: Any) -> None:
    with pytest.raises(Wrong, match="Expected two"):
        number(value, "two")


def test_a_missing_return_is_told_from_a_print(capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(Wrong, match="`print` shows a value, but hands nothing back. Is a `return` missing"):
        call(prints_it, 1)
    with pytest.raises(Wrong, match="With x = 3, limit = 1, your function returned None. Is a .* an `if` did not hold"):
        call(forgets_the_other_branch, 3, 1)


def test_an_error_of_pytorchs_is_not_taken_for_an_empty_exercise() -> None:
    def answer(x: torch.Tensor) -> torch.Tensor:
        return nn.functional.interpolate(x, size=(3, 3), mode="linear")

    with pytest.raises(Wrong, match="stopped at .* Python says: NotImplementedError: Got 4D input"):
        call(answer, torch.zeros(1, 2, 5, 5))


def test_not_even_a_check_that_stumbles_shows_a_traceback(capsys: pytest.CaptureFixture) -> None:
    def part(answer: Callable) -> str:
        return answer()["not there"]

    check(dict, part)
    said = capsys.readouterr().out
    assert said.startswith("✗ The check could make nothing of what your function returned") and "KeyError" in said
    assert said.count("\n") == 1


def test_the_same_answer_gets_the_same_words(capsys: pytest.CaptureFixture) -> None:
    def part(answer: Callable) -> str:
        raise Wrong(f"{torch.rand(()):.6f}")

    for seed in (1, 2):
        torch.manual_seed(seed)
        check(len, part)
    first, second = capsys.readouterr().out.splitlines()
    assert first == second
