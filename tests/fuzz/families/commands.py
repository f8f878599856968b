"""Whole commands as a terminal starts them: signals at any moment, and readers that go away."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from PIL import Image

from tests.fuzz.families import folders
from tests.fuzz.families.arguments import start
from tests.fuzz.families.resume import TRAIN
from tests.fuzz.judge import ROOT, Fault

SECONDS = 150
CODES = {"SIGKILL": {-9}, "SIGTERM": {-15, 143}, "SIGINT": {130, -2}}
KEPT = ("*.part",)


def case(rng: random.Random) -> tuple[list[str], str, float]:
    """The command, what happens to it, and after how many seconds."""
    works = [TRAIN.replace("--steps 2", "--steps 40").split(), *(start()[name] for name in ("predict", "evaluate"))]
    command = rng.choice([*works, ["--help"], ["train", "--help"]])
    return command, rng.choice((*CODES, "SIGINT", "head")), rng.choice((0.3, 1, 2, 4, 8)) * rng.random()


def run(case: tuple[list[str], str, float], place: Path) -> None:
    command, what, delay = case
    folders.write(folders.whole(), place / "mine")
    Image.linear_gradient("L").resize((40, 32)).convert("RGB").save(place / "photo.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    with open(place / "said.log", "wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "segnext_edu", *command],
            stdout=subprocess.PIPE,
            stderr=said,
            env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )
        assert process.stdout is not None
        if what == "head":
            process.stdout.readline()
            process.stdout.close()
        else:
            time.sleep(delay)
            process.send_signal(getattr(signal, what))
        try:
            code = process.wait(100)
        except subprocess.TimeoutExpired:
            process.kill()
            raise Fault("hang", f"{command[0]} after {what}") from None
        finally:
            process.stdout.close()
    text = (place / "said.log").read_text("utf-8", "replace")
    ours = "/segnext_edu/" in text  # before the first of our lines Python has no handler but its own
    if ours and ("Traceback" in text or "Exception ignored" in text):
        raise Fault("traceback", f"{text.strip().splitlines()[-1][:80]} after {what}")
    if what in CODES and code not in CODES[what] | {0}:
        raise Fault("exit code", f"{code} after {what}: {text.strip().splitlines()[-1:]}")
    if what != "SIGKILL" and list(place.rglob("*.part")):
        raise Fault("left-over", f".part after {what}")
