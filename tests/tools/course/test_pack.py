"""The lecturer's pack says what the notebooks say, and the question bank is one that can be used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from segnext_edu.lessons.series import WRITTEN
from tools.course import pack
from tools.course.lessons import lesson, numbers
from tools.notebooks import FOLDER

QUESTIONS = (FOLDER / "instructor" / "questions.md").read_text("utf-8")


@pytest.mark.parametrize("one", pack.taught(), ids=lambda one: one[0])
def test_a_plan_fills_its_time_and_forgets_no_exercise(one: tuple) -> None:
    title, minutes, names = one
    text = pack.plan(*one)
    rows = [(int(start), int(length)) for start, length in re.findall(r"^\| (\d+) \| (\d+) \|", text, re.MULTILINE)]
    assert sum(length for _, length in rows) == minutes and all(length > 0 for _, length in rows)
    assert [start for start, _ in rows] == [sum(length for _, length in rows[:index]) for index in range(len(rows))]
    for exercise in (exercise for name in names for exercise in lesson(name).exercises):
        assert text.count(f"Exercise {exercise.number} · {exercise.title}") == 1


@pytest.mark.parametrize("one", pack.taught(), ids=lambda one: one[0])
def test_a_plan_opens_every_deck_and_leaves_time_for_questions(one: tuple) -> None:
    _, minutes, names = one
    text = pack.plan(*one)
    rows = text[text.index("| from") :].splitlines()
    opened = [row.split("slides_")[1][:2] for row in rows if "Opening of" in row]
    assert opened == list(names)
    for row in rows:
        if "Opening of" in row:
            place = row.split("slides 1–")[1]
            assert int(place[:1]) in (4, 5, 6)
        if "Play" in row:
            assert "Figure" in row and (", section " in row or ", the opening" in row)
    [asked] = [row for row in rows if "Questions of the room" in row]
    assert int(asked.split("|")[2]) >= 3
    taken = [int(row.split("Exercise ")[1].partition(".")[0]) for row in rows if "| Exercise" in row]
    assert taken == sorted(taken)  # beside the notebook that they are from
    breaks = [int(row.split("|")[1]) for row in rows if "| Break" in row]
    assert not breaks if minutes <= 60 else len(breaks) == 1 and abs(breaks[0] - minutes / 2) <= 15


def test_the_short_course_has_an_encoder_and_a_decoder() -> None:
    assert {"04", "05", "07"} <= set(pack.taught()[-1][2])


def test_six_lessons_and_a_short_course() -> None:
    assert [minutes for _, minutes, _ in pack.taught()] == [50] * 6 + [120]
    taught = [name for *_, names in pack.taught()[:6] for name in names]
    assert taught == [notebook.number for notebook in WRITTEN if notebook.lesson]
    for name in set(numbers()) - set(taught):
        assert lesson(name).title in pack.plans()


@pytest.fixture(scope="module")
def pages() -> dict[str, str]:
    return pack.pages()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["plans.md", "mistakes.md", "slides.md", *(f"sheets/{one.topic}.html" for one in WRITTEN)]
)
def test_what_is_committed_says_what_the_notebooks_say(name: str, pages: dict[str, str]) -> None:
    path = pack.INSTRUCTOR / name
    stored, now = path.read_text("utf-8") if path.exists() else "", pages[name]
    if name == "mistakes.md":  # what the checks measure there may differ in a digit between processors
        stored, now = (re.sub(r"\d+(?:\.\d+)?(?:e[+-]?\d+)?", "#", text) for text in (stored, now))
    assert stored == now, "run: python -m tools.course pack --refresh"


@pytest.mark.slow
def test_nothing_else_is_committed_among_the_sheets(pages: dict[str, str]) -> None:
    assert {f"sheets/{path.name}" for path in (pack.INSTRUCTOR / "sheets").iterdir()} == {
        name for name in pages if name.startswith("sheets/")
    }


@pytest.mark.slow
def test_a_refresh_writes_the_pages_and_removes_what_is_gone(
    tmp_path: Path, pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "INSTRUCTOR", tmp_path)
    monkeypatch.setattr(pack, "pages", lambda: pages)
    (tmp_path / "sheets").mkdir()
    (tmp_path / "sheets" / "gone.html").write_text("of a notebook that is gone")
    pack.refresh()
    written = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.*")}
    assert written == set(pages)


def test_a_pack_has_a_deck_for_every_notebook(
    tmp_path: Path, pages: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pack, "pages", lambda: pages)
    monkeypatch.setattr(pack, "page", lambda name: f"<p>{name}")
    assert pack.write(tmp_path / "pack") == sorted([*pages, *(f"slides/slides_{name}.html" for name in numbers())])
    assert (tmp_path / "pack" / "slides" / "slides_03.html").read_text("utf-8") == "<p>03"


def test_mistakes_are_the_checks_own_words() -> None:
    said = pack.mistakes("03")
    assert "The padding is missing" in said or "padding is missing" in said
    assert said.count("\n- ") > 30 and "✗" not in said


def test_a_sheet_needs_no_network(tmp_path: Path) -> None:
    page = pack.sheet("03")
    assert page.count("<li>") >= 3 + 5 and page.count("<tr>") == 3 and page.count("<math") == 2
    assert not re.search(r"http(?!://www.w3.org/1998/Math)|`|src=|\$", page)


def test_every_question_has_one_answer_and_a_reason_for_each() -> None:
    blocks = re.split(r"^### ", QUESTIONS, flags=re.MULTILINE)[1:]
    assert len(blocks) >= 60 and len({block.splitlines()[0] for block in blocks}) == len(blocks)
    for block in blocks:
        options = re.findall(r"^- \[([x ])\] (.+?) – (.+)$", block, re.MULTILINE)
        assert len(options) == block.count("\n- [") >= 3, block
        assert [mark for mark, *_ in options].count("x") == 1, block


def test_the_right_answer_has_no_place_of_its_own() -> None:
    blocks = re.split(r"^### ", QUESTIONS, flags=re.MULTILINE)[1:]
    places = [re.findall(r"^- \[([x ])\]", block, re.MULTILINE).index("x") for block in blocks]
    assert all(places.count(place) >= len(blocks) / 5 for place in range(3))


def test_every_taught_notebook_has_its_questions() -> None:
    sections = re.split(r"^## ", QUESTIONS, flags=re.MULTILINE)[1:]
    assert {section[:2] for section in sections} >= {one.number for one in WRITTEN if one.lesson}
    assert all(section.count("\n### ") >= 4 for section in sections)
