"""Damage to bytes, and values that nobody expects."""

from __future__ import annotations

import json
import math
import random
import struct
import zlib
from typing import Any

TELLING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x7FFFFFFFFFFFFFFF)
WORDS = (
    "",
    " ",
    "\x1b[2J\x1b[31m",
    "\x07\r",
    "a\nb",
    "\u202egnp.exe",
    "\ud800",
    "Straße ü 道路",
    "%s%n{0}",
    "../../x",
    "x" * 5000,
    "<script>",
    "\0",
    "nan",
    "1e9",
    "-1",
)
NUMBERS = (
    0,
    -1,
    1,
    2,
    255,
    2**31 - 1,
    2**31,
    2**63,
    2**64,
    -(2**63),
    10**30,
    0.5,
    1e9,
    1e308,
    math.nan,
    math.inf,
    -math.inf,
)


def damaged(rng: random.Random, content: bytes, others: tuple[bytes, ...] = ()) -> bytes:
    """The content after one to six accidents, most of them near its beginning, where formats keep their sizes."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        at = min(int(rng.expovariate(1 / 40)), len(data)) if rng.random() < 0.6 else rng.randint(0, len(data))
        match rng.randrange(8):
            case 0 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                data[at : at + 1] = rng.randbytes(1)
            case 2 | 3:
                size = rng.choice((1, 2, 4, 8))
                number = rng.choice(TELLING) & (256**size - 1)
                data[at : at + size] = number.to_bytes(size, rng.choice(("little", "big")))
            case 4:
                del data[at:]
            case 5:
                del data[at : at + rng.randint(1, 64)]
            case 6:
                data[at:at] = data[at : at + rng.randint(1, 64)] * rng.choice((1, 2, 50))
            case 7 if others:
                other = rng.choice(others)
                cut = rng.randint(0, len(other))
                data[at:] = other[cut:]
    return bytes(data)


def png_sums(content: bytes) -> bytes:
    """A PNG with the checksums that its chunks should have, so that damage to them is read and not refused at once."""
    at, fixed = 8, bytearray(content)
    while at + 12 <= len(fixed):
        (length,) = struct.unpack(">I", fixed[at : at + 4])
        end = at + 8 + length
        if end + 4 > len(fixed):
            break
        fixed[end : end + 4] = struct.pack(">I", zlib.crc32(fixed[at + 4 : end]))
        at = end + 4
    return bytes(fixed)


def odd(rng: random.Random, depth: int = 2) -> Any:
    """A value of any kind that JSON can hold."""
    match rng.randrange(8 if depth else 5):
        case 0:
            return rng.choice(WORDS)
        case 1 | 2:
            return rng.choice(NUMBERS)
        case 3:
            return rng.choice((None, True, False))
        case 4:
            return "".join(chr(rng.randrange(1, 0x2FF)) for _ in range(rng.randrange(12)))
        case 5 | 6:
            return [odd(rng, depth - 1) for _ in range(rng.choice((0, 1, 2, 3, 300)))]
        case _:
            return {str(odd(rng, 0)): odd(rng, depth - 1) for _ in range(rng.randrange(4))}


def changed(rng: random.Random, value: Any) -> Any:
    """A nested value with one of its parts made odd, lost, or doubled."""
    if isinstance(value, dict) and value and rng.random() < 0.85:
        key = rng.choice(sorted(value, key=str))
        match rng.randrange(6):
            case 0:
                return {k: v for k, v in value.items() if k != key}
            case 1:
                return {**value, rng.choice(WORDS): odd(rng)}
            case 2:
                return {**value, key: odd(rng)}
            case _:
                return {**value, key: changed(rng, value[key])}
    if isinstance(value, list) and value and rng.random() < 0.85:
        at = rng.randrange(len(value))
        return [*value[:at], *rng.choice(([], [value[at]] * 2, [changed(rng, value[at])])), *value[at + 1 :]]
    return odd(rng)


def as_json(rng: random.Random, value: Any) -> str:
    """JSON, at times damaged, or so deep that a reader's stack ends."""
    if rng.random() < 0.03:
        return "[" * 100_000 + "]" * 100_000
    text = json.dumps(value)
    return damaged(rng, text.encode("utf-8")).decode("utf-8", "replace") if rng.random() < 0.1 else text
