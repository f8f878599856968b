"""Endless loops under a time limit, traced in every way there is. Run by test_limit.py; needs nothing but Python.

    python limit_trial.py path/to/limit.py

A hang ends after its own deadline, with every thread's stack.
"""

from __future__ import annotations

import faulthandler
import runpy
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

DEADLINE = 120.0  # seconds; a quiet machine needs three
SECONDS = 0.02
NO_TOOL = 5  # sys.monitoring's numbers for tools go to 5

limit = runpy.run_path(sys.argv[1])
limited, TooLong = limit["limited"], limit["TooLong"]
limited.__globals__["AGAIN"] = SECONDS


def step(x: int) -> int:
    return x + 1


def empty() -> None:
    while True:
        pass


def calls() -> None:
    x = 0
    while True:
        x = step(x)


def comprehension() -> None:
    [step(x) for x in iter(int, 1)]


def generator() -> None:
    sum(step(x) for x in iter(int, 1))


def swallows_exceptions() -> None:
    while True:
        try:
            step(0)
        except Exception:
            continue


def swallows_everything() -> None:
    while True:
        try:
            step(0)
        except:  # noqa: E722
            continue


def swallows_the_first() -> None:
    try:
        empty()
    except BaseException:
        calls()


LOOPS = (empty, calls, comprehension, generator, swallows_exceptions, swallows_everything, swallows_the_first)


def watch(frame: Any, event: str, argument: Any) -> Any:
    step(0)  # so that the time can be up in here
    return watch


@contextmanager
def traced() -> Iterator[None]:
    sys.settrace(watch)
    try:
        yield
    finally:
        sys.settrace(None)


@contextmanager
def profiled() -> Iterator[None]:
    sys.setprofile(watch)
    try:
        yield
    finally:
        sys.setprofile(None)


@contextmanager
def monitored() -> Iterator[None]:
    tools: Any = getattr(sys, "monitoring", None)
    if tools is None:
        yield
        return
    tools.use_tool_id(NO_TOOL, "trial")
    tools.register_callback(NO_TOOL, tools.events.LINE, lambda code, line: step(0) and None)
    tools.set_events(NO_TOOL, tools.events.LINE)
    try:
        yield
        assert tools.get_events(NO_TOOL) == tools.events.LINE
    finally:
        tools.free_tool_id(NO_TOOL)


@contextmanager
def plain() -> Iterator[None]:
    yield


WAYS = (plain, traced, profiled, monitored)


def found() -> tuple[Any, ...]:
    return sys.gettrace(), sys.getprofile(), signal.getsignal(signal.SIGINT), threading.active_count()


def nothing_comes_late() -> None:
    """Traced calls still work, and no interrupt arrives while they do."""
    for way in WAYS:
        with way():
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                step(0)


def try_one(loop: Callable[[], None], outside: Callable[[], Any], within: Callable[[], Any]) -> None:
    def work() -> None:
        with within():
            loop()

    with outside():
        before = found()
        try:
            limited(SECONDS, work)
        except TooLong:
            pass
        else:
            raise AssertionError(f"{loop.__name__} came to an end")
        assert found() == before, (before, found())


def main() -> None:
    faulthandler.dump_traceback_later(DEADLINE, exit=True)
    before = found()
    for outside in WAYS:
        with outside():
            assert limited(DEADLINE, lambda: step(1)) == 2
    nothing_comes_late()
    for loop in LOOPS:
        for way in WAYS:
            try_one(loop, way, plain)
            try_one(loop, plain, way)
    nothing_comes_late()
    assert found() == before
    print("as found")


if __name__ == "__main__":
    main()
