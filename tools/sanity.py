"""All the controls over a validation split, into one JSON file: `python -m segnext_edu.explain.sanity`.

Numbers only: no picture and no file's name goes into it.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from segnext_edu.checkpoints import card_short_side, load
from segnext_edu.data import load_scenes
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.sanity.baselines import randomise
from segnext_edu.explain.sanity.evaluation import DRAWS, RANDOMISED, map_scores, turned_bars
from segnext_edu.explain.sanity.perturbation import LARGEST, SHARES
from segnext_edu.files import InputError, appears_whole, one_line_errors


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m segnext_edu.explain.sanity", description=__doc__)
    parser.add_argument("--checkpoint", required=True, type=Path)
    parser.add_argument("--data", required=True, help="mini, ade20k, or a folder or zip; its val split is used")
    parser.add_argument("--pictures", type=int, help="how many of them, spread evenly (all)")
    parser.add_argument("--out", required=True, type=Path, help="the JSON file")
    args = parser.parse_args(arguments)
    if args.out.suffix != ".json":
        raise InputError(f"{args.out}: the numbers are written as JSON; give --out a name that ends in .json")
    if args.pictures is not None and args.pictures < 1:
        raise InputError(f"--pictures {args.pictures}: at least 1 is needed")
    table = measure(args.checkpoint, args.data, args.pictures)
    with appears_whole(args.out) as part:
        part.write_text(json.dumps(table, separators=(",", ":")).replace('},"', '},\n"') + "\n", "utf-8")
    print(f"{args.out}: {table['asked']} of {table['pictures']} pictures had a class to ask about")


def measure(checkpoint: Path, data: str, count: int | None) -> dict[str, Any]:
    """What the file holds: what was asked of whom, then the numbers, a list a map with an entry a picture."""
    model = load(checkpoint)
    scenes = load_scenes(data, "val")
    count = min(count or len(scenes), len(scenes))
    numbers = [index * len(scenes) // count for index in range(count)]
    randomised_models = [randomise(model, seed) for seed in range(RANDOMISED)]
    maps: dict[str, dict[str, list[Any]]] = {}
    asked = 0
    for number in tqdm(numbers, desc="pictures", disable=None):
        picture = prepare(to_tensor(scenes[number]["image"]), card_short_side(model.card))[0]  # (3, H, W)
        found = map_scores(model, randomised_models[number % RANDOMISED], picture, seed=number)
        asked += found is not None
        for name, fate in (found or {}).items():
            for kind, value in dataclasses.asdict(fate).items():
                maps.setdefault(name, {}).setdefault(kind, []).append(rounded(value))
    bars = {"trained": turned_bars(model)} | {
        f"untrained {s}": turned_bars(randomised) for s, randomised in enumerate(randomised_models)
    }
    return {
        "checkpoint": {"file": checkpoint.name, "variant": model.variant, "classes": len(model.classes)},
        "data": Path(data).name,
        "pictures": count,
        "asked": asked,
        "settings": {"shares": SHARES, "largest class": LARGEST, "randomised networks": RANDOMISED, "bar draws": DRAWS},
        "environment": {"python": platform.python_version(), "torch": str(torch.__version__)},
        "maps": maps,
        "bars": {who: {k: {p: rounded(v) for p, v in d.items()} for k, d in t.items()} for who, t in bars.items()},
    }


def rounded(value: Any) -> Any:
    """Numbers, in lists or alone, to four decimals; None stays."""
    if isinstance(value, list):
        return [rounded(part) for part in value]
    return None if value is None else round(value, 4)


if __name__ == "__main__":
    sys.exit(main())
