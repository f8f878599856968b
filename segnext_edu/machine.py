"""Where a process computes best, and two habits: it keeps the memory it frees; while the machine is busy, it sleeps.

Memory. Linux's C library gives a large piece back to the system as soon as it is freed. Asked for again, it comes page
by page, each filled with zeros at its first touch; a network that makes the same maps again and again pays for that
each time (notebook 12). What counts as large is learned: the largest piece that has come and gone so far, up to 32 MiB,
and twice that may lie idle at the heap's end (mallopt(3), M_MMAP_THRESHOLD).

Threads. A network is several hundred pieces of work, and after each the threads wait for the last of them. GNU's
OpenMP, which PyTorch brings along on Linux, lets them spin for some milliseconds before they sleep: on a quiet machine
the next piece starts at once. Where another process wants a core, they spin while it has the core of the thread that
they wait for, and a network takes several times as long. OMP_WAIT_POLICY would end that, but it is read before any
Python code runs, and threads that always sleep are slower on a quiet machine. OpenMP has a rule of its own: while a
process has more OpenMP threads than cores, they hardly spin (its manual, under GOMP_SPINCOUNT). So while other
processes want our cores we keep more teams of threads, all asleep. The team that works stays as it was, and its answers
are the same to the last bit.
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import torch

LARGEST = 32 * 2**20 - 2**16  # bytes: the most that is learned, less what the library adds to a piece
STAT = Path("/proc/stat")  # the processors' time so far, in ticks; Linux has it
WINDOW = 0.25  # seconds over which the load is taken; the system counts in hundredths
SPARED = 0.3  # of a core: so much of ours may others take before they count


def best_device() -> torch.device:
    """Where a network computes fastest: on a CUDA GPU, on Apple's (MPS), or on the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def keep_freed_memory() -> None:
    """Let this process keep what it frees, up to 64 MiB at the heap's end.

    One piece comes and goes, untouched, so that it costs nothing; no later one up to its size counts as large. Where
    memory is managed otherwise this changes nothing, nor where the environment sets MALLOC_MMAP_THRESHOLD_.
    """
    torch.empty(LARGEST, dtype=torch.uint8)


def watch_load() -> None:
    """Let this process's threads sleep whenever others want their cores: one thread looks, four times per second.

    Called again it does nothing; nor does it where there is no /proc/stat, where other rules hold.
    """
    if STAT.exists() and not any(thread.name == Watcher.__name__ for thread in threading.enumerate()):
        Watcher(name=Watcher.__name__, daemon=True).start()


class Watcher(threading.Thread):
    """Keeps teams of sleeping threads while other processes want our cores; they are gone once `leave` is set."""

    leave: threading.Event | None = None

    def run(self) -> None:
        clock, before = time.perf_counter(), others()
        while True:
            time.sleep(WINDOW)
            now, taken = time.perf_counter(), others()
            self.adapt((taken - before) / (now - clock))
            clock, before = now, taken

    def adapt(self, wanted: float) -> None:
        """Choose how to wait, now that other processes have taken so many cores."""
        cores, threads = os.cpu_count() or 1, torch.get_num_threads()
        busy = threads > 1 and wanted > cores - threads + SPARED
        if busy and self.leave is None:
            self.leave = sleeping_teams(cores, threads)
        elif not busy and self.leave is not None:
            self.leave.set()
            self.leave = None


def others() -> float:
    """Processor seconds of all other processes, since some time in the past."""
    user, nice, system = (int(ticks) for ticks in STAT.read_text("ascii").split()[1:4])
    return (user + nice + system) / os.sysconf("SC_CLK_TCK") - time.process_time()


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
