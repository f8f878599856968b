"""What is cut for a slide stays whole sentences."""

from __future__ import annotations

import pytest

from tools.course import words


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("One two. Three four. Five.", 4, "One two. Three four."),
        ("One two three.", 2, ""),
        ("As in Fig. 2 and Eq. 1 it is. More.", 9, "As in Fig. 2 and Eq. 1 it is."),
        ("*One. Two.* Three.", 1, "*One. Two.*"),  # what Markdown has opened is closed
        ("- a list", 9, ""),
        ("| a table |", 9, ""),
        ("**Predict.** What?", 9, ""),
    ],
)
def test_sentences_are_whole(text: str, most: int, kept: str) -> None:
    assert words.sentences(text, most) == kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("We look at it. Here it is:", "We look at it."),
        ("Here it is:", ""),
        ("Two things (one: two). Three.", "Two things (one: two). Three."),
    ],
)
def test_what_leads_to_something_that_is_not_there_is_left_out(text: str, kept: str) -> None:
    assert words.told(text, 20) == kept


@pytest.mark.parametrize(
    ("text", "most", "kept"),
    [
        ("One two. Three four. Five.", 3, "Three four. Five."),
        ("One two. Three four. Here it is:", 9, "One two. Three four."),
        ("One. *Two three. Four.*", 3, "*Two three. Four.*"),  # what Markdown has opened is closed
        ("One. *Two three. Four.*", 1, ""),
        ("- a list", 9, ""),
    ],
)
def test_what_stands_next_to_a_question_is_a_paragraphs_end(text: str, most: int, kept: str) -> None:
    assert words.leading_to(text, most) == kept


def test_what_is_folded_is_no_paragraph() -> None:
    source = "One\nline.\n\n<details><summary>Hint</summary>\n\nNot this.\n</details>\n\n- a\n- b"
    assert words.paragraphs(source) == ["One line.", "- a - b"]


def test_code_is_made_readable() -> None:
    assert words.readable("import torch\n\nx = 1            # (B,)\ny = 2") == "x = 1  # (B,)\ny = 2"
    assert words.readable("if x:\n        # why\n        y") == "if x:\n        # why\n        y"


@pytest.mark.parametrize(("text", "fit"), [("ab\ncd", True), ("abc", False), ("a\nb\nc", False), ("", False)])
def test_what_fits(text: str, fit: bool) -> None:
    assert words.fits(text, 2, 2) == fit
