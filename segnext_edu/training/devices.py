"""Where a run computes and in which precision, and how it says so afterwards."""

from __future__ import annotations

import platform
from typing import Any

import torch
from accelerate import Accelerator

from segnext_edu.files import InputError
from segnext_edu.training import processes

PRECISIONS = ("auto", "float32", "bf16")


def accelerator_for(device: str) -> Accelerator:
    """Accelerate's view of where to compute; "auto" is a GPU where there is one.

    Raises InputError for a device that is not here.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise InputError(f"--device {device}: expected auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError(
            "--device cuda: this machine has no GPU that PyTorch can use; leave the flag out to use the CPU"
        )
    accelerator = Accelerator(cpu=device == "cpu" or not torch.cuda.is_available())
    processes.meet()
    return accelerator


def in_bf16(device: torch.device, precision: str) -> bool:
    """Whether convolutions and matrix products are to run in bf16; "auto" is yes on a GPU and no on a CPU.

    Raises InputError for another name.
    """
    if precision not in PRECISIONS:
        raise InputError(f"--precision {precision}: expected {', '.join(PRECISIONS)}")
    return precision == "bf16" or (precision == "auto" and device.type == "cuda")


def environment(device: torch.device, processes: int, bf16: bool) -> dict[str, Any]:
    """What a card says of the machine: PyTorch's version, the device, its precision, threads and processes."""
    return {
        "torch": torch.__version__,
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine(),
        "precision": "bf16" if bf16 else "float32",
        "threads": torch.get_num_threads(),
        "processes": processes,
    }
