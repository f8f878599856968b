"""Which cells of a notebook become slides: a rule, so that a lecture says what its notebook says.

A question and, click by click, its answer; a figure with what its caption claims; the paper's formulas; the shortest
class in its last form; and around them the goals, the exercises and the recap. One idea a slide, and 20 slides at most.
Where a notebook has more to show, its sections take turns.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import zip_longest

import nbformat
from nbformat import NotebookNode

from tools.course.cells import last_paragraph, picture
from tools.course.lessons import lesson
from tools.course.slide import (
    AFTER_A_CLICK,
    ASKED,
    CONTEXT,
    Slide,
    figure,
    formula,
    last_word,
    question,
    said,
    slide,
)
from tools.course.words import paragraphs, prose, sentences
from tools.notebooks import find

MOST = 20  # slides: what fits into 50 minutes


Place = tuple[int, int]  # the cell, and the paragraph in it


@dataclass
class Section:
    """What a part of a notebook has to show; each item is one or two slides that belong together, by their place."""

    name: str
    figures: dict[Place, list[Slide]] = field(default_factory=dict)
    questions: dict[Place, list[Slide]] = field(default_factory=dict)
    asides: dict[Place, list[Slide]] = field(default_factory=dict)  # questions that stand behind other sentences
    formulas: dict[Place, list[Slide]] = field(default_factory=dict)
    classes: dict[Place, list[Slide]] = field(default_factory=dict)


def slides(name: str) -> list[Slide]:
    """The slides of the notebook whose name begins so, such as "03"."""
    part = lesson(name)
    notebook = nbformat.read(find(name), as_version=4)
    first = [
        slide(part.title, said(f"# {part.title}\n\n{opening(notebook)}")),
        slide(
            "You will be able to", said("## You will be able to\n\n" + "\n".join(f"- {goal}" for goal in part.goals))
        ),
    ]
    tasks = [f"{e.number}. {e.title} · {'●' * e.points} · {e.minutes} min" for e in part.exercises]
    now = [slide("Now you", said("## Now you\n\n" + "\n".join(f"- {task}" for task in tasks)))] if tasks else []
    questions = "\n".join(f"{number}. {question}" for number, question in enumerate(part.recap, start=1))
    last = [*now, slide("Recap, without looking", said(f"## Recap, without looking\n\n{questions}"))]
    return first + chosen(sections(notebook), MOST - len(first) - len(last)) + last


def chosen(parts: list[Section], room: int) -> list[Slide]:
    """As many slides as there is room for, in the notebook's order: the figure with controls; each part's first figure,
    or else its first question; a class and formulas; and then, part by part in turns, what is left, asides last.
    """
    rounds: list = [item for part in parts for item in part.figures.items() if item[1][-1].live]
    for part in parts:
        rounds += [*part.figures.items(), *part.questions.items(), *part.asides.items()][:1]
    rounds += [max((item for part in parts for item in part.classes.items()), key=length, default=None)]
    for kind in ("formulas", "figures", "questions", "asides"):
        for turn in zip_longest(*(getattr(part, kind).items() for part in parts)):
            rounds += turn
    taken: dict[Place, list[Slide]] = {}
    for place, unit in filter(None, rounds):
        if len(unit) + sum(map(len, taken.values())) <= room:
            taken.setdefault(place, unit)
    return [slide for _, unit in sorted(taken.items()) for slide in unit]


def length(item: tuple[Place, list[Slide]]) -> int:
    """How much there is on an item's slides."""
    return sum(len(cell.source) for slide in item[1] for cell in slide.cells)


def sections(notebook: NotebookNode) -> list[Section]:
    """All that the rule could show, section by section."""
    found = [Section("")]
    answered: dict[int, list[Slide]] = {}  # a figure's cell → the question that it answers
    for index, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            if picture(cell) and (shown := figure(notebook, index, found[-1].name)):
                unit = answered.pop(index, [])
                found[-1].figures[index, 0] = [*unit, shown]
            elif word := last_word(cell, found[-1].name):
                found[-1].classes[index, 0] = [word]
            continue
        before = ""
        whole = paragraphs(cell.source)
        for number, paragraph in enumerate(asked_apart(whole)):
            if heading := re.match(r"## (?:\d+ · )?(.+)", paragraph):
                found.append(Section(heading[1]))
            elif ASKED.match(paragraph):
                context = before or last_paragraph(notebook, index - 1)
                at, asked = question(notebook, index, paragraph, context, found[-1].name)
                if asked and picture(notebook.cells[at]):
                    answered[at] = [asked]
                elif asked:
                    (found[-1].questions if paragraph in whole else found[-1].asides)[index, number] = [asked]
            elif paragraph.startswith("$$"):
                found[-1].formulas[index, number] = [formula(paragraph, before, found[-1].name)]
            before = paragraph
    return found


def asked_apart(parts: list[str]) -> list[str]:
    """Paragraphs, of which none has a question behind other sentences: that begins one of its own. (A caption that asks
    stays whole.)
    """
    behind = r"(?<=[.!?:)*]) (?=\*\*Predict\b)"
    return [piece for part in parts for piece in (re.split(behind, part) if prose(part) else [part])]


def opening(notebook: NotebookNode) -> str:
    """What stands under a notebook's title, before its goals."""
    kept = []
    for paragraph in paragraphs(notebook.cells[0].source)[1:]:
        if paragraph.startswith("**You will"):
            break
        kept.append(paragraph)
    return sentences(kept[0], CONTEXT + 15) if kept else ""


def outline(name: str) -> str:
    """A deck in words: one line a slide."""
    return "\n".join(f"{number}. {one.title}" for number, one in enumerate(slides(name), start=1))


def live(name: str) -> int:
    """The number of the slide that shows the figure with controls; 0 where there is none."""
    shown = [one.live for one in slides(name)]
    return shown.index(True) + 1 if True in shown else 0


def opened(name: str, number: int) -> int:
    """The last of about so many slides that open a deck: a question is not parted from the figure that answers it."""
    last = slides(name)[number - 1]
    answered = any(cell.metadata.get("slideshow") == AFTER_A_CLICK["slideshow"] for cell in last.cells)
    return number + (bool(ASKED.search(last.cells[0].source)) and not answered)


def formulas(name: str) -> list[str]:
    """A notebook's displayed formulas, in Markdown."""
    notebook = nbformat.read(find(name), as_version=4)
    texts = [
        paragraph for cell in notebook.cells if cell.cell_type == "markdown" for paragraph in paragraphs(cell.source)
    ]
    return [text for text in texts if text.startswith("$$")]
