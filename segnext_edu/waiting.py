"""How the threads that share a piece of work wait for each other: awake on a quiet machine, asleep on a busy one.

A network is several hundred pieces of work, and after each the threads wait for the last of them. GNU's OpenMP, which
PyTorch brings along on Linux, lets them spin meanwhile, for some milliseconds, and sleep only then: on a quiet machine
the next piece starts at once. Where another process wants a core, they spin while it has the core of the thread that
they wait for, and a network takes several times as long. OMP_WAIT_POLICY would end that, but it is read before any
Python code runs, and threads that always sleep are slower on a quiet machine.

OpenMP has a rule of its own: while a process has more OpenMP threads than there are cores, they hardly spin (its
manual, under GOMP_SPINCOUNT). So while other processes want our cores we keep more teams of threads, all asleep. The
team that works stays as it was, and its answers are the same to the last bit. Other systems' OpenMP has other rules;
there this does nothing.
"""

from __future__ import annotations

import threading
import time

import psutil
import torch

WINDOW = 0.2  # seconds at least over which the load is taken; the system counts in hundredths
SPARED = 0.3  # of a core: so much of ours may others take before they count


class Waiting:
    """How this process waits. Sleeping teams, if there are any, are gone once `leave` is set."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.clock, self.others = time.perf_counter(), others()
        self.leave: threading.Event | None = None

    def adapt(self) -> None:
        """Choose by what other processes have taken since the last call. To be called before a piece of work."""
        with self.lock:
            seconds = time.perf_counter() - self.clock
            if seconds < WINDOW:
                return
            before, self.clock, self.others = self.others, time.perf_counter(), others()
            cores, threads = psutil.cpu_count() or 1, torch.get_num_threads()
            wanted = threads > 1 and (self.others - before) / seconds > cores - threads + SPARED
            if wanted and self.leave is None:
                self.leave = sleeping_teams(cores, threads)
            elif not wanted and self.leave is not None:
                self.leave.set()
                self.leave = None


def others() -> float:
    """Processor seconds of all other processes, since some time in the past."""
    every = psutil.cpu_times()
    return sum(getattr(every, name, 0.0) for name in ("user", "nice", "system")) - time.process_time()


def sleeping_teams(cores: int, threads: int) -> threading.Event:
    """So many teams that with the one at work there are more than `cores` threads. They leave when the event is set."""
    leave = threading.Event()
    count = -(-cores // (threads - 1)) - 1  # every team adds all its threads but the one that calls it
    gathered = threading.Barrier(count + 1)

    def sleep() -> None:
        torch.empty(threads * 2**16).fill_(0)  # enough work to call all threads of a team
        gathered.wait()
        leave.wait()

    for _ in range(count):
        threading.Thread(target=sleep, name="sleeping OpenMP team", daemon=True).start()
    gathered.wait()
    return leave


adapt = Waiting().adapt
