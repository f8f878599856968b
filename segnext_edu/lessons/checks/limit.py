"""A time limit for a student's function, which may hold a loop that never ends. Needs nothing but Python."""

from __future__ import annotations

import _thread
import signal
import sys
import threading
from collections.abc import Callable
from types import FrameType
from typing import TypeVar

AGAIN = 0.25  # seconds after which work that swallowed TooLong gets another one; time for a `finally` to tidy up

T = TypeVar("T")


class TooLong(BaseException):
    """The time is up. Not an Exception, so that a student's `except Exception` does not swallow it."""


def limited(seconds: float, work: Callable[[], T]) -> T:
    """What work() returns; once the time is up TooLong is raised in it, and again for as long as it goes on.

    A second thread interrupts the main one, as Ctrl-C does. The handler looks where in the program that happened, and
    raises TooLong inside work alone, so none arrives late. (An exception set by PyThreadState_SetAsyncExc may, and
    calling it off makes Python 3.11 hang at the next traced call.) Only a main thread can be interrupted: in another
    one there is no limit.
    """
    if threading.current_thread() is not threading.main_thread():
        return work()
    up, over = threading.Event(), threading.Event()

    def inside() -> T:
        return work()

    def interrupted(number: int, frame: FrameType | None) -> None:
        at = frame
        while at is not None and at.f_code is not inside.__code__:
            at = at.f_back
        if at is None:
            return
        if up.is_set():
            raise TooLong
        if callable(before):  # this was Ctrl-C
            before(number, frame)

    def watch() -> None:
        wait = seconds
        while not over.wait(wait):
            up.set()
            _thread.interrupt_main()
            wait = AGAIN

    watcher = threading.Thread(target=watch, daemon=True)
    trace, profile = sys.gettrace(), sys.getprofile()
    before = signal.signal(signal.SIGINT, interrupted)
    try:
        watcher.start()
        try:
            return inside()
        finally:
            over.set()
            watcher.join()
    finally:
        signal.signal(signal.SIGINT, before)  # handles first what has interrupted by now
        if up.is_set() and sys.gettrace() is not trace:  # TooLong came up in a trace function: Python removes such ones
            sys.settrace(trace)
        if up.is_set() and sys.getprofile() is not profile:
            sys.setprofile(profile)
