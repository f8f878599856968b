"""A slide asks first and answers after a click, and never shows a solution."""

from __future__ import annotations

import pytest
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.course import slide


def text(source: str, said: str, **metadata: object) -> NotebookNode:
    return new_code_cell(source, outputs=[new_output("stream", text=said)] if said else [], metadata=metadata)


def shown(source: str, value: str) -> NotebookNode:
    return new_code_cell(source, outputs=[new_output("execute_result", data={"text/plain": value})])


def drawn(source: str) -> NotebookNode:
    return new_code_cell(source, outputs=[new_output("display_data", data={"image/png": "AA==", "text/plain": "alt"})])


def asked(
    *cells: NotebookNode, question: str = "**Predict.** How many?", context: str = "There are some."
) -> tuple[int, slide.Slide | None]:
    """The slide of a question that these cells come after."""
    notebook = new_notebook(cells=[new_markdown_cell(question), *cells])
    return slide.question(notebook, 0, question, context, "Counting")


def kinds(one: slide.Slide | None) -> list[str]:
    assert one
    return [cell.metadata.get("slideshow", {}).get("slide_type", "-") for cell in one.cells]


def test_the_answer_comes_after_a_click() -> None:
    at, one = asked(text("a = 1", ""), text("a + 1", "2\n"), new_markdown_cell("Two, of course. See:"))
    assert at == 2 and one and kinds(one) == ["slide", "fragment", "fragment", "fragment"]
    question, code, output, after = one.cells
    assert "Counting" in question.source and "There are some." in question.source and "How many?" in question.source
    assert code.source == "a + 1" and not code.outputs and output.outputs[0].text == "2\n"
    assert after.source == "Two, of course."


def test_a_trap_shows_its_code_at_once() -> None:
    _, one = asked(text("a + 1", "2\n"), question="**Trap.** It looks innocent:")
    assert kinds(one) == ["slide", "-", "fragment"]


def test_the_context_is_what_stands_next_to_the_question() -> None:
    _, one = asked(text("a", "2\n"), context="Far. " * 44 + "Next to it.")
    assert one and "Far. Next to it." in one.cells[0].source and one.cells[0].source.count("Far.") < 44
    _, one = asked(text("a", "2\n"), context="Hardly any, as we have seen.")  # not on this slide
    assert one and "Hardly" not in one.cells[0].source


def test_several_outputs_answer_together_or_else_the_fullest() -> None:
    at, one = asked(text("a", "one\n"), text("b = 1", ""), text("c", "two\nlines\n"))
    assert at == 3 and one and one.cells[1].source == "a\nc" and len(one.cells[2].outputs) == 2
    assert asked(text("a", "one\n"), text("b", "one\n"), text("c", "many\n" * 20))[0] == 2
    assert asked(text("a", "one\n"), text("b", "many\n" * 9), text("c", "two\nlines\n"))[0] == 2


def test_a_bare_value_is_not_shown_without_its_code() -> None:
    long, after = "x = 1\n" * 9 + "(a, b)", new_markdown_cell("They agree.")
    _, one = asked(shown("(a, b)", "(1, 2)"), after)
    assert kinds(one) == ["slide", "fragment", "fragment", "fragment"]
    _, one = asked(shown(long, "(1, 2)"), after)
    assert one and kinds(one) == ["slide", "fragment"] and one.cells[1].source == "They agree."
    assert asked(shown(long, "(1, 2)"))[1] is None
    assert kinds(asked(text(long, "(a) one, (b) two\n"))[1]) == ["slide", "fragment"]  # printed, so in words


def test_context_stays_where_the_output_can_do_without_the_code() -> None:
    code, context = "\n".join("xxxxxxxx" for _ in range(6)), "Word word word word word word word word. " * 5
    _, one = asked(text(code, "one\n" * 8), context=context)
    assert one and "Word" in one.cells[0].source and kinds(one) == ["slide", "fragment"]
    _, one = asked(shown(code, "(1,\n" + "2,\n" * 7), context=context)
    assert one and "Word" not in one.cells[0].source and kinds(one) == ["slide", "fragment", "fragment"]


def test_a_picture_answers_on_the_next_slide() -> None:
    at, one = asked(text("a", "1\n"), drawn("show()"))
    assert at == 2 and kinds(one) == ["slide"]


