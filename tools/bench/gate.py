"""MSCA's branches alone on a GPU: the fused kernel against what it would replace. Half of `bench gpu`.

Features in bfloat16 go in, what MSCA mixes into its gate comes out: by the module as it is, through cuDNN; by the same
through torch.compile; by `gate_kernel`; and for comparison the bare features are copied: as many bytes as one pass must
move. All four as CUDA graphs, so that only the kernels count.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn

from segnext_edu.model.msca import MSCA
from segnext_edu.model.segnext import VARIANTS
from tools.bench.gpu_clock import Call, alternate, attempt, captured, reason
from tools.bench.setting import difference
from tools.bench.traffic import Card, Work, count_work

WAYS = ("module", "compiled", "kernel", "copy")
Shape = tuple[int, int, int, int]


class Branches(nn.Module):
    """The 5 × 5, the strips on top, and their sum: (B, C, H, W) → (B, C, H, W)."""

    def __init__(self, msca: MSCA):
        super().__init__()
        self.local, self.strips = msca.local, msca.strips

    def forward(self, x: Tensor) -> Tensor:
        total = around = self.local(x)  # (B, C, H, W)
        for strip in self.strips:
            total = total + strip(around)
        return total


def shapes(variant: str, batch: int, width: int, height: int) -> list[Shape]:
    """What enters MSCA in the four stages, (B, C, H, W) each; every stage halves a side, rounding up."""
    found = []
    for stage, channels in enumerate(VARIANTS[variant].channels):
        step = 4 * 2**stage
        found.append((batch, channels, -(-height // step), -(-width // step)))
    return found


def fused_work(shape: Shape) -> tuple[Work, int]:
    """What a single pass must do in bfloat16, and the bytes that the module moves instead, an operation at a time."""
    branches = Branches(MSCA(shape[1])).bfloat16()
    work = count_work(branches, shape, torch.bfloat16)
    values = shape[0] * shape[1] * shape[2] * shape[3]
    weights = sum(parameter.numel() for parameter in branches.parameters())
    return Work(work.matrix, work.single, 2 * (2 * values + weights)), work.moved


def measure(shape: Shape, repeats: int, card: Card) -> dict[str, Any]:
    """A row of the table. What did not run has None for seconds, and its reason in `missing`."""
    msca = MSCA(shape[1]).to("cuda", torch.bfloat16).requires_grad_(False)
    module = Branches(msca).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    x = torch.randn(shape, device="cuda", dtype=torch.bfloat16).contiguous(memory_format=torch.channels_last)
    target = torch.empty_like(x)
    torch.compiler.reset()  # else a second shape would be compiled for any shape
    compiled = torch.compile(module)
    calls: dict[str, Call] = {"module": lambda: module(x), "compiled": lambda: compiled(x)}
    missing = {}
    try:
        from tools.bench.gate_kernel import gate_input, packed

        weights = packed(msca)
        calls["kernel"] = lambda: gate_input(x, weights)
    except ImportError as error:
        missing["kernel"] = reason(error)
    calls["copy"] = lambda: target.copy_(x)
    exact = copy.deepcopy(module).float()(x[:1].float())
    with torch.inference_mode():
        missing |= attempt(calls, lambda name, call: calls.update({name: captured(call)}))
        seconds = dict(zip(calls, alternate(list(calls.values()), repeats)))
        differs = {name: difference(call()[:1].float(), exact) for name, call in calls.items() if name != "copy"}
    work, moved = fused_work(shape)
    return {
        "shape": shape,
        "seconds": {name: seconds.get(name) for name in WAYS},
        "missing": missing,
        "differs": differs,
        "module_bytes": moved,
        **card.verdict(work),
    }


def header() -> str:
    return f"{'branches':24}" + "".join(f"{f'{name} µs':>18}" for name in WAYS) + f"{'floor µs':>12}  bound by"


def line(row: dict[str, Any]) -> str:
    """A row: microseconds, and behind them how many times as fast as the module."""
    first = row["seconds"]["module"]
    cells = [f"{' × '.join(map(str, row['shape'])):24}"]
    for seconds in (row["seconds"][name] for name in WAYS):
        times = "" if not (seconds and first) else f" ({first / seconds:5.2f})"
        cells.append(f"{'–':>18}" if seconds is None else f"{f'{seconds * 1e6:.1f}{times}':>18}")
    return f"{''.join(cells)}{row['floor'] * 1e6:12.1f}  {row['bound']}"
