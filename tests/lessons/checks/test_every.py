"""What every exercise's check does with whatever comes: one sentence that begins with ✗ or ○, never a traceback."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import nbformat
import pytest
import torch

from segnext_edu.lessons import checks
from segnext_edu.lessons.series import SERIES
from tools.notebooks import FOLDER


def exercises(module: ModuleType) -> list[str]:
    """The checks of one notebook: what its module exports, or the public functions that it defines."""
    defined = [name for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]
    return getattr(module, "__all__", [name for name in defined if not name.startswith("_") and name.islower()])


EVERY = [
    pytest.param(getattr(module, exercise), id=f"{notebook}-{exercise}")
    for notebook, module in ((name, getattr(checks, name)) for name in checks.__all__)
    for exercise in exercises(module)
]


def stub(*_: Any, **__: Any) -> Any:
    raise NotImplementedError


def fails(*_: Any, **__: Any) -> Any:
    raise ZeroDivisionError("division by zero\nand a second line")


def for_ever(*_: Any, **__: Any) -> Any:
    while True:
        with contextlib.suppress(Exception):  # as a student's `except Exception: pass` does
            sum(range(1000))


def nans(*arguments: Any, **_: Any) -> Any:
    """NaN, in the form of the first tensor that it is given."""
    tensors = [argument for argument in arguments if isinstance(argument, torch.Tensor)]
    return torch.full_like(tensors[0], torch.nan, dtype=torch.float64) if tensors else torch.nan


WHATEVER = {
    "the stub as it stands": (stub, "Not answered yet"),
    "an exception": (fails, "ZeroDivisionError: division by zero"),
    "an end to everything": (lambda *_, **__: sys.exit(), "exit() ends Python itself"),
    "an endless loop": (for_ever, "never ends"),
    "None": (lambda *_, **__: None, "returned None"),
    "a word": (lambda *_, **__: "many", ""),
    "an object": (lambda *_, **__: object(), ""),
    "an empty list": (lambda *_, **__: [], ""),
    "a number": (lambda *_, **__: 12345.678, ""),
    "NaN": (lambda *_, **__: float("nan"), ""),
    "a tensor of NaN": (nans, ""),
    "its first argument": (lambda first=None, *_, **__: first, ""),
    "too few arguments": (lambda: 1, "TypeError"),
    "no function, a number": (3.0, "wants the function itself"),
    "no function, a tensor": (torch.zeros(3, 3), "wants the function itself"),
    "no function, None": (None, "wants the function itself"),
}


def test_there_are_exercises() -> None:
    assert len(EVERY) >= 11 and all(callable(parameter.values[0]) for parameter in EVERY)


@pytest.mark.parametrize("name", WHATEVER)
@pytest.mark.parametrize("check", EVERY)
def test_whatever_comes_becomes_one_sentence(
    check: Callable[[Any], Any], name: str, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, words = WHATEVER[name]
    if answer is for_ever:
        monkeypatch.setattr("segnext_edu.lessons.checks.exercise.SECONDS", 0.2)
    before = torch.get_rng_state()
    ours = check(answer)
    assert callable(ours) and ours is not answer  # the cells below go on with it
    printed = capsys.readouterr()
    said = printed.out.strip()
    assert (
        said.startswith("○ " if answer is stub else "✗ ") and "✓" not in said and "\n" not in said and not printed.err
    ), said
    assert words in said, said
    assert torch.equal(before, torch.get_rng_state())  # the notebook's random numbers go on as they were


@pytest.mark.parametrize("notebook", checks.__all__)
def test_the_notebook_calls_every_check(notebook: str) -> None:
    path = FOLDER / next(one.file for one in SERIES if one.topic == notebook)
    source = "\n".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    uncalled = [name for name in exercises(getattr(checks, notebook)) if f"checks.{notebook}.{name}(" not in source]
    assert uncalled == []
