"""Measures what notebook 12 draws: `python -m tools.bench sizes --json data/runs/sizes_cpu.json`.

Seven networks on pictures of several sizes, and a matrix product for the rate, on one thread. The time is the
processor's, as in `scaling.py`: it stands still while the machine does other things. Page faults count. Each call is
made again and again until it has had its share of seconds, and the least is kept: nothing makes a call faster than it
is.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from segnext_edu.cost import count_macs, count_parameters
from segnext_edu.files import appears_whole
from segnext_edu.inference.optimize import optimize
from segnext_edu.model.segnext import SegNeXt
from tools.bench.networks import NETWORKS
from tools.bench.setting import Stride8, environment

SIZES = ((128, 128), (256, 256), (512, 512), (512, 1024))  # height, width
SIDE = 1024  # of the square matrices whose product sets the rate

Calls = dict[str, Callable[[], Tensor]]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every network at every size, print a line for each, and write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench sizes", description=__doc__)
    parser.add_argument("--share", type=float, default=3.0, help="processor seconds for one call, about (3)")
    parser.add_argument("--json", type=Path, required=True, help="the file to write")
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    setting = environment(1) | {"clock": "processor", "share": args.share}
    del setting["repeats"]  # as many as fit into the share
    square = torch.randn(SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    product = least(lambda: square @ square, args.share)
    rows = [measure(name, size, args.share) for size in SIZES for name in NETWORKS]
    with appears_whole(args.json) as part:
        stored = {"setting": setting, "rate": SIDE**3 / product, "rows": rows}
        part.write_text(json.dumps(stored, indent=1) + "\n", "utf-8")


def measure(name: str, size: tuple[int, int], share: float) -> dict[str, Any]:
    """One network at one size: what it costs by the count and, each way to run it, by the clock."""
    images = torch.randn(1, 3, *size, generator=torch.Generator().manual_seed(0))
    row = counted(name, size)
    with torch.inference_mode():
        seconds = {way: least(call, share) for way, call in ways(NETWORKS[name][1], images).items()}
    print(f"{name:26} {size[0]} × {size[1]}", seconds, flush=True)
    return row | {"seconds": {"optimised": None} | seconds}


def counted(name: str, size: tuple[int, int]) -> dict[str, Any]:
    """The row but for its times."""
    family, build = NETWORKS[name]
    model = build().eval()
    whole = Stride8(model) if isinstance(model, SegNeXt) else model
    cost = {"parameters": count_parameters(whole), "multiply_adds": count_macs(whole, (1, 3, *size))}
    return {"network": name, "family": family, "height": size[0], "width": size[1]} | cost


def least(call: Callable[[], Tensor], share: float) -> float:
    """The least processor seconds of a call, made until `share` seconds are spent; at least once."""
    times: list[float] = []
    while not times or sum(times) + min(times) <= share:
        start = time.process_time()
        call()
        times.append(time.process_time() - start)
    return min(times)


def ways(build: Callable[[], Any], images: Tensor) -> Calls:
    """One picture through a network as it comes, in channels_last, and (SegNeXt) optimised."""
    plain, last = build().eval(), build().eval().to(memory_format=torch.channels_last)
    nhwc = images.to(memory_format=torch.channels_last)
    if not isinstance(plain, SegNeXt):
        return {"as it comes": partial(plain, images), "channels_last": partial(last, nhwc)}
    return {
        "as it comes": partial(Stride8(plain), images),
        "channels_last": partial(Stride8(last), nhwc),
        "optimised": partial(Stride8(optimize(plain)), nhwc),
    }


if __name__ == "__main__":
    main()
