"""What the benchmarks share: what their times hold for, options, turns, and what is compared up to stride 8."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import torch
from torch import Tensor, nn


def environment(repeats: int, processor_time: bool = False) -> dict[str, Any]:
    """What times hold for. On a machine with other work to do (its load says) they hold for nothing."""
    names = [Path("/proc/cpuinfo").read_text("utf-8")] if Path("/proc/cpuinfo").exists() else []
    models = [row.partition(":")[2].strip() for text in names for row in text.splitlines() if "model name" in row]
    return {
        "machine": f"{platform.system()} {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}",
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "allocator": {name: value for name, value in sorted(os.environ.items()) if name.startswith("MALLOC_")},
        "waiting": os.environ.get("OMP_WAIT_POLICY", "OpenMP's default"),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "clock": "processor time of all threads" if processor_time else "wall",
        "batch": 1,
        "repeats": repeats,
    }


def add_clock(parser: argparse.ArgumentParser) -> None:
    """Which time counts."""
    parser.add_argument(
        "--processor-time",
        action="store_true",
        help="count the processor's time, of all threads, instead of the clock's: on a machine with other work to do",
    )


def size(text: str) -> tuple[int, int]:
    """Width and height out of, say, 2048x1024: the type of an option of argparse."""
    width, cross, height = text.partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and min(int(width), int(height)) >= 32):
        raise argparse.ArgumentTypeError(f"{text}: expected WIDTHxHEIGHT in pixels, 32x32 or more, such as 2048x1024")
    return int(width), int(height)


class Stride8(nn.Module):
    """A model without its last enlargement: what the peer computes, too."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.decode(self.model.encode(images))  # pyright: ignore[reportCallIssue]


def difference(answer: Tensor, expected: Tensor) -> float:
    """The largest, as a share of the largest value."""
    return ((answer - expected).abs().max() / expected.abs().max()).item()


def alternate(
    calls: list[Callable[[], Tensor]], repeats: int, warm_up: int = 3, processor_time: bool = False
) -> list[float]:
    """The median seconds of each call, all of them made in turn."""
    clock = time.process_time if processor_time else time.perf_counter
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(warm_up + repeats):
        for call, times in zip(calls, seconds, strict=True):
            start = clock()
            call()
            times.append(clock() - start)
    return [median(times[warm_up:]) for times in seconds]
