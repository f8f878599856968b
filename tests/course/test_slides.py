"""Every notebook of the series makes a deck for 50 minutes, by rule."""

from __future__ import annotations

import pytest

from segnext_edu.course import lessons, slides
from segnext_edu.course.slide import Slide

NAMES = lessons.numbers()


def unit(*titles: str) -> list[Slide]:
    return [Slide(title, []) for title in titles]


@pytest.mark.parametrize("name", NAMES)
def test_a_deck_is_one_lecture(name: str) -> None:
    deck = slides.slides(name)
    part = lessons.lesson(name)
    assert 12 <= len(deck) <= 20
    titles = [one.title for one in deck]
    assert titles[:2] == [part.title, "You will be able to"] and titles[-1] == "Recap, without looking"
    assert sum(title.startswith("Figure") for title in titles) >= 3
    assert sum(title.startswith("Predict") for title in titles) >= 3
    for exercise in part.exercises:
        assert f"{exercise.number}. {exercise.title}" in deck[-2].cells[0].source
    for one in deck:
        assert one.cells[0].metadata.slideshow.slide_type == "slide"
        assert not any("BEGIN SOLUTION" in cell.source for cell in one.cells), one.title


@pytest.mark.parametrize("name", [name for name in NAMES if lessons.lesson(name).figure])
def test_the_figure_with_controls_is_always_there(name: str) -> None:
    assert slides.slides(name)[slides.live(name) - 1].live


def test_sections_take_turns() -> None:
    first = slides.Section(
        "a", figures={(3, 0): unit("F1"), (5, 0): unit("F2")}, questions={(2, 1): unit("Q1"), (6, 0): unit("Q2")}
    )
    second = slides.Section("b", questions={(9, 0): unit("Q3"), (11, 0): unit("Q4")}, formulas={(10, 0): unit("M")})
    titles = [[one.title for one in slides.chosen([first, second], room)] for room in range(8)]
    assert titles[1] == ["F1"]
    assert titles[2] == ["F1", "Q3"]  # a question where there is no figure
    assert titles[3] == ["F1", "Q3", "M"]
    assert titles[4] == ["F1", "F2", "Q3", "M"]
    assert titles[7] == ["Q1", "F1", "F2", "Q2", "Q3", "M", "Q4"]  # in the notebook's order


def test_a_question_and_its_figure_come_together_or_not_at_all() -> None:
    part = slides.Section("a", figures={(3, 0): unit("Q", "F")}, questions={(7, 0): unit("other")})
    assert [one.title for one in slides.chosen([part], 1)] == ["other"]
    assert [one.title for one in slides.chosen([part], 2)] == ["Q", "F"]


def test_an_outline_has_a_line_a_slide() -> None:
    lines = slides.outline("03").splitlines()
    assert len(lines) == len(slides.slides("03")) and lines[1] == "2. You will be able to"
