"""How an exercise is checked, and how the check speaks: a line of ✓ for a right answer, plain words for a wrong one,
and ○ as long as there is none.

Whatever a student's function does (raise, loop for ever, return a word for a number) becomes a sentence. The cause is
found by comparison: a check knows the usual mistakes as programs, and names the one that gives the student's numbers.
"""

from __future__ import annotations

import inspect
import linecache
import numbers
import os
import re
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segnext_edu.files import printable
from segnext_edu.lessons.checks.beside import beside
from segnext_edu.lessons.checks.errors import meaning
from segnext_edu.lessons.checks.limit import TooLong, limited
from segnext_edu.lessons.checks.sources import is_empty, oddity, prints

SECONDS = 5.0  # that a check may take; a right answer needs a fraction of one
OPEN = "○ Not answered yet: write your lines, then run the cell again. Until then the notebook goes on with ours."

Part = Callable[
    [Callable[..., Any]], str
]  # takes the answer, returns what it has proved in a few words, or raises Wrong


class Wrong(Exception):
    """What is wrong with an answer, in words for the one who wrote it; with maps, also what came and what is right."""

    def __init__(self, words: str = "", came: Any = None, right: Any = None):
        super().__init__(words)
        self.came, self.right = came, right


class Unanswered(Wrong):
    """Nothing has been written yet."""


def check(answer: Callable[..., Any], *parts: Part, ours: Callable[..., Any] | None = None) -> Any:
    """Print what all the parts have proved about the answer, or what the first that fails has to say.

    Returns the answer where it is right, and else ours, so that the cells below have a function that works. While
    nbgrader is grading an answer stays, right or wrong: `course.hand_in` judges it next.
    """
    try:
        if not callable(answer):
            got = described(answer)
            raise Wrong(f"The check wants the function itself, but got {got}. Hand over its name, without ().")
        with torch.random.fork_rng(devices=[]):  # the notebook's generator stays as it was
            torch.default_generator.manual_seed(0)  # the same answer gets the same words, whatever it draws
            proved = limited(SECONDS, lambda: [part(answer) for part in parts])
    except Unanswered:
        print(OPEN)
    except Wrong as wrong:
        print(f"✗ {wrong}{oddity(answer)}")
        beside(wrong.came, wrong.right)
    except TooLong:
        print(f"✗ Stopped: not done after {SECONDS:g} seconds. Is there a loop that never ends, or one over pixels?")
    except Exception as error:  # no test has brought a check so far, yet nobody should read a traceback of ours
        said = f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
        print(
            f"✗ The check could make nothing of what your function returned, or did to its arguments. {printable(said)}"
        )
    else:
        print("   ".join(f"✓ {what}" for what in proved))
        return answer
    return answer if "NBGRADER_EXECUTION" in os.environ and callable(answer) else ours


def call(answer: Callable[..., Any], *arguments: Any) -> Any:
    """What the answer returns; Wrong when it raises, with the line it happened at, or when it returns nothing."""
    try:
        result = answer(*arguments)
    except (Exception, SystemExit, GeneratorExit) as error:
        if isinstance(error, NotImplementedError) and not str(error):  # PyTorch raises it too, with a message
            raise Unanswered from None
        message = next(iter(str(error).splitlines()), "")
        message = (message if len(message) < 160 else re.split(r"[.,] ", message)[0]).rstrip(".")
        said = f"{type(error).__name__}: {message}" if message else type(error).__name__
        line = place(error, answer)
        at = f" at `{line}`" if line else ""
        why = meaning(error, line)
        raise Wrong(
            f"{given(answer, arguments)}, your function stopped{at}. Python says: {printable(said)}.{why}"
        ) from None
    if result is None:
        if is_empty(answer):
            raise Unanswered
        shown = "`print` shows a value, but hands nothing back. " if prints(answer) else ""
        raise Wrong(
            f"{given(answer, arguments)}, your function returned None. {shown}Is a `return` missing at its end, or "
            "where an `if` did not hold?"
        )
    return result


def given(answer: Callable[..., Any], arguments: tuple[Any, ...]) -> str:
    """What the answer was called with, by its own names: "With x (2, 3, 9, 12) float32, rate = 0.1"."""
    try:
        names = list(inspect.signature(answer).parameters)
    except (TypeError, ValueError):
        names = []
    if len(names) != len(arguments):
        return "Called with " + ", ".join(map(described, arguments))
    return "With " + (", ".join(map(named, names, arguments)) or "nothing")


def named(name: str, value: Any) -> str:
    """An argument as briefly as it goes: "x (2, 3, 9, 12) float32", "maps = 2 tensors (3, 9, 12), (3, 5, 6)"."""
    if isinstance(value, Tensor | np.ndarray):
        return f"{name} {tuple(value.shape)} {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, list) and value and all(isinstance(part, Tensor) for part in value):
        return f"{name} = {len(value)} tensor{'s' * (len(value) > 1)} " + ", ".join(
            str(tuple(part.shape)) for part in value
        )
    return f"{name} = {described(value)}"


def place(error: BaseException, answer: Callable[..., Any]) -> str:
    """The one of the student's own lines in which an error came up: "loss = total / count", or nothing."""
    code = getattr(answer, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if code and frame.filename == code.co_filename]
    return linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip() if frames else ""


def number(result: Any, what: str) -> float:
    """A result that should be one number, as a float; Wrong with the likely cause when it is something else."""
    if isinstance(result, Tensor):
        if result.numel() != 1:
            raise Wrong(f"Expected {what}, one number, but got {described(result)}. Is a mean or a sum still missing?")
        result = result.item()
    if isinstance(result, np.ndarray) and result.size == 1:
        result = result.item()
    if isinstance(result, bool) or not isinstance(result, numbers.Real):  # NumPy's numbers are Real too
        raise Wrong(f"Expected {what}, a number, but got {described(result)}.")
    return float(result)


def cause(matches: Callable[[Any], bool], suspects: dict[str, Any]) -> str:
    """The first suspect that explains what came, as a sentence after a blank; nothing where none does."""
    return next((f" {sentence}" for sentence, suspect in suspects.items() if matches(suspect)), "")


def described(value: Any) -> str:
    """A value in a few words: a tensor by its shape and type, a few things one by one, anything short as it is."""
    large = (Tensor, np.ndarray, torch.nn.Module)
    if isinstance(value, Tensor | np.ndarray):
        kind = "a tensor" if isinstance(value, Tensor) else "a NumPy array"
        return f"{kind} of shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, torch.nn.Module | torch.optim.Optimizer):
        name = type(value).__name__
        return f"an {name}" if name[0] in "AEIOU" else f"a {name}"
    if isinstance(value, tuple | list) and any(isinstance(part, large) for part in value):
        kind = "a list" if isinstance(value, list) else "a tuple"
        return f"{kind} of {len(value)}" + (f" ({'; '.join(map(described, value))})" if len(value) < 4 else "")
    if isinstance(value, dict) and value:
        return f"a dictionary of {len(value)}"
    if inspect.isgenerator(value):
        return "a generator, which has computed nothing yet (list(…) makes it)"
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"
