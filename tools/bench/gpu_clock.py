"""Seconds and bytes that calls take on a GPU, by the GPU's own clock and books."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Any, TypeVar

import torch
from torch import Tensor

Call = Callable[[], Tensor]
Kind = TypeVar("Kind")
WARM_UP = 3  # calls of each kind before any counts
SPOIL = 2**28  # bytes; more than any card's cache holds


def alternate(calls: Sequence[Call], repeats: int) -> list[float]:
    """The median seconds of each call, all of them made in turn, with the GPU's cache emptied before each."""
    spoil = torch.empty(SPOIL, dtype=torch.uint8, device="cuda")
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(WARM_UP + repeats):
        for call, times in zip(calls, seconds):
            spoil.zero_()
            begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            begin.record()
            call()
            end.record()
            end.synchronize()
            times.append(begin.elapsed_time(end) / 1e3)  # which is in milliseconds
    return [median(times[WARM_UP:]) for times in seconds]


def captured(call: Call) -> Call:
    """The same call as a CUDA graph: its kernels recorded once, and launched as a whole from then on.

    Its answer lies where the last one lay, and is overwritten by the next.
    """
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):  # compiling and choosing among kernels cannot be recorded, and are done before
        for _ in range(WARM_UP):
            call()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answer = call()

    def replay() -> Tensor:
        graph.replay()
        return answer

    return replay


def beyond(make: Callable[[], Kind]) -> tuple[Kind, float]:
    """What `make` answers, and the GiB that lay on the GPU at its worst moment beyond those before it."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    made = make()
    torch.cuda.synchronize()
    return made, (torch.cuda.max_memory_allocated() - before) / 2**30


def attempt(calls: dict[str, Call], prepare: Callable[[str, Call], Any]) -> dict[str, str]:
    """Prepare each call by its name; those that fail are taken out, and returned with the reason."""
    missing = {}
    for name, call in list(calls.items()):
        try:
            prepare(name, call)
        except RuntimeError as error:  # out of memory, or PyTorch cannot compile it
            missing[name] = reason(error)
            del calls[name]
    return missing


def reason(error: Exception) -> str:
    """The first line of what an error says, after its name."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
