"""A run's folder: tried before the run begins, locked while it lasts, and the log in it."""

from __future__ import annotations

import json
import tempfile
import weakref
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import BaseFileLock, FileLock, Timeout

from segnext_edu.checkpoints import first_line
from segnext_edu.files import InputError, appears_whole

CHECKPOINTS = ("last.safetensors", "best.safetensors", "resume.pt")
TRIAL = 2**20  # bytes that must fit on the disk before a run begins


class RunFolder:
    """`log.jsonl`, `last.safetensors`, `best.safetensors` and `resume.pt`. Nothing is touched before `claim`.

    Every method raises InputError where the disk, or what a file holds, is at fault.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self.log_file = self.path / "log.jsonl"

    def claim(self, resume: bool) -> None:
        """Make the folder, lock it for this process, and try whether it takes files.

        The lock ends with `leave`, with this object, or with the process, however that dies. A folder that was made
        here and stayed empty goes with it. Raises InputError also where the folder holds a run, unless it is resumed.
        """
        try:
            made = None if self.path.exists() else self.path
            if made is None and not self.path.is_dir():
                raise OSError("there is something that is no folder")
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / ".lock", is_singleton=True, thread_local=False)
            lock.acquire(timeout=0)
            self._release = weakref.finalize(self, release, lock, made)
            with tempfile.TemporaryFile(dir=self.path) as trial:
                trial.write(bytes(TRIAL))
        except Timeout as error:
            raise InputError(
                f"{self.path}: another process trains in this folder; wait until it ends, or choose another --out"
            ) from error
        except (OSError, ValueError, NotImplementedError) as error:  # a null byte in the name; a disk without locks
            self.leave()
            raise InputError(
                f"--out {self.path}: no run can be written there ({reason(error)}); choose another folder"
            ) from error
        if not resume and self._holds_a_run():
            self.leave()
            raise InputError(f"{self.path}: holds a run already; go on with --resume, or choose another --out")
        there = [name for name in CHECKPOINTS if (self.path / name).exists()]
        if resume and there and "resume.pt" not in there:
            self.leave()
            raise InputError(
                f"{self.path}: resume.pt is gone. To go on from the weights, train with --start {self.path / there[0]} "
                "and another --out"
            )

    def leave(self) -> None:
        """Let other processes in. What is in the folder stays."""
        if hasattr(self, "_release"):
            self._release()

    def _holds_a_run(self) -> bool:
        files = [self.path / name for name in CHECKPOINTS]
        return any(file.exists() for file in files) or (self.log_file.exists() and self.log_file.stat().st_size > 0)

    def tidy(self, step: int) -> None:
        """Drop what was logged after this step, and what was half-written."""
        try:
            for name in ("log.jsonl", *CHECKPOINTS):
                for part in self.path.glob(f".{name}.*.part"):
                    part.unlink()
            if not self.log_file.exists():
                return
            if not self.log_file.is_file():
                raise OSError("not a file")
            lines = self.log_file.read_bytes().splitlines()
        except OSError as error:
            raise InputError(f"{self.log_file}: could not be read ({reason(error)}); move it away") from error
        kept = 0
        while kept < len(lines) and step > 0:
            try:
                logged = json.loads(lines[kept].decode())["step"]
                if logged > step:
                    break
            except (ValueError, TypeError, KeyError, RecursionError) as error:
                raise InputError(
                    f"{self.log_file}: line {kept + 1} is none of a run's log; restore the file, or move it away to "
                    "go on without it"
                ) from error
            kept += 1
            if logged == step:
                break
        with appears_whole(self.log_file) as part:
            part.write_bytes(b"".join(line + b"\n" for line in lines[:kept]))

    def log(self, record: Mapping[str, Any]) -> None:
        """Append a line to `log.jsonl`, whole or not at all."""
        line = json.dumps(record).encode() + b"\n"
        try:
            with open(self.log_file, "ab", buffering=0) as file:
                whole = file.tell()
                try:
                    if file.write(line) < len(line):
                        raise OSError("the disk is full")
                except OSError:
                    file.truncate(whole)
                    raise
        except OSError as error:
            raise InputError(
                f"{self.log_file}: could not be written ({reason(error)}). Free some space, and go on with --resume"
            ) from error


def release(lock: BaseFileLock, made: Path | None) -> None:
    """Give up a lock. `made` is a folder that goes where nothing has come into it."""
    with suppress(OSError):
        if lock.lock_counter == 1:  # no other run of this process is in the same folder
            Path(lock.lock_file).unlink(missing_ok=True)
    lock.release()
    if made is not None:
        with suppress(OSError):
            made.rmdir()


def reason(error: Exception) -> str:
    """Why a file could not be read or written, in the system's words where it has some."""
    return getattr(error, "strerror", None) or first_line(error)
