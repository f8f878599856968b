"""Published weights (.pth) that are something else: pickles, web pages, strange tensors, strange dictionaries."""

from __future__ import annotations

import io
import pickle
import random
from functools import cache
from pathlib import Path
from typing import Any

import torch

from segnext_edu.official import fetch_official
from tests.fuzz.judge import Fault
from tests.fuzz.mutate import WORDS, damaged, odd
from tests.reference import official_shapes

SECONDS = 60
MARK = "code-has-run"
PAGES = (
    b"<!DOCTYPE html><html><body>Not found</body></html>",
    b"",
    b"{}",
    b"PK\3\4",
    b"\x80",
    b"version https://git-lfs",
)


class Runs:
    """What a hostile pickle holds."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.mkdir, (MARK,)


def case(rng: random.Random) -> bytes:
    which = rng.random()
    if which < 0.1:
        return rng.choice(PAGES)
    if which < 0.2:
        return pickle.dumps({"state_dict": {"x": Runs()}}, protocol=rng.choice((0, 2, 4)))
    content = {name: tensor.clone() for name, tensor in small().items()}
    for _ in range(rng.choice((1, 1, 2, 5))):
        key = rng.choice(sorted(content, key=str))
        match rng.randrange(5):
            case 0:
                content.pop(key)
            case 1:
                content[rng.choice((0, 7, *WORDS))] = rng.choice((1, "x", None, torch.zeros(2)))
            case _:
                content[key] = strange(rng)
    whole: Any = rng.choice((content, {"state_dict": content, "meta": odd(rng)}, {"state_dict": odd(rng)}, odd(rng)))
    buffer = io.BytesIO()
    torch.save(whole, buffer, _use_new_zipfile_serialization=rng.random() < 0.8)
    return damaged(rng, buffer.getvalue()) if rng.random() < 0.4 else buffer.getvalue()


def strange(rng: random.Random) -> Any:
    seed = rng.randrange(14)
    return (
        lambda: torch.zeros(1).expand(2**40),
        lambda: torch.zeros(2**12, 1).expand(2**12, 2**20),
        lambda: torch.eye(3).to_sparse(),
        lambda: torch.eye(3).to_sparse_csr(),
        lambda: torch.empty(3, 3, device="meta"),
        lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
        lambda: torch.ones(3, dtype=torch.complex64),
        lambda: torch.full((150,), float("nan")),
        lambda: torch.ones(3, dtype=torch.bool),
        lambda: torch.ones(3, dtype=torch.float8_e4m3fn),
        lambda: torch.zeros(0),
        lambda: torch.tensor(1.0),
        lambda: torch.ones(3, requires_grad=True),
        lambda: torch.nn.Parameter(torch.ones(3)),
    )[seed]()


@cache
def small() -> dict[Any, torch.Tensor]:
    """The names of the tiny size with a number each: small enough for a hundred thousand files."""
    return {name: torch.zeros(1) for name in official_shapes("tiny")}


def run(case: bytes, place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "x.safetensors.pth").write_bytes(case)  # as if it had just come
    try:
        fetch_official("tiny", "http://127.0.0.1:1/x.pth", Path("out/x.safetensors"))
    finally:
        if (place / MARK).exists():
            raise Fault("believed", "a pickle has run")
    raise Fault("believed", "weights that are not SegNeXt's")
