"""The field's words and spoken English: phrases that stood here once, and should not come back.

A hand-picked list. Words that are innocent elsewhere ("area", "price", "window") are not on it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

from segnext_edu.lessons.series import SERIES

ROOT = Path(__file__).parents[1]
# What to say instead stands beside it.
PHRASES = {
    r"\b(lying|standing|upright) (strip|kernel|row|column)s?\b": "horizontal, vertical",
    r"\b(pair|number|kernel|bias|scale|map)s? a (channel|stage|class|block)\b": "per channel, per stage",
    r"\bfor each two channels\b": "per pair of channels",
    r"\bONCE\b": "test-time augmentation",
    r"\btwins?\b": "the randomised model",
    r"\b(rivals?|contenders?)\b": "baselines",
    r"\bholds \d+ ?%": "explains … % (R²)",
    r"\bloud(er|est|ness)?\b": "scale, norm",
    r"\bbills?\b": "cost, parameter and MAC count",
    r"\bbeliefs?\b": "confidence",
    r"\bhears?\b": "is influenced by",
    r"\bfates?\b": "deletion and insertion scores",
    r"\bthe (7|11|21) wins\b": "dominates",
    r"\b(speckle|landslide)\b": "noise; small gain",
    r"\bway back in\b|\ba run goes on\b": "resume",
    r"\bdearer\b": "costs more",
    r"\bis to be had\b|\bfor it is\b|\bhangs on how\b": "subject, verb, object",
    r"\b[Ww]ho (knows|builds|wants|reads|looks)\b(?![^.]*\?)": "if you …",
    r"\b[Tt]onight\b": "in this notebook",
}


def prose() -> Iterator[tuple[str, str]]:
    """(where, text): rewritten notebooks, README and glossary, and the docstrings of the package."""
    for notebook in SERIES:
        if notebook.rewritten:
            path = ROOT / "notebooks" / notebook.file
            cells = nbformat.read(path, as_version=4).cells
            yield notebook.file, "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    for path in (ROOT / "README.md", ROOT / "notebooks" / "glossary.md"):
        yield path.name, path.read_text("utf-8")
    for path in sorted((ROOT / "segnext_edu").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
                yield str(path.relative_to(ROOT)), text


@pytest.mark.parametrize("phrase", PHRASES)
def test_a_private_or_translated_phrase_stays_away(phrase: str) -> None:
    found = {where: found[0] for where, text in prose() if (found := re.search(phrase, text))}
    assert not found, f"write instead: {PHRASES[phrase]}"


@pytest.mark.parametrize(
    "sentence",
    ["The lying strip is 1 × 7.", "one bias a channel", "Who knows nothing gives every class 1/23.", "the twin's map"],
)
def test_the_list_knows_them(sentence: str) -> None:
    assert any(re.search(phrase, sentence) for phrase in PHRASES)
