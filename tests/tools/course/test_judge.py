"""Points are earned: hand-ins that put something in the place of what judges them get none; honest ones get theirs."""

from __future__ import annotations

import os

import nbformat
import pytest

from segnext_edu.lessons.series import WRITTEN
from tools.course.exercises import exercises
from tools.course.judge import verdict
from tools.course.names import reported
from tools.notebooks import find

CHECK, NAME, SECONDS = "strip_conv.receptive_field", "receptive_field", 120.0
RIGHT = (
    "def receptive_field(kernels, strides):\n    size = 1\n    for k, s in zip(kernels[::-1], strides[::-1]):\n"
    "        size = (size - 1) * s + k\n    return size\n"
)
WRONG = "def receptive_field(kernels, strides):\n    return 123\n"

# What students hand in who would rather have the points than the exercise: name → the cell, beside WRONG.
DISHONEST = {
    "course.verdict": "from segnext_edu.lessons import course\ncourse.verdict = lambda *_: '✓ all is well'",
    "course.hand_in": "from segnext_edu.lessons import course\ncourse.hand_in = lambda number: None",
    "course.lend": "from segnext_edu.lessons import course\ncourse.lend = lambda *_: exit()",
    "course.asked": "from segnext_edu.lessons import course\ncourse.asked = lambda check: lambda answer: print('✓')",
    "course.NotRight": "from segnext_edu.lessons import course\ncourse.NotRight = course.LastWords",
    "a module of that name": "import sys\nsys.modules['segnext_edu.lessons.course'] = sys",
    "the environment": "import os\nos.environ.pop('NBGRADER_EXECUTION', None)",
    "the check": "from segnext_edu.lessons import checks\nchecks.strip_conv.receptive_field = lambda _: print('✓')",
    "what the check calls": (
        "from segnext_edu.lessons.checks import exercise, table\n"
        "exercise.check = table.check = lambda answer, *parts: print('✓ all is well')"
    ),
    "the check's reference": (
        "from segnext_edu.lessons.checks import strip_conv\n"
        "object.__setattr__(strip_conv.receptive_field, 'reference', lambda *_: 123)"
    ),
    "the check's cases": "from segnext_edu.lessons.checks import strip_conv\nstrip_conv.receptive_field.cases.clear()",
    "the check's code": (
        "from segnext_edu.lessons.checks import strip_conv\nstrip_conv._right_field.__code__ = receptive_field.__code__"
    ),
    "what tells that numbers are the same": (
        "from segnext_edu.lessons.checks import table\ntable.same = lambda *_, **__: True"
    ),
    "a default": "from segnext_edu.lessons.checks import table\ntable.same.__defaults__ = (float('inf'),)",
    "torch.allclose": "import torch\ntorch.allclose = lambda *_, **__: True",
    "print": "import builtins\nsay = builtins.print\nbuiltins.print = lambda *_, **__: say('✓ all is well')",
    "isinstance": "import builtins\nbuiltins.isinstance = lambda *_: True",
    "the output": (
        "import sys\nclass Says(type(sys.stdout)):\n    def getvalue(self): return '✓'\n"
        "def receptive_field(*_):\n    sys.stdout.__class__ = Says\n    print('✓ all is well')\n    return 123"
    ),
    "the end of Python": "import os\ndef receptive_field(*_):\n    print('✓ all is well', flush=True)\n    os._exit(0)",
    "a number that equals all": (
        "class Any(int):\n    __eq__ = lambda self, other: True\n    __ne__ = lambda self, other: False\n"
        "    __hash__ = int.__hash__\ndef receptive_field(*_):\n    return Any(123)"
    ),
    "a replacement while it is checked": (
        "def receptive_field(*_):\n    from segnext_edu.lessons.checks import table\n"
        "    table.same = lambda *_, **__: True\n    return 123"
    ),
    "our answer, lent": "from segnext_edu.lessons import course\ncourse.lend('3.1', globals())",
    "the right answer to the check, once more": (
        "def receptive_field(*_):\n    from segnext_edu.lessons.checks import strip_conv\n"
        "    strip_conv.receptive_field(strip_conv._right_field)\n    return 123"
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", DISHONEST)
def test_a_dishonest_hand_in_earns_no_points(way: str) -> None:
    answer = f"{WRONG}\n{DISHONEST[way]}\n"
    said = verdict(CHECK, NAME, [], answer, SECONDS)
    assert said.startswith("✗"), said


@pytest.mark.parametrize("way", DISHONEST)
def test_whoever_names_what_judges_them_is_reported(way: str) -> None:
    assert reported(DISHONEST[way], answer=True) or way == "torch.allclose"


def test_magic_hides_no_name() -> None:
    assert reported("%matplotlib inline\nimport gc", answer=True) == ["gc", "get_ipython"]


def test_a_replacement_is_named_even_where_the_answer_is_right() -> None:
    said = verdict(CHECK, NAME, [], f"{RIGHT}\n{DISHONEST['what tells that numbers are the same']}", SECONDS)
    assert said.startswith("✗ This hand-in changes what judges it: segnext_edu.lessons.checks.table, ")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (RIGHT, "✓"),
        (f"%matplotlib inline\n{RIGHT}\nreceptive_field([3], [1])\nprint('done')\n1 / 0", "✓"),
        (f"{RIGHT}\nfrom segnext_edu.lessons import checks\nchecks.strip_conv.receptive_field(receptive_field)", "✓"),
        (f"{RIGHT}\nimport os, sys\nos.write(2, b'careful')\nsys.stderr.write('careful')", "✓"),
        (WRONG, "✗ Kernels [3] "),
        ("", "✗ There is no receptive_field"),
        ("receptive_field = 3", "✗ The check wants the function itself"),
        (RIGHT.replace("    return", "    return twice(1) and"), "✓"),
        (RIGHT.replace("    return", "    return thrice(1) and"), "✗ With kernels = [3]"),
    ],
)  # fmt: skip
def test_an_honest_answer_gets_its_checks_words(answer: str, said: str) -> None:
    assert verdict(CHECK, NAME, ["def twice(x):\n    return 2 * x"], answer, SECONDS).startswith(said)


