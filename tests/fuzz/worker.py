"""A process that runs cases, and the one beside it that notices when it hangs or dies."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import resource
import signal
import sys
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from tests.fuzz.judge import Verdict, draw, family, judge

MOST_ADDED = 6 << 30  # bytes of address space that a worker may take beyond its beginning, before the system refuses
SECONDS = 20  # for a case, where its family says nothing else
AT_A_TIME = 5.0  # seconds of work between two savings


@dataclass
class Stretch:
    """Some cases of a family, one after the other, and what came of them: number → verdict."""

    cases: int = 0
    seconds: float = 0.0
    faults: dict[int, Verdict] = field(default_factory=dict)


class Worker:
    """Runs cases in a process of its own, which is replaced when it hangs or dies."""

    def __init__(self, seed: int, errors: Path) -> None:
        self.seed, self.errors = seed, errors
        self.begin()

    def begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.at = context.Value("q", -1, lock=False)
        self.process = context.Process(target=work, args=(theirs, self.at, self.seed, str(self.errors)), daemon=False)
        self.process.start()
        theirs.close()

    def run(self, name: str, start: int, most: int) -> Stretch:
        """The cases from `start` on, until time or number are up."""
        module, stretch, began = family(name), Stretch(), time.monotonic()
        limit = getattr(module, "SECONDS", SECONDS)
        self.at.value = -1
        self.pipe.send((name, start, most))
        seen, since = -1, time.monotonic() + 60  # importing what a family needs takes a while
        while True:
            try:
                if self.pipe.poll(0.2):
                    number, verdict = self.pipe.recv()
                    if verdict is None:
                        stretch.cases = number - start
                        break
                    stretch.faults[number] = verdict
                    continue
                died = not self.process.is_alive()
            except (EOFError, OSError):
                died = True
            if self.at.value != seen:
                seen, since = self.at.value, time.monotonic()
            if died or time.monotonic() - since > limit:
                number = max(self.at.value, start)
                stretch.faults[number] = self.lost(died)
                stretch.cases = number + 1 - start
                self.end()
                self.begin()
                break
        stretch.seconds = time.monotonic() - began
        return stretch

    def lost(self, died: bool) -> Verdict:
        if not died and self.process.pid:
            os.kill(self.process.pid, signal.SIGABRT)  # faulthandler writes where it was
        self.process.join(10)
        told = self.errors.read_text("utf-8", "replace")[-3000:] if self.errors.exists() else ""
        ours = [line.strip() for line in told.splitlines() if "segnext_edu/" in line or "tools/" in line]
        where = ours[0].rpartition("/segnext_edu/")[2] if ours else f"exit code {self.process.exitcode}"
        return Verdict("died" if died else "hang", where, told)

    def end(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.process.kill()
        self.process.join(10)
        self.pipe.close()


def work(pipe: Connection, at: multiprocessing.Value, seed: int, errors: str) -> None:  # type: ignore[valid-type]
    """The process itself: for each (family, first case, number of cases) sends the faults, and where it ended."""
    import faulthandler

    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C is the driver's
    torch.set_num_threads(1)
    file = open(errors, "wb", buffering=0)  # noqa: SIM115 (as long as the process)
    os.dup2(file.fileno(), 1)
    os.dup2(file.fileno(), 2)  # libraries below Python complain there
    faulthandler.enable(sys.stderr)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize() if linux() else 0
    if linux():
        resource.setrlimit(resource.RLIMIT_AS, (used + MOST_ADDED, resource.RLIM_INFINITY))
    while True:
        try:
            name, start, most = pipe.recv()
        except (EOFError, OSError):
            return
        file.truncate(0)
        module, began, number = family(name), time.monotonic(), start
        while number < start + most and time.monotonic() - began < AT_A_TIME:
            at.value = number  # pyright: ignore[reportAttributeAccessIssue]
            verdict = judge(module, seed, number)
            if verdict:
                pipe.send((number, verdict))
            number += 1
        pipe.send((number, None))


def linux() -> bool:
    return sys.platform == "linux"


def example(name: str, seed: int, number: int) -> str:
    """A case in words."""
    text = repr(draw(family(name), seed, number))
    return text if len(text) < 400 else f"{text[:300]} … ({len(text)} characters)"
