"""What a cell shows is told apart from what it says."""

from __future__ import annotations

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.course import cells


def test_all_outputs_are_what_a_cell_says() -> None:
    value = new_output("execute_result", data={"text/plain": "(1, 2)"})
    cell = new_code_cell(outputs=[new_output("stream", text="one\n"), value])
    assert cells.printed(cell) == "one\n(1, 2)" and not cells.picture(cell)
    assert cells.picture(new_code_cell(outputs=[new_output("display_data", data={"image/png": "AA=="})]))


@pytest.mark.parametrize("value", ["(1, 2)", "[1]", "tensor([1.])", "torch.Size([8])", "True", "False"])
def test_a_bare_value_has_no_name(value: str) -> None:
    assert cells.nameless(new_output("execute_result", data={"text/plain": value}))
    assert not cells.nameless(new_output("stream", text=value))


@pytest.mark.parametrize("value", ["76800", "{'box': 1}", "'Truth'"])
def test_numbers_and_words_speak_for_themselves(value: str) -> None:
    assert not cells.nameless(new_output("execute_result", data={"text/plain": value}))


def test_paragraphs_around_a_cell() -> None:
    notebook = new_notebook(
        cells=[
            new_markdown_cell("# Title"),
            new_markdown_cell("A.\n\nB."),
            new_code_cell(),
            new_markdown_cell("C.\n\nD."),
        ]
    )
    assert cells.last_paragraph(notebook, 2) == "B." and cells.last_paragraph(notebook, 0) == ""
    assert cells.first_paragraph(notebook, 2) == "C." and cells.first_paragraph(notebook, 4) == ""
