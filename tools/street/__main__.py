"""`python -m tools.street train` makes the network, `score` says how good it is, `finish` readies it for tools.publish.

A run goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

from segnext_edu import checkpoints
from segnext_edu.files import one_line_errors
from tools.street import photos
from tools.street.crops import Cropping
from tools.street.score import finish, score
from tools.street.train import Plan, Run

NUMBERS = {"int": int, "float": float}


@one_line_errors
def main() -> None:
    """Run the command."""
    top = argparse.ArgumentParser(prog="python -m tools.street", description=__doc__)
    commands = top.add_subparsers(required=True, dest="command", metavar="command")
    train = commands.add_parser("train", help="train, or go on training")
    train.add_argument("--out", required=True, type=Path, help="the run's folder")
    train.add_argument("--save-every", type=int, default=250, help="steps (250)")
    train.add_argument("--precision", choices=("float32", "bf16"), default="bf16")
    train.add_argument("--part", choices=("train", "learn"), default=Plan.part, help=f"photographs ({Plan.part})")
    train.add_argument("--variant", default=Plan.variant, help=f"size of the network ({Plan.variant})")
    train.add_argument("--start", default=Plan.start, help=f"a checkpoint, or none: random weights ({Plan.start})")
    for field in (*dataclasses.fields(Plan), *dataclasses.fields(Cropping)):
        if kind := NUMBERS.get(str(field.type)):
            option = f"--{field.name.replace('_', '-')}"
            train.add_argument(option, type=kind, default=field.default, help=f"({field.default})")
    judge = commands.add_parser("score", help="score a checkpoint, as JSON")
    judge.add_argument("checkpoint", type=Path)
    judge.add_argument("--source", choices=photos.SOURCES, nargs="+", default=photos.SOURCES)
    judge.add_argument("--part", choices=("val", "choose"), default="val", help="photographs (val)")
    judge.add_argument("--short-side", type=int, help="pixels (the checkpoint's own)")
    end = commands.add_parser("finish", help="ready a run for tools.publish")
    end.add_argument("run", type=Path, help="the run's folder")
    end.add_argument("--out", required=True, type=Path, help="folder for best.safetensors and log.jsonl")
    for command in (train, judge, end):
        command.add_argument("--data", required=True, type=Path, help="the folder that holds both sets")
    args = top.parse_args()

    if args.command == "score":
        model = checkpoints.read(args.checkpoint)
        for source in args.source:
            folder = args.data / source
            figures = score(model, photos.read(folder, photos.split(folder, args.part)), args.short_side)
            print(json.dumps({"checkpoint": args.checkpoint.stem, "part": args.part} | figures), flush=True)
    elif args.command == "finish":
        print(json.dumps(finish(args.run, args.data, args.out)))
    else:
        given: dict[str, Any] = vars(args) | {"start": None if args.start == "none" else args.start}
        cropping = Cropping(**{field.name: given[field.name] for field in dataclasses.fields(Cropping)})
        settings = {field.name: given[field.name] for field in dataclasses.fields(Plan) if field.name != "cropping"}
        plan = Plan(**settings, cropping=cropping)
        Run(plan, args.data, args.out, args.save_every, args.precision == "bf16").train()


if __name__ == "__main__":
    sys.exit(main())
