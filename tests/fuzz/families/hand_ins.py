"""Hand-ins that change the grading instead of computing an answer, through nbgrader, for every problem set."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from segnext_edu.files import InputError
from segnext_edu.lessons.series import WRITTEN
from tests.fuzz.families.answers import HOSTILE
from tests.fuzz.judge import Fault
from tools.course import grade

SECONDS = 900
NOTHING = "def {name}(*a, **k):\n    return None\n"
COURSE = "from segnext_edu.lessons import course\n"
# What a dishonest cell does besides its wrong answer.
DISHONEST = {
    "verdict": COURSE + "course.verdict = lambda *a: '✓'",
    "hand_in": COURSE + "course.hand_in = lambda *a: None",
    "lend": COURSE + "course.NotRight = type('N', (), {{}})\ncourse.lend = lambda *a: None",
    "getattr": COURSE + "course.verdict.__code__ = (lambda *a: '✓').__code__",
    "print": "import builtins\nshown = print\nbuiltins.print = lambda *a, **k: shown('✓')",
    "environment": "import os\nos.environ.pop('NBGRADER_EXECUTION', None)",
    "solutions": COURSE + "course.solutions = lambda: {{}}",
    "check": "from segnext_edu.lessons.checks import exercise, table\n"
    "exercise.check = table.check = lambda *a, **k: print('✓')",
    "checks": "import segnext_edu.lessons.checks as c\n"
    "class Any:\n    def __getattr__(self, n): return lambda *a: print('✓')\n"
    "c.{topic} = Any()",
    "stdout": "import sys\nclass Out:\n    def write(self, t): return 0\n    def flush(self): pass\nsys.stdout = Out()",
    "equal": "import torch\ntorch.equal = torch.allclose = lambda *a, **k: True",
    "trace": "import sys\nsys.settrace(lambda *a: None)",
    "answer": COURSE + "import builtins\ncourse.lend('{number}', globals())",
}


@cache
def sets() -> list[str]:
    return sorted({one.problem_set for one in WRITTEN} - {""})


def case(rng: random.Random) -> tuple[str, list[str]]:
    """A problem set, and what its students do."""
    return rng.choice(sets()), rng.sample(sorted(DISHONEST), 4)


def run(case: tuple[str, list[str]], place: Path) -> None:
    name, kinds = case
    honest = grade.hand_ins

    def hand_ins(notebooks: dict, mutants: object) -> Iterator[grade.HandIn]:
        known = [exercise for some in notebooks.values() for exercise in some]
        for kind in kinds:
            answers = {}
            for e in known:
                fill = {"name": e.name, "number": e.number, "topic": e.check.split(".")[0]}
                answers[e.number] = (NOTHING + DISHONEST[kind]).format(**fill)
            yield grade.HandIn(kind, answers, frozenset(answers))
        answers = {e.number: HOSTILE["prints"] + f"\n{e.name} = answer" for e in known[:2]}
        yield grade.HandIn("prints", answers, frozenset(answers))

    grade.hand_ins = hand_ins  # type: ignore[assignment]
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            list(grade.prove(place / "course", [name], None))
    except InputError as error:
        raise Fault("believed", f"unearned points: {str(error)[:200]}") from error
    finally:
        grade.hand_ins = honest
