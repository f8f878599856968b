"""The files for Binder and the cell for Colab are well formed, and the lecturer's pages name commands that exist."""

from __future__ import annotations

import ast
import re

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement

from segnext_edu.__main__ import parser
from segnext_edu.notebooks import FOLDER

BINDER = FOLDER.parent / ".binder"
PAGES = sorted((FOLDER / "instructor").glob("*.md"))


def test_binder_installs_this_package_with_its_lab() -> None:
    lines = (BINDER / "requirements.txt").read_text("utf-8").split("\n")
    assert lines[0].startswith("--extra-index-url https://")  # without it, PyTorch comes with gigabytes for a GPU
    path, extras = re.fullmatch(r"(\.)\[(\w+)\]", lines[1]).groups()
    assert (FOLDER.parent / path / "pyproject.toml").exists() and Requirement(f"segnext-edu[{extras}]").extras == {
        "lab"
    }
    assert re.fullmatch(r"python-3\.\d+\n", (BINDER / "runtime.txt").read_text("utf-8"))


def test_the_cell_for_colab_is_one() -> None:
    (cell,) = re.findall(
        r"```python\n(.*?)```", (FOLDER / "instructor" / "deployment.md").read_text("utf-8"), re.DOTALL
    )
    ast.parse(TransformerManager().transform_cell(cell))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_lead_somewhere(page) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    for words in re.findall(r"python -m segnext_edu ([\w -]+(?:--out \w+)?)", text):
        parser().parse_args(words.split())
