"""The package as a whole: light to import, and built in one direction."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import segnext_edu

PACKAGE = Path(segnext_edu.__file__).parent
HEAVY = {"accelerate", "datasets", "ipywidgets", "kornia", "matplotlib", "pandas", "pyarrow"}
LIGHT = ("files", "model.segnext", "cost", "checkpoints", "metrics", "explain.record")

# Rooms, from the ground up: each may import from those below it. Those on one floor know nothing of each other.
FLOORS = (
    {"model", "cost", "files", "figures", "machine"},
    {"data", "official_names"},
    {"metrics", "checkpoints"},
    {"inference"},
    {"official", "explain", "training", "photographs"},
    {"lessons"},
    {"cli", "process"},
    {"__main__"},
)
TOOLS = ("tools", "tests")


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the package by its name below `segnext_edu`, parsed. A folder goes by the folder's name."""
    paths = [path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py"]
    dotted = {".".join(path.relative_to(PACKAGE).with_suffix("").parts): path for path in paths}
    return {name.removesuffix(".__init__"): ast.parse(path.read_text("utf-8")) for name, path in dotted.items()}


def imports(tree: ast.AST) -> Iterator[str]:
    """The dotted names that a module imports, at whatever depth; `from a import b` gives both a and a.b.

    Names in strings count, too, such as those that import_module() is given.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: relative imports hide which way they point"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from re.findall(r"^(?:segnext_edu|tools|tests)(?:\.\w+)+", node.value)


def edges() -> dict[str, set[str]]:
    """Module → the package's modules that it imports."""
    parsed = modules()
    return {
        name: {found.removeprefix("segnext_edu.") for found in imports(tree)} & parsed.keys() - {name}
        for name, tree in parsed.items()
    }


def room(name: str) -> str:
    return name.partition(".")[0]


def test_imports_go_round_no_circle() -> None:
    TopologicalSorter(edges()).prepare()


@pytest.mark.parametrize("name", modules())
def test_imports_point_one_way(name: str) -> None:
    below = set().union(*FLOORS[: next(floor for floor, rooms in enumerate(FLOORS) if room(name) in rooms)])
    assert {room(other) for other in edges()[name]} <= below | {room(name)}


@pytest.mark.parametrize("name", modules())
def test_the_package_knows_no_tools(name: str) -> None:
    assert not {room(found) for found in imports(modules()[name])} & set(TOOLS)


@pytest.mark.parametrize("path", sorted((PACKAGE.parent / "tools").rglob("*.py")), ids=lambda path: path.stem)
def test_tools_know_no_tests(path: Path) -> None:
    assert "tests" not in {room(found) for found in imports(ast.parse(path.read_text("utf-8")))}


@pytest.mark.parametrize("name", LIGHT)
def test_the_model_names_nothing_heavy(name: str) -> None:
    """Not even inside a function."""
    if name in modules():
        assert not {found.partition(".")[0] for found in imports(modules()[name])} & HEAVY


def test_nothing_takes_the_package_for_a_module() -> None:
    """`from segnext_edu import SegNeXt` is for users; inside, the module that has it is named."""
    users = {name for name, tree in modules().items() if "segnext_edu.SegNeXt" in imports(tree)}
    assert not users - {"__main__"}


def test_importing_is_light() -> None:
    names = ["segnext_edu", *(f"segnext_edu.{name}" for name in LIGHT if name in modules())]
    code = f"import sys, {', '.join(names)}; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "segnext_edu.model.segnext" in loaded
    assert not HEAVY & set(loaded)


def test_the_model_is_imported_when_it_is_asked_for() -> None:
    code = """
import json, sys
import segnext_edu
before = "torch" in sys.modules
listed = {"SegNeXt", "VARIANTS"} <= set(dir(segnext_edu))
from segnext_edu import *
print(json.dumps([before, listed, SegNeXt.__module__, list(VARIANTS)[0], hasattr(segnext_edu, "SegNext")]))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, True, "segnext_edu.model.segnext", "nano", False]


@pytest.mark.parametrize("name", modules())
def test_it_works_on_windows(name: str) -> None:
    """Only functions may import what Windows lacks, and text files are UTF-8 whatever the system prefers."""
    tree = modules()[name]
    at_once = ast.Module([node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)], [])
    assert not set(imports(at_once)) & {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert not [f"line {call.lineno}" for call in calls if chooses_no_encoding(call)]


def chooses_no_encoding(call: ast.Call) -> bool:
    """Whether a call reads or writes text in the system's encoding."""
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if any(keyword.arg == "encoding" for keyword in call.keywords):
        return False
    if name == "open" and isinstance(call.func, ast.Name):
        return "b" not in "".join(ast.unparse(mode) for mode in call.args[1:2])
    return len(call.args) <= {"read_text": 0, "write_text": 1}.get(name, -1)


@pytest.mark.parametrize("code", ["path.read_text()", "path.write_text(text)", "open(path)", "open(path, 'a')"])
def test_a_missing_encoding_is_noticed(code: str) -> None:
    assert chooses_no_encoding(ast.parse(code, mode="eval").body)  # pyright: ignore[reportArgumentType]
