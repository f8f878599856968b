"""How long pictures take on a GPU: `python -m tools.bench gpu --json …`.

Networks in bfloat16 up to stride 8, one after the other in turn, with the same weights: mmsegmentation's where it is
installed and ours as it is, both under autocast; ours optimised; and that once more, its parts compiled by
torch.compile and the whole recorded as one CUDA graph (torch.cuda.graph), which is launched at once. After them MSCA's
branches alone, by the module and by the kernel that makes them in one pass (`bench_gate`).

Beside the times stands the floor, and whether memory or multiprocessors set it (`traffic`): by the optimised network's
multiply-adds and bytes, an operation at a time, and by the card's rates, which are measured first.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Iterator, Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from segnext_edu.checkpoints import from_official
from segnext_edu.files import InputError, appears_whole, one_line_errors
from segnext_edu.inference.optimize import optimize
from segnext_edu.model.segnext import VARIANTS, SegNeXt
from tools.bench import gate
from tools.bench.gpu_clock import WARM_UP, Call, alternate, attempt, beyond, captured, reason
from tools.bench.reference import MMSegmentation
from tools.bench.setting import Stride8, size
from tools.bench.traffic import Card, count_work

NETWORKS = ("mmsegmentation", "ours", "optimised", "compiled")
PARTS = ("networks", "branches")
SIDE = 8192  # of the square matrices whose product sets a rate
COPIED = 2**29  # float32 values in the copy that sets the memory's rate: 2 GiB


def measure_card(repeats: int) -> Card:
    """A large copy, and a large product of random matrices in bfloat16 and in float32."""
    source = torch.randn(COPIED, device="cuda")
    target = torch.empty_like(source)
    left, right = torch.randn(2, SIDE, SIDE, device="cuda")
    low, lower = left.bfloat16(), right.bfloat16()
    calls = [lambda: target.copy_(source), lambda: low @ lower, lambda: left @ right]
    copy, matrix, single = alternate(calls, repeats)
    return Card(2 * source.nbytes / copy, SIDE**3 / matrix, SIDE**3 / single)


def measure(variant: str, batch: int, width: int, height: int, repeats: int, card: Card) -> dict[str, Any]:
    """A row of the networks' table. What did not run has None for seconds, and its reason in `missing`."""
    shape = (batch, 3, height, width)
    calls, missing = network_calls(variant, torch.randn(shape, device="cuda"))
    gib: dict[str, float] = {}

    def prepare(name: str, call: Call) -> None:
        call()  # compiled, kernels chosen: what that takes is not the call's
        if name == "compiled":
            calls[name], gib[name] = beyond(lambda: captured(call))
        else:
            _, gib[name] = beyond(call)

    torch.compiler.reset()  # else a second size would be compiled for any size
    with torch.inference_mode():
        missing |= attempt(calls, prepare)
        seconds = dict(zip(calls, alternate(list(calls.values()), repeats)))
        classes = {name: call()[:1].argmax(1) for name, call in calls.items()}
    agrees = {name: (classes[name] == classes["ours"]).float().mean().item() for name in classes if "ours" in classes}
    work = count_work(Stride8(optimize(SegNeXt(variant).cuda(), torch.bfloat16)), shape, torch.bfloat16)
    return {
        "variant": variant,
        "batch": batch,
        "width": width,
        "height": height,
        "seconds": {name: seconds.get(name) for name in NETWORKS},
        "missing": missing,
        "gib": {name: gib.get(name) for name in NETWORKS},
        "agrees": agrees,  # with ours, in the first picture; mmsegmentation draws other bases
        **card.verdict(work),
    }


