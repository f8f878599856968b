"""What a lecturer needs beside the notebooks, made from them, so that it says what they say: `course pack`.

A plan's minutes are those that the exercises' headings promise; a sheet is a notebook's opening, formulas, exercises
and recap on one page to print; and under "what students get wrong" stands what the checks say to each of `mutants`. The
pages are committed under notebooks/instructor/, where a test compares them with the notebooks; the slides, which hold
the notebooks' pictures, are not.
"""

from __future__ import annotations

import html
import re
from itertools import accumulate
from pathlib import Path
from typing import Any

import torch

from segnext_edu.files import appears_whole
from segnext_edu.lessons.course import verdict
from segnext_edu.lessons.series import WRITTEN
from tools.course.deck import drawn, page
from tools.course.grade import mutants_of
from tools.course.lessons import lesson, numbers
from tools.course.slides import formulas, live, opened, outline, slides
from tools.notebooks import FOLDER

# Minutes of a lesson that are not exercises: its first deck, another one, a figure with controls; at least so many each
# for questions and for the recap; and in a lesson that is longer than LONGEST, a break.
OPENING, REOPENING, FIGURE, QUESTIONS, RECAP, BREAK, LONGEST = 8, 4, 8, 3, 6, 10, 90
GENERATED = (
    "<!-- Made by `python -m tools.course pack --refresh`; edit the notebooks and checks instead. -->",
    "",
)
INSTRUCTOR = FOLDER / "instructor"
IN_TWO_HOURS = ("tour", "strip_conv", "msca", "mscan", "segnext")


def taught() -> list[tuple[str, int, tuple[str, ...]]]:
    """The lessons: title, minutes, the notebooks' numbers; those of the series, and one of two hours."""
    titles = dict.fromkeys(notebook.lesson for notebook in WRITTEN if notebook.lesson)
    one_by_one = [(title, 50, tuple(n.number for n in WRITTEN if n.lesson == title)) for title in titles]
    return [*one_by_one, ("SegNeXt in two hours", 120, tuple(n.number for n in WRITTEN if n.topic in IN_TWO_HOURS))]


def plan(title: str, minutes: int, names: tuple[str, ...]) -> str:
    """One lesson, minute by minute, a notebook after the other: as many exercises as there is time for, easy ones
    first; the others are homework.
    """
    parts = [lesson(name) for name in names]
    shown = [on_screen(name, first=name == names[0]) for name in names]
    recap = max(RECAP, 2 * len(parts))
    pause = BREAK if minutes > LONGEST else 0
    left = minutes - sum(length for rows in shown for length, _ in rows) - recap - pause - QUESTIONS
    homework = []
    exercises = [
        (e.points, place, e, rows) for part, rows in zip(parts, shown) for place, e in enumerate(part.exercises)
    ]
    for *_, exercise, rows in sorted(exercises, key=lambda one: one[:2]):
        said = f"Exercise {exercise.number} · {exercise.title} · {'●' * exercise.points}"
        if exercise.minutes <= left:
            rows.append((exercise.minutes, said))
            left -= exercise.minutes
        else:
            homework.append(f"{said}, {exercise.minutes} min")
    if pause:
        ends = list(accumulate(sum(length for length, _ in rows) for rows in shown))
        half = min(range(len(ends)), key=lambda one: abs(ends[one] - minutes / 2))
        shown[half].append((pause, "Break"))
    rows = [row for rows in shown for row in rows] + [(QUESTIONS + left, "Questions of the room")]
    rows.append((recap, "Recap: " + " ".join(part.recap[0] for part in parts)))
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


def on_screen(name: str, first: bool) -> list[tuple[int, str]]:
    """How a notebook is begun: minutes, and what is shown. A lesson's first one takes longer."""
    part = lesson(name)
    length, last = (OPENING, 5) if first else (REOPENING, 4)
    rows = [
        (
            length,
            f"Opening of {part.title}: predict before you run (slides_{name}.html, slides 1–{opened(name, last)})",
        )
    ]
    if part.figure:
        number = live(name)
        title = slides(name)[number - 1].title
        where = f"{part.file}, {part.figure}; slide {number}"
        rows.append((FIGURE, f"Play, on the screen in front: {title} ({where})"))
    return rows


