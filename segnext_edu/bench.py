"""How long a picture takes: `python -m segnext_edu bench`.

Our model, mmsegmentation's where it is installed, and a bare matrix product, one after the other in turn, so that
whatever else the machine does falls on all alike. The same weights in both networks; each as its users run it (ours
channels-last, theirs as it comes). The medians are compared.

The floor is the time that the network's multiply-adds would take at the matrix product's rate.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from torch import Tensor, nn

from segnext_edu.checkpoints import from_official
from segnext_edu.cost import count_macs
from segnext_edu.files import InputError, appears_whole
from segnext_edu.peers import MMSegmentation
from segnext_edu.segnext import VARIANTS, SegNeXt

SIDE = 1024  # of the square matrices whose product sets the rate


@dataclass(frozen=True)
class Measured:
    """Median seconds a picture, and the largest difference of the logits as a share of the largest of them."""

    variant: str
    multiply_adds: int  # a picture
    ours: float
    floor: float
    mmsegmentation: float | None = None
    mmsegmentation_differs: float | None = None


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=["tiny", "base"], help="which sizes (tiny base)"
    )
    parser.add_argument("--size", type=int, default=512, help="height and width of the picture, pixels (512)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (2)")
    parser.add_argument("--repeats", type=int, default=15, help="pictures a network, after 3 to warm up (15)")
    parser.add_argument("--json", type=Path, help="write the table and what it holds for to this file, too")


def main(args: argparse.Namespace) -> int:
    """Print a line a size: milliseconds, then how many times as fast, and that the answers agree."""
    if args.size < 32 or args.threads < 1 or args.repeats < 1:
        raise InputError("bench: --size must be at least 32, --threads and --repeats at least 1")
    torch.set_num_threads(args.threads)
    print(setting(args))
    names = "".join(f"{name:>8}" for name in ("mmseg", "ours", "floor"))
    print(f"{'ms':8}{names}   mmseg/ours  ours/floor")
    table = []
    for variant in args.variants:
        table.append(measure(variant, args.size, args.repeats))
        print(line(table[-1]), flush=True)
    if any(row.mmsegmentation is None for row in table):
        print("mmsegmentation is not here to compare with; `make bench` installs it and compares")
    if args.json:
        with appears_whole(args.json) as part:
            rows = [dataclasses.asdict(row) for row in table]
            part.write_text(json.dumps({"setting": setting(args), "rows": rows}, indent=1) + "\n")
    return 0


def line(row: Measured) -> str:
    """A row of the table: "–" where there is nothing to compare with."""

    def times(slow: float | None, quick: float) -> str:
        return "–" if slow is None else f"{slow / quick:.2f}"

    seconds = row.mmsegmentation, row.ours, row.floor
    cells = [f"{row.variant:8}", *(f"{'–' if s is None else f'{s * 1e3:.1f}':>8}" for s in seconds), "   "]
    cells += [f"{times(row.mmsegmentation, row.ours):>10}", f"{times(row.ours, row.floor):>12}"]
    if row.mmsegmentation_differs is not None:
        cells.append(f"   largest difference: {row.mmsegmentation_differs:.0e}")
    return "".join(cells)


def setting(args: argparse.Namespace) -> str:
    """What the times hold for. On a machine with other work to do (its load says) they hold for nothing."""
    allocator = [f"{name}={value}" for name, value in sorted(os.environ.items()) if name.startswith("MALLOC_")]
    machine = f"{platform.system()} {platform.machine()} ({torch.backends.cpu.get_cpu_capability()})"
    return (
        f"{args.size} × {args.size}, batch 1, float32, output at stride 8, median of {args.repeats}; "
        f"threads: {args.threads}, load before: {os.getloadavg()[0]:.1f}, {machine}, "
        f"torch {torch.__version__}, {', '.join(allocator) or 'no MALLOC_ settings'}"
    )


def measure(variant: str, size: int, repeats: int) -> Measured:
    """Time everything there is for one size of the model, on one picture (1, 3, size, size), up to stride 8."""
    model = SegNeXt(variant).eval()
    peer = None
    try:
        peer = MMSegmentation(variant).eval()
        model.load_state_dict(from_official(peer.state_dict()))
    except ImportError:
        pass  # the table says so
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    ours = Stride8(model).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    nhwc = images.to(memory_format=torch.channels_last)
    square = torch.randn(2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    calls = [lambda: ours(nhwc), lambda: square[0] @ square[1]]
    if peer is not None:
        calls.append(lambda: peer(images))
    macs = count_macs(Stride8(model), (1, 3, size, size))
    with torch.inference_mode():
        times = alternate(calls, repeats)
        peer_differs = None if peer is None else from_peer(model, peer, images)
    return Measured(
        variant,
        multiply_adds=macs,
        ours=times[0],
        floor=times[1] * macs / SIDE**3,
        mmsegmentation=None if peer is None else times[2],
        mmsegmentation_differs=peer_differs,
    )


class Stride8(nn.Module):
    """A model without its last enlargement: what the peer computes, too."""

    def __init__(self, model: nn.Module):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.decode(self.model.encode(images))  # pyright: ignore[reportCallIssue]


def from_peer(model: SegNeXt, peer: nn.Module, images: Tensor) -> float:
    """By how much our logits differ from the peer's, from the bases that it draws."""
    torch.manual_seed(0)
    expected = peer(images)
    torch.manual_seed(0)
    bases = torch.rand(1, VARIANTS[model.variant].decoder_width, VARIANTS[model.variant].rank)
    return difference(model.decode(model.encode(images), bases), expected)


def difference(answer: Tensor, expected: Tensor) -> float:
    """The largest, as a share of the largest value."""
    return ((answer - expected).abs().max() / expected.abs().max()).item()


def alternate(calls: list[Callable[[], Tensor]], repeats: int, warm_up: int = 3) -> list[float]:
    """The median seconds of each call, all of them made in turn."""
    seconds: list[list[float]] = [[] for _ in calls]
    for _ in range(warm_up + repeats):
        for call, times in zip(calls, seconds, strict=True):
            start = time.perf_counter()
            call()
            times.append(time.perf_counter() - start)
    return [median(times[warm_up:]) for times in seconds]
