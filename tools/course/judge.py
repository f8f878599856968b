"""The verdict that counts: an answer runs once more, in a process of its own that has held the checks from before.

In a student's kernel an answer can put something else in the place of what judges it: a check, `course.verdict`,
`print`. Here it is run after the check was taken hold of, beside our answers to earlier exercises, in an empty folder.
The check's words pass through no name that it could replace, and what it has replaced all the same is found afterwards.
Code that searches this process's memory gets past even that. `names.py` reports such code; a container is the wall.
"""

from __future__ import annotations

import builtins
import inspect
import linecache
import math
import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing.connection import Connection
from tempfile import TemporaryDirectory
from types import FunctionType, ModuleType
from typing import Any

from segnext_edu.lessons.series import WRITTEN

# A server imports these once, and every answer gets a fork of it. (Where there are no forks, as on Windows, it imports
# them itself.)
IMPORTED = [
    "__main__",
    "IPython.core.interactiveshell",
    *(f"segnext_edu.lessons.checks.{one.topic}" for one in WRITTEN),
]
START = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"


def verdict(check: str, name: str, before: list[str], answer: str, seconds: float) -> str:
    """What `check`, such as "msca.attend", says of the function `name` that the cell `answer` defines.

    `before` are the cells that its names come from. One line that begins with ✓ or ✗; the latter, too, when there is no
    verdict after so many seconds, or when something was changed that the verdict depends on.
    """
    context: Any = multiprocessing.get_context(START)
    if START == "forkserver":
        context.set_forkserver_preload(IMPORTED)
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=judge, args=(theirs, check, name, before, answer), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            return f"✗ Stopped: graded again, this answer was not done after {seconds:g} seconds."
        return ours.recv_bytes(10_000).decode()  # not recv(), which would run what an answer sends
    except (EOFError, OSError, UnicodeDecodeError):
        return "✗ Graded again, this answer ended Python before there was a verdict."
    finally:
        process.kill()
        process.join()
        ours.close()


def judge(channel: Connection, check: str, name: str, before: list[str], answer: str) -> None:
    """Run in a process of its own; sends the verdict."""
    os.environ["MPLBACKEND"] = "agg"
    from IPython.core.interactiveshell import InteractiveShell

    from segnext_edu.lessons import checks
    from segnext_edu.lessons.checks import exercise

    with open(os.devnull, "w") as silence, TemporaryDirectory() as nowhere:
        for output in (1, 2):
            os.dup2(silence.fileno(), output)
        os.chdir(nowhere)
        topic, which = check.split(".")
        checked = getattr(getattr(checks, topic), which)
        said: list[str] = []
        exercise.print = said.append  # pyright: ignore[reportAttributeAccessIssue]
        shell: Any = InteractiveShell()
        shell.history_manager.enabled = False
        shell.enable_gui = lambda *_: None  # which %matplotlib asks for
        was = dict(contents())
        for source in [*before, answer]:
            shell.run_cell(source, silent=True)  # what an error leaves undone, the check will miss
        said.clear()  # an answer's cell may ask its check, too
        if name in shell.user_ns:
            checked(shell.user_ns[name])
        else:
            said.append(f"✗ There is no {name}.")
        changed = [name for name, parts in contents() if name in was and differs(was[name], parts, name)]
        if changed or len(said) != 1:
            said = [
                f"✗ This hand-in changes what judges it: {', '.join(changed) or 'the verdict'}. Look at it by hand."
            ]
        channel.send_bytes(said[0].encode(errors="replace")[:9000])


def contents() -> Iterator[tuple[str, dict[Any, Any]]]:
    """What a verdict depends on: names of modules, classes, functions and tables → what is in them."""
    import numpy
    import torch

    for module in (builtins, inspect, linecache, math, numpy, torch, torch.linalg, torch.nn, torch.nn.functional):
        parts = dict(vars(module))
        if module is torch:
            del parts["manual_seed"]  # PyTorch puts a wrapped one there when an optimiser is first made
        yield module.__name__, parts
    for kind in (torch.Tensor, torch.nn.Module):
        yield kind.__qualname__, dict(vars(kind))
    seen: set[int] = set()
    for module in [one for name, one in sorted(sys.modules.items()) if name.partition(".")[0] == "segnext_edu"]:
        yield module.__name__, dict(vars(module))
        for key, value in list(vars(module).items()):
            yield from inside(f"{module.__name__}.{key}", value, seen)


def inside(name: str, value: Any, seen: set[int]) -> Iterator[tuple[str, dict[Any, Any]]]:
    """The contents of one thing of ours, and of what it is made of, unless it was seen before."""
    if id(value) in seen:
        return
    seen.add(id(value))
    if isinstance(value, FunctionType):
        yield name, {"code": value.__code__, "defaults": value.__defaults__, "keywords": value.__kwdefaults__}
    elif isinstance(value, dict) and "__builtins__" not in value:
        yield name, dict(value)
    elif isinstance(value, list):
        yield name, dict(enumerate(value))
    elif type(value).__module__.startswith("segnext_edu.lessons") or (
        isinstance(value, type) and value.__module__.startswith("segnext_edu")
    ):
        yield name, dict(vars(value)) if hasattr(value, "__dict__") else {}
        for key, part in list(getattr(value, "__dict__", {}).items()):
            yield from inside(f"{name}.{key}", part, seen)


def differs(was: dict[Any, Any], now: dict[Any, Any], name: str) -> bool:
    """Whether something was replaced, removed, or (in what is ours, except modules imported since) added."""
    if any(key not in now or now[key] is not value for key, value in was.items()):
        return True
    added = [value for key, value in now.items() if key not in was and not isinstance(value, ModuleType)]
    return bool(added) and (name.startswith("segnext_edu") or name in ("Tensor", "Module"))
