"""What a lecturer needs beside the notebooks, made from them, so that it says what they say: plans, sheets, mistakes.

A plan's minutes are those that the exercises' headings promise; a sheet is a notebook's opening, exercises and recap
on one page to print; and under "what students get wrong" stands what the checks say to each of tests/mutants.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from segnext_edu.course import verdict
from segnext_edu.course.exercises import Exercise, exercises
from segnext_edu.course.grade import mutants_of
from segnext_edu.files import appears_whole
from segnext_edu.notebooks import find

OPENING, FIGURE, RECAP = 8, 8, 6  # minutes of a lesson that are not exercises
LESSONS = (
    ("A name for every pixel", 50, ("00", "01")),
    ("What is a good answer?", 50, ("02",)),
    ("Far for little", 50, ("03",)),
    ("A gate, and blocks of it", 50, ("04", "05")),
    ("The whole picture at once", 50, ("06",)),
    ("The model, and how it learns", 50, ("07", "08")),
    ("SegNeXt in two hours", 120, ("00", "02", "03", "04", "08")),
)


@dataclass(frozen=True)
class Lesson:
    """What a notebook says of itself."""

    file: str
    title: str
    goals: list[str]
    figure: str  # the section with the figure to play with; "" where there is none
    recap: list[str]
    exercises: list[Exercise]


def lesson(name: str) -> Lesson:
    """The notebook whose name begins so, such as "03"."""
    path = find(name)
    notebook = nbformat.read(path, as_version=4)
    opening, recap = notebook.cells[0].source, notebook.cells[-1].source
    return Lesson(
        path.name,
        re.search(r"^# (.+)$", opening, re.MULTILINE)[1],  # type: ignore[index]
        [" ".join(goal.split()) for goal in re.findall(r"^- (.+(?:\n  .+)*)", opening, re.MULTILINE)],
        section_with_figure(notebook),
        re.findall(r"^\d\. (.+)$", recap, re.MULTILINE),
        exercises(notebook),
    )


def section_with_figure(notebook: NotebookNode) -> str:
    """The heading above the figure with controls; "" where a notebook has none."""
    heading = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            heading = ([heading] + re.findall(r"^## (.+)$", cell.source, re.MULTILINE))[-1]
        elif re.search(r"\bexplorer\(", cell.source):
            return heading
    return ""


def plan(title: str, minutes: int, names: tuple[str, ...]) -> str:
    """One lesson, minute by minute: as many exercises as there is time for, in order; the others are homework."""
    parts = [lesson(name) for name in names]
    rows = [(OPENING, f"Opening of {part.title}: predict before you run") for part in parts[:1]]
    rows += [(FIGURE, f"Play, on the screen in front: {part.figure} ({part.file})") for part in parts if part.figure]
    left = minutes - sum(length for length, _ in rows) - RECAP
    homework = []
    for exercise in sorted((e for part in parts for e in part.exercises), key=lambda e: e.points):
        said = f"Exercise {exercise.number} · {exercise.title} · {'●' * exercise.points}"
        if exercise.minutes <= left:
            rows.append((exercise.minutes, said))
            left -= exercise.minutes
        else:
            homework.append(f"{said}, {exercise.minutes} min")
    rows += [(left, "Questions of the room")] if left else []
    rows.append((RECAP, "Recap: " + " ".join(part.recap[0] for part in parts)))
    lines, clock = [f"## {title} · {minutes} minutes", ""], 0
    lines += [f"- {goal}" for part in parts for goal in part.goals] + [
        "",
        "| from | minutes | |",
        "| ---: | ---: | --- |",
    ]
    for length, said in rows:
        lines.append(f"| {clock} | {length} | {said.replace('|', '/')} |")
        clock += length
    return "\n".join([*lines, "", "At home: " + ("; ".join(homework) or "read on") + ".", ""])


def mistakes(name: str) -> str:
    """What students get wrong in a notebook: for each exercise, what the check says to each misconception."""
    part = lesson(name)
    lines = [f"## {part.title}", ""]
    for exercise in part.exercises:
        notebook, check = exercise.check.split(".")
        said = dict.fromkeys(verdict(exercise.check, wrong) for wrong in mutants_of(notebook)[check].values())
        # Where an answer raises, the check quotes its line, which here is one of the tests'.
        told = [f"- {line[2:]}" for line in said if "Python says" not in line]
        lines += [f"### Exercise {exercise.number} · {exercise.title}", "", *told, ""]
    return "\n".join(lines)


def sheet(name: str) -> str:
    """A notebook on one page of A4, as HTML that a browser prints or saves as PDF. It needs no network."""
    part = lesson(name)
    rows = "".join(
        f"<tr><td>{e.number}</td><td>{html.escape(e.title)}</td><td>{'●' * e.points}</td><td>{e.minutes} min</td></tr>"
        for e in part.exercises
    )
    return PAGE.format(
        title=marked(part.title),
        goals="".join(f"<li>{marked(goal)}</li>" for goal in part.goals),
        exercises=rows,
        recap="".join(f"<li>{marked(question)}<div class=line></div></li>" for question in part.recap),
    )


def marked(text: str) -> str:
    """A line of Markdown as HTML: code, emphasis and the text of links, which is all that these lines have."""
    text = re.sub(r"\[([^]]+)\]\([^)]*\)", r"\1", html.escape(text, quote=False))
    text = re.sub(r"`([^`]+)`", r"<code>\1</code>", text)
    return re.sub(r"\*+([^*]+)\*+", r"<em>\1</em>", text)


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title><style>
@page {{ size: A4; margin: 18mm }}
body {{ font: 11pt/1.4 sans-serif; max-width: 174mm; margin: 8mm auto; color: #111 }}
h1 {{ font-size: 17pt; margin: 0 0 4mm }} h2 {{ font-size: 12pt; margin: 6mm 0 2mm; color: #0072B2 }}
ul, ol {{ margin: 0; padding-left: 6mm }} td {{ padding: 0.5mm 6mm 0.5mm 0 }}
.line {{ border-bottom: 0.2mm solid #999; height: 11mm; margin-bottom: 3mm }} code {{ font-size: 10pt }}
</style></head><body>
<h1>{title}</h1>
<h2>You will be able to</h2><ul>{goals}</ul>
<h2>Exercises</h2><table>{exercises}</table>
<h2>Recap, without looking</h2><ol>{recap}</ol>
</body></html>
"""


def write(out: Path) -> list[str]:
    """Write plans, mistakes and a sheet a notebook into a new folder. Returns the files' names."""
    names = sorted({name for *_, names in LESSONS for name in names})
    texts = {"plans.md": "# Lessons\n\n" + "\n".join(plan(*one) for one in LESSONS)}
    texts["mistakes.md"] = "# What students get wrong\n\n" + "\n".join(map(mistakes, names))
    texts |= {f"sheet_{name}.html": sheet(name) for name in names}
    with appears_whole(out) as part:
        part.mkdir()
        for name, text in texts.items():
            (part / name).write_text(text, "utf-8")
    return sorted(texts)
