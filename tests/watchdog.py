"""Ends a run that stands still, from outside: a second process hears what the first one is at, and kills it if need be.

Nothing inside a process that hangs can be relied on: a thread may wait for the GIL for ever, an exception may get lost.
"""

from __future__ import annotations

import faulthandler
import os
import select
import signal
import subprocess
import sys

import psutil
import pytest

SECONDS = 600  # for one test with its fixtures; on a busy machine grading a problem set takes half of it


class Watchdog:
    """A pytest plugin that tells what begins. With pytest-xdist each worker has one, and the process above them too."""

    def __init__(self, config: pytest.Config, seconds: float = SECONDS) -> None:
        self.works_for_another = hasattr(config, "workerinput")
        self.workers_failed = False
        if config.getoption("numprocesses", 0) and not self.works_for_another:
            seconds += 120  # so that a worker's own comes first
        command = [sys.executable, __file__, str(os.getpid()), str(seconds)]
        self.dog = subprocess.Popen(command, stdin=subprocess.PIPE, text=True, encoding="utf-8")

    def say(self, what: str) -> None:
        """What begins now; with "" there is nothing to do, for however long."""
        if self.dog.stdin and not self.dog.stdin.closed:
            self.dog.stdin.write(f"{what}\n")
            self.dog.stdin.flush()

    def pytest_collectstart(self, collector: pytest.Collector) -> None:
        self.say(f"collecting {collector.nodeid or 'the tests'}")

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.say(nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.say("" if self.works_for_another else f"what follows {nodeid}")

    def pytest_enter_pdb(self) -> None:
        self.dog.communicate()  # ends it: somebody who debugs takes their time

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, error: object) -> None:
        self.workers_failed |= error is not None

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        self.say("the end of the session")
        if self.workers_failed:  # pytest-xdist notices only those that fail in the middle of a test
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        faulthandler.enable()  # pytest has just disabled it
        self.say("the end of Python")  # which closes the pipe


def watch(process: psutil.Process, seconds: float) -> None:
    """End a process and its children when it tells nothing new on standard input for so long."""
    doing = "the beginning"
    while select.select([sys.stdin], [], [], seconds if doing else None)[0]:
        heard = os.read(sys.stdin.fileno(), 65536).decode("utf-8", "replace")
        if not heard:
            return
        doing = heard.splitlines()[-1]
    children = [child for child in process.children(recursive=True) if child.pid != os.getpid()]
    print(f"\nSTOOD STILL for {seconds:g} s: {doing}", file=sys.stderr, flush=True)
    process.send_signal(signal.SIGABRT)  # faulthandler prints the stacks of all threads
    psutil.wait_procs([process], timeout=5)
    for one in (process, *children):
        if one.is_running():
            one.kill()


if __name__ == "__main__":
    watch(psutil.Process(int(sys.argv[1])), float(sys.argv[2]))