def network_calls(variant: str, images: Tensor) -> tuple[dict[str, Call], dict[str, str]]:
    """Each network as a call on these images, (B, 3, H, W) → (B, K, H/8, W/8); and what is not here, and why."""
    model = SegNeXt(variant).eval()
    calls: dict[str, Call] = {}
    missing: dict[str, str] = {}
    try:
        peer = MMSegmentation(variant).eval()
        model.load_state_dict(from_official(peer.state_dict()))
        calls["mmsegmentation"] = autocast(peer.to(images.device), images)
    except ImportError as error:
        missing["mmsegmentation"] = reason(error)
    model = model.to(images.device, memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    nhwc = images.to(memory_format=torch.channels_last)
    low = nhwc.bfloat16()
    optimised, compiled = (Stride8(optimize(model, torch.bfloat16, compile)) for compile in (False, True))
    ours = autocast(Stride8(model), nhwc)
    return calls | {"ours": ours, "optimised": lambda: optimised(low), "compiled": lambda: compiled(low)}, missing


def autocast(network: nn.Module, images: Tensor) -> Call:
    def call() -> Tensor:
        with torch.autocast(images.device.type, torch.bfloat16):
            return network(images)

    return call


def rows_of(part: str, cases: list[tuple[str, int, int, int]], repeats: int, card: Card) -> Iterator[dict[str, Any]]:
    """The rows of a table, one after the other: a case each, or a case's four stages."""
    for variant, batch, width, height in cases:
        if part == "networks":
            yield measure(variant, batch, width, height, repeats, card)
        else:
            for shape in gate.shapes(variant, batch, width, height):
                yield gate.measure(shape, repeats, card)


def header() -> str:
    return f"{'network':24}" + "".join(f"{f'{name} ms':>27}" for name in NETWORKS) + f"{'floor ms':>10}  bound by"


def line(row: dict[str, Any]) -> str:
    """A row: milliseconds, how many times as fast as the first of the row, and GiB beyond the weights."""
    first = next((seconds for seconds in row["seconds"].values() if seconds is not None), None)
    cells = [f"{row['variant']:6}{row['batch']:>4} × {row['width']} × {row['height']}".ljust(24)]
    for name, seconds in row["seconds"].items():
        said = "–" if seconds is None else f"{seconds * 1e3:.2f} ({first / seconds:5.2f}) {row['gib'][name]:5.2f} GiB"
        cells.append(f"{said:>27}")
    return f"{''.join(cells)}{row['floor'] * 1e3:10.3f}  {row['bound']}"


def environment(repeats: int, card: Card) -> dict[str, Any]:
    """What the times hold for. The card's rates are bytes and multiply-adds per second."""
    return {
        "card": torch.cuda.get_device_name(),
        "multiprocessors": torch.cuda.get_device_properties(0).multi_processor_count,
        "rates": vars(card),
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "triton": metadata.version("triton") if find_spec("triton") else None,
        "machine": f"{platform.system()} {platform.machine()}",
        "precision": "bfloat16, output at stride 8",
        "compiled": "optimised, torch.compile, one torch.cuda.graph",
        "clock": f"CUDA events, medians, in turn, cache emptied before each, {WARM_UP} to warm up",
        "repeats": repeats,
    }


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables; write the file anew after every row, so that a run cut short leaves what it had."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench gpu", description=__doc__)
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="which tables (both)")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=["tiny", "base"], help="(tiny base)")
    parser.add_argument("--sizes", nargs="+", type=size, default=[(512, 512), (2048, 1024)], help="(512x512 2048x1024)")
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 16], help="(1 16)")
    parser.add_argument("--repeats", type=int, default=20, help="calls of each kind, after 3 to warm up (20)")
    parser.add_argument("--json", type=Path, help="write the tables and what they hold for to this file, too")
    args = parser.parse_args(arguments)
    if min(*args.batches, args.repeats) < 1:
        raise InputError("bench gpu: --batches and --repeats must be at least 1")
    if not torch.cuda.is_available():
        raise InputError("bench gpu: this machine has no GPU that PyTorch can use; `bench` times networks on a CPU")
    torch.backends.cudnn.benchmark = True
    card = measure_card(args.repeats)
    setting = environment(args.repeats, card)
    print(", ".join(f"{name}: {value}" for name, value in setting.items()))
    tables: dict[str, list[dict[str, Any]]] = {part: [] for part in args.parts}
    cases = [(name, batch, *sides) for name in args.variants for sides in args.sizes for batch in args.batches]
    for part, rows in tables.items():
        print(header() if part == "networks" else gate.header(), flush=True)
        for row in rows_of(part, cases, args.repeats, card):
            rows.append(row)
            print(line(row) if part == "networks" else gate.line(row), flush=True)
            for name, why in row["missing"].items():
                print(f"  {name} is missing: {why}", file=sys.stderr)
            if args.json:
                with appears_whole(args.json) as half:
                    half.write_text(json.dumps({"setting": setting, **tables}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
