"""An exercise as a table: what it proves, which mistake it names, and what it notices besides the numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from segnext_edu.lessons.checks.table import Exercise, copied, same


def made(size: int) -> tuple[Tensor, Tensor]:
    x, y = torch.randn(2, size, generator=torch.Generator().manual_seed(size), dtype=torch.float64)
    return x.requires_grad_(), y


PRODUCT = Exercise(
    lambda x, y: x * y,
    {"small": ((3,),), "large": ((50,), (70,))},
    lambda x, y: {"That is the sum.": x + y, "x came back.": x},
    given=made,
    hint=lambda result, x, y: " Was it summed up?" * (isinstance(result, Tensor) and result.ndim == 0),
    shape="as long as x",
    changed="Your function changed x in place.",
    kept="x stays",
    gradients="gradients flow",
    learned=lambda x, y: {"x": x},
)


def in_place(x: Tensor, y: Tensor) -> Tensor:
    return x.mul_(y)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda x, y: x + y, "off by up to .* That is the sum."),
        (lambda x, y: x - y, r"off by up to [\d.]+\.$"),
        (lambda x, y: (x * y).sum(), r"of shape \(3,\), but got a tensor of shape \(\), float64. Was it summed up\?"),
        (lambda x, y: (x * y).float(), "precision was lost"),
        (in_place, "changed x in place"),
        (lambda x, y: (x * y).detach(), "No gradient comes back"),
        (lambda x, y: x.detach() * y + 0 * x, "look at the gradient of x"),
        (lambda x, y: x * y if len(x) < 60 else x, "x came back"),
    ],
)
def test_a_wrong_answer_hears_why(answer: Callable[..., Any], words: str, capsys: pytest.CaptureFixture) -> None:
    PRODUCT(answer)
    said = capsys.readouterr().out
    assert said.startswith("✗ ") and re.search(words, said.strip()), said


def test_what_is_proved_stands_in_order(capsys: pytest.CaptureFixture) -> None:
    replace(PRODUCT, parts=(lambda answer: "a law", replace(PRODUCT, cases={"more": ((4,),)}, parts=())))(torch.mul)
    proved = capsys.readouterr().out.strip().split("   ")
    one = ["✓ as long as x", "✓ small", "✓ large", "✓ x stays"]
    other = ["✓ as long as x", "✓ more", "✓ x stays", "✓ gradients flow"]
    assert proved == [*one, "✓ a law", *other, "✓ gradients flow"]


def test_a_mistake_is_named_where_it_explains_every_case(capsys: pytest.CaptureFixture) -> None:
    always = Exercise(
        lambda n: n * n, {"squares": ((2,), (3,), (5,))}, {"Doubled.": lambda n: 2 * n, "Six.": lambda n: 6}
    )
    always = replace(always, expected="a square", say=lambda came, right, n: f"{came:g} for {n}.")
    always(lambda n: 6 if n == 3 else n * n)
    replace(always, everywhere=True)(lambda n: 6 if n == 3 else n * n)
    replace(always, everywhere=True)(lambda n: 2 * n)
    said = capsys.readouterr().out.splitlines()
    assert said == ["✗ 6 for 3. Doubled.", "✗ 6 for 3.", "✗ 6 for 3. Doubled."]


def test_one_of_several_results(capsys: pytest.CaptureFixture) -> None:
    second = Exercise(
        divmod,
        {"the rest": ((7, 3),)},
        {"The quotient.": lambda a, b: a // b, "No use.": lambda a, b: a / 0},
        expected="two numbers",
        names=("the quotient", "the rest"),
        index=1,
        say=lambda came, right, a, b: f"{came:g}, expected {right}.",
    )
    second(lambda a, b: 1)
    second(lambda a, b: (1, "one"))
    second(lambda a, b: (0, 2))
    second(lambda a, b: (0, a % b))
    assert capsys.readouterr().out.splitlines() == [
        "✗ Expected two numbers, but got 1.",
        "✗ Expected the rest, a number, but got 'one'.",
        "✗ 2, expected 1. The quotient.",
        "✓ the rest",
    ]


def test_an_answer_that_draws_is_told_so(capsys: pytest.CaptureFixture) -> None:
    replace(PRODUCT, drawn=" It draws.")(lambda x, y: torch.randn(len(x), dtype=torch.float64))
    assert capsys.readouterr().out.strip().endswith("It draws.")


def test_results_are_the_same_part_by_part() -> None:
    value = (torch.ones(2), [1, 2.5], {"a": torch.tensor(torch.nan)}, "word")
    assert same(copied(value), value) and copied(value)[0] is not value[0]
    assert not same((torch.ones(2), [1, 2]), (torch.ones(2), [1, 2.5]))
    assert not same(torch.ones(2), torch.ones(3)) and not same("word", 1) and not same(1, None)
    assert same(1.001, 1, tolerance=0.01) and not same(1.001, 1)
