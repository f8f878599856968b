"""Every notebook of the series makes a deck for 50 minutes, by rule."""

from __future__ import annotations

import pytest

from tools.course import lessons, slides
from tools.course.slide import Slide

NAMES = lessons.numbers()


def unit(*titles: str) -> list[Slide]:
    return [Slide(title, []) for title in titles]


@pytest.mark.parametrize("name", NAMES)
def test_a_deck_is_one_lecture(name: str) -> None:
    deck = slides.slides(name)
    part = lessons.lesson(name)
    short = name == "00"  # the tour
    assert (8 if short else 12) <= len(deck) <= 20
    titles = [one.title for one in deck]
    assert titles[:2] == [part.title, "You will be able to"] and titles[-1] == "Recap, without looking"
    assert sum(title.startswith("Figure") for title in titles) >= 3
    assert sum(title.startswith("Predict") for title in titles) >= (1 if short else 3)
    for exercise in part.exercises:
        assert f"{exercise.number}. {exercise.title}" in deck[-2].cells[0].source
    for one in deck:
        assert one.cells[0].metadata.slideshow.slide_type == "slide"
        source = "\n".join(cell.source for cell in one.cells)
        assert "<summary>Solution" not in source and "raise NotImplementedError" not in source, one.title


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


def test_questions_behind_other_sentences_come_last() -> None:
    first = slides.Section("a", questions={(1, 0): unit("Q1"), (2, 0): unit("Q2")}, asides={(3, 1): unit("A1")})
    second = slides.Section("b", asides={(5, 1): unit("A2"), (6, 1): unit("A3")})
    titles = [[one.title for one in slides.chosen([first, second], room)] for room in range(5)]
    assert titles[2] == ["Q1", "A2"]  # all that the second has to ask
    assert titles[3] == ["Q1", "Q2", "A2"] and titles[4] == ["Q1", "Q2", "A1", "A2"]


def test_a_question_behind_other_sentences_begins_a_paragraph_of_its_own() -> None:
    parts = [
        "We widen it. **Predict** how far.",
        "**Trap.** One. **Predict** it:",
        "**Figure 1.** *Two.* **Predict.** Why?",
    ]
    assert slides.asked_apart(parts) == ["We widen it.", "**Predict** how far.", *parts[1:]]


def test_a_question_and_its_figure_come_together_or_not_at_all() -> None:
    part = slides.Section("a", figures={(3, 0): unit("Q", "F")}, questions={(7, 0): unit("other")})
    assert [one.title for one in slides.chosen([part], 1)] == ["other"]
    assert [one.title for one in slides.chosen([part], 2)] == ["Q", "F"]


@pytest.mark.parametrize("name", NAMES)
def test_an_opening_ends_with_an_answer(name: str) -> None:
    deck = slides.slides(name)
    for number in (4, 5):
        last = slides.opened(name, number)
        assert last in (number, number + 1)
        said = [cell.metadata.get("slideshow", {}).get("slide_type") for cell in deck[last - 1].cells]
        assert "fragment" in said or not deck[last - 1].title.startswith(("Predict", "Trap"))


def test_an_outline_has_a_line_a_slide() -> None:
    lines = slides.outline("03").splitlines()
    assert len(lines) == len(slides.slides("03")) and lines[1] == "2. You will be able to"
