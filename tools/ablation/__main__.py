"""The ablation lab's runs: `python -m tools.ablation run drawn --minutes 60`, and on with the same command.

`missing` prints what is not there yet; `choose` scores some learning rates on images set aside from the training part.
Photographs are those of a folder: `--data`.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from segnext_edu.files import InputError, appears_whole, one_line_errors, repository_data
from tools.ablation import queue
from tools.ablation.variants import VARIANTS


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tools.ablation", description=__doc__)
    parser.add_argument("command", choices=("run", "missing", "choose"))
    parser.add_argument("kind", choices=queue.SEEDS, help="drawn scenes, or photographs")
    parser.add_argument("--data", help="the folder of the photographs")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, metavar="VARIANT", help="some of them (all)")
    parser.add_argument("--minutes", type=float, default=480, help="after which no run is begun (480)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (1)")
    parser.add_argument("--out", type=Path, default=repository_data() / "runs" / "ablation", help="for the JSON files")
    parser.add_argument("--work", type=Path, default=Path("runs/ablation"), help="for runs that are not finished")
    args = parser.parse_args(arguments)
    if args.kind == "photographs" and args.data is None and args.command != "missing":
        raise InputError("photographs are not part of the project: name their folder with --data")
    data, out, work = args.data or "mini", args.out / args.kind, args.work / args.kind
    torch.set_num_threads(args.threads)
    if args.command == "run":
        queue.work_off(args.kind, data, out, work, args.minutes, args.variants)
    elif args.command == "choose":
        rows = queue.choose(args.kind, data, work)
        with appears_whole(out / "choice.json") as part:
            part.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    left = list(queue.missing(args.kind, out, args.variants))
    for name, seed in left if args.command == "missing" else ():
        print(f"{name}, seed {seed}")
    print(f"{len(left)} runs are missing")


if __name__ == "__main__":
    sys.exit(main())
