"""Training goes on from a state, or a log, that something has happened to."""

from __future__ import annotations

import contextlib
import io
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch

from segnext_edu.__main__ import main
from tests.fuzz.families import folders
from tests.fuzz.families.arguments import finite
from tests.fuzz.families.official import MARK, Runs, strange
from tests.fuzz.judge import Fault
from tests.fuzz.mutate import NUMBERS, changed, damaged, odd

SECONDS = 60
TRAIN = "train --data mine --variant nano --out run --batch 1 --crop 64 --short-side 64 --device cpu --warmup 0"
TRAIN += " --steps 2 --resume"


@cache
def originals() -> dict[str, bytes]:
    """The files of a run of two steps that was stopped after the first."""
    with tempfile.TemporaryDirectory() as place, contextlib.chdir(place):
        folders.write(folders.whole(), Path("mine"))
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            main([*TRAIN.split(), "--save-every", "1"])
        state = torch.load("run/resume.pt", weights_only=True)
        state["step"] = 1
        torch.save(state, "run/resume.pt")
        line = Path("run/log.jsonl").read_bytes().splitlines(keepends=True)[0]
        Path("run/log.jsonl").write_bytes(line)
        return {file.name: file.read_bytes() for file in Path("run").iterdir()}


def case(rng: random.Random) -> tuple[str, bytes | str]:
    """Which file is not as it was, and what it holds, or "folder" for what is in its place."""
    name = rng.choice(("resume.pt", "resume.pt", "resume.pt", "log.jsonl"))
    content = originals()[name]
    match rng.randrange(6):
        case 0:
            return name, rng.choice((b"", b"hello", b"\xff\xfe\xff", "folder", content[: len(content) // 2]))
        case 1:
            return name, damaged(rng, content)
        case 2:
            at = rng.randrange(len(content))
            return name, content[:at] + bytes([content[at] ^ (1 << rng.randrange(8))]) + content[at + 1 :]
    state: dict[str, Any] = torch.load(io.BytesIO(originals()["resume.pt"]), weights_only=True)
    for _ in range(rng.choice((1, 1, 2))):
        key = rng.choice(sorted(state))
        match rng.randrange(8):
            case 0:
                del state[key]
            case 1:
                state[key] = odd(rng)
            case 2 | 3:
                state["step"] = rng.choice(NUMBERS)
            case 4:
                state["recipe"] = changed(rng, state.get("recipe", {}))
            case 5 if isinstance(state.get("model"), dict):
                state["model"][rng.choice(sorted(state["model"], key=str))] = strange(rng)
            case 6 if isinstance(state.get("optimizer"), dict):
                state["optimizer"] = {**state["optimizer"], rng.choice(("state", "param_groups")): odd(rng)}
            case 7:
                state["extra"] = Runs()
        if not state:
            break
    buffer = io.BytesIO()
    torch.save(state, buffer)
    return "resume.pt", buffer.getvalue()


def run(case: tuple[str, bytes | str], place: Path) -> None:
    name, content = case
    folders.write(folders.whole(), place / "mine")
    (place / "run").mkdir()
    for file, whole in originals().items():
        (place / "run" / file).write_bytes(whole)
    (place / "run" / name).unlink()
    if isinstance(content, str):
        (place / "run" / name).mkdir()
    else:
        (place / "run" / name).write_bytes(content)
    try:
        main.__wrapped__(TRAIN.split())  # pyright: ignore[reportFunctionMemberAccess]
    finally:
        if (place / MARK).exists() or (place / "run" / MARK).exists():
            raise Fault("believed", "a pickle has run")
        for file in (place / "run").glob("*.safetensors"):
            finite(file)
