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


# What the series teaches: all of it is built in a notebook, but for the names in EXEMPT.
TAUGHT = (
    "segnext_edu.model",
    "segnext_edu.metrics",
    "segnext_edu.cost",
    "segnext_edu.data.augment",
    "segnext_edu.training.recipe",
    "segnext_edu.inference.folding",
    "segnext_edu.inference.optimize",
    "segnext_edu.explain.record",
    "segnext_edu.explain.gradients",
    "segnext_edu.explain.sanity.perturbation",
)
EXEMPT = {
    "segnext_edu.data.augment.Draws": "a table of random numbers",
    "segnext_edu.data.augment.draw": "fills that table",
    "segnext_edu.data.augment.augment": "makes a batch of what notebook 01 builds",
    "segnext_edu.data.augment.scale_crop_flip": "notebook 01's twelve lines, with the choice of the crop",
    "segnext_edu.data.augment.distort_colours": "notebook 01 shows what it does",
    "segnext_edu.data.augment.hsv_to_rgb": "another colour space",
    "segnext_edu.cost.Operations": "watches PyTorch's operations",
    "segnext_edu.cost.count_macs": "watches PyTorch's operations",
    "segnext_edu.cost.macs_of": "looks a cost up",
    "segnext_edu.training.recipe.Recipe": "a table of settings; notebook 08 prints it",
    "segnext_edu.training.recipe.default_recipe": "chooses settings for the command line",
    "segnext_edu.training.recipe.mixed_seed": "spreads seeds",
    "segnext_edu.explain.record.Recording": "names what was recorded",
    "segnext_edu.explain.record.attention_maps": "hands on a part of the recording",
    "segnext_edu.explain.record.attentions": "walks through a model",
    "segnext_edu.explain.record.cell_of": "one division",
    "segnext_edu.explain.record.record": "notebook 04's hooks, all at once",
    "segnext_edu.explain.sanity.perturbation.class_to_ask": "a rule for choosing, which notebook 10 states",
}


def public_names() -> Iterator[str]:
    """Every public class and function of the modules that are taught, with its module."""
    for path in sorted(PACKAGE.rglob("*.py")):
        module = ".".join(["segnext_edu", *path.relative_to(PACKAGE).with_suffix("").parts]).removesuffix(".__init__")
        if not module.startswith(TAUGHT):
            continue
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
                yield f"{module}.{node.name}"


def test_the_notebooks_build_what_is_taught() -> None:
    built = {str(parameter.values[0]) for parameter in MIRRORS}
    assert {name for name in public_names() if name not in built} == set(EXEMPT)


STRIP_CONV = package_source("segnext_edu.model.strip_conv.StripConv")


def test_comments_and_docstrings_may_differ() -> None:
    undocumented = "# the last word\n" + STRIP_CONV.replace('"""', '"""Other words. ', 1)
    assert syntax(undocumented) == syntax(STRIP_CONV)


@pytest.mark.parametrize(
    "change", [("self.horizontal", "self.across"), ("// 2", "// 3"), ("nn.Module", "nn.Sequential")]
)
def test_code_may_not_differ(change: tuple[str, str]) -> None:
    assert change[0] in STRIP_CONV
    assert syntax(STRIP_CONV.replace(*change)) != syntax(STRIP_CONV)


def test_nothing_may_stand_beside_it() -> None:
    with pytest.raises(AssertionError, match="one definition"):
        syntax(STRIP_CONV + "\nStripConv(3, 7)")
