"""Training that is killed, interrupted, or refused by the disk, at any of its writes."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import random
import resource
import signal
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file

from segnext_edu import process
from segnext_edu.__main__ import main
from tests.fuzz.families import folders
from tests.fuzz.families.resume import TRAIN, originals
from tests.fuzz.judge import Fault

SECONDS = 120
KEPT = ("*.part",)  # SIGKILL leaves them, and what follows must clear them away
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
CODES = {"SIGKILL": {-9}, "SIGTERM": {143}, "SIGINT": {130}, "refused": {2}, "full": {2}}
COMMAND = [*TRAIN.split(), "--save-every", "1"]


def case(rng: random.Random) -> tuple[str, int]:
    """What happens, and at which write; for "full", how many bytes a file may have."""
    what = rng.choice(sorted(CODES))
    return what, round(10 ** rng.uniform(0, 7)) if what == "full" else rng.randint(1, 24)


def run(case: tuple[str, int], place: Path) -> None:
    what, at = case
    begin(place)
    code, said = child(what, at)
    if "Traceback" in said:
        raise Fault("traceback", f"{said.strip().splitlines()[-1][:100]} in{place_of(said)} after {what}")
    if code not in CODES[what] | {0}:  # 0: there were fewer writes than that
        raise Fault("exit code", f"{code} after {what}")
    if what != "SIGKILL" and (left := list(place.rglob("*.part"))):
        raise Fault("left-over", f"{left[0].suffixes} after {what}")
    whole(place / "run")
    main.__wrapped__(COMMAND)  # pyright: ignore[reportFunctionMemberAccess]
    if list(place.rglob("*.part")):
        raise Fault("left-over", f".part after {what}, and after the run that followed")
    weights = load_file(place / "run" / "last.safetensors")
    if not all(torch.equal(weights[name], tensor) for name, tensor in undisturbed().items()):
        raise Fault("believed", f"other weights after {what} than without it")


def begin(place: Path) -> None:
    folders.write(folders.whole(), place / "mine")
    (place / "run").mkdir()
    for file, content in originals().items():
        (place / "run" / file).write_bytes(content)


def child(what: str, at: int) -> tuple[int, str]:
    """Train in a copy of this process that it happens to. Returns the exit code, and what was said on stderr."""
    reading, writing = os.pipe()  # not a file, which the limit would hold for, too
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.dup2(writing, 1)
            os.dup2(writing, 2)
            sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.alarm(SECONDS // 2)
            disturb(what, at)
            process.run(lambda: main(COMMAND))
        except SystemExit as end:
            code = end.code
        except BaseException:
            traceback.print_exc()
        finally:
            with contextlib.suppress(BaseException):
                sys.stderr.flush()
            os._exit(code)  # pyright: ignore[reportArgumentType]
    os.close(writing)
    with open(reading, encoding="utf-8", errors="replace") as file:
        said = file.read()
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    if code == -signal.SIGALRM:
        raise Fault("hang", f"after {what}")
    return code, said


def place_of(said: str) -> str:
    """The last of our own lines in a printed traceback."""
    ours = [line for line in said.splitlines() if "/segnext_edu/" in line]
    return ours[-1].rpartition("/segnext_edu/")[2] if ours else ""


def disturb(what: str, at: int) -> None:
    """From now on: a signal, or a refusal, at the write number `at`, or a limit to what a file may hold."""
    if what == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (at, resource.RLIM_INFINITY))
        return
    seen = 0

    def watch(event: str, arguments: tuple) -> None:
        nonlocal seen
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        if not (opened or event in ("os.rename", "os.remove", "os.mkdir", "os.truncate")):
            return
        seen += 1
        if seen == at and what == "refused":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if seen == at:
            os.kill(os.getpid(), SIGNALS[what])

    sys.addaudithook(watch)


def whole(folder: Path) -> None:
    """Raises Fault unless every checkpoint and state in the folder can be read, and the log up to its last line."""
    for name in ("last.safetensors", "best.safetensors"):
        load_file(folder / name)
    torch.load(folder / "resume.pt", weights_only=True)
    for line in (folder / "log.jsonl").read_text("utf-8").splitlines()[:-1]:
        json.loads(line)


@cache
def undisturbed() -> dict[str, torch.Tensor]:
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        begin(Path(folder))
        main.__wrapped__(COMMAND)  # pyright: ignore[reportFunctionMemberAccess]
        return load_file("run/last.safetensors")
