"""The lecturer's pack says what the notebooks say, and the question bank is one that can be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segnext_edu.course import pack
from segnext_edu.notebooks import FOLDER

QUESTIONS = (FOLDER / "instructor" / "questions.md").read_text("utf-8")


@pytest.mark.parametrize("one", pack.LESSONS, ids=lambda one: one[0])
def test_a_plan_fills_its_time_and_forgets_no_exercise(one: tuple) -> None:
    title, minutes, names = one
    text = pack.plan(*one)
    rows = [(int(start), int(length)) for start, length in re.findall(r"^\| (\d+) \| (\d+) \|", text, re.MULTILINE)]
    assert sum(length for _, length in rows) == minutes and all(length > 0 for _, length in rows)
    assert [start for start, _ in rows] == [sum(length for _, length in rows[:index]) for index in range(len(rows))]
    for exercise in (exercise for name in names for exercise in pack.lesson(name).exercises):
        assert text.count(f"Exercise {exercise.number} · {exercise.title}") == 1


def test_six_lessons_and_a_short_course() -> None:
    assert [minutes for _, minutes, _ in pack.LESSONS] == [50] * 6 + [120]
    assert {name for *_, names in pack.LESSONS[:6] for name in names} == {f"{number:02d}" for number in range(9)}


def test_a_lesson_is_read_from_its_notebook() -> None:
    lesson = pack.lesson("03")
    assert lesson.title.startswith("03 · Strip") and len(lesson.goals) >= 3 and len(lesson.recap) == 5
    assert "Explore" in lesson.figure and [exercise.number for exercise in lesson.exercises] == ["3.1", "3.2", "3.3"]


def test_mistakes_are_the_checks_own_words() -> None:
    said = pack.mistakes("03")
    assert "The padding is missing" in said or "padding is missing" in said
    assert said.count("\n- ") > 30 and "✗" not in said


def test_a_sheet_needs_no_network(tmp_path: Path) -> None:
    page = pack.sheet("03")
    assert page.count("<li>") >= 3 + 5 and page.count("<tr>") == 3
    assert "http" not in page and "`" not in page and "src=" not in page


def test_every_question_has_one_answer_and_a_reason_for_each() -> None:
    blocks = re.split(r"^### ", QUESTIONS, flags=re.MULTILINE)[1:]
    assert len(blocks) >= 60 and len({block.splitlines()[0] for block in blocks}) == len(blocks)
    for block in blocks:
        options = re.findall(r"^- \[([x ])\] (.+?) – (.+)$", block, re.MULTILINE)
        assert len(options) == block.count("\n- [") >= 3, block
        assert [mark for mark, *_ in options].count("x") == 1, block


def test_every_notebook_has_its_questions() -> None:
    sections = re.split(r"^## ", QUESTIONS, flags=re.MULTILINE)[1:]
    assert {section[:2] for section in sections} == {f"{number:02d}" for number in range(9)}
    assert all(section.count("\n### ") >= 4 for section in sections)
