"""Pictures that are not the mask that their name promises: modes, ranges, formats, sizes, damage."""

from __future__ import annotations

import io
import math
import random
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from segnext_edu.data.pairs import Pair, check
from tests.conftest import photo
from tests.fuzz.judge import Fault
from tests.fuzz.mutate import damaged, png_sums

CLASSES = 3
SIZE = (24, 16)
WHOLE = (0, 1, 3, 4, 255, -1, -128, 2**15, 2**16 - 1, 2**31 - 1, -(2**31))
FRACTIONS = (*map(float, WHOLE), 1.5, 0.999, math.nan, math.inf, -math.inf, 1e38, -0.0)
FORMATS = {"L": ("PNG", "TIFF", "JPEG", "GIF", "BMP", "WEBP", "PPM"), "P": ("PNG", "GIF", "TIFF"), "1": ("PNG", "TIFF")}
FORMATS |= {"I": ("TIFF",), "F": ("TIFF",), "I;16": ("PNG", "TIFF"), "RGB": ("PNG", "JPEG"), "RGBA": ("PNG",)}
FORMATS |= {"LA": ("PNG",), "CMYK": ("TIFF", "JPEG"), "LAB": ("TIFF",), "I;16B": ("TIFF",)}
Case = dict[str, Any]


def case(rng: random.Random) -> Case:
    """How the mask is made; `harm`, where it is not None, is what its bytes become."""
    mode = rng.choice(sorted(FORMATS))
    values = {"F": FRACTIONS, "I": WHOLE, "I;16": range(0, 2**16, 4095), "I;16B": (0, 1, 300, 2**15)}.get(
        mode, range(6)
    )
    drawn: Case = {"mode": mode, "format": rng.choice(FORMATS[mode]), "values": [rng.choice(values) for _ in range(3)]}
    drawn["size"] = SIZE if rng.random() < 0.9 else rng.choice((SIZE[::-1], (1, 1), (24, 17), (3000, 1)))
    drawn["harm"] = None
    if rng.random() < 0.7:
        content = png_sums(hurt) if (hurt := damaged(rng, written(drawn))).startswith(b"\x89PNG") else hurt
        drawn["harm"] = content
    return drawn


def written(case: Case) -> bytes:
    width, height = case["size"]
    values = np.resize(np.array(case["values"], dtype=np.float64), (height, width))
    mode, buffer = case["mode"], io.BytesIO()
    if mode == "F":
        picture = Image.fromarray(values.astype(np.float32))
    elif mode == "I":
        picture = Image.fromarray(values.astype(np.int32))
    elif mode.startswith("I;16"):
        picture = Image.fromarray(values.astype(">u2" if mode == "I;16B" else "<u2"))
    else:
        picture = Image.fromarray(values.astype(np.uint8))
        picture = picture.convert("RGB").convert(mode) if mode in ("LAB", "CMYK") else picture.convert(mode)
    picture.save(buffer, case["format"])
    return buffer.getvalue()


def run(case: Case, place: Path) -> None:
    (place / "a.jpg").write_bytes(photo(0, SIZE))
    (place / "a.png").write_bytes(written(case) if case["harm"] is None else case["harm"])
    row = check(Pair(Path("a.jpg"), Path("a.png")), CLASSES)
    if case["harm"] is None:
        if case["format"] == "JPEG":
            raise Fault("believed", "JPEG data, whose labels are blurred, taken for a mask")
        if any(value != int(value) for value in case["values"]):
            raise Fault("believed", "a label with a fraction")
        if not set(row["classes"]) <= set(range(CLASSES)):
            raise Fault("believed", f"labels outside of 0..{CLASSES}")
