"""What the processes of one run add up, and how they part at its end."""

from __future__ import annotations

import torch.distributed as dist
from torch import Tensor

_group: dist.ProcessGroup | None = None


def meet() -> None:
    """Open a group for the sums below, where there are several processes.

    A group's threads must end before Python does: one that still lets go of a tensor needs Python for that, and where
    there is none it aborts the process ("terminate called without an active exception"). They end with the last
    reference to their group. DistributedDataParallel never drops its reference to the common group, but hands it
    tensors that Python does not know; the sums' tensors it does know, and so they get a group of their own.
    """
    global _group
    if dist.is_initialized():
        _group = dist.new_group()  # pyright: ignore[reportAssignmentType]


def total(tensor: Tensor) -> Tensor:
    """The sum over all processes, as a new tensor."""
    result = tensor.clone()
    if dist.is_initialized():
        dist.all_reduce(result, group=_group)
    return result


def part() -> None:
    """End all groups; the last thing that a process of several does."""
    global _group
    if dist.is_initialized():
        dist.destroy_process_group()
    _group = None
