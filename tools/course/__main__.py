"""The lecturer's commands: `python -m tools.course release | answers | grade | pack`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from segnext_edu.files import one_line_errors
from segnext_edu.process import run


def parser() -> argparse.ArgumentParser:
    """The commands and their options."""
    top = argparse.ArgumentParser(prog="python -m tools.course", description=__doc__)
    commands = top.add_subparsers(dest="course", required=True, metavar="what")
    for name, text in (
        ("release", "the students' notebooks"),
        ("answers", "the lecturer's, a course for nbgrader"),
    ):
        commands.add_parser(name, help=text).add_argument("--out", type=Path, required=True, help="a new folder")
    pack = commands.add_parser("pack", help="slides, lesson plans, sheets to print, and what students get wrong")
    where = pack.add_mutually_exclusive_group(required=True)
    where.add_argument("--out", type=Path, help="a new folder")
    where.add_argument("--refresh", action="store_true", help="all but the slides, as committed with the notebooks")
    grade = commands.add_parser("grade", help="prove that nbgrader gives every hand-in what is due")
    grade.add_argument("--sets", nargs="+", default=["ps1", "ps2", "ps3", "ps4"], help="problem sets (all four)")
    grade.add_argument(
        "--mutants", type=int, default=4, help="misconceptions a notebook, the exercises taking turns (4); 0 takes all"
    )
    return top


@one_line_errors
def main(arguments: Sequence[str] | None = None) -> None:
    """Run one of them; the exit code is 0, 2 when the input is at fault, 130 after Ctrl+C."""
    args = parser().parse_args(arguments)
    from tools.course import grade, handout

    if args.course == "grade":
        with tempfile.TemporaryDirectory() as folder:
            for line in grade.prove(Path(folder) / "course", args.sets, args.mutants or None):
                print(line, flush=True)
        return
    if args.course == "pack":
        from tools.course import pack  # needs nbconvert and more

        if args.out:
            handout.refuse(args.out)
        print(*(pack.write(args.out) if args.out else pack.refresh()), sep="\n")
        return
    write = handout.write_course if args.course == "answers" else lambda out: handout.write(out, "students")
    for name, known in write(args.out).items():
        print(f"{name}: {len(known)} exercises, {sum(exercise.points for exercise in known)} points")


if __name__ == "__main__":
    run(main)
