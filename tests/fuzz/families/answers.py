"""Answers to exercises that are anything but functions that compute something."""

from __future__ import annotations

import random
from functools import cache
from importlib import import_module

from segnext_edu.lessons import course
from segnext_edu.lessons.series import WRITTEN
from tests.fuzz.judge import Fault

SECONDS = 40
ALL_EQUAL = """class Same:
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __bool__(self): return True
    def __iter__(self): return iter((self, self))
    def __len__(self): return 2
    def __float__(self): return 1.0
    def __index__(self): return 1
    def __repr__(self): return "✓"
    __hash__ = None
"""
# By what they do; each gives a name, `answer`.
HOSTILE = {
    "prints": "def answer(*a):\n    while True:\n        print('x' * 100_000)",
    "says it is right": "def answer(*a):\n    print('✓ right')\n    raise SystemExit(0)",
    "warns": "import sys\ndef answer(*a):\n    while True:\n        print('x' * 100_000, file=sys.stderr)",
    "recurs": "def answer(*a):\n    return answer(*a)",
    "exits": "def answer(*a):\n    raise SystemExit('✓')",
    "ends a generator": "def answer(*a):\n    raise GeneratorExit",
    "swallows": "def answer(*a):\n    while True:\n        try:\n            while True: pass\n"
    "        except BaseException: pass",
    "equals all": ALL_EQUAL + "def answer(*a):\n    return Same()",
    "is all": ALL_EQUAL + "answer = Same()",
    "cannot be shown": "class E(Exception):\n    def __str__(self): 1 / 0\ndef answer(*a):\n    raise E()",
    "escapes": "def answer(*a):\n    raise ValueError('\\x1b[2J\\x07')",
    "returns itself": "def answer(*a):\n    a = []\n    a.append(a)\n    return a",
    "is too long": "def answer(*a):\n    return '✓' * 10_000_000",
    "is NaN": "def answer(*a):\n    return float('nan')",
}


@cache
def checks() -> list[str]:
    """Every check, such as "msca.attend"."""
    found = []
    for topic in [one.topic for one in WRITTEN]:
        try:
            found += [f"{topic}.{name}" for name in import_module(f"tools.course.mutants.{topic}").RIGHT]
        except ModuleNotFoundError:
            continue
    return found


def case(rng: random.Random) -> tuple[str, str]:
    """A check, and who comes to it."""
    return rng.choice(checks()), rng.choice(sorted(HOSTILE))


def run(case: tuple[str, str], place: object) -> None:
    check, kind = case
    names: dict = {}
    exec(HOSTILE[kind], names)
    said = course.verdict(check, names["answer"])
    if not said.startswith("✗"):
        raise Fault("believed", f"{kind}: {said[:80]!a}")
    print(said)
