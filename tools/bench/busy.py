"""What another process costs that takes one core: `python -m tools.bench busy`.

The same weights as they are, optimised, and in ONNX Runtime; a training step; and an interactive figure of notebook 00
that is drawn again. Quiet and busy take turns; the other process is started here, and has run for a second before
anything is timed. The medians are compared.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch

from segnext_edu.checkpoints import read
from segnext_edu.files import InputError, one_line_errors
from segnext_edu.inference.export import need_onnx, write_onnx
from segnext_edu.inference.optimize import optimize
from segnext_edu.lessons.figures.tour import draw_photograph, open_or_temple
from segnext_edu.machine import others, watch_load
from segnext_edu.model.segnext import VARIANTS, SegNeXt
from segnext_edu.training.recipe import Recipe
from segnext_edu.training.trainer import Run
from tools.bench.setting import Stride8, environment

SETTLED = 1.0  # seconds after the other process has come or gone

# It takes a core whole, and ends when we have, however that came about.
SPIN = """
import os
parent = os.getppid()
while os.getppid() == parent:
    for _ in range(100_000):
        pass
"""


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per network or task: milliseconds, quiet and busy, and how many times as long busy takes."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench busy", description=__doc__)
    parser.add_argument("--variant", choices=VARIANTS, default="tiny", help="which size (tiny)")
    parser.add_argument("--size", type=int, default=512, help="height and width of the picture, pixels (512)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="CPU threads (as many as cores)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of quiet and busy, 5 pictures a network each (5)")
    args = parser.parse_args(arguments)
    if args.size < 33 or args.threads < 1 or args.rounds < 1:
        raise InputError("bench busy: --size must be at least 33, --threads and --rounds at least 1")
    need_onnx()
    torch.set_num_threads(args.threads)
    watch_load()
    picture = {"variant": args.variant, "height": args.size, "width": args.size, "output": "stride 8"}
    print(", ".join(f"{name}: {value}" for name, value in (environment(5 * args.rounds) | picture).items()))
    with tempfile.TemporaryDirectory() as folder:
        calls = networks(args.variant, args.size, args.threads) | tasks(args.variant, Path(folder) / "run")
        times, taken = alternate(calls, args.rounds)
    print(f"{'ms':14}{'quiet':>10}{'busy':>10}{'busy / quiet':>14}")
    for name, (quiet, busy) in times.items():
        print(f"{name:14}{quiet * 1e3:10.1f}{busy * 1e3:10.1f}{busy / quiet:14.2f}")
    print(f"cores that other processes took: {taken[0]:.1f} and {taken[1]:.1f}; should be 0 and 1")


def networks(variant: str, size: int, threads: int) -> dict[str, Callable[[], object]]:
    """One picture through each, up to stride 8; ONNX Runtime's graph enlarges the logits as well."""
    import onnxruntime

    torch.manual_seed(0)
    model = SegNeXt(variant).eval()
    model.classes, model.card = tuple(map(str, range(model.num_classes))), {}  # an ONNX file names them
    images = torch.randn(1, 3, size, size)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        write_onnx(model, path)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    plain, fast = Stride8(model).to(memory_format=torch.channels_last), Stride8(optimize(model))  # pyright: ignore[reportCallIssue]
    nhwc = images.to(memory_format=torch.channels_last)

    return {
        "ours": lambda: plain(nhwc),
        "optimised": lambda: fast(nhwc),
        "ONNX Runtime": lambda: session.run(["logits"], {"images": images.numpy()}),
    }


def tasks(variant: str, out: Path) -> dict[str, Callable[[], object]]:
    """A training step on four crops of 256 pixels, and a photograph with two networks' gates, drawn."""
    recipe = Recipe("mini", variant, steps=100_000, batch=4, crop=256, short_side=256, warmup=0)
    steps = iter(Run(recipe, out, save_every=recipe.steps, device="cpu", precision="float32"))
    photo, network = open_or_temple(None), read("tiny_street")
    return {"training step": lambda: next(steps), "figure": lambda: draw_photograph(photo, network)}


def alternate(
    calls: dict[str, Callable[[], object]], rounds: int
) -> tuple[dict[str, tuple[float, float]], tuple[float, float]]:
    """The median seconds of each call, and the cores that other processes took on average, both (quiet, busy)."""
    seconds: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in calls}
    taken: tuple[list[float], list[float]] = ([], [])
    for turn in range(2 * rounds):
        busy = turn % 2
        with others_work(bool(busy)):
            start, before = time.perf_counter(), others()
            for name, call in calls.items():
                call()
                for _ in range(5):
                    began = time.perf_counter()
                    call()
                    seconds[name][busy].append(time.perf_counter() - began)
            taken[busy].append((others() - before) / (time.perf_counter() - start))
    medians = {name: (median(quiet), median(busy)) for name, (quiet, busy) in seconds.items()}
    return medians, (sum(taken[0]) / rounds, sum(taken[1]) / rounds)


@contextmanager
def others_work(busy: bool) -> Iterator[None]:
    """Beside a process that takes a core, or without one, for a second already."""
    other = subprocess.Popen([sys.executable, "-c", SPIN]) if busy else None
    try:
        time.sleep(SETTLED)
        yield
    finally:
        if other is not None:
            other.kill()
            other.wait()


if __name__ == "__main__":
    sys.exit(main())
