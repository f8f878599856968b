"""Kept memory is asked of the heap; threads hardly spin while others want our cores, and spin again afterwards."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from segnext_edu import machine
from segnext_edu.inference.optimize import optimize
from segnext_edu.model.segnext import SegNeXt

PIECES = """
import ctypes
import torch
from segnext_edu.machine import keep_freed_memory

class Report(ctypes.Structure):
    names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = [(name, ctypes.c_size_t) for name in names.split()]

report = ctypes.CDLL(None).mallinfo2
report.restype = Report
{first}
before = report().hblks
map = torch.empty(24 * 2**20, dtype=torch.uint8)
print(report().hblks - before)
"""
GLIBC = platform.libc_ver()[0] == "glibc" and tuple(map(int, platform.libc_ver()[1].split("."))) >= (2, 33)


@pytest.mark.skipif(not GLIBC, reason="this is about glibc's allocator, which reports on itself from 2.33 on")
@pytest.mark.parametrize(("first", "pieces"), [("", 1), ("keep_freed_memory()", 0)])
def test_a_map_is_not_fetched_from_the_system(first: str, pieces: int) -> None:
    """`pieces`: how many the process got from the system for itself, in a process with glibc's own settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    code = [sys.executable, "-c", PIECES.format(first=first)]
    done = subprocess.run(code, capture_output=True, text=True, check=True, env=environment)
    assert int(done.stdout) == pieces


@pytest.fixture
def watcher(monkeypatch: pytest.MonkeyPatch) -> Iterator[machine.Watcher]:
    """On a machine of two cores, with two threads."""
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    watcher = machine.Watcher()
    yield watcher
    if watcher.leave is not None:
        watcher.leave.set()


def sleepers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sleeping OpenMP team"]


def asleep(watcher: machine.Watcher, wanted: float) -> bool:
    watcher.adapt(wanted)
    return watcher.leave is not None


def test_they_sleep_as_long_as_another_process_wants_a_core(watcher: machine.Watcher) -> None:
    wanted = (0, 0.2, 1, 0.9, 2, 0.1, 1)
    assert [asleep(watcher, cores) for cores in wanted] == [False, False, True, True, True, False, True]


def test_teams_are_told_to_leave_when_it_is_quiet_again(watcher: machine.Watcher) -> None:
    assert asleep(watcher, 1)
    leave = watcher.leave
    assert leave is not None and not leave.is_set()
    watcher.adapt(0)
    assert leave.is_set()


def test_cores_that_our_threads_leave_free_are_for_others(
    watcher: machine.Watcher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine.os, "cpu_count", lambda: 3)
    assert not asleep(watcher, 1)
    assert asleep(watcher, 2)


def test_one_thread_waits_for_nobody(watcher: machine.Watcher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert not asleep(watcher, 2)


@pytest.mark.parametrize(("cores", "threads", "teams"), [(2, 2, 1), (8, 8, 1), (8, 4, 2), (4, 2, 3)])
def test_with_the_sleeping_teams_there_are_more_threads_than_cores(cores: int, threads: int, teams: int) -> None:
    before = set(sleepers())
    leave = machine.sleeping_teams(cores, threads)
    asleep = set(sleepers()) - before
    leave.set()
    for thread in asleep:
        thread.join(10)
    assert len(asleep) == teams
    assert 1 + (teams + 1) * (threads - 1) > cores >= 1 + teams * (threads - 1)
    assert not any(thread.is_alive() for thread in asleep)


COUNT = """
import os
import torch
from segnext_edu import machine
torch.set_num_threads(3)
torch.empty(2**20).fill_(0)
count = lambda: len(os.listdir("/proc/self/task"))
alone = count()
leave = machine.sleeping_teams(3, 3)
print(count() - alone)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_a_sleeping_team_is_a_whole_one() -> None:
    """One that calls and two that come; and a process ends although it still has them."""
    done = subprocess.run([sys.executable, "-c", COUNT], capture_output=True, text=True, check=True, timeout=120)
    assert int(done.stdout) == 3


def test_answers_are_the_same_to_the_last_bit() -> None:
    model = SegNeXt("nano").eval()
    images = torch.randn(1, 3, 96, 128, generator=torch.Generator().manual_seed(0))
    fast = optimize(model)
    awake = fast(images)
    leave = machine.sleeping_teams(2, 2)
    asleep = fast(images)
    leave.set()
    assert asleep.equal(awake)


@pytest.mark.skipif(not machine.STAT.exists(), reason="the load is read from /proc")
def test_others_are_all_processes_but_this_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ticks = machine.os.sysconf("SC_CLK_TCK")
    (tmp_path / "stat").write_text(f"cpu  {5 * ticks} {2 * ticks} {ticks} 900 7 0 3 0 0 0\ncpu0 1 2 3 4\n")
    monkeypatch.setattr(machine, "STAT", tmp_path / "stat")
    monkeypatch.setattr(time, "process_time", lambda: 3.0)
    assert machine.others() == 5


WATCHES = """
import threading
before = threading.active_count()
import segnext_edu
print(threading.active_count() - before)
import segnext_edu.inference.optimize, segnext_edu.lessons
print(threading.active_count() - before)
"""


@pytest.mark.skipif(not machine.STAT.exists(), reason="the load is read from /proc")
def test_whatever_runs_a_network_watches_once() -> None:
    done = subprocess.run([sys.executable, "-c", WATCHES], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.split() == ["0", "1"]