def plans() -> str:
    """All the lessons, and the notebooks that are in none."""
    seen = {name for *_, names in taught() for name in names}
    rest = [lesson(name) for name in numbers() if name not in seen]
    lines = [f"- {part.title} ({part.file}): {'; '.join(goal.rstrip('.;') for goal in part.goals)}." for part in rest]
    after = ["## After the lessons", "", "Notebooks to read on one's own:", "", *lines, ""] if lines else []
    return "\n".join([*GENERATED, "# Lessons", "", *(plan(*one) for one in taught()), *after])


def mistakes(name: str) -> str:
    """What students get wrong in a notebook: for each exercise, what the check says to each misconception."""
    part = lesson(name)
    lines = [f"## {part.title}", ""]
    for exercise in part.exercises:
        notebook, check = exercise.check.split(".")
        said = dict.fromkeys(always(exercise.check, wrong) for wrong in mutants_of(notebook)[check].values())
        # Where an answer raises, the check quotes its line, which here is one of the tests'.
        told = [f"- {line[2:]}" for line in said if "Python says" not in line]
        lines += [f"### Exercise {exercise.number} · {exercise.title}", "", *told, ""]
    return "\n".join(lines)


def always(check: str, wrong: Any) -> str:
    """What a check says, the same every time although some misconceptions draw random numbers."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return verdict(check, wrong)


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
        formulas="".join(f"<div class=formula>{drawn(one)}</div>" for one in formulas(name)),
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
@media print {{ body {{ margin: 0 auto }} }}
h1 {{ font-size: 17pt; margin: 0 0 4mm }} h2 {{ font-size: 12pt; margin: 6mm 0 2mm; color: #0072B2 }}
ul, ol {{ margin: 0; padding-left: 6mm }} td {{ padding: 0.5mm 6mm 0.5mm 0 }}
.line {{ border-bottom: 0.2mm solid #999; height: 8mm; margin-bottom: 3mm }} code {{ font-size: 10pt }}
.formula {{ margin: 3mm 0 }}
math {{ font: 12pt "STIX Two Math", "Cambria Math", "Latin Modern Math", "DejaVu Math TeX Gyre", math }}
</style></head><body>
<h1>{title}</h1>
<h2>You will be able to</h2><ul>{goals}</ul>
{formulas}
<h2>Exercises</h2><table>{exercises}</table>
<h2>Recap, without looking</h2><ol>{recap}</ol>
</body></html>
"""


def pages() -> dict[str, str]:
    """File name → text of all that is committed under notebooks/instructor/."""
    names = numbers()
    asking = [name for name in names if lesson(name).exercises]
    decks = [f"## slides_{name}.html\n\n{outline(name)}\n" for name in names]
    return {
        "plans.md": plans(),
        "mistakes.md": "\n".join([*GENERATED, "# What students get wrong", "", *map(mistakes, asking)]),
        "slides.md": "\n".join([*GENERATED, "# What the slides show", "", *decks]),
        **{f"sheets/{one.topic}.html": sheet(one.number) for one in WRITTEN},
    }


def write(out: Path) -> list[str]:
    """Write the pages and the slides into a new folder. Returns the files' names."""
    with appears_whole(out) as part:
        (part / "sheets").mkdir(parents=True)
        (part / "slides").mkdir()
        texts = pages() | {f"slides/slides_{name}.html": page(name) for name in numbers()}
        for name, text in texts.items():
            (part / name).write_text(text, "utf-8")
    return sorted(texts)


def refresh() -> list[str]:
    """Write the committed pages again, after a notebook or a check has changed. Returns the files' names."""
    texts = pages()
    (INSTRUCTOR / "sheets").mkdir(exist_ok=True)
    for name, text in texts.items():
        with appears_whole(INSTRUCTOR / name) as part:
            part.write_text(text, "utf-8")
    for path in (INSTRUCTOR / "sheets").iterdir():
        if f"sheets/{path.name}" not in texts:
            path.unlink()
    return sorted(texts)