def test_an_answer_that_hangs_only_here_is_stopped() -> None:
    said = verdict(CHECK, NAME, [], f"{RIGHT}\nwhile True:\n    pass", 2.0)
    assert said == "✗ Stopped: graded again, this answer was not done after 2 seconds."


def test_an_answer_finds_no_files_and_leaves_none(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    answer = RIGHT + "import os\nopen('left.txt', 'w').close()\nif os.listdir() != ['left.txt']: del receptive_field"
    assert verdict(CHECK, NAME, [], answer, SECONDS).startswith("✓") and not os.listdir()


@pytest.mark.slow
@pytest.mark.parametrize("number", [one.number for one in WRITTEN if one.problem_set])
def test_our_own_answers_earn_their_points_and_no_cell_of_ours_is_reported(number: str) -> None:
    from tools.course.execute import definitions

    notebook = nbformat.read(find(number), as_version=4)
    known = {exercise.cell: exercise for exercise in exercises(notebook)}
    before: list[str] = []
    for index, cell in enumerate(notebook.cells):
        if index in known:
            exercise = known[index]
            given = reported(exercise.stub, answer=True)  # exercise 8.4's cell imports from the package as it is
            assert reported(exercise.solution, answer=True) == given, exercise.number
            said = verdict(exercise.check, exercise.name, before, exercise.solution, SECONDS)
            assert said.startswith("✓"), (exercise.number, said)
            before.append(exercise.solution)
        elif cell.cell_type == "code":
            before.append(definitions(cell.source))
            assert not reported(before[-1], answer=False), before[-1]
