"""Help and mistyped options are answered before anything heavy is imported; tests/test_main.py runs the commands."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from segnext_edu.__main__ import COMMANDS
from segnext_edu.cli import SIZES
from segnext_edu.model.segnext import VARIANTS

HEAVY = ("torch", "numpy", "PIL", "matplotlib", "datasets")
# Runs `main` on what it is given; prints its exit code, and which of HEAVY were imported.
CODE = f"""
import json, sys
from segnext_edu.__main__ import main
try:
    code = main(sys.argv[1:])
except SystemExit as end:
    code = end.code
print(json.dumps([code, sorted(sys.modules.keys() & {HEAVY!r})]))
"""


def ran(*arguments: str) -> tuple[int, list[str], str]:
    """Exit code, the heavy libraries that were imported, and what was said."""
    done = subprocess.run([sys.executable, "-c", CODE, *arguments], capture_output=True, text=True, encoding="utf-8")
    *said, last = done.stdout.splitlines()
    return (*json.loads(last), "\n".join(said) + done.stderr)


def test_the_sizes_are_the_models() -> None:
    assert tuple(VARIANTS) == SIZES


@pytest.mark.parametrize("command", ["", *COMMANDS, "data ade20k"])
def test_help_imports_nothing_heavy(command: str) -> None:
    code, imported, said = ran(*command.split(), "--help")
    assert (code, imported) == (0, []) and said.startswith(f"usage: python -m segnext_edu {command}".strip())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ("", "required: command"),
        ("paint", "invalid choice: 'paint'"),
        ("train", "required: --out"),
        ("train --out run", "--data is missing"),
        ("train --out run --data mini --variant huge", "invalid choice: 'huge'"),
        ("predict photo.jpg --out overlay.png", "required: --checkpoint"),
        ("predict photo.jpg --checkpoint it.safetensors --out overlay.xyz", "name that ends in .png"),
        ("train --out run --data mini --seed -1", "--seed: expected a whole number from 0"),
        (f"train --out run --data mini --seed {2**64}", "--seed: expected a whole number from 0"),
        ("train --out run --data mini --seed one", "invalid whole number value: 'one'"),
        ("train --out run --data mini --save-every 0", "--save-every: expected a whole number from 1"),
        ("data ade20k --source it.zip --seed -1", "--seed: expected a whole number from 0"),
        (f"data ade20k --source it.zip --train {'9' * 5000}", "--train: expected a whole number from 1"),
        (f"predict photo.jpg --checkpoint it.safetensors --out it.png --tile {10**9}", "--tile: expected a whole"),
        ("predict photo.jpg --checkpoint it.safetensors --out it.png --tile 64 --overlap -32", "--overlap: expected"),
    ],
)
def test_what_cannot_be_meant_is_refused_as_quickly(arguments: str, why: str) -> None:
    code, imported, said = ran(*arguments.split())
    assert (code, imported) == (2, []) and why in said
