"""Threads hardly spin while others want our cores, spin again afterwards, and give the same answers throughout."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from ipywidgets import IntSlider
from PIL import Image

import segnext_edu.optimize as optimising
from segnext_edu import explorers, inference, run, waiting
from segnext_edu.optimize import optimize
from segnext_edu.segnext import SegNeXt
from segnext_edu.train import default_recipe


class Machine:
    """Two cores and two threads, and a load that is what a test says it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = self.others = 0.0
        monkeypatch.setattr(waiting.time, "perf_counter", lambda: self.clock)
        monkeypatch.setattr(waiting, "others", lambda: self.others)
        monkeypatch.setattr(waiting.psutil, "cpu_count", lambda: 2)
        monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
        self.waiting = waiting.Waiting()

    def passes(self, seconds: float, cores: float) -> bool:
        """After so many seconds in which others took so many cores: whether our threads hardly spin."""
        self.clock += seconds
        self.others += seconds * cores
        self.waiting.adapt()
        return self.waiting.leave is not None


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[Machine]:
    machine = Machine(monkeypatch)
    yield machine
    if machine.waiting.leave is not None:
        machine.waiting.leave.set()


def sleepers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "sleeping OpenMP team"]


def test_they_sleep_as_long_as_another_process_wants_a_core(machine: Machine) -> None:
    assert [machine.passes(1, cores) for cores in (0, 0.2, 1, 0.9, 2, 0.1, 1)] == [
        False,
        False,
        True,
        True,
        True,
        False,
        True,
    ]


def test_teams_are_told_to_leave_when_it_is_quiet_again(machine: Machine) -> None:
    assert machine.passes(1, 1)
    leave = machine.waiting.leave
    assert leave is not None and not leave.is_set()
    machine.passes(1, 0)
    assert leave.is_set()


def test_a_time_too_short_to_tell_changes_nothing_and_is_not_lost(machine: Machine) -> None:
    assert not machine.passes(0.15, 1)
    assert machine.passes(0.1, 1)
    assert machine.passes(0.15, 0)
    assert not machine.passes(0.15, 0)


def test_cores_that_our_threads_leave_free_are_for_others(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.psutil, "cpu_count", lambda: 3)
    assert not machine.passes(1, 1)
    assert machine.passes(1, 2)


def test_one_thread_waits_for_nobody(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert not machine.passes(1, 2)


@pytest.mark.parametrize(("cores", "threads", "teams"), [(2, 2, 1), (8, 8, 1), (8, 4, 2), (4, 2, 3)])
def test_with_the_sleeping_teams_there_are_more_threads_than_cores(cores: int, threads: int, teams: int) -> None:
    before = set(sleepers())
    leave = waiting.sleeping_teams(cores, threads)
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
from segnext_edu import waiting
torch.set_num_threads(3)
torch.empty(2**20).fill_(0)
count = lambda: len(os.listdir("/proc/self/task"))
alone = count()
leave = waiting.sleeping_teams(3, 3)
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
    leave = waiting.sleeping_teams(2, 2)
    asleep = fast(images)
    leave.set()
    assert asleep.equal(awake)


def test_others_are_all_processes_but_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting.psutil, "cpu_times", lambda: SimpleNamespace(user=5.0, nice=2.0, system=1.0, idle=9.0))
    monkeypatch.setattr(waiting.time, "process_time", lambda: 3.0)
    assert waiting.others() == 5


def test_what_computes_adapts_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The optimised model in any script, `predict` with either model, a figure drawn anew, and a training step."""
    called: list[str] = []
    for module in (explorers, inference, optimising, run):
        monkeypatch.setattr(module, "adapt", lambda name=module.__name__: called.append(name.split(".")[-1]))
    model = SegNeXt("nano").eval()
    optimize(model)(torch.zeros(1, 3, 64, 64))
    inference.predict(model, torch.zeros(3, 64, 64, dtype=torch.uint8), None)
    figure = explorers.Explorer(
        lambda size: Image.new("L", (size, size)), "a square", size=IntSlider(3, description="size")
    )
    figure.controls["size"].value = 4
    training = run.Run(default_recipe("mini", "nano", steps=2, batch=2, crop=32), tmp_path, device="cpu")
    training.learn(*training.batch())
    assert called == ["optimize", "inference", "explorers", "explorers", "run"]
