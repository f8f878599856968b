"""The time limit ends endless loops, and leaves Python as it was: traced calls work, and nothing arrives late."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from segnext_edu.lessons.checks import limit
from segnext_edu.lessons.checks.limit import limited

TRIAL = Path(__file__).with_name("limit_trial.py")
CELLS = (
    """
import sys
from segnext_edu.lessons.checks import exercise
exercise.SECONDS = 0.2

def answer(x):
    while True:
        try:
            x = x + 1
        except Exception:
            pass

def part(answer):
    answer(1)
    return "done"

exercise.check(answer, part)
exercise.check(abs, part)
""",
    """
sys.settrace(lambda *event: None)
exercise.check(answer, part)
exercise.check(abs, part)
print(sys.gettrace() is not None)
""",
    """
sys.settrace(None)
import os, signal
try:
    exercise.SECONDS = 60
    exercise.check(lambda x: os.kill(os.getpid(), signal.SIGINT), part)
except KeyboardInterrupt:
    print("interrupted")
""",
)


def test_endless_loops_end_and_python_is_as_before() -> None:
    """In a process of its own, which ends itself where it hangs: no exception reaches a Python that is poisoned."""
    done = subprocess.run([sys.executable, str(TRIAL), limit.__file__], capture_output=True, text=True)
    assert done.stdout == "as found\n" and done.returncode == 0, done.stderr


@pytest.mark.slow
def test_in_a_notebooks_kernel() -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    said = ["".join(output.get("text", "") for output in cell.outputs) for cell in notebook.cells]
    stopped = "✗ Stopped: not done after 0.2 seconds. Is there a loop that never ends, or one over pixels?\n✓ done\n"
    assert said == [stopped, stopped + "True\n", "interrupted\n"]


def test_what_the_work_returns_and_raises_passes_through() -> None:
    before = signal.getsignal(signal.SIGINT)
    assert limited(60, lambda: 3) == 3
    with pytest.raises(ZeroDivisionError):
        limited(60, lambda: 1 // 0)
    with pytest.raises(KeyboardInterrupt):
        limited(60, lambda: signal.raise_signal(signal.SIGINT))
    assert signal.getsignal(signal.SIGINT) is before


def test_away_from_the_main_thread_the_work_is_done_without_a_limit() -> None:
    results = []
    thread = threading.Thread(target=lambda: results.append(limited(0, lambda: sum(range(100_000)))))
    thread.start()
    thread.join()
    assert results == [sum(range(100_000))]
