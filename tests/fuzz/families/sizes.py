"""Whole pictures of any size and shape, through all that a network is asked to do with them."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import torch
from PIL import Image

from segnext_edu.__main__ import main
from segnext_edu.checkpoints import save
from segnext_edu.model.segnext import SegNeXt

SECONDS = 240


def case(rng: random.Random) -> list[str]:
    """(width, height) first, then the command with its options."""
    long = round(10 ** rng.uniform(0, 4.6))
    short = rng.choice((1, 1, 2, 3, rng.randint(1, 40)))
    if long * short > 500_000:
        long = 500_000 // short
    width, height = (long, short) if rng.random() < 0.5 else (short, long)
    command = ["predict", "photo.png", "--checkpoint", str(checkpoint()), "--out", "out/overlay.png"]
    for option, values in (
        ("--short-side", ("32", "64", "own")),
        ("--tile", ("128", "512")),
        ("--multi-scale", ("",)),
        ("--plain", ("",)),
    ):
        if rng.random() < 0.3:
            command += [word for word in (option, rng.choice(values)) if word]
    return [f"{width}x{height}", *command]


def run(case: list[str], place: Path) -> None:
    size, *command = case
    width, height = map(int, size.split("x"))
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(place / "photo.png")
    main.__wrapped__(command)  # pyright: ignore[reportFunctionMemberAccess]


@cache
def checkpoint() -> Path:
    """A nano that has learned nothing, at the small short side of 64."""
    import tempfile

    path = Path(tempfile.gettempdir()) / "fuzz_nano.safetensors"
    torch.manual_seed(0)
    save(SegNeXt("nano", 3), path, ["cat", "dog", "cow"], {"recipe": {"short_side": 64}})
    return path
