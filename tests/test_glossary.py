"""The glossary: each term has one place, and every link to it, in it and in the notebooks, leads somewhere."""

from __future__ import annotations

import re
from collections import Counter

import nbformat

from tests.test_hygiene import ROOT, broken_links

NOTEBOOKS = ROOT / "notebooks"
GLOSSARY = (NOTEBOOKS / "glossary.md").read_text("utf-8")


def test_each_term_has_one_place_and_one_sentence() -> None:
    places = Counter(re.findall(r'<a id="([^"]+)"></a>', GLOSSARY))
    rows = [line for line in GLOSSARY.splitlines() if line.startswith("| <a ")]
    assert len(rows) == len(places) >= 40 and set(places.values()) == {1}
    for row in rows:
        cells = [cell.strip() for cell in row.split("|")]
        assert len(cells) == 7 and cells[4].endswith("."), row


def test_links_lead_somewhere() -> None:
    assert not broken_links(GLOSSARY, NOTEBOOKS)
    places = set(re.findall(r'<a id="([^"]+)"></a>', GLOSSARY))
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        text = "\n".join(cell.source for cell in nbformat.read(path, 4).cells if cell.cell_type == "markdown")
        assert set(re.findall(r"\(glossary\.md#([^)]+)\)", text)) <= places, path.name
