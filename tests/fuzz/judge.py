"""One case of a family: drawn, run, and judged."""

from __future__ import annotations

import contextlib
import io
import os
import random
import resource
import shutil
import sys
import tempfile
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType

from segnext_edu.files import InputError, one_line_errors

KINDS = ("traceback", "exit code", "left-over", "hang", "memory", "message", "believed", "died")
ROOT = Path(__file__).parents[2]
MOST_MEMORY = 1 << 30  # bytes that a case may add


class Fault(Exception):
    """What a family finds wrong with how a case was taken. kind: one of `KINDS`; what: the same for all alike."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(what)
        self.kind, self.what = kind, what


@dataclass(frozen=True)
class Verdict:
    """kind: one of `KINDS`; where: what is the same for all that have this cause; error: in full."""

    kind: str
    where: str
    error: str


def family(name: str) -> ModuleType:
    return import_module(f"tests.fuzz.families.{name}")


def draw(module: ModuleType, seed: int, number: int) -> object:
    return module.case(random.Random(f"{seed} {module.__name__} {number}"))


def judge(module: ModuleType, seed: int, number: int) -> Verdict | None:
    """What is wrong with how one case was taken; None when nothing is."""
    case = draw(module, seed, number)
    home = os.getcwd()
    before = peak()
    out, err = io.StringIO(), io.StringIO()
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
        place = Path(folder)
        error: BaseException | None = None
        os.chdir(place)
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                module.run(case, place)
        except BaseException as raised:
            error = raised
        finally:
            os.chdir(home)
        verdict = taken(error, out.getvalue()) or left_over(place, error, getattr(module, "KEPT", ()))
        free(place)
    if verdict is None and peak() - before > MOST_MEMORY:
        verdict = Verdict("memory", "more than a GiB", f"{(peak() - before) >> 20} MiB")
    return verdict


def taken(error: BaseException | None, printed: str) -> Verdict | None:
    if isinstance(error, Fault):
        return Verdict(error.kind, error.what, "".join(traceback.format_exception(error))[-2000:])
    if error is not None and not isinstance(error, InputError):
        kind = "memory" if isinstance(error, MemoryError) or "can't allocate memory" in str(error) else "traceback"
        return Verdict(kind, f"{type(error).__name__} in {innermost(error)}", f"{type(error).__name__}: {error}"[:1000])
    said = [message(error)] if error else []
    for text, where in [(line, "the error's line") for line in said] + [(printed, "what is printed")]:
        if odd := {c for c in text if not c.isprintable() and c not in "\n\t"}:
            return Verdict("message", f"{sorted(odd)[0]!a} in {where}{innermost(error)}", text[:500])
    if said and (said[0].count("\n") != 1 or not said[0].startswith("error: ")):
        return Verdict("message", f"not one line{innermost(error)}", said[0][:500])
    return None


def message(error: BaseException) -> str:
    """What a command prints for this error."""

    @one_line_errors
    def command() -> None:
        raise error

    with contextlib.redirect_stderr(io.StringIO()) as said:
        if command() != 2:
            raise Fault("exit code", f"{command()} for {type(error).__name__}")
    return said.getvalue()


def innermost(error: BaseException | None) -> str:
    """The last place in our own code that an error passed through."""
    if error is None:
        return ""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "site-packages" not in f.filename]
    ours = [f for f in frames if any(f"/{room}/" in f.filename for room in ("segnext_edu", "tools"))] or frames
    last = ours[-1]
    return f" {Path(last.filename).resolve().relative_to(ROOT)}:{last.lineno} {last.name}" if ours else ""


def left_over(place: Path, error: BaseException | None, kept: tuple[str, ...]) -> Verdict | None:
    """Files under `place` that should not be: temporary ones, and in out/ after an error any."""
    for file in sorted(place.rglob("*")):
        inside = file.is_relative_to(place / "out")
        if any(file.match(pattern) for pattern in kept):
            continue
        if file.name.endswith(".part") or (error is not None and inside and file.is_file()):
            return Verdict("left-over", f"{file.suffix} after {type(error).__name__}{innermost(error)}", str(file.name))
    return None


def free(place: Path) -> None:
    """What a case has locked can be deleted again."""
    for folder, _, _ in os.walk(place):
        with contextlib.suppress(OSError):
            os.chmod(folder, 0o700)
    shutil.rmtree(place, ignore_errors=True)


def peak() -> int:
    """The most memory that this process has had, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
