"""Checkpoints with damaged headers, odd metadata, and weights that are no numbers."""

from __future__ import annotations

import json
import random
import struct
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from segnext_edu.checkpoints import load
from segnext_edu.data.palette import colours
from segnext_edu.explain.atlas.page import terms
from segnext_edu.inference.overlay import overlay
from segnext_edu.inference.predict import predict
from tests.fuzz.families.sizes import checkpoint
from tests.fuzz.judge import Fault
from tests.fuzz.mutate import as_json, changed, damaged, odd

SECONDS = 60
WEIGHTS = {"nan": float("nan"), "inf": float("inf"), "zero": 0.0, "huge": 3e38}


@cache
def parts() -> tuple[dict[str, Any], bytes]:
    """The header and the numbers of a whole checkpoint."""
    content = checkpoint().read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def case(rng: random.Random) -> tuple[bytes, str]:
    """The bytes up to the numbers, and what becomes of these: "" (they stay), "cut", or one of `WEIGHTS`."""
    header, _ = parts()
    metadata = header["__metadata__"]
    which = rng.random()
    if which < 0.6:
        key = rng.choice(("classes", "card", "classes", "card", "variant"))
        if key == "variant":
            new = rng.choice(("small", "tiny", "", "nano ", "x" * 9999, "\x1b[2J"))
        else:
            new = as_json(rng, changed(rng, json.loads(metadata[key])) if rng.random() < 0.7 else odd(rng))
        if key == "card" and rng.random() < 0.5:
            field = rng.choice(("recipe", "terms"))
            new = as_json(
                rng, {field: {"short_side": odd(rng)} if field == "recipe" and rng.random() < 0.8 else odd(rng)}
            )
        if key == "classes" and rng.random() < 0.5:
            new = as_json(rng, [odd(rng) for _ in range(3)])
        header = {**header, "__metadata__": {**metadata, key: new}}
    elif which < 0.85:
        header = changed(rng, header)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    if which > 0.95:
        text = damaged(rng, text)
    length = len(text) if rng.random() < 0.95 else rng.choice((0, 1, len(text) - 1, 2**31, 2**63, 2**64 - 1))
    return struct.pack("<Q", length) + text, rng.choice(("", "", "", "cut", *WEIGHTS))


def run(case: tuple[bytes, str], place: Path) -> None:
    head, change = case
    numbers = parts()[1]
    if change == "cut":
        numbers = numbers[: len(numbers) // 2]
    elif change:
        numbers = np.full(len(numbers) // 4, WEIGHTS[change], np.float32).tobytes()
    (place / "x.safetensors").write_bytes(head + numbers)
    model = load("x.safetensors")
    photo = Image.linear_gradient("L").resize((40, 32)).convert("RGB")
    overlay(photo, predict(model, photo).numpy(), model.classes, colours(model.classes))
    assert isinstance(terms(model.card), str)
    if not all(tensor.isfinite().all() for tensor in model.state_dict().values()):
        raise Fault("believed", "labels from weights that are not finite")
    if all((tensor == 0).all() for tensor in model.parameters() if tensor.dtype == torch.float32):
        raise Fault("believed", "labels from weights that are all zero")
