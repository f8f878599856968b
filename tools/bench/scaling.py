"""How time and memory grow with the picture: `python -m tools.bench scaling --out scaling.json`.

SegNeXt's convolutions see a fixed neighbourhood and its NMF a fixed number of bases, so both should grow as the pixels
do: exponent 1. In SegFormer each pixel is compared with a fixed share of all others: exponent 2, where that comes to
prevail. Here it is measured, SegNeXt optimised, as `predict` runs it. On a log-log chart a power law is a straight
line, and its slope is the exponent.

Every measurement is a process of its own. Only so is the peak of its memory its own, and nothing that an earlier size
left behind is used again. The time is the processor's, which other work on the machine lengthens less than the clock's.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from segnext_edu.files import InputError, appears_whole, one_line_errors
from segnext_edu.inference.optimize import optimize
from segnext_edu.model.segnext import VARIANTS, SegNeXt
from tools.bench.baselines import SegFormerB0
from tools.bench.setting import size

SIZES = ("512x256", "512x512", "1024x512", "1024x1024", "2048x1024", "2048x2048")  # width × height, each twice the last
SEGFORMER = "segformer-b0"
CLASSES = 150


@dataclass(frozen=True)
class Measured:
    """One picture through one network, up to the logits at the network's own stride."""

    network: str
    width: int
    height: int
    seconds: float  # of processor time, the median picture
    bytes: int  # by which the process's memory grew at most, above what the network alone needs


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every network at every size, print a line for each and the exponents, and write them as JSON."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench scaling", description=__doc__)
    parser.add_argument("--networks", nargs="+", choices=[*VARIANTS, SEGFORMER], default=["tiny", SEGFORMER])
    parser.add_argument(
        "--sizes", nargs="+", type=size, default=[size(text) for text in SIZES], help=f"({' '.join(SIZES)})"
    )
    parser.add_argument("--repeats", type=int, default=3, help="timed pictures of a size, after one to warm up (3)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (1)")
    parser.add_argument("--out", type=Path, required=True, help="the JSON file")
    args = parser.parse_args(arguments)
    if args.repeats < 1 or args.threads < 1 or len({math.prod(sides) for sides in args.sizes}) < 2:
        raise InputError("scaling: at least two sizes, one repeat and one thread are needed to draw a line")
    rows = []
    for network in args.networks:
        for width, height in args.sizes:
            rows.append(in_a_process(network, width, height, args.repeats, args.threads))
            seconds, mebibytes = rows[-1].seconds, rows[-1].bytes / 2**20
            print(f"{network:14}{width:6} × {height:<6}{seconds:9.3f} s{mebibytes:9.0f} MiB", flush=True)
    found = exponents(rows)
    for network, slopes in found.items():
        print(f"{network}: as pixels to the power {slopes['seconds']:.2f} (time), {slopes['bytes']:.2f} (memory)")
    with appears_whole(args.out) as part:
        table = {"setting": setting(args), "exponents": found, "rows": [asdict(row) for row in rows]}
        part.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")


def setting(args: argparse.Namespace) -> str:
    """What the numbers hold for."""
    return (
        f"batch 1, float32, {CLASSES} classes, logits at the network's stride; median of {args.repeats}; "
        f"threads: {args.threads}, load before: {os.getloadavg()[0]:.1f}, "
        f"{torch.backends.cpu.get_cpu_capability()}, torch {torch.__version__}"
    )


def in_a_process(network: str, width: int, height: int, repeats: int, threads: int) -> Measured:
    """`measure` in a fresh interpreter, with the allocator's default settings. Raises InputError where it fails."""
    numbers = ", ".join(str(number) for number in (width, height, repeats, threads))
    code = f"from tools.bench.scaling import measure; measure({network!r}, {numbers})"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    if done.returncode:
        raise InputError(
            f"scaling: {network} at {width}x{height} did not end (exit code {done.returncode}: "
            f"{(done.stderr.strip().splitlines() or ['memory may have run out'])[-1]}); choose smaller --sizes"
        )
    measured = Measured(network, width, height, **json.loads(done.stdout.splitlines()[-1]))
    if not measured.bytes:
        raise InputError(f"scaling: {width}x{height} is too small for its memory to be seen; choose larger --sizes")
    return measured


def measure(network: str, width: int, height: int, repeats: int, threads: int) -> None:
    """Print one measurement as JSON. Meant for a process of its own: a process's memory has only one peak."""
    torch.set_num_threads(threads)
    model = SegFormerB0(CLASSES) if network == SEGFORMER else optimize(SegNeXt(network, CLASSES))
    model = model.eval().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    images = torch.randn(1, 3, height, width).to(memory_format=torch.channels_last)
    seconds = []
    with torch.inference_mode():
        model.decode(model.encode(images[:, :, :32, :32]))  # what the libraries set up once is not the picture's
        before, imports = held("VmRSS"), held("VmHWM")
        for _ in range(repeats + 1):
            start = time.process_time()
            model.decode(model.encode(images))
            seconds.append(time.process_time() - start)
    peak = held("VmHWM")
    grown = peak - before if peak > imports else 0  # a picture that needs less than the imports did is not seen
    print(json.dumps({"seconds": median(seconds[1:]), "bytes": grown}))


def held(what: str) -> int:
    """Bytes of memory that this process holds (VmRSS), or has held at most so far (VmHWM, which stands for both where
    the system is not Linux).
    """
    status = Path("/proc/self/status")
    if status.exists():  # Linux, where ru_maxrss would count what the process that started this one held, too
        (line,) = (line for line in status.read_text("utf-8").splitlines() if line.startswith(f"{what}:"))
        return 1024 * int(line.split()[1])
    import resource  # not on Windows, where this module can be imported but measures nothing

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else 1024 * largest


def exponents(rows: Sequence[Measured]) -> dict[str, dict[str, float]]:
    """Each network's exponents of time and memory, fitted over all its sizes."""
    found = {}
    for network in dict.fromkeys(row.network for row in rows):
        own = [row for row in rows if row.network == network]
        pixels = [row.width * row.height for row in own]
        found[network] = {
            "seconds": exponent(pixels, [row.seconds for row in own]),
            "bytes": exponent(pixels, [row.bytes for row in own]),
        }
    return found


def exponent(x: Sequence[float], y: Sequence[float]) -> float:
    """The p of the power law y = c · x^p that fits best: the slope of the least-squares line of log y over log x."""
    logs = [(math.log(a), math.log(b)) for a, b in zip(x, y, strict=True)]
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs))
    return sum((a - mean_x) * (b - mean_y) for a, b in logs) / sum((a - mean_x) ** 2 for a, _ in logs)


if __name__ == "__main__":
    sys.exit(main())
