"""What package, tests and notebooks import is declared in pyproject.toml, and what is declared is pinned."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import nbformat

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
NOT_INSTALLED = {"mmseg": {"mmsegmentation"}}  # only `make bench` wants it
WITH_TORCH = {"triton"}  # PyTorch for CUDA brings it along, and only its users can need it


def name(requirement: str) -> str:
    """segnext-edu[lab]>=1 → segnext-edu, in the spelling in which names are compared."""
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()  # type: ignore[index]


def sources() -> Iterator[tuple[str, str]]:
    """Where and what: every module, and every code cell of a notebook."""
    for folder in ("segnext_edu", "tests", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            yield str(path.relative_to(ROOT)), path.read_text("utf-8")
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        for cell in nbformat.read(path, as_version=4).cells:
            if cell.cell_type == "code":
                yield path.name, cell.source


def imported() -> dict[str, set[str]]:
    """Third-party top-level name → where it is imported."""
    found: dict[str, set[str]] = {}
    for where, source in sources():
        for node in ast.walk(ast.parse(source)):
            modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            modules += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for module in modules:
                found.setdefault(module.partition(".")[0], set()).add(where)
    ours = {"segnext_edu", "tests", "tools"} | {path.stem for path in (ROOT / "tests").rglob("*.py")}
    return {top: where for top, where in found.items() if top not in sys.stdlib_module_names | ours}


def test_every_import_is_declared() -> None:
    declared = {name(text) for some in (PROJECT["dependencies"], *EXTRAS.values()) for text in some}
    installed = {top: {name(text) for text in some} for top, some in packages_distributions().items()} | NOT_INSTALLED
    tops = imported()
    assert {"torch", "PIL", "sklearn"} <= tops.keys()
    undeclared = {top: where for top, where in tops.items() if not installed.get(top, {top}) & declared}
    assert {top: where for top, where in undeclared.items() if top not in WITH_TORCH} == {}


def test_everything_declared_is_pinned() -> None:
    """But for the extra `bench`, which `make test` does not install."""
    wanted = {name(text) for extra, some in EXTRAS.items() if extra != "bench" for text in some}
    wanted |= {name(text) for text in PROJECT["dependencies"]}
    lines = (ROOT / "requirements.txt").read_text("utf-8").splitlines()
    pinned = {name(line) for line in lines if "==" in line}
    assert pinned == wanted - {"segnext-edu"}