@pytest.mark.parametrize(
    "cell",
    [
        text("def f():\n    raise NotImplementedError\n", "○\n", tags=["exercise"]),
        text("class MSCA: ...", "x\n", tags=["mirror:segnext_edu.model.msca.MSCA"]),
        text("a", ""),
        text("a", "too long " * 30),
        new_markdown_cell("The text goes on."),
    ],
    ids=["exercise", "mirror", "silent", "wide", "text"],
)
def test_a_question_without_an_answer_is_not_asked(cell: NotebookNode) -> None:
    assert asked(cell)[1] is None


def test_a_question_that_fills_the_slide_with_its_answer_is_not_asked() -> None:
    long = "**Predict.** " + "Counterrevolutionaries " * 14 + "?"
    assert asked(text("a", "one\n" * 2), question=long)[1]
    assert asked(text("a", "one\n" * 9), question=long)[1] is None


def test_a_slide_that_would_be_too_full_leaves_out_the_explanation_first() -> None:
    lines = "\n".join("xxxxxxxx" for _ in range(6))
    long = "Word word word word. " * 8
    _, one = asked(text(lines, "one\n" * 4), new_markdown_cell(long))
    assert one and kinds(one) == ["slide", "fragment", "fragment"]


def test_a_figure_stands_under_its_claim() -> None:
    caption = "**Figure 3.** *Far is dark.* Blue: near. Then, the rest."
    notebook = new_notebook(cells=[drawn("explorer()"), text("assert True", ""), new_markdown_cell(caption)])
    one = slide.figure(notebook, 0, "Looking")
    assert one and one.live and one.title == "Figure 3. Far is dark" and one.notes == caption
    assert "### Far is dark" in one.cells[0].source and one.cells[1].outputs[0].metadata["image/png"]["height"] > 400
    assert notebook.cells[0].outputs[0].metadata == {}  # the notebook is left as it was
    assert slide.figure(new_notebook(cells=[drawn("show()"), new_markdown_cell("No caption.")]), 0, "") is None


def test_a_caption_that_is_only_its_claim_takes_the_next_paragraph() -> None:
    for caption in (
        "**Figure 3.** *Far is dark.*\n\nBlue: near. **Predict** more.",
        "**Figure 3.** *Far is dark*: blue is near.",
    ):
        one = slide.figure(new_notebook(cells=[drawn("show()"), new_markdown_cell(caption)]), 0, "")
        assert one and one.cells[-1].source.startswith("<small>**Figure 3.** Blue"), caption
        assert "Predict" not in one.cells[-1].source


def test_a_section_name_is_no_markdown() -> None:
    assert "<p class=where>optimize</p>" in slide.said("Text.", "`optimize`")[0].source


def test_a_figure_with_controls_may_be_made_in_one_cell_and_shown_in_another() -> None:
    made = text("atlas = atlas.explorer()", "")
    assert slide.has_controls(new_notebook(cells=[made, drawn("atlas")]), 1)
    assert slide.has_controls(new_notebook(cells=[drawn("Explorer(draw, step=3)")]), 0)
    assert not slide.has_controls(new_notebook(cells=[made, drawn("figure")]), 1)
    assert not slide.has_controls(new_notebook(cells=[made, drawn("show(figure)")]), 1)


def test_a_class_is_shown_where_it_can_be_read() -> None:
    short = text("class A:\n    pass", "", tags=["mirror:segnext_edu.a.A"])
    assert slide.last_word(short, "") and not slide.last_word(text("class A:\n    pass", ""), "")
    assert not slide.last_word(text("class A:\n" + "    x = 1\n" * 20, "", tags=["mirror:segnext_edu.a.A"]), "")


def test_formulas_side_by_side_come_one_below_the_other() -> None:
    one = slide.formula(r"$$a = b \qquad c = d$$", "They are two.", "Sums")
    assert one.cells[0].source.count("$$") == 4 and "They are two." in one.cells[0].source
    assert "<div class=long>" not in one.cells[0].source
    assert "<div class=long>" in slide.formula(f"$${'a + b = ' * 20}c$$", "", "Sums").cells[0].source
