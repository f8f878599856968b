"""`python -m segnext_edu atlas photo.jpg --out atlas.html`: the attention atlas of a photograph as one page.

The page needs no server and no network, and asks for nothing: what it shows lies in it, as bytes. `page.html` beside
this file draws it. A trained network's maps are there, and those of its control, the same with random weights.
"""

from __future__ import annotations

import argparse
import json
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from segnext_edu.data.images import open_photo
from segnext_edu.data.palette import colours
from segnext_edu.explain.atlas.maps import (
    PARTS,
    Sight,
    attention_map,
    default_checkpoint,
    dominant_map,
    load_pair,
    look,
    short_names,
)
from segnext_edu.explain.record import BRANCHES
from segnext_edu.files import InputError, appears_whole, printable

TEMPLATE = Path(__file__).with_name("page.html")
PLACE = "/*ATLAS*/null"  # in the template, for the data
SIDE = 960  # of the photograph on the page, pixels at most
MOST_BYTES = 10_000_000
DECODED = (2, 3, 4)  # the stages that the decoder reads
TOP = 5  # classes of a pixel
FIELDS = (4, 6)  # receptive fields, down and across
FAINTEST = 3  # of a receptive field: 10^-3 of its strongest pixel


def main(args: argparse.Namespace) -> None:
    """Write the page, and say what is in it. Raises InputError for what cannot be read, shown or written."""
    if args.out.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"{args.out}: the atlas is a web page; give --out a name that ends in .html")
    photo = open_photo(args.photo)
    trained, randomised = load_pair(args.checkpoint or default_checkpoint())
    text = page(args.photo.name, photo, look(trained, photo), look(randomised, photo))
    with appears_whole(args.out) as part:
        part.write_text(text, encoding="utf-8")
    print(f"{printable(args.out)}: {len(text.encode()) / 1e6:.1f} MB; it needs a browser and nothing else")


def page(name: str, photo: Image.Image, trained: Sight, randomised: Sight) -> str:
    """The page's HTML. Raises InputError where it would be larger than 10 MB."""
    packed = Packed()
    model = trained.model
    atlas = {
        "name": printable(name),
        "photo": data_url(photo),
        "size": list(trained.images.shape[2:]),
        "variant": model.variant,
        "terms": terms(model.card),
        "classes": short_names(model.classes),
        "colours": colours(model.classes).tolist(),
        "layers": trained.layers,
        "branches": BRANCHES,
        "tables": tables(),
        "networks": [network(sight, packed) for sight in (trained, randomised)],
        "bytes": b64encode(packed.bytes).decode(),
    }
    data = json.dumps(atlas, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")  # no tag can hide in it
    text = TEMPLATE.read_text(encoding="utf-8").replace(PLACE, data)
    if len(text.encode()) > MOST_BYTES:
        raise InputError(
            f"the page would have {len(text.encode()) / 1e6:.0f} MB, more than {MOST_BYTES / 1e6:.0f}; "
            "choose a checkpoint of a smaller network"
        )
    return text


class Packed:
    """Arrays as one run of bytes, a byte a number."""

    def __init__(self) -> None:
        self.bytes = bytearray()

    def levels(self, values: Tensor) -> dict[str, Any]:
        """A map from `low` (0) to `high` (255), and where it lies: wrong by half a level at most."""
        low, high = values.min().item(), values.max().item()
        steps = ((values - low) / max(high - low, 1e-30) * 255).round()
        return {**self.raw(steps.to(torch.uint8)), "low": low, "high": high}

    def raw(self, values: Tensor) -> dict[str, Any]:
        """Whole numbers, uint8 or int8, as they are."""
        found = {"at": len(self.bytes), "shape": list(values.shape)}
        self.bytes += values.contiguous().numpy().tobytes()
        return found


def network(sight: Sight, packed: Packed) -> dict[str, Any]:
    """What the page knows of one network: where in the bytes its maps lie."""
    return {
        "maps": dict(maps(sight, packed)),
        "dominant": {f"{s}.{b}": packed.raw(dominant_map(sight, (s, b)).to(torch.uint8)) for s, b in sight.layers},
        "labels": packed.raw(sight.labels.to(torch.uint8)),
        "best": best(sight, packed),
        "shares": packed.levels(sight.shares),
        "features": {stage: packed.raw(directions(sight, stage)) for stage in DECODED},
        "fields": [fields(sight, place, packed) for place in range(FIELDS[0] * FIELDS[1])],
    }


def maps(sight: Sight, packed: Packed) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every layer's gate and branches, as their strength and as their mean: "3.1.gate.strength" and so on."""
    for stage, block in sight.layers:
        for part in PARTS:
            for reading in ("strength", "mean"):
                values = attention_map(sight, (stage, block), part, reading)
                yield f"{stage}.{block}.{part}.{reading}", packed.levels(values)


def best(sight: Sight, packed: Packed) -> dict[str, Any]:
    """The most probable classes of every pixel at stride 8, and how probable: (TOP, h, w) each."""
    if len(sight.probabilities) > 256:
        raise InputError(f"the page can name 256 classes; this checkpoint has {len(sight.probabilities)}")
    shares, classes = sight.probabilities.topk(min(TOP, len(sight.probabilities)), dim=0)
    levels = (shares * 255).round().to(torch.uint8)  # (TOP, h, w)
    return {"classes": packed.raw(classes.to(torch.uint8)), "shares": packed.raw(levels)}


def directions(sight: Sight, stage: int) -> Tensor:
    """The channels of a stage's cells as vectors of length 127: (h, w, C), int8. Products give `explain.similarity`."""
    unit = F.normalize(sight.recording.stages[stage - 1][0], dim=0)  # (C, h, w)
    return (unit * 127).round().to(torch.int8).permute(1, 2, 0)  # (h, w, C)


def fields(sight: Sight, place: int, packed: Packed) -> dict[str, Any]:
    """The receptive field of one of stage 4's cells, evenly spread, at stride 8: the cell, and logarithms."""
    rows, columns = sight.recording.stages[-1].shape[2:]
    y = (2 * (place // FIELDS[1]) + 1) * rows // (2 * FIELDS[0])
    x = (2 * (place % FIELDS[1]) + 1) * columns // (2 * FIELDS[1])
    pull = F.adaptive_max_pool2d(sight.pull(4, y, x)[None], sight.labels.shape)[0]  # (h, w)
    faded = (pull / pull.max().clamp(min=1e-30)).clamp(min=10**-FAINTEST).log10() / FAINTEST + 1  # 0 … 1
    return {**packed.raw((faded * 255).round().to(torch.uint8)), "cell": [y, x], "cells": [rows, columns]}


def tables() -> dict[str, list[list[int]]]:
    """The colours of amounts and of signed numbers, 256 each."""
    from segnext_edu.explain.atlas.sheet import AMOUNT, SIGNED

    return {"amount": AMOUNT.tolist(), "signed": SIGNED.tolist()}


def data_url(photo: Image.Image) -> str:
    """The photograph, made small enough to send around."""
    small, buffer = photo.copy(), BytesIO()
    small.thumbnail((SIDE, SIDE))
    small.save(buffer, "JPEG", quality=85)
    return f"data:image/jpeg;base64,{b64encode(buffer.getvalue()).decode()}"


def terms(card: dict[str, Any]) -> str:
    """On what terms a checkpoint's maps may be passed on, as its card has it."""
    return card.get("terms", "Its card names no terms of use.")
