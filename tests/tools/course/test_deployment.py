"""The files for Binder and the cell for Colab are well formed, and the lecturer's pages name commands that exist."""

from __future__ import annotations

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

import pytest
from IPython.core.inputtransformer2 import TransformerManager
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from segnext_edu.cli import parser
from tools.notebooks import FOLDER

BINDER = FOLDER.parent / ".binder"
PAGES = sorted((FOLDER / "instructor").glob("*.md"))


def test_binder_installs_this_package_with_its_lab() -> None:
    lines = (BINDER / "requirements.txt").read_text("utf-8").split("\n")
    assert lines[0].startswith("--extra-index-url https://")  # without it, PyTorch comes with gigabytes for a GPU
    path, extras = re.fullmatch(r"(\.)\[(\w+)\]", lines[1]).groups()
    project = tomllib.loads((FOLDER.parent / path / "pyproject.toml").read_text("utf-8"))["project"]
    assert Requirement(f"{project['name']}[{extras}]").extras == {"lab"} <= set(project["optional-dependencies"])
    version = re.fullmatch(r"python-(3\.\d+)\n", (BINDER / "runtime.txt").read_text("utf-8"))
    assert version and SpecifierSet(project["requires-python"]).contains(version[1])


def cell_for_colab() -> str:
    (cell,) = re.findall(
        r"```python\n(.*?)```", (FOLDER / "instructor" / "deployment.md").read_text("utf-8"), re.DOTALL
    )
    return cell


def test_the_cell_for_colab_is_one() -> None:
    ast.parse(TransformerManager().transform_cell(cell_for_colab()))


def test_the_cell_for_colab_finds_the_wheel(tmp_path: Path) -> None:
    """pip, without a network and without installing anything, understands the line, and takes our wheel."""
    (line,) = re.findall(r"^%pip install (.+)$", cell_for_colab(), re.MULTILINE)
    version = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    (tmp_path / "wheels").mkdir()
    with ZipFile(tmp_path / "wheels" / f"segnext_edu-{version}-py3-none-any.whl", "w") as wheel:
        about = f"segnext_edu-{version}.dist-info"
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: segnext-edu\nVersion: {version}\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
    pip = [sys.executable, "-m", "pip", "--isolated", "install", "--dry-run", "--no-index", "--ignore-installed"]
    words = [word for word in shlex.split(line) if word != "-q"]
    done = subprocess.run([*pip, *words], cwd=tmp_path, capture_output=True, text=True)
    assert f"Would install segnext-edu-{version}" in done.stdout, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_pages_lead_somewhere(page) -> None:
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)]+)\)", text):
        assert target.startswith("https://") or (page.parent / target).exists(), target
    for words in re.findall(r"python -m segnext_edu ([\w -]+(?:--out \w+)?)", text):
        parser().parse_args(words.split())
