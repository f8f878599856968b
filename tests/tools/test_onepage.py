"""SegNeXt on one page: the committed page holds the package's source as it is, whole, and asks nobody for anything."""

from __future__ import annotations

import ast
import html
import inspect
import re
from types import ModuleType

import pytest

from tests.test_hygiene import ROOT
from tools import onepage


def words(page: str) -> str:
    """A page without its style and its tags, which depend on the version of the highlighter."""
    return html.unescape(re.sub(r"(?s)<style>.*?</style>|<[^>]*>", "", page))


def test_the_committed_page_is_the_package_as_it_is() -> None:
    assert words(onepage.PAGE.read_text("utf-8")) == words(onepage.page()), "run `python -m tools.onepage`"


@pytest.mark.parametrize("module", [module for _, module, _ in onepage.PARTS], ids=lambda module: module.__name__)
def test_every_statement_of_the_module_is_shown(module: ModuleType) -> None:
    def statements(source: str) -> list[str]:
        tree = ast.parse(source)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if (
                isinstance(body, list)
                and body
                and isinstance(body[0], ast.Expr)
                and isinstance(node, (ast.ClassDef, ast.FunctionDef))
            ):
                body[:1] = [] if ast.get_docstring(node) else body[:1]
        skipped = ast.Import, ast.ImportFrom, ast.Expr
        return [ast.unparse(node) for node in tree.body if not isinstance(node, skipped)]

    code = "\n".join(chunk for _, chunk, _ in onepage.chunks(module))
    assert statements(code) == statements(inspect.getsource(module))


def test_every_note_is_used_and_every_link_leads_somewhere() -> None:
    page = onepage.page()
    names = {name for _, module, _ in onepage.PARTS for name, *_ in onepage.chunks(module)}
    assert {note.removesuffix(".__init__") for note in onepage.NOTES} <= names
    for target in re.findall(r'href="([^"]*)"', page):
        assert target.startswith("https://arxiv.org/") or (ROOT / "notebooks" / target).is_file(), target
    assert not re.search(r"<script|<link|<img|@import|url\(http", page)
