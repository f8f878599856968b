"""The classroom: what a student's notebook calls after each exercise. The lecturer's tools are the modules beside.

from segnext_edu.lessons import course
course.hand_in("3.2")
"""

from __future__ import annotations

import base64
import io
import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

SOLUTIONS = "solutions.json"  # beside a student's notebooks; encoded, so that nobody reads an answer by accident


class NotRight(AssertionError):
    """What is wrong with an answer, raised where hand-ins are graded: an error in a test cell costs its points."""


def hand_in(number: str) -> None:
    """Check the answer to exercise `number` ("3.2") in the calling notebook, and lend ours where it is not right yet.

    Either way the cells that follow have a function that works. Where hand-ins are graded (or validated) by nbgrader,
    a wrong answer raises NotRight once ours is in its place, so that it costs the points of this exercise alone.
    """
    namespace = sys._getframe(1).f_globals
    exercise = solutions()[number]
    name = exercise["name"]
    said = verdict(exercise["check"], namespace[name]) if name in namespace else f"✗ There is no {name}."
    if said.startswith("✓"):
        return
    lend(number, namespace)
    if "NBGRADER_EXECUTION" in os.environ:
        raise NotRight(said)
    print(f"Exercise {number} is open. Until {name} is right, the notebook goes on with ours.")


def lend(number: str, namespace: dict[str, Any]) -> None:
    """Put our answer to exercise `number` into a notebook's names."""
    code = base64.b64decode(solutions()[number]["solution"]).decode()
    exec(compile(code, f"<our answer to exercise {number}>", "exec"), namespace)


def verdict(check: str, answer: Any) -> str:
    """What `check`, such as "strip_conv.strip_pair", has to say about an answer: one line that begins with ✓ or ✗."""
    from segnext_edu.lessons import checks

    notebook, exercise = check.split(".")
    with redirect_stdout(LastWords()) as said, redirect_stderr(LastWords()):  # nbgrader gives 0 for any stderr
        getattr(getattr(checks, notebook), exercise)(answer)
    return said.kept.strip().splitlines()[-1]  # what an answer itself has printed comes before


class LastWords(io.TextIOBase):
    """An output of which the end is kept: an answer may print for ever."""

    MOST = 8192  # characters

    def __init__(self) -> None:
        self.kept = ""

    def write(self, text: str, /) -> int:
        self.kept = (self.kept + text[-self.MOST :])[-self.MOST :]
        return len(text)


def solutions() -> dict[str, dict[str, str]]:
    """Exercise number → its name, its check and our answer, of the notebooks in this folder."""
    try:
        return json.loads(Path(SOLUTIONS).read_text("utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"{SOLUTIONS} is not beside this notebook. Copy it here from the folder that you were given."
        ) from None
