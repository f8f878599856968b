"""How an exercise is checked, and how the check speaks: a line of ✓ for a right answer, plain words for a wrong one.

Whatever a student's function does (raise, loop for ever, return a word for a number) becomes a sentence. The cause is
found by comparison: a check knows the usual mistakes as programs, and names the one that gives the student's numbers.
"""

from __future__ import annotations

import ctypes
import linecache
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

SECONDS = 5.0  # that a check may take; a right answer needs a fraction of one

Part = Callable[
    [Callable[..., Any]], str
]  # takes the answer, returns what it has proved in a few words, or raises Wrong


class Wrong(Exception):
    """What is wrong with an answer, in words for the one who wrote it."""


class TooLong(BaseException):
    """The time is up. Not an Exception, so that a student's `except Exception` does not swallow it."""


def check(answer: Callable[..., Any], *parts: Part) -> None:
    """Print what all the parts have proved about the answer, or what the first that fails has to say."""
    try:
        if not callable(answer):
            got = described(answer)
            raise Wrong(f"The check wants the function itself, but got {got}. Hand over its name, without ().")
        with time_limit(SECONDS), torch.random.fork_rng(devices=[]):  # the notebook's generator stays as it was
            proved = [part(answer) for part in parts]
    except Wrong as wrong:
        print(f"✗ {wrong}")
    except TooLong:
        print(f"✗ Stopped: not done after {SECONDS:g} seconds. Is there a loop that never ends, or one over pixels?")
    else:
        print("   ".join(f"✓ {what}" for what in proved))


def call(answer: Callable[..., Any], *arguments: Any) -> Any:
    """What the answer returns; Wrong when it raises, with the line it happened at, or when it returns nothing."""
    try:
        result = answer(*arguments)
    except NotImplementedError:
        raise Wrong("Nothing here yet: write the body of the function, then run the cell again.") from None
    except Exception as error:
        message = next(iter(str(error).splitlines()), "")
        said = f"{type(error).__name__}: {message}" if message else type(error).__name__
        given = ", ".join(map(described, arguments))
        raise Wrong(f"Called with {given}, your function stopped{place(error, answer)}. Python says: {said}") from None
    if result is None:
        raise Wrong("Your function returned None. Is a `return` missing at its end?")
    return result


def place(error: Exception, answer: Callable[..., Any]) -> str:
    """Where in the student's own lines an error came up: " at `loss = total / count`", or nothing."""
    code = getattr(answer, "__code__", None)
    frames = traceback.extract_tb(error.__traceback__)
    frames = [frame for frame in frames if code and frame.filename == code.co_filename]
    line = linecache.getline(frames[-1].filename, frames[-1].lineno or 0).strip() if frames else ""
    return f" at `{line}`" if line else ""


def number(result: Any, what: str) -> float:
    """A result that should be one number, as a float; Wrong with the likely cause when it is something else."""
    if isinstance(result, Tensor):
        if result.numel() != 1:
            raise Wrong(f"Expected {what}, one number, but got {described(result)}. Is a mean or a sum still missing?")
        result = result.item()
    if isinstance(result, bool) or not isinstance(result, int | float):
        raise Wrong(f"Expected {what}, a number, but got {described(result)}.")
    return float(result)


def cause(matches: Callable[[Any], bool], suspects: dict[str, Any]) -> str:
    """The first suspect that explains what came, as a sentence after a blank; nothing where none does."""
    return next((f" {sentence}" for sentence, suspect in suspects.items() if matches(suspect)), "")


def described(value: Any) -> str:
    """A value in a few words: a tensor by its shape and type, anything short as it is."""
    if isinstance(value, Tensor):
        return f"a tensor of shape {tuple(value.shape)}, {str(value.dtype).removeprefix('torch.')}"
    if isinstance(value, torch.nn.Module | torch.optim.Optimizer):
        return f"a {type(value).__name__}"
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Raise TooLong in this thread once the time is up. Works in any thread and on any system, unlike a signal."""
    thread = ctypes.c_ulong(threading.get_ident())
    interrupt = ctypes.pythonapi.PyThreadState_SetAsyncExc
    timer = threading.Timer(seconds, interrupt, (thread, ctypes.py_object(TooLong)))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        interrupt(thread, None)  # should it have struck in the last moment
