"""How fast networks learn: `python -m tools.bench training`.

Every network has its own `Run` with the same recipe, and they make their steps in turn, so that whatever else the
machine does falls on all alike. Ours are trained channels-last, mmsegmentation's as it comes, and once channels-last,
too. A step on a batch drawn anew is compared with a step on one that lies ready: what it takes longer is the most that
the network can have waited for its data. A prediction at 512 × 512 is timed, too.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any
from unittest import mock

import torch

from segnext_edu.files import appears_whole, one_line_errors
from segnext_edu.training.recipe import Recipe
from segnext_edu.training.trainer import Run
from tools.bench.baselines import parameter_groups
from tools.bench.reference import TrainedMMSegmentation
from tools.comparison import NETWORKS

PEER = partial(TrainedMMSegmentation, "tiny")
BUILDERS = {
    **NETWORKS,
    "mmsegmentation": PEER,
    "mmsegmentation-nhwc": partial(PEER, memory_format=torch.channels_last),  # what of the difference is memory alone
}
PICTURE = (1, 3, 512, 512)  # that a prediction is timed on
WARM_UP = 3  # steps of each network before any counts


def measure(
    names: Sequence[str], recipe: Recipe, repeats: int, device: str, precision: str, compile: bool
) -> list[dict[str, Any]]:
    """A row a network: `network`; images/s in `training`, in `training_ready` with the batch lying ready, and in
    `prediction`; `waiting`, the share of a step that fetching the batch took at most; `step_gib`, the memory that a
    step takes beyond what lies there before it (None on a CPU).

    A network that is not installed is left out.
    """
    with tempfile.TemporaryDirectory() as folder:
        runs = {}
        for name in names:
            try:
                out = Path(folder) / name
                runs[name] = Run(
                    recipe,
                    out,
                    save_every=recipe.steps,
                    device=device,
                    precision=precision,
                    compile=compile,
                    network=BUILDERS[name],
                    groups=parameter_groups,
                )
            except ImportError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
                continue
            if isinstance(runs[name].bare, TrainedMMSegmentation):  # a Run makes every network's weights channels-last
                runs[name].bare.to(memory_format=runs[name].bare.memory_format)
        steps = {name: iter(run) for name, run in runs.items()}
        ready = {name: run.batch() for name, run in runs.items()}
        seconds: dict[str, dict[str, list[float]]] = {name: {"fresh": [], "ready": [], "predict": []} for name in runs}
        memory = dict.fromkeys(runs, 0)
        for _ in range(WARM_UP + repeats):
            for name, run in runs.items():
                place = run.accelerator.device
                picture = torch.zeros(PICTURE, device=place).to(memory_format=torch.channels_last)
                before = start_of_memory(place)
                seconds[name]["fresh"].append(time_of(lambda name=name: next(steps[name]), place))
                memory[name] = max(memory[name], peak_of_memory(place) - before)
                with mock.patch.object(run, "batch", lambda name=name: ready[name]):
                    seconds[name]["ready"].append(time_of(lambda name=name: next(steps[name]), place))
                seconds[name]["predict"].append(time_of(lambda run=run, x=picture: predict(run, x), place))
    rows = []
    for name, times in seconds.items():
        fresh, lying, predicted = (median(times[kind][WARM_UP:]) for kind in ("fresh", "ready", "predict"))
        gib = memory[name] / 2**30 if memory[name] else None
        rows.append(
            {
                "network": name,
                "training": recipe.batch / fresh,
                "training_ready": recipe.batch / lying,
                "waiting": max(0.0, 1 - lying / fresh),
                "prediction": 1 / predicted,
                "step_gib": gib,
            }
        )
    return rows


@torch.inference_mode()
def predict(run: Run, picture: torch.Tensor) -> None:
    """One forward pass up to the decoder's size, in the run's precision."""
    run.bare.eval()
    with torch.autocast(picture.device.type, torch.bfloat16, enabled=run.bf16):
        run.bare.decode(run.bare.encode(picture))


def time_of(call: Callable[[], Any], device: torch.device) -> float:
    """Seconds until all that the call started is done."""
    began = time.perf_counter()
    call()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began


def start_of_memory(device: torch.device) -> int:
    """Bytes on the GPU, from where its peak is counted; 0 on a CPU."""
    if device.type != "cuda":
        return 0
    torch.cuda.reset_peak_memory_stats(device)
    return torch.cuda.memory_allocated(device)


def peak_of_memory(device: torch.device) -> int:
    """The most bytes there were on the GPU since; 0 on a CPU."""
    return torch.cuda.max_memory_allocated(device) if device.type == "cuda" else 0


def line(row: dict[str, Any], first: dict[str, Any]) -> str:
    """A row of the table, beside the first row's speed."""
    memory = "–" if row["step_gib"] is None else f"{row['step_gib']:.2f}"
    return (
        f"{row['network']:20}{row['training']:10.2f}{row['training'] / first['training']:8.2f}"
        f"{row['waiting']:10.1%}{memory:>8}{row['prediction']:12.2f}{row['prediction'] / first['prediction']:8.2f}"
    )


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Print a line per network."""
    parser = argparse.ArgumentParser(prog="python -m tools.bench training", description=__doc__)
    parser.add_argument(
        "--networks", nargs="+", choices=BUILDERS, default=["tiny", "mmsegmentation", "mmsegmentation-nhwc"]
    )
    parser.add_argument("--data", default="mini", help="mini, ade20k, or a folder or zip (mini)")
    parser.add_argument("--crop", type=int, default=512, help="side of the crops, and the short side, pixels (512)")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--repeats", type=int, default=20, help="steps of each kind, after 3 to warm up (20)")
    parser.add_argument("--threads", type=int, help="CPU threads")
    parser.add_argument("--device", default="auto", help="auto, cpu or cuda (auto)")
    parser.add_argument("--precision", default="auto", help="float32, bf16 or auto: bf16 on a GPU (auto)")
    parser.add_argument("--compile", action="store_true", help="let torch.compile join the networks' operations")
    parser.add_argument("--json", type=Path, help="write the table and what it holds for to this file, too")
    args = parser.parse_args(arguments)
    if args.threads:
        torch.set_num_threads(args.threads)
    # The steps of a schedule long enough that the rate is almost the same at all of them.
    recipe = Recipe(args.data, "tiny", 10_000, args.batch, args.crop, args.crop)
    rows = measure(args.networks, recipe, args.repeats, args.device, args.precision, args.compile)
    print("network               images/s   times   waiting     GiB  predicted/s   times")
    for row in rows:
        print(line(row, rows[0]))
    if args.json:
        setting = {name: value for name, value in vars(args).items() if name != "json"}
        setting |= {"torch": torch.__version__, "threads": torch.get_num_threads(), "data": Path(args.data).name}
        with appears_whole(args.json) as part:
            part.write_text(json.dumps({"setting": setting, "rows": rows}, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
