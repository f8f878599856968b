"""Five networks under one recipe: who learns the streets best from random weights?

`python -m tools.comparison holdout` makes a folder to choose a recipe in, out of the training pictures alone.
`python -m tools.comparison run` trains one network from one seed on the street photographs of LabelMeFacade, and
writes what came out as small JSON: configuration, environment, cost, learning curve, confusion matrix. It goes on where
it was stopped. `comparison_tables.py` reads such files, and notebook 08 shows what they say.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import random
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from segnext_edu.cost import count_macs, count_parameters
from segnext_edu.files import InputError, appears_whole, one_line_errors
from segnext_edu.inference.evaluate import evaluate
from segnext_edu.model.decoders import OtherDecoder, PlainHead
from segnext_edu.model.segnext import VARIANTS, SegNeXt
from segnext_edu.training.recipe import default_recipe
from tools.bench.baselines import Contender, SegFormerB0, UNet, parameter_groups

NETWORKS: dict[str, Callable[[int], SegNeXt | Contender]] = {
    "tiny": lambda classes: SegNeXt("tiny", classes),
    "tiny-plain": lambda classes: OtherDecoder(
        "tiny", PlainHead(VARIANTS["tiny"].channels[1:], 256, classes), 2, classes
    ),
    "segformer-b0": SegFormerB0,
    "unet": UNet,
    "nano": lambda classes: SegNeXt("nano", classes),
}
# The same for all. Small crops of small pictures, since a CPU is to be enough.
RECIPE = {"batch": 8, "crop": 160, "short_side": 224, "head_lr_mult": 1.0}
STEPS, LR = 600, 1e-3
SAVE_EVERY = 200  # steps


def run(data: str, network: str, seed: int, steps: int, lr: float, work: Path, precision: str) -> dict[str, Any]:
    """Train one network from one seed, in the folder `work`, and say all that came out, ready for JSON."""
    from segnext_edu.training.trainer import Run

    recipe = default_recipe(data, "tiny", steps=steps, lr=lr, seed=seed, **RECIPE)
    resume, build = (work / "resume.pt").exists(), NETWORKS[network]
    training = Run(recipe, work, resume, SAVE_EVERY, precision=precision, network=build, groups=parameter_groups)
    for _ in training:
        pass
    training.bare.eval()
    # The last step's network: the best step's would have been chosen by the very pictures it is scored on.
    matrix = evaluate(training.bare, (training.val[i] for i in range(len(training.val))), recipe.short_side)
    log = [json.loads(line) for line in (work / "log.jsonl").read_text("utf-8").splitlines()]
    scored = [line for line in log if "miou" in line]
    return {
        "network": network,
        "recipe": {**dataclasses.asdict(recipe), "data": Path(data).name, "variant": network},
        "environment": training.environment,
        "parameters": count_parameters(training.bare),
        "macs_512": count_macs(training.bare, (1, 3, 512, 512)),
        "curve": {
            "step": [line["step"] for line in scored],
            "loss": [
                statistics.fmean(each["loss"] for each in log[max(line["step"] - 50, 0) : line["step"]])
                for line in scored
            ],
            "miou": [line["miou"] for line in scored],
        },
        "classes": training.classes,
        "counts": matrix.counts.tolist(),
    }


def holdout(data: Path, out: Path, share: float = 0.15, seed: int = 0) -> None:
    """A folder with the training pictures of `data` alone, some of whose places are set aside to be scored on.

    Pictures of one place, whose names begin alike up to "__", stay together. The pictures are linked to, not copied.
    """
    if not (data / "train.txt").is_file():
        raise InputError(
            f"{data}: has no train.txt, the list of the pictures to train on; give it one, one name per line"
        )
    stems = (data / "train.txt").read_text("utf-8").split()
    places = sorted({stem.split("__")[0] for stem in stems})
    random.Random(seed).shuffle(places)
    aside: set[str] = set()
    for place in places:
        if sum(stem in aside for stem in stems) < share * len(stems):
            aside |= {stem for stem in stems if stem.split("__")[0] == place}
    with appears_whole(out) as part:
        part.mkdir()
        for name in ("images", "annotations", "classes.txt"):
            (part / name).symlink_to((data / name).resolve())
        (part / "train.txt").write_text("".join(f"{stem}\n" for stem in stems if stem not in aside), "utf-8")
        (part / "val.txt").write_text("".join(f"{stem}\n" for stem in stems if stem in aside), "utf-8")
    print(f"{out}: {len(stems) - len(aside)} pictures to train on, {len(aside)} of other places to score on")


@one_line_errors
def main() -> None:
    """Run the command."""
    top = argparse.ArgumentParser(prog="python -m tools.comparison", description=__doc__)
    commands = top.add_subparsers(required=True, dest="command", metavar="command")
    aside = commands.add_parser("holdout", help="a folder to choose a recipe in")
    train = commands.add_parser("run", help="train one network from one seed")
    for command in (aside, train):
        command.add_argument("--data", required=True, type=Path, help="the LabelMeFacade folder, or one like it")
        command.add_argument("--out", required=True, type=Path, help="where the folder, or the JSON, goes")
    train.add_argument("--network", required=True, choices=NETWORKS)
    train.add_argument("--seed", type=int, default=0)
    train.add_argument("--steps", type=int, default=STEPS)
    train.add_argument("--lr", type=float, default=LR)
    train.add_argument("--precision", default="auto", help="float32, bf16 or auto: bf16 on a GPU (auto)")
    train.add_argument("--work", required=True, type=Path, help="folder for the run's log and checkpoints")
    args = top.parse_args()
    if args.command == "holdout":
        holdout(args.data, args.out)
        return
    result = run(str(args.data), args.network, args.seed, args.steps, args.lr, args.work, args.precision)
    with appears_whole(args.out) as part:
        part.write_text(json.dumps(result) + "\n", "utf-8")


if __name__ == "__main__":
    sys.exit(main())
