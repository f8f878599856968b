"""A cell tagged `mirror:segnext_edu.msca.MSCA` is the package's code, word for word but for docstrings and comments."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap

import nbformat
import pytest

from segnext_edu.notebooks import FOLDER

MIRRORS = [
    pytest.param(tag.removeprefix("mirror:"), cell.source, id=f"{path.stem}-{tag.removeprefix('mirror:')}")
    for path in sorted(FOLDER.glob("*.ipynb"))
    for cell in nbformat.read(path, as_version=4).cells
    for tag in cell.metadata.get("tags", [])
    if tag.startswith("mirror:")
]


def syntax(source: str) -> str:
    """The syntax tree of one class or function as text, without its docstrings."""
    body = ast.parse(textwrap.dedent(source)).body
    assert len(body) == 1, f"a mirror holds one definition and nothing else, this one {len(body)} statements"
    for node in ast.walk(body[0]):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(body[0])


def package_source(target: str) -> str:
    module, _, name = target.rpartition(".")
    return inspect.getsource(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(("target", "source"), MIRRORS)
def test_mirror(target: str, source: str) -> None:
    assert syntax(source) == syntax(package_source(target))


STRIP_CONV = package_source("segnext_edu.strip_conv.StripConv")


def test_comments_and_docstrings_may_differ() -> None:
    undocumented = "# the last word\n" + STRIP_CONV.replace('"""', '"""Other words. ', 1)
    assert syntax(undocumented) == syntax(STRIP_CONV)


@pytest.mark.parametrize("change", [("self.row", "self.column"), ("// 2", "// 3"), ("nn.Module", "nn.Sequential")])
def test_code_may_not_differ(change: tuple[str, str]) -> None:
    assert change[0] in STRIP_CONV
    assert syntax(STRIP_CONV.replace(*change)) != syntax(STRIP_CONV)


def test_nothing_may_stand_beside_it() -> None:
    with pytest.raises(AssertionError, match="one definition"):
        syntax(STRIP_CONV + "\nStripConv(3, 7)")
