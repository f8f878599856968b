"""Where a run computes, and in which precision."""

from __future__ import annotations

import torch
from accelerate import Accelerator

from segnext_edu.files import InputError
from segnext_edu.machine import best_device
from segnext_edu.training.recipe import Recipe

DEVICES = ("auto", "cpu", "cuda", "mps")


def accelerator_for(device: str) -> Accelerator:
    """Accelerate's view of where to compute. Raises InputError for a device that is not here."""
    if device not in DEVICES:
        raise InputError(f"--device {device}: expected {', '.join(DEVICES[:-1])} or {DEVICES[-1]}")
    best = best_device()
    if device not in ("auto", "cpu", best.type):
        owner = "no GPU" if device == "cuda" else "no Apple GPU"
        raise InputError(
            f"--device {device}: this machine has {owner} that PyTorch can use; leave the flag out to use {best.type}"
        )
    return Accelerator(cpu=device == "cpu" or best.type == "cpu")


def in_bf16(device: torch.device, precision: str) -> bool:
    """Whether convolutions and matrix products run in bf16; "auto" is yes on a CUDA GPU alone."""
    if precision not in ("auto", "float32", "bf16"):
        raise InputError(f"--precision {precision}: expected auto, float32, bf16")
    return precision == "bf16" or (precision == "auto" and device.type == "cuda")


def refuse_endless(recipe: Recipe, device: torch.device, bf16: bool) -> None:
    """Raises InputError for steps that would never end (`inference.bfloat16` says why)."""
    if bf16 and device.type == "cpu" and recipe.variant == "nano" and recipe.crop >= 128:
        raise InputError(
            "--precision bf16: on a CPU, PyTorch never comes back from one of nano's convolutions when crops have "
            f"128 pixels or more, and here they have {recipe.crop}; leave --precision at float32"
        )
