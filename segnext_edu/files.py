"""Errors that speak to their reader, and files that appear whole or not at all."""

from __future__ import annotations

import functools
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import ParamSpec

P = ParamSpec("P")


class InputError(ValueError):
    """Something the user handed us is not what was asked for.

    The message is one line: what came, what was expected, what to do. The commands print it and exit with code 2.
    Whatever foreign words it quotes, it is `printable`.
    """

    def __init__(self, message: object):
        super().__init__(printable(message))


def printable(words: object) -> str:
    """Foreign words, such as a file's or a class's name, in a form that any terminal, page or log can show.

    Control characters (line ends, ESC, BEL, …), characters that reorder or hide text, and bytes that are no UTF-8 come
    out as escapes, such as \\x1b: a terminal would obey some of them.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(words))


def one_line_errors(main: Callable[P, None]) -> Callable[P, int]:
    """A command's `main`, whose result becomes the exit code.

    0 when all went well; 2 after an InputError and 130 after Ctrl+C, each said in one line on stderr.
    """

    @functools.wraps(main)
    def with_exit_code(*args: P.args, **kwargs: P.kwargs) -> int:
        try:
            main(*args, **kwargs)
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            return 2
        except KeyboardInterrupt:
            print("stopped", file=sys.stderr)
            return 130
        return 0

    return with_exit_code


def repository_data() -> Path:
    """The folder of what ships with the project: `data/` in a checkout, its copy inside the package in a wheel."""
    checkout = Path(__file__).resolve().parents[1] / "data"
    return checkout if checkout.is_dir() else Path(__file__).resolve().parent / "shipped"


@contextmanager
def appears_whole(path: str | Path) -> Iterator[Path]:
    """Write a file or a folder under a temporary name; give it its real name only once it is complete.

    Yields the temporary path, beside `path` so that the final rename stays on one disk. If the block raises, the
    temporary file or folder is removed and `path` is as it was before. A disk that refuses (full, read-only, no such
    folder) becomes an `InputError` naming the file.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        if part.is_dir() and path.is_dir():
            shutil.rmtree(path)  # os.replace() will not put a folder in place of one that has files in it
        os.replace(part, path)
    except OSError as error:
        raise InputError(
            f"{path}: could not be written ({error.strerror or error}). "
            "Free some space or choose another place; nothing was left behind."
        ) from error
    finally:
        if part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
        else:
            with suppress(OSError):  # not there: it has its real name by now, or was never written
                part.unlink()
