"""How long a picture takes: `python -m tools.bench speed`.

mmsegmentation's model where it is installed, ours as it is, ours optimised, and a bare matrix product, one after the
other in turn, so that whatever else the machine does falls on all alike. The same weights in all networks; each as its
users run it (ours channels-last, theirs as it comes). The medians are compared. Optimised in bfloat16, nano computes
its first stage's horizontal strips in float32 (`segnext_edu.inference.bfloat16` says why).

The floor is the time that the network's multiply-adds would take at the rate of a large matrix product. PyTorch makes
one in two ways, as `a @ b` and as a 1 × 1 convolution, through different libraries; the faster one sets the rate.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.checkpoints import from_official
from segnext_edu.cost import count_macs
from segnext_edu.files import InputError, appears_whole, one_line_errors
from segnext_edu.inference.optimize import optimize
from segnext_edu.model.segnext import VARIANTS, SegNeXt
from tools.bench.reference import MMSegmentation
from tools.bench.setting import Stride8, add_clock, alternate, difference, environment

SIDE = 1024  # of the square matrices whose product sets the rate
COLUMNS = ("mmsegmentation", "ours", "optimised", "optimised bf16", "floor")


@dataclass(frozen=True)
class Measured:
    """One size of the model: median seconds per picture by COLUMNS, and how far the answers are apart."""

    variant: str
    multiply_adds: int  # a picture
    seconds: dict[str, float | None]  # mmsegmentation's is None where it is not installed
    differs: dict[str, float | None]  # largest difference of the logits from ours, as a share of the largest
    agrees: dict[str, float]  # the share of places whose most likely class is the same
    products: dict[str, float]  # multiply-adds per second in a large matrix product, made in two ways


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench speed", description=__doc__)
    parser.add_argument(
        "--variants", nargs="+", choices=VARIANTS, default=["tiny", "base"], help="which sizes (tiny base)"
    )
    parser.add_argument("--size", type=int, default=512, help="height and width of the picture, pixels (512)")
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (2)")
    parser.add_argument("--repeats", type=int, default=15, help="pictures a network, after 3 to warm up (15)")
    add_clock(parser)
    parser.add_argument("--json", type=Path, help="write the table and what it holds for to this file, too")
    return parser


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per size: milliseconds, and how many times as fast as mmsegmentation's, or as ours without it."""
    args = parser().parse_args(arguments)
    if args.size < 32 or args.threads < 1 or args.repeats < 1:
        raise InputError("bench: --size must be at least 32, --threads and --repeats at least 1")
    torch.set_num_threads(args.threads)
    picture = {"height": args.size, "width": args.size, "output": "stride 8"}
    setting = environment(args.repeats, args.processor_time) | picture
    print(", ".join(f"{name}: {value}" for name, value in setting.items()))
    print(f"{'ms':8}" + "".join(f"{name:>24}" for name in COLUMNS))
    table = []
    for variant in args.variants:
        table.append(measure(variant, args.size, args.repeats, args.processor_time))
        print(line(table[-1]), flush=True)
    if any(row.seconds["mmsegmentation"] is None for row in table):
        print("mmsegmentation is not here to compare with; `make bench` installs it and compares")
    if args.json:
        rows = [dataclasses.asdict(row) for row in table]
        with appears_whole(args.json) as part:
            part.write_text(json.dumps({"setting": setting, "rows": rows}, indent=1) + "\n", "utf-8")


def line(row: Measured) -> str:
    """A row of the table: milliseconds, and behind them how many times as fast as the first of the row."""
    first = next(seconds for seconds in row.seconds.values() if seconds is not None)
    cells = [f"{row.variant:8}"]
    for seconds in (row.seconds[name] for name in COLUMNS):
        cells.append(f"{'–':>24}" if seconds is None else f"{seconds * 1e3:>15.1f} ({first / seconds:5.2f})")
    apart = ", ".join(f"{name} {value:.0e}" for name, value in row.differs.items() if value is not None)
    same = ", ".join(f"{name} {value:.1%}" for name, value in row.agrees.items())
    return f"{''.join(cells)}   differs at most: {apart}; same class: {same}"


def measure(variant: str, size: int, repeats: int, processor_time: bool = False) -> Measured:
    """Time everything there is for one size of the model, on one picture (1, 3, size, size), up to stride 8."""
    model = SegNeXt(variant).eval()
    peer = None
    try:
        peer = MMSegmentation(variant).eval()
        model.load_state_dict(from_official(peer.state_dict()))
    except ImportError:
        pass  # the table says so
    images = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    nhwc = images.to(memory_format=torch.channels_last)
    networks = {
        "ours": Stride8(model).to(memory_format=torch.channels_last),  # pyright: ignore[reportCallIssue]
        "optimised": Stride8(optimize(model)),
        "optimised bf16": Stride8(optimize(model, torch.bfloat16)),
    }
    calls: dict[str, Callable[[], Tensor]] = {} if peer is None else {"mmsegmentation": lambda: peer(images)}
    calls |= {name: lambda network=network: network(nhwc) for name, network in networks.items()} | products()
    macs = count_macs(Stride8(SegNeXt(variant)), (1, 3, size, size))
    with torch.inference_mode():
        times = dict(zip(calls, alternate(list(calls.values()), repeats, processor_time=processor_time), strict=True))
        exact, fast, coarse = (network(nhwc) for network in networks.values())
        peer_differs = None if peer is None else from_peer(model, peer, images)
    rates = {name: SIDE**3 / times[name] for name in products()}
    seconds = {name: times.get(name) for name in COLUMNS} | {"floor": macs / max(rates.values())}
    return Measured(
        variant,
        multiply_adds=macs,
        seconds=seconds,
        differs={"mmsegmentation": peer_differs, "optimised": difference(fast, exact)},
        agrees={"optimised bf16": (coarse.argmax(1) == exact.argmax(1)).float().mean().item()},
        products=rates,
    )


def products() -> dict[str, Callable[[], Tensor]]:
    """The product of two SIDE × SIDE matrices in two ways."""
    left, right = torch.randn(2, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    pixels = left.unflatten(0, (32, -1))[None].permute(0, 3, 1, 2)  # (1, SIDE, 32, 32), channels last
    kernels = right.T.contiguous()[:, :, None, None]  # (SIDE, SIDE, 1, 1)
    return {"a @ b": lambda: left @ right, "1 × 1 convolution": lambda: F.conv2d(pixels, kernels)}


def from_peer(model: SegNeXt, peer: nn.Module, images: Tensor) -> float:
    """By how much our logits differ from the peer's, from the bases that it draws."""
    torch.manual_seed(0)
    expected = peer(images)
    torch.manual_seed(0)
    bases = torch.rand(1, VARIANTS[model.variant].decoder_width, VARIANTS[model.variant].rank)
    return difference(model.decode(model.encode(images), bases), expected)
