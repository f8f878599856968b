"""What a notebook's cell shows, and what it says."""

from __future__ import annotations

from nbformat import NotebookNode

from tools.course.words import paragraphs


def mirror(cell: NotebookNode) -> str:
    """What of the package a cell repeats, such as "segnext_edu.model.msca.MSCA"; "" for other cells."""
    tags = cell.metadata.get("tags", [])
    return next((tag.removeprefix("mirror:") for tag in tags if tag.startswith("mirror:")), "")


def picture(cell: NotebookNode) -> bool:
    """Whether a code cell shows one."""
    return any("image/png" in output.get("data", {}) for output in cell.get("outputs", []))


def printed(cell: NotebookNode) -> str:
    """All that a code cell says in words."""
    return "\n".join(filter(None, map(words, cell.get("outputs", []))))


def words(output: NotebookNode) -> str:
    """What one of its outputs says."""
    return (output.get("text", "") or output.get("data", {}).get("text/plain", "")).strip("\n")


def nameless(output: NotebookNode) -> bool:
    """Whether it is a tuple, a list, a tensor or a truth value, of which only the code tells what it is."""
    said = "" if output.output_type == "stream" else words(output)
    return said in ("True", "False") or said.startswith(("(", "[", "tensor(", "torch.Size("))


def last_paragraph(notebook: NotebookNode, index: int) -> str:
    """The last sentences before a cell; "" where they are something else."""
    while index > 0 and notebook.cells[index].cell_type == "code":
        index -= 1
    known = paragraphs(notebook.cells[index].source)
    return known[-1] if known and index else ""


def first_paragraph(notebook: NotebookNode, index: int) -> str:
    """The first sentences from a cell on."""
    cells = [cell for cell in notebook.cells[index : index + 2] if cell.cell_type == "markdown"]
    return next((paragraph for cell in cells for paragraph in paragraphs(cell.source)), "")
