"""One slide: a question and, click by click, its answer; a figure; a formula; a class; a page of text.

A slide is 1280 × 720 pixels. What would not fit is left out and stays in the lecturer's notes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell

from tools.course.cells import first_paragraph, mirror, nameless, picture, printed
from tools.course.exercises import tagged
from tools.course.words import fits, leading_to, paragraphs, readable, sentences, told

FIGURE = re.compile(r"\*\*(Figure \d+\.)\*\* \*(.+?)\*[ ,:]*(.*)")
ASKED = re.compile(r"\*\*(Predict|Trap)\b\.?\*\*")
ANSWERS = re.compile(r"(Hardly|No|Yes|Right|So that|All the same|−1)\b")  # a question that is not on this slide
WIDE, TALL = 84, 9  # characters and lines of an output or of code that can be read from the last row
WIDEST, TALLEST = 92, 16  # the same of a class, which has a slide to itself
CONTEXT, QUESTION, CAPTION = 45, 60, 40  # words
LONG = 55  # letters of a formula that is drawn smaller
ROOM = 640  # of a slide's 720 pixels, less its margins and the name of its section
AFTER_A_CLICK = {"slideshow": {"slide_type": "fragment"}}


@dataclass
class Slide:
    """`cells` are nbconvert's, with their slide_type; `notes` are the lecturer's, in Markdown; `live` is a figure that
    has controls in the notebook.
    """

    title: str
    cells: list[NotebookNode]
    notes: str = ""
    live: bool = False


def slide(title: str, cells: list[NotebookNode], notes: str = "", live: bool = False) -> Slide:
    """The first cell begins the slide."""
    cells[0].metadata.slideshow = {"slide_type": "slide"}
    return Slide(" ".join(title.split()), cells, notes, live)


def said(markdown: str, where: str = "") -> list[NotebookNode]:
    """A cell of text under the name of its section."""
    where = where.replace("`", "")  # no Markdown inside HTML
    return [new_markdown_cell(f"<p class=where>{where}</p>\n\n{markdown}" if where else markdown)]


def question(notebook: NotebookNode, index: int, asked: str, context: str, where: str) -> tuple[int, Slide | None]:
    """The question or trap in cell `index`, and behind a click what the cells after it say; no slide where they don't.

    Returns the answer's cell, too: where that is a picture, the next slide shows it.
    """
    at, cell = answer(notebook, index)
    if len(asked.split()) > QUESTION or not (picture(cell) or fits(printed(cell), WIDE, TALL)):
        return index, None
    kind = ASKED.match(asked)[1].lower()  # type: ignore[index]
    before = leading_to(context, CONTEXT)
    before = "" if ANSWERS.match(before) else before
    code = readable(cell.source)
    after = told(first_paragraph(notebook, at + 1), CONTEXT)
    parts = (
        (before, code if fits(code, WIDE, 6) else "", printed(cell), after)
        if not picture(cell)
        else (before, "", "", "")
    )
    named = not all(map(nameless, cell.get("outputs", [])))
    fitting = next((kept for kept in fewer(*parts, named) if height(asked, *kept) <= ROOM), None)
    if not fitting:
        return index, None
    before, code, output, after = fitting
    outputs = [one for one in cell.outputs if output and (code or not nameless(one))]
    if not (picture(cell) or outputs or after):
        return index, None
    cells = said(f"{before}\n\n<div class={kind}>\n\n{asked}\n\n</div>", where)
    # A trap is about its code; to other questions the code may be the answer.
    cells += [new_code_cell(code, metadata={} if kind == "trap" else AFTER_A_CLICK)] if code else []
    cells += [new_code_cell(outputs=outputs, metadata=AFTER_A_CLICK | {"tags": ["hide"]})] if outputs else []
    cells += [new_markdown_cell(after, metadata=AFTER_A_CLICK)] if after else []
    return at, slide(asked.replace("**", ""), cells, notes=notebook.cells[index].source)


def answer(notebook: NotebookNode, index: int) -> tuple[int, NotebookNode]:
    """What answers the question in cell `index` before the text goes on, and its place: the first picture, or else all
    that is said, or, where that is too much for a slide, the cell that says most.
    """
    speak = []
    for at in range(index + 1, len(notebook.cells)):
        cell = notebook.cells[at]
        if cell.cell_type != "code" or tagged(cell, "exercise") or mirror(cell):
            break
        if picture(cell):
            return at, cell
        if fits(printed(cell), WIDE, TALL):
            speak.append(at)
    if not speak:
        return index, notebook.cells[index]
    cells = [notebook.cells[at] for at in speak]
    outputs = [output for cell in cells for output in cell.outputs]
    together = new_code_cell("\n".join(readable(cell.source) for cell in cells), outputs=outputs)
    if fits(printed(together), WIDE, TALL):
        return speak[-1], together
    most = max(speak, key=lambda at: len(printed(notebook.cells[at]).splitlines()))
    return most, notebook.cells[most]


def fewer(before: str, code: str, output: str, after: str, named: bool) -> Iterator[tuple[str, str, str, str]]:
    """What to leave out of a slide that would be too full: first the explanation, which can be said; then the code, or
    what leads to the question where without the code nobody knows what the output is.
    """
    yield before, code, output, after
    yield before, code, output, ""
    yield (before, "", output, "") if named else ("", code, output, "")
    yield "", "", output, ""


def height(asked: str, before: str, code: str, output: str, after: str) -> float:
    """About how high a question's slide is, in its 720ths; letters are taken to be wide."""
    text = sum(18 + 41 * -(-len(part) // 64) for part in (before, after) if part)
    listing = sum(38 + 31 * len(part.strip().splitlines()) for part in (code, output) if part)
    return 64 + 49 * -(-len(asked) // 52) + text + listing


def figure(notebook: NotebookNode, index: int, where: str) -> Slide | None:
    """A figure under what its caption claims; None where it has no caption."""
    following = (cell.source for cell in notebook.cells[index + 1 : index + 3] if cell.cell_type == "markdown")
    source = next(following, "")
    caption = FIGURE.match("".join(paragraphs(source)[:1]))
    if not caption:
        return None
    number, claim, text = caption.groups()
    texts = (told(ASKED.split(one)[0], CAPTION) for one in (text, *paragraphs(source)[1:2]))
    claim, text = claim.rstrip("."), next(filter(None, texts), "")
    text = text[:1].upper() + text[1:]
    output = deepcopy(next(one for one in notebook.cells[index].outputs if "image/png" in one.get("data", {})))
    lines = 44 * -(-len(claim) // 52) + 31 * -(-len(f"{number} {text}") // 82)
    output.metadata.setdefault("image/png", {})["height"] = ROOM - 40 - lines
    live = has_controls(notebook, index)
    return slide(
        f"{number} {claim}",
        [
            *said(f"### {claim}", where + " · with controls in the notebook" * live),
            new_code_cell(outputs=[output], metadata={"tags": ["hide"]}),
            new_markdown_cell(f"<small>**{number}** {text}</small>"),
        ],
        notes=source,
        live=live,
    )


def has_controls(notebook: NotebookNode, index: int) -> bool:
    """Whether cell `index` shows an explorer, made in it or before."""
    shown = notebook.cells[index].source.strip().splitlines()[-1]
    made = rf"^{shown} = .*\b[eE]xplorer\(" if shown.isidentifier() else r"\b[eE]xplorer\("
    cells = notebook.cells[: index + 1] if shown.isidentifier() else notebook.cells[index : index + 1]
    return any(re.search(made, cell.source, re.MULTILINE) for cell in cells if cell.cell_type == "code")


def formula(paragraph: str, before: str, where: str) -> Slide:
    """A formula with what leads to it; formulas that stand side by side come one below the other."""
    parts = re.split(r"\\q?quad\s*\\qquad|\\qquad", paragraph.strip("$ "))
    lines = "\n\n".join(f"$${part.strip()}$$" for part in parts)
    if max(len(re.sub(r"\\[a-zA-Z]+|[\s\\{}_^]", "", part)) for part in parts) > LONG:
        lines = f"<div class=long>\n\n{lines}\n\n</div>"
    return slide(f"Formula: {where}", said(f"{sentences(before, CONTEXT)}\n\n{lines}", where))


def last_word(cell: NotebookNode, where: str) -> Slide | None:
    """A class of the package, where it is short enough to be read from the last row."""
    code = readable(cell.source)
    if not mirror(cell) or not code.startswith("class ") or not fits(code, WIDEST, TALLEST):
        return None
    return slide(f"`{mirror(cell)}`", [*said(f"### `{mirror(cell)}`", where), new_code_cell(code)])
