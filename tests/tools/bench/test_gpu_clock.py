"""What can be said of the GPU's clock without a GPU, and the rest where there is one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from tools.bench import gpu_clock

ON_A_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that PyTorch can use")


def test_what_fails_is_taken_out_and_says_why() -> None:
    def fail() -> Tensor:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate 2 GiB")

    def work() -> Tensor:
        return torch.zeros(())

    prepared = []

    def prepare(name: str, call: gpu_clock.Call) -> None:
        call()
        prepared.append(name)

    calls = {"large": fail, "small": work}
    assert gpu_clock.attempt(calls, prepare) == {"large": "OutOfMemoryError: CUDA out of memory."}
    assert list(calls) == prepared == ["small"]


def test_mistakes_of_ours_are_not_taken_for_missing() -> None:
    with pytest.raises(TypeError):
        gpu_clock.attempt({"wrong": lambda: torch.zeros("3")}, lambda name, call: call())


@ON_A_GPU
def test_a_graph_repeats_its_call_on_what_lies_there_now() -> None:
    x = torch.ones(5, device="cuda")
    replay = gpu_clock.captured(lambda: x * 2)
    x += 2
    assert replay().tolist() == [6] * 5


@ON_A_GPU
def test_times_are_seconds_and_memory_is_gib() -> None:
    large = torch.empty(2**28, device="cuda")
    (small, long), gib = gpu_clock.beyond(lambda: gpu_clock.alternate([lambda: large[:1] + 1, lambda: large + 1], 3))
    assert 0 < small < long < 1
    assert gib >= 1  # the sum's own
