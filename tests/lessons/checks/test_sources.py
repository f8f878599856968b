"""What the lines of an answer give away before they are run."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from segnext_edu.lessons.checks import strip_conv, training
from segnext_edu.lessons.checks.sources import is_empty, oddity, prints


def dots(x):
    """A description."""
    ...


def passes(x):
    pass


def described_only(x):
    """Nothing but a description."""


def says(x):
    print(x)


def powers(kernels, strides):
    return len(kernels) ^ 2


def names_only(model, optimizer, images, masks):
    loss = model(images).sum()
    loss.backward  # noqa: B018
    optimizer.step()
    return loss


def drops_a_call(x):
    x.flip(-1)
    return x


def drops_a_sum(x):
    if x:
        x + 1  # pyright: ignore
    return x


def fine(x):
    """Adds and appends."""
    found = []
    found.append(x)
    print(x)
    x.add_(1)
    return found


@pytest.mark.parametrize(
    ("answer", "empty"), [(dots, True), (passes, True), (says, False), (fine, False), (lambda x: None, False)]
)
def test_an_empty_body_is_seen(answer: Callable, empty: bool) -> None:
    assert is_empty(answer) == empty


def test_a_description_alone_is_empty() -> None:
    assert is_empty(described_only)


def test_printing_is_seen() -> None:
    assert prints(says) and not prints(dots)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (powers, "^ is no power"),
        (names_only, "`loss.backward()` calls it"),
        (drops_a_call, "`x.flip(-1)` makes something new and drops it"),
        (drops_a_sum, "`x + 1` makes something new and drops it"),
    ],
)
def test_an_odd_line_is_named(answer: Callable, words: str) -> None:
    assert words in oddity(answer)


@pytest.mark.parametrize("answer", [fine, lambda x: x, len, None, 3])
def test_nothing_is_said_of_other_lines(answer: Callable) -> None:
    assert oddity(answer) == ""


def test_a_check_says_so_behind_its_own_words(capsys: pytest.CaptureFixture) -> None:
    strip_conv.receptive_field(powers)
    training.training_step(names_only)
    strip_conv.receptive_field(dots)
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("✗ Kernels [3") and first.endswith("x**2 is x squared.")
    assert "Without loss.backward()" in second and second.endswith("`loss.backward()` calls it.")
    assert "Leave the line with `def` as it was" in third  # dots takes one argument
