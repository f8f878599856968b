"""A cell tagged `mirror:segnext_edu.model.msca.MSCA` is that class of the package, but for docstrings and comments."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest

import segnext_edu
from tools.notebooks import FOLDER

PACKAGE = Path(segnext_edu.__file__).parent
MIRRORS = [
    pytest.param(tag.removeprefix("mirror:"), cell.source, id=f"{path.stem}-{tag.removeprefix('mirror:')}")
    for path in sorted(FOLDER.glob("*.ipynb"))
    for cell in nbformat.read(path, as_version=4).cells
    for tag in cell.metadata.get("tags", [])
    if tag.startswith("mirror:")
]


def syntax(source: str) -> str:
    """The syntax tree of one class or function as text, without its docstrings."""
    body = ast.parse(textwrap.dedent(source)).body
    assert len(body) == 1, f"a mirror holds one definition and nothing else, this one {len(body)} statements"
    for node in ast.walk(body[0]):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(body[0])


def package_source(target: str) -> str:
    module, _, name = target.rpartition(".")
    return inspect.getsource(getattr(importlib.import_module(module), name))


@pytest.mark.parametrize(("target", "source"), MIRRORS)
def test_mirror(target: str, source: str) -> None:
    assert syntax(source) == syntax(package_source(target))


# What no notebook builds, and why. A module stands for all that it holds.
EXEMPT = {
    "segnext_edu.__main__": "the command line",
    "segnext_edu.allocator": "one call to the C library's memory, whose cost notebook 12 measures",
    "segnext_edu.explain.atlas.page": "writes a page",
    "segnext_edu.explain.atlas.graph": "notebook 10's gradients, asked of a graph that is kept",
    "segnext_edu.explain.atlas.maps": "notebook 10's maps, chosen and scaled for its figure and for the page",
    "segnext_edu.lessons.checks": "the exercises' checks would give their solutions away",
    "segnext_edu.checkpoints.Available": "a table of what ships",
    "segnext_edu.checkpoints.available": "file handling",
    "segnext_edu.checkpoints.begin_with": "file handling",
    "segnext_edu.checkpoints.first_line": "file handling",
    "segnext_edu.checkpoints.load": "file handling",
    "segnext_edu.checkpoints.read": "file handling",
    "segnext_edu.training.devices": "where a run computes",
    "segnext_edu.checkpoints.save": "file handling",
    "segnext_edu.lessons.comparison": "reads and averages; notebook 08 prints what comes of it",
    "segnext_edu.explain.sanity.bars.bar": "draws a bar",
    "segnext_edu.explain.sanity.bars.gains": "hooks, as notebook 04 sets them; notebook 10 says what they measure",
    "segnext_edu.explain.sanity.bars.pictures": "draws the bars' places and colours",
    "segnext_edu.explain.sanity.bars.strips": "walks through a model",
    "segnext_edu.explain.sanity.perturbation.class_to_ask": "a rule for choosing; notebook 10 states it",
    "segnext_edu.explain.sanity.baselines": "Sobel's kernels and noise, to compare with",
    "segnext_edu.explain.sanity.evaluation": "does for many pictures what notebook 10 builds for one",
    "segnext_edu.cost.count_macs": "counts inside PyTorch's dispatcher; the learner's own formulas are held against it",
    "segnext_edu.cost.Operations": "of count_macs, and of traffic.py",
    "segnext_edu.cost.macs_of": "of count_macs, and of traffic.py",
    "segnext_edu.lessons.course": "hands the notebooks out, and grades them",
    "segnext_edu.data.ade20k": "file handling",
    "segnext_edu.data.download": "file handling",
    "segnext_edu.data.folder": "file handling",
    "segnext_edu.data.load_scenes": "file handling",
    "segnext_edu.data.pairs": "file handling",
    "segnext_edu.data.palette": "chooses colours for the figures",
    "segnext_edu.explain.record.Recording": "names what was recorded",
    "segnext_edu.explain.record.attention_maps": "hands on a part of the recording",
    "segnext_edu.explain.record.attentions": "walks through a model",
    "segnext_edu.explain.record.cell_of": "one division",
    "segnext_edu.explain.record.record": "notebook 04's hooks, all at once",
    "segnext_edu.lessons.figures": "the interactive figures",
    "segnext_edu.inference.export": "file handling",
    "segnext_edu.figures": "shows the figures",
    "segnext_edu.files": "file handling",
    "segnext_edu.inference.predict": "puts what the notebooks build to use on files of one's own",
    "segnext_edu.inference.tta": "puts what the notebooks build to use on files of one's own",
    "segnext_edu.official": "file handling",
    "segnext_edu.data.dataset": "feeds the training loop",
    "segnext_edu.training.trainer": "notebook 08's loop with files, resuming and several devices",
    "segnext_edu.inference.run_exported": "a script for places without this package",
    "segnext_edu.training.shared_norm": "BatchNorm for several processes, where PyTorch has none for CPUs",
    "segnext_edu.training.recipe.Recipe": "a table of settings; notebook 08 prints it",
    "segnext_edu.training.recipe.default_recipe": "chooses settings for the command line",
    "segnext_edu.training.recipe.mixed_seed": "spreads seeds",
    "segnext_edu.inference.sliding_window": "puts what the notebooks build to use on photographs of any size",
}


def public_names() -> Iterator[str]:
    """Every public class and function that the package defines, with its module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(["segnext_edu", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}"


def exempted_by(name: str) -> str | None:
    return next((entry for entry in EXEMPT if name == entry or name.startswith(f"{entry}.")), None)


def test_the_notebooks_build_everything() -> None:
    built = {str(parameter.values[0]) for parameter in MIRRORS}
    assert [name for name in public_names() if name not in built and not exempted_by(name)] == []


def test_exemptions_are_needed() -> None:
    built = {str(parameter.values[0]) for parameter in MIRRORS}
    used = {exempted_by(name) for name in public_names() if name not in built}
    assert set(EXEMPT) - used == set()


STRIP_CONV = package_source("segnext_edu.model.strip_conv.StripConv")


def test_comments_and_docstrings_may_differ() -> None:
    undocumented = "# the last word\n" + STRIP_CONV.replace('"""', '"""Other words. ', 1)
    assert syntax(undocumented) == syntax(STRIP_CONV)


@pytest.mark.parametrize("change", [("self.row", "self.column"), ("// 2", "// 3"), ("nn.Module", "nn.Sequential")])
def test_code_may_not_differ(change: tuple[str, str]) -> None:
    assert change[0] in STRIP_CONV
    assert syntax(STRIP_CONV.replace(*change)) != syntax(STRIP_CONV)


def test_nothing_may_stand_beside_it() -> None:
    with pytest.raises(AssertionError, match="one definition"):
        syntax(STRIP_CONV + "\nStripConv(3, 7)")
