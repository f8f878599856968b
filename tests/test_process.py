"""A command's process ends with its exit code and at most one line, whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes as POSIX knows them")
BEGIN = "import sys, signal\nfrom segnext_edu.files import *\nfrom segnext_edu.process import run\n\n"
MAIN = BEGIN + "@one_line_errors\ndef main():\n"


def started(body: str, *arguments: str, **given) -> subprocess.Popen:
    """A process whose `main` holds these lines."""
    code = MAIN + "".join(f"    {line}\n" for line in body.splitlines()) + "run(main)\n"
    pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **given}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], text=True, encoding="utf-8", **pipe)


def ended(body: str, *arguments: str, **given) -> tuple[int, str, str]:
    """Exit code, output and complaints of such a process."""
    process = started(body, *arguments, **given)
    said, complaints = process.communicate(timeout=60)
    return process.returncode, said, complaints


def test_all_well_is_0_and_bad_input_is_2() -> None:
    assert ended("print('done')") == (0, "done\n", "")
    assert ended("raise InputError('no such file')") == (2, "", "error: no such file\n")


@pytest.mark.parametrize("fault", ["ValueError('too\\nmany lines')", "MemoryError()", "SyntaxError('broken PNG')"])
def test_what_nobody_has_foreseen_is_one_line_that_says_where_to_report_it(fault: str) -> None:
    code, said, complaints = ended(f"raise {fault}")
    assert (code, said) == (1, "") and complaints.count("\n") == 1
    for part in (f"error: {fault.partition('(')[0]}", "report it", "issue page", "--debug"):
        assert part in complaints


def test_with_debug_the_traceback_comes_before_that_line() -> None:
    code, _, complaints = ended("assert '--debug' not in sys.argv\nraise ValueError('ours')", "--debug")
    *traceback, last = complaints.splitlines()
    assert code == 1 and traceback[0].startswith("Traceback") and last.startswith("error: ValueError: ours")


@posix
def test_a_reader_who_has_gone_is_no_fault() -> None:
    """As with `| head -1`."""
    process = started("for number in range(10**6):\n    print(number)")
    assert process.stdout and process.stderr and process.stdout.readline() == "0\n"
    process.stdout.close()
    assert (process.wait(60), process.stderr.read()) == (141, "")
    process = started("sys.stdin.read()\nprint('done')", stdin=subprocess.PIPE)  # a word that waits in the buffer
    assert process.stdin and process.stdout and process.stderr
    process.stdout.close()
    process.stdin.close()
    assert (process.wait(60), process.stderr.read()) == (141, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
def test_an_output_that_takes_no_more_is_said() -> None:
    with open("/dev/full", "w") as full:
        code, _, complaints = ended("print('done')", stdout=full)
    assert code == 2 and complaints == "error: the output could not be written (no space left). Free some space.\n"


HALF_WRITTEN = "with appears_whole('whole.txt') as part:\n    part.write_text('half')\n    {}\n    sys.stdin.read()"


@posix
@pytest.mark.parametrize(
    ("number", "code", "said"), [(signal.SIGTERM, 143, ""), (signal.SIGINT, 130, "stopped\n")], ids=["TERM", "INT"]
)
def test_a_signal_leaves_nothing_half_written(number: int, code: int, said: str, tmp_path: Path) -> None:
    process = started(
        HALF_WRITTEN.format("print('writing', flush=True)"), stdin=subprocess.PIPE, cwd=tmp_path, env=with_path()
    )
    assert process.stdout and process.stderr and process.stdout.readline() == "writing\n"
    assert [path.suffix for path in tmp_path.iterdir()] == [".part"]
    process.send_signal(number)
    assert (process.wait(60), process.stderr.read()) == (code, said)
    assert not list(tmp_path.iterdir())


@posix
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_signal_during_an_import_waits_for_its_end(number: int, code: int, tmp_path: Path) -> None:
    """PyTorch's C++ aborts where an exception comes out of its middle."""
    (tmp_path / "halfway.py").write_text(f"import signal\nsignal.raise_signal({int(number)})\nprint('imported')\n")
    body = f"sys.path.insert(0, {str(tmp_path)!r})\nimport halfway\nimport time\ntime.sleep(60)"
    assert ended(body)[:2] == (code, "imported\n")


@posix
def test_an_interrupt_that_a_library_renames_is_still_one() -> None:
    code, _, complaints = ended(
        "try:\n    signal.raise_signal(signal.SIGINT)\nexcept KeyboardInterrupt:\n    raise ImportError from None"
    )
    assert (code, complaints) == (130, "stopped\n")


@posix
def test_ctrl_c_after_the_work_is_done_shows_no_traceback() -> None:
    code, said, complaints = ended(
        "import atexit\natexit.register(lambda: signal.raise_signal(signal.SIGINT))\nprint('done')"
    )
    assert (said, complaints) == ("done\n", "") and code == -signal.SIGINT


@posix
def test_a_process_that_was_asked_to_ignore_ctrl_c_does() -> None:
    code = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n" + MAIN
    code += "    signal.raise_signal(signal.SIGINT)\n    print('done')\nrun(main)\n"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_letter_that_the_terminal_lacks_is_no_fault() -> None:
    code, said, complaints = ended(r"print('\u2713 \udcff')", env={**with_path(), "PYTHONIOENCODING": "ascii"})
    assert (code, said, complaints) == (0, "\\u2713 \\udcff\n", "")


@posix
@pytest.mark.slow
@pytest.mark.parametrize("seconds", [0.06, 0.15, 0.3, 0.6, 1.0, 1.5, 2.0])
def test_ctrl_c_while_the_imports_run_shows_no_traceback(seconds: float, tmp_path: Path) -> None:
    """Whenever it comes, from the first of our lines on: at most the one word, and nothing left behind."""
    command = [sys.executable, "-m", "segnext_edu", "train", "--data", "mini", "--out", "run", "--steps", "100000"]
    begun = [sys.executable, "-X", "importtime", *command[1:]]
    process = subprocess.Popen(begun, cwd=tmp_path, env=with_path(), stderr=subprocess.PIPE, text=True)
    assert process.stderr
    for line in process.stderr:  # our first lines have run: what was imported after them is on the list
        if "argparse" in line:
            break
    complaints = []
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
    complaints = [line for line in process.stderr if not line.startswith("import time:")]
    assert process.wait(60) in (130, -signal.SIGINT)
    assert "Traceback" not in "".join(complaints), complaints
    assert not list(tmp_path.rglob("*.part"))


def with_path() -> dict[str, str]:
    """The environment, with this checkout to import from in any working directory."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])),
    }
