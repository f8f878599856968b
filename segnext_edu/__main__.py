"""The commands: `python -m segnext_edu train | evaluate | predict | export | data | …`; --help has them all."""

from __future__ import annotations

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until `run` takes over, there is nothing to tidy up

import argparse
import dataclasses
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segnext_edu.cli import PIXELS, parser
from segnext_edu.files import InputError, one_line_errors, printable
from segnext_edu.process import run

# Even PyTorch is imported by the command that needs it and not here, so that --help answers at once.


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Run one command; the exit code is 0, 2 when the input is at fault, 130 after Ctrl+C."""
    args = parser().parse_args(arguments)
    COMMANDS[args.command](args)


def train_command(args: argparse.Namespace) -> None:
    state = args.out / "resume.pt"
    goes_on = args.resume and os.path.exists(state)  # unlike Path's, it says no to names that no file can have
    if not goes_on and not hasattr(args, "data"):
        raise InputError(
            "--data is missing: mini (the drawn scenes), ade20k, or a folder with images/ and annotations/"
        )

    from tqdm import tqdm

    from segnext_edu.machine import keep_freed_memory
    from segnext_edu.training.recipe import Recipe, default_recipe
    from segnext_edu.training.resume import read_state
    from segnext_edu.training.trainer import Run

    keep_freed_memory()
    given = {field.name: getattr(args, field.name) for field in dataclasses.fields(Recipe) if hasattr(args, field.name)}
    recipe = dataclasses.replace(read_state(state).recipe, **given) if goes_on else default_recipe(**given)
    run = Run(recipe, args.out, args.resume, args.save_every, args.device, args.precision, args.compile)
    try:
        main_process = run.accelerator.is_main_process
        with tqdm(total=recipe.steps, initial=run.step, disable=not main_process, smoothing=0.1) as bar:
            for record in run:
                bar.update()
                bar.set_postfix_str(
                    f"loss {record['loss']:.3f}, lr {record['lr']:.1e}, {record['images_per_s']:.1f} images/s"
                )
                if "miou" in record and main_process:
                    bar.write(f"step {record['step']}: mIoU {record['miou']:.4f}, accuracy {record['accuracy']:.4f}")
        if main_process:
            print(f"best mIoU {run.best:.4f}; checkpoints and log in {printable(args.out)}")
    finally:
        run.close()


def evaluate_command(args: argparse.Namespace) -> None:
    from segnext_edu.checkpoints import load
    from segnext_edu.inference.engines import device_for, with_engine
    from segnext_edu.inference.evaluate import evaluate, report

    options = inference_options(args)
    model = load(args.checkpoint).to(device_for(args.engine))
    network = with_engine(model, args.engine, many=False)
    print(report(evaluate(network, args.data, **options), model.classes))


def predict_command(args: argparse.Namespace) -> None:
    from segnext_edu.photographs import jobs, label

    if args.plain and args.engine not in ("auto", "torch"):
        raise InputError(f"--plain runs the model as it is, in PyTorch; leave out --engine {args.engine}")
    work = jobs(args.photo, args.out)
    options = inference_options(args)

    from segnext_edu.checkpoints import load
    from segnext_edu.inference.engines import device_for, with_engine

    model = load(args.checkpoint).to(device_for(args.engine))
    network = model if args.plain else with_engine(model, args.engine, many=len(work) > 20)
    label(network, work, options, shares=not args.photo.is_dir())


def inference_options(args: argparse.Namespace) -> dict[str, Any]:
    """What `predict` and `evaluate` are given besides model and image. Raises InputError for what cannot be done."""
    from segnext_edu.inference.sliding_window import GRID, SlidingWindow
    from segnext_edu.inference.tta import MULTI_SCALE, NO_TTA

    side, tile, overlap = args.short_side, args.tile, args.overlap
    if side not in (None, "own"):
        if not side.isdecimal() or not GRID <= int(side[:20]) <= PIXELS:
            raise InputError(f"--short-side {side[:30]}: expected a number of pixels from {GRID} to {PIXELS}, or own")
        side = int(side)
    window = None
    if tile is not None:
        quarter = min(math.ceil(tile / 4 / GRID), tile // 2 // GRID) * GRID
        window = SlidingWindow(tile, quarter if overlap is None else overlap)
    elif overlap is not None:
        raise InputError("--overlap is what tiles share; say how large they are with --tile, such as --tile 512")
    return {"short_side": side, "tta": MULTI_SCALE if args.multi_scale else NO_TTA, "window": window}


def ade20k_command(args: argparse.Namespace) -> None:
    from segnext_edu.data.ade20k import write_subset

    write_subset(args.source, args.out, args.train, args.val, args.seed, args.sha256)


def fetch_official_command(args: argparse.Namespace) -> None:
    from segnext_edu.official import fetch_official

    out = args.out or Path(f"segnext_{args.variant}.safetensors")
    print(f"{printable(fetch_official(args.variant, args.url, out, args.sha256))} is ready for evaluate and predict")


def atlas_command(args: argparse.Namespace) -> None:
    from segnext_edu.explain.atlas import page

    page.main(args)


def export_command(args: argparse.Namespace) -> None:
    from segnext_edu.inference import export

    export.main(args)


COMMANDS = {
    "train": train_command,
    "evaluate": evaluate_command,
    "predict": predict_command,
    "data": ade20k_command,
    "fetch-official": fetch_official_command,
    "atlas": atlas_command,
    "export": export_command,
}

if __name__ == "__main__":
    run(main)
