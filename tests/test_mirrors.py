"""A cell tagged `mirror:segnext_edu.msca.MSCA` is the package's code, word for word but for docstrings and comments."""

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
from segnext_edu.notebooks import FOLDER

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
    "segnext_edu.machine": "memory and waiting threads, below PyTorch",
    "segnext_edu.atlas": "writes a page",
    "segnext_edu.atlas_graph": "notebook 09's gradients, asked of a graph that is kept",
    "segnext_edu.atlas_maps": "notebook 09's maps, chosen and scaled for its figure and for the page",
    "segnext_edu.bench": "a measuring tool, used by notebook 11",
    "segnext_edu.bench_gate": "a measuring tool for GPUs",
    "segnext_edu.bench_gpu": "a measuring tool for GPUs",
    "segnext_edu.bench_training": "a measuring tool, used by notebook 08",
    "segnext_edu.checks": "the exercises' checks would give their solutions away",
    "segnext_edu.checkpoints.Available": "a table of what ships",
    "segnext_edu.checkpoints.available": "file handling",
    "segnext_edu.checkpoints.begin_with": "file handling",
    "segnext_edu.checkpoints.first_line": "file handling",
    "segnext_edu.checkpoints.load": "file handling",
    "segnext_edu.checkpoints.read": "file handling",
    "segnext_edu.cli": "the command line",
    "segnext_edu.comparison": "trains for hours what notebook 08's tables are computed from",
    "segnext_edu.contenders": "other people's networks, to be trained beside ours",
    "segnext_edu.devices": "where a run computes",
    "segnext_edu.publish": "file handling",
    "segnext_edu.checkpoints.save": "file handling",
    "segnext_edu.comparison_tables": "reads and averages; notebook 08 prints what comes of it",
    "segnext_edu.controls.__main__": "the command line",
    "segnext_edu.controls.bars.bar": "draws a bar",
    "segnext_edu.controls.bars.gains": "hooks, as notebook 04 sets them; notebook 09 says what they measure",
    "segnext_edu.controls.bars.pictures": "draws the bars' places and colours",
    "segnext_edu.controls.bars.strips": "walks through a model",
    "segnext_edu.controls.masking.class_to_ask": "a rule for choosing; notebook 09 states it",
    "segnext_edu.controls.rivals": "Sobel's kernels and noise, to compare with",
    "segnext_edu.controls.survey": "does for many pictures what notebook 09 builds for one",
    "segnext_edu.cost.count_macs": "counts inside PyTorch's dispatcher; the learner's own formulas are held against it",
    "segnext_edu.cost.Operations": "of count_macs, and of traffic.py",
    "segnext_edu.cost.macs_of": "of count_macs, and of traffic.py",
    "segnext_edu.course": "hands the notebooks out, and grades them",
    "segnext_edu.data.ade20k": "file handling",
    "segnext_edu.data.download": "file handling",
    "segnext_edu.data.drawing": "draws the scenes that ship",
    "segnext_edu.data.folder": "file handling",
    "segnext_edu.data.load_scenes": "file handling",
    "segnext_edu.data.pairs": "file handling",
    "segnext_edu.data.palette": "chooses colours for the figures",
    "segnext_edu.data.scenes": "draws the scenes that ship",
    "segnext_edu.explain.Recording": "names what was recorded",
    "segnext_edu.explain.attention_maps": "hands on a part of the recording",
    "segnext_edu.explain.attentions": "walks through a model",
    "segnext_edu.explain.cell_of": "one division",
    "segnext_edu.explain.record": "notebook 04's hooks, all at once",
    "segnext_edu.explorers": "the interactive figures",
    "segnext_edu.export": "file handling",
    "segnext_edu.figures": "shows the figures",
    "segnext_edu.files": "file handling",
    "segnext_edu.gate_kernel": "a GPU's part of notebook 11, which runs without one",
    "segnext_edu.gpu_clock": "a measuring tool for GPUs",
    "segnext_edu.inference": "puts what the notebooks build to use on files of one's own",
    "segnext_edu.looks": "puts what the notebooks build to use on files of one's own",
    "segnext_edu.official": "file handling",
    "segnext_edu.notebooks": "runs the notebooks",
    "segnext_edu.pareto": "a measuring tool, used by notebook 11",
    "segnext_edu.series": "the list of the notebooks",
    "segnext_edu.peers": "another project's model, to be timed beside ours",
    "segnext_edu.pictures": "feeds the training loop",
    "segnext_edu.run": "notebook 08's loop with files, resuming and several devices",
    "segnext_edu.run_exported": "a script for places without this package",
    "segnext_edu.scaling": "measures in processes of its own; what it writes is drawn elsewhere",
    "segnext_edu.shared_norm": "BatchNorm for several processes, where PyTorch has none for CPUs",
    "segnext_edu.train.Recipe": "a table of settings; notebook 08 prints it",
    "segnext_edu.train.default_recipe": "chooses settings for the command line",
    "segnext_edu.train.mixed_seed": "spreads seeds",
    "segnext_edu.traffic": "a measuring tool for GPUs",
    "segnext_edu.windows": "puts what the notebooks build to use on photographs of any size",
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


STRIP_CONV = package_source("segnext_edu.strip_conv.StripConv")


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
