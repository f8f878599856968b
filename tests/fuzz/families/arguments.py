"""Commands with arguments that nobody means."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

from segnext_edu.__main__ import main
from tests.fuzz.families import folders
from tests.fuzz.families.sizes import checkpoint
from tests.fuzz.judge import Fault

SECONDS = 60
KEPT = ("*.log",)
NUMBERS = (
    "0",
    "1",
    "-1",
    "2",
    "31",
    "33",
    "2147483648",
    "18446744073709551616",
    "1e9",
    "1000000000",
    "x",
    "",
    "٣",
    "²",
)
RATES = ("nan", "inf", "-inf", "-1", "0", "1e-3", "1e300", "1e-320", "x")
PATHS = (
    "",
    ".",
    "/",
    "/dev/null",
    "photo.png",
    "mine",
    "x" * 300,
    "a/" * 3000,
    "\x1b[2J.png",
    "a\nb",
    "\ud800",
    "x\0y",
)
SEEDS = ("-1", "0", "18446744073709551616", "1.5")
TRAIN = {
    **dict.fromkeys(("--batch", "--crop", "--short-side", "--save-every", "--warmup", "--steps"), NUMBERS),
    **dict.fromkeys(("--lr", "--head-lr-mult", "--weight-decay", "--max-grad-norm"), RATES),
    **dict.fromkeys(("--data", "--start", "--out"), PATHS),
    "--seed": SEEDS,
    "--variant": ("tiny", "x"),
    "--device": ("cuda", "mps", "x", ""),
    "--precision": ("bf16", "float16", ""),
}
LOOK = {"--short-side": NUMBERS, "--tile": NUMBERS, "--overlap": NUMBERS, "--checkpoint": PATHS, "--out": PATHS}


@cache
def start() -> dict[str, list[str]]:
    """Commands that work."""
    commands = (
        "train --data mine --variant nano --out run --steps 1 --batch 1 --crop 64 --short-side 64 --device cpu",
        f"predict photo.png --checkpoint {checkpoint()} --out overlay.png",
        f"evaluate --data mine --checkpoint {checkpoint()}",
        "data ade20k --source mine --out small --train 1 --val 1",
        "fetch-official tiny --url http://127.0.0.1:1/x --out x.safetensors",
        "atlas photo.png --out atlas.html --checkpoint photo.png",
        "export --checkpoint photo.png --format pt2 --out x.pt2",
    )
    return {command.split()[0]: list(map(str, command.split())) for command in commands}


OPTIONS = {
    "train": TRAIN,
    "predict": LOOK,
    "evaluate": {**LOOK, "--data": PATHS},
    "data": {"--source": PATHS, "--out": PATHS, "--train": NUMBERS, "--val": NUMBERS, "--seed": SEEDS},
    "fetch-official": {"--url": (*PATHS, "http://", "http://[", "ftp://x"), "--out": PATHS, "--sha256": ("x", "")},
    "atlas": {"--out": PATHS, "--checkpoint": PATHS},
    "export": {"--out": PATHS, "--checkpoint": PATHS, "--format": ("onnx", "x")},
}


def case(rng: random.Random) -> list[str]:
    name = rng.choice(("train", "train", "train", *OPTIONS))
    command = list(start()[name])
    for _ in range(rng.choice((1, 1, 2, 3))):
        option = rng.choice(sorted(OPTIONS[name]))
        command += [option, rng.choice(OPTIONS[name][option])]
    if rng.random() < 0.1:
        command[rng.randrange(len(command))] = rng.choice(PATHS)
    if "--out" in command and command[-1] in ("/", "/dev/null") and name == "data":
        command[-1] = "mine"
    return command


def run(case: list[str], place: Path) -> None:
    from PIL import Image

    folders.write(folders.whole(), place / "mine")
    Image.linear_gradient("L").resize((40, 32)).convert("RGB").save(place / "photo.png")
    try:
        main.__wrapped__(case)  # pyright: ignore[reportFunctionMemberAccess]
    except SystemExit as error:  # argparse, which has said why
        if error.code != 2:
            raise Fault("exit code", f"{error.code} from argparse") from error
    for file in place.rglob("*.safetensors"):
        finite(file)


def finite(file: Path) -> None:
    """Raises Fault where a checkpoint holds what is not a number."""
    from safetensors.torch import load_file

    if not all(tensor.isfinite().all() for tensor in load_file(file).values()):
        raise Fault("believed", f"{file.name} was saved with weights that are not finite")
