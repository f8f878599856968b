"""A deck of slides in one HTML file that needs nothing else: no network, no folder beside it.

nbconvert makes it with a template of ours, in reveal_js/. The template differs from nbconvert's own in that reveal.js
is inside the file, and in letters that can be read from the last row. Formulas become MathML, which browsers draw by
themselves.
"""

from __future__ import annotations

import re
from pathlib import Path

from latex2mathml.converter import convert
from nbconvert.exporters import SlidesExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from traitlets.config import Config

from tools.course.lessons import lesson
from tools.course.reveal import reveal
from tools.course.slides import slides

FORMULA = re.compile(r"\$\$(?P<block>.+?)\$\$|(?<![\\$\w])\$(?P<inline>[^$\n]+)\$", re.DOTALL)
SETTINGS = Config(
    {
        "TagRemovePreprocessor": {"enabled": True, "remove_input_tags": {"hide"}},
        "SlidesExporter": {"exclude_input_prompt": True, "exclude_output_prompt": True},
    }
)


def page(name: str) -> str:
    """The deck of the notebook whose name begins so, such as "03", as HTML."""
    exporter = SlidesExporter(
        config=SETTINGS, template_name="reveal_js", extra_template_basedirs=[str(Path(__file__).parent)]
    )
    text, _ = exporter.from_notebook_node(deck(name), resources={"reveal": reveal()})
    return text


def deck(name: str) -> NotebookNode:
    """All slides as the notebook that nbconvert makes a page of."""
    cells = []
    for one in slides(name):
        first, *others = one.cells
        notes = [new_markdown_cell(one.notes, metadata={"slideshow": {"slide_type": "notes"}})] if one.notes else []
        cells += [first, *notes, *others]  # notes after a fragment would be that fragment's
    for number, cell in enumerate(cells):
        cell.id = f"cell-{number}"  # otherwise drawn anew each time
        if cell.cell_type == "markdown":
            cell.source = drawn(unlinked(cell.source))
    return new_notebook(cells=cells, metadata={"title": lesson(name).title})


def unlinked(markdown: str) -> str:
    """Links become their text: a lecturer clicks to go on, and what they lead to may not be there."""
    return re.sub(r"(?<!!)\[([^]]+)\]\([^)\s]+\)", r"\1", markdown)


def drawn(markdown: str) -> str:
    """Formulas become MathML."""

    def element(found: re.Match) -> str:
        if found["block"]:
            return convert(found["block"].strip(), display="block")
        return convert(found["inline"], display="inline")

    return FORMULA.sub(element, markdown)
