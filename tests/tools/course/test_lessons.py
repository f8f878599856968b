"""What a notebook says of itself is read from it."""

from __future__ import annotations

from tools.course import lessons
from tools.notebooks import FOLDER


def test_a_lesson_is_read_from_its_notebook() -> None:
    lesson = lessons.lesson("03")
    assert lesson.title.startswith("03 · Strip") and len(lesson.goals) >= 3 and len(lesson.recap) == 5
    assert lesson.figure == "the opening" and [exercise.number for exercise in lesson.exercises] == [
        "3.1",
        "3.2",
        "3.3",
    ]


def test_every_kind_of_figure_with_controls_is_found() -> None:
    found = [lessons.lesson(name).figure.partition(" ·")[0] for name in ("04", "08", "10")]
    assert found == ["the opening", "section 7", "section 11"]


def test_the_notebooks_are_those_in_the_folder() -> None:
    assert lessons.numbers() == sorted(path.name[:2] for path in FOLDER.glob("*.ipynb"))
    for name in lessons.numbers():
        part = lessons.lesson(name)
        assert part.title.startswith(name) and part.goals and part.recap, name
