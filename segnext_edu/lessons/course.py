"""The classroom: what a student's notebook calls after each exercise. The lecturer's tools are in `tools/course`.

from segnext_edu.lessons import course
course.hand_in("msca.attend", "attend", globals())
"""

from __future__ import annotations

import io
import os
from contextlib import redirect_stderr, redirect_stdout
from typing import Any


class NotRight(AssertionError):
    """What is wrong with an answer, raised where hand-ins are graded: an error in a test cell costs its points."""


def hand_in(check: str, name: str, names: dict[str, Any]) -> None:
    """Where nbgrader grades (or validates), judge the answer that a notebook's `names` hold; elsewhere, do nothing.

    A wrong answer raises NotRight once ours is in its place, so that it costs the points of this exercise alone.
    """
    if "NBGRADER_EXECUTION" not in os.environ:
        return
    said = verdict(check, names[name]) if name in names else f"✗ There is no {name}."
    if not said.startswith("✓"):
        lend(check, name, names)
        raise NotRight(said)


def lend(check: str, name: str, names: dict[str, Any]) -> None:
    """Put our answer into a notebook's names."""
    with redirect_stdout(io.StringIO()):
        names[name] = asked(check)(None)


def verdict(check: str, answer: Any) -> str:
    """What `check`, such as "strip_conv.depthwise", has to say about an answer: a line that begins with ✓, ✗ or ○."""
    with redirect_stdout(LastWords()) as said, redirect_stderr(LastWords()):  # nbgrader gives 0 for any stderr
        asked(check)(answer)
    return said.kept.strip().splitlines()[-1]  # the check speaks last, and in one piece


class LastWords(io.TextIOBase):
    """An output of which the last words are kept, what was written at once: an answer may print for ever."""

    MOST = 8192  # characters

    def __init__(self) -> None:
        self.kept = ""

    def write(self, text: str, /) -> int:
        if text.strip():
            self.kept = text[-self.MOST :]
        return len(text)


def asked(check: str) -> Any:
    """The check of that name."""
    from segnext_edu.lessons import checks

    notebook, exercise = check.split(".")
    return getattr(getattr(checks, notebook), exercise)
