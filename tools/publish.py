"""From a finished run to a checkpoint that ships: `python -m tools.publish`.

The run's best weights in half precision, its card with the terms of use and without what names this machine's folders,
and beside them its log. `data/checkpoints/README.md` tells each one's story.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from segnext_edu import checkpoints
from segnext_edu.files import appears_whole, one_line_errors, repository_data


def publish(run: Path, name: str, terms: str | None, folder: Path) -> Path:
    """Write `name`.safetensors and `name`.log.jsonl into `folder`, from the run in `run`; returns the first's path."""
    model = checkpoints.read(run / "best.safetensors")
    recipe = model.card["recipe"]
    for field in ("data", "start"):
        if recipe.get(field):
            recipe[field] = Path(recipe[field]).name
    card = model.card | {"recipe": recipe} | ({"terms": terms} if terms else {})
    out = folder / f"{name}.safetensors"
    checkpoints.save(model, out, model.classes, card, half=True)
    with appears_whole(folder / f"{name}.log.jsonl") as part:
        part.write_bytes((run / "log.jsonl").read_bytes())
    return out


@one_line_errors
def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.publish", description=__doc__)
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("--name", required=True, help="of the checkpoint")
    parser.add_argument("--terms", help="what users of the weights must keep to, in a sentence")
    parser.add_argument("--out", type=Path, default=repository_data() / "checkpoints")
    args = parser.parse_args()
    print(publish(args.run, args.name, args.terms, args.out))


if __name__ == "__main__":
    sys.exit(main())
