"""How a command's process ends: with an exit code and at most one line, whatever happens to it.

One place is the last line of defence. It stands round `main` and not in it, so that tests see every exception.
"""

from __future__ import annotations

import errno
import io
import os
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import NoReturn

from segnext_edu.files import printable

FAULT, STOPPED, NOBODY_READS, TERMINATED = 1, 130, 141, 143  # the last three are 128 + the signal, as in a shell
AGAIN = 0.05  # seconds after which a signal that came during an import comes again


def run(main: Callable[[], int]) -> NoReturn:
    """End this process with the exit code of main().

    Ctrl+C ends it with 130, a reader who has gone (`| head`) with 141, SIGTERM with 143; on the way out, what is half
    written is removed. An exception that nothing else has caught is a fault of ours: it becomes one line and the exit
    code 1. With `--debug` anywhere on the command line, its traceback comes before.
    """
    debug = "--debug" in sys.argv[1:]
    if debug:
        sys.argv.remove("--debug")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal knows every letter
    came: list[int] = []  # the signals
    # A thread that raises one itself would not wake the main thread; Windows' os.kill would end the process.
    again = partial(os.kill, os.getpid()) if os.name == "posix" else signal.raise_signal

    def unwind(number: int, frame: FrameType | None) -> None:
        if importing(frame):
            threading.Timer(AGAIN, again, (number,)).start()
            return
        came.append(number)
        if number == signal.SIGTERM:
            signal.signal(number, signal.SIG_IGN)  # a second one must not stop the tidying up
            raise SystemExit(TERMINATED)
        raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:  # which is how nohup and the like ask to be left alone
            signal.signal(number, unwind)
    try:
        code = main()
        sys.stdout.flush()
    except SystemExit as end:
        code = end.code
    except BrokenPipeError:
        code = NOBODY_READS
    except BaseException as error:
        code = said_last(error, debug, came)
    end_quietly(code)


def importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported. An exception in the middle of that makes some of PyTorch's C++ abort."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def said_last(error: BaseException, debug: bool, came: list[int]) -> int:
    """Say in one line what nobody has foreseen. Returns the exit code."""
    if came:  # libraries may turn the exception of a signal into one of their own
        print("stopped", file=sys.stderr)
        return 128 + came[0]
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:  # of the output, as files say it themselves
        print("error: the output could not be written (no space left). Free some space.", file=sys.stderr)
        return 2
    if debug:
        traceback.print_exception(error)
    first = next(iter(str(error).splitlines()), "")
    what = f"{type(error).__name__}: {printable(first)}" if first else type(error).__name__
    how = "" if debug else " The same command with --debug shows where it happened."
    print(
        f"error: {what}. Nobody has foreseen this: please report it on the project's issue page, with the command."
        f"{how}",
        file=sys.stderr,
    )
    return FAULT


def end_quietly(code: int | str | None) -> NoReturn:
    """Leave Python. The work is done: neither Ctrl+C nor a closed pipe is worth a traceback now."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:  # said already; Python would try again at the very end, and complain
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    sys.exit(code)


def segnext_edu() -> NoReturn:
    """The installed command `segnext-edu`."""
    runpy.run_module("segnext_edu", run_name="__main__")
    raise AssertionError("it ends the process")
