"""Every notebook keeps the rules of `notebook_guards.py`, every guard catches its fault, and refreshing is safe."""

from __future__ import annotations

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from inspect import getsource
from pathlib import Path

import nbformat
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from segnext_edu.figures import show
from segnext_edu.lessons.series import SERIES, Notebook
from tests import notebook_guards as guards
from tests.notebook_guards import GUARDS, Stored
from tools import notebooks
from tools.reading import Reading, reading, state, stated

NOTEBOOKS = sorted(notebooks.FOLDER.glob("*.ipynb"))
OPENING = """# 03 · Strips

*You will be able to* say why.

**Needs** notebook 02 · 5 minutes to read · 9 seconds to run on 2 CPU cores"""
RECAP = "## Recap\n\n" + "\n".join(f"{number}. Why {number}?" for number in range(1, 6))
PNG = "iVBORw0KGgo="


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: guard.__name__)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook(path: Path, guard: Callable) -> None:
    assert not list(guard(Stored.read(path)))


def test_notebooks_are_numbered_without_doubles() -> None:
    numbers = [path.name[:2] for path in NOTEBOOKS]
    assert len(numbers) == len(set(numbers))


OPEN_TASKS = "#### Exercise 3.2 · Two · ●○○ · 5 min\n\n#### Exercise 3.3 · Three · ●○○ · 5 min"


def good(folder: Path) -> Stored:
    """A small notebook with a bit of everything, all of it as it should be."""
    picture = new_output("display_data", {"image/png": PNG}, metadata={"image/png": {"alt": "a line"}})
    named = "As in Tab. 2, Exercise 3.1, section 4, Figure 1, Fig. 2(b) and `1.5`, $0.5$, Python 3.11."
    section = f"### 3.2 A `part`\n\n**Figure 1.** {named} [Up](#3.2-A-part)"
    error = new_output("error", ename="ZeroDivisionError")
    exercise = "def f():\n    raise NotImplementedError\n\nf = checks.strip_conv.f(f)"
    solution = "<details><summary>Solution</summary>\n\n```python\ndef f():\n    return 1\n```\n</details>"
    open_still = new_output("stream", text="○ Not answered yet")
    cells = [
        new_markdown_cell(OPENING),
        new_markdown_cell(f"## 4 · Strips\n\n{OPEN_TASKS}\n\n#### Exercise 3.1 · One · ●○○ · 5 min\n\n{section}"),
        new_code_cell("show(figure)", execution_count=1, outputs=[picture]),
        new_code_cell("1 / 0", execution_count=2, outputs=[error], metadata={"tags": ["raises-exception"]}),
        new_code_cell(exercise, execution_count=3, outputs=[open_still], metadata={"tags": ["exercise"]}),
        new_markdown_cell(solution, metadata={"tags": ["solution"]}),
        new_code_cell("loss", execution_count=4, outputs=[result("tensor(nan)")]),
        new_markdown_cell("Nothing over nothing is NaN, and is not `allclose` to itself."),
        new_code_cell(
            "print('same:', x.equal(x))", execution_count=5, outputs=[new_output("stream", text="same: False")]
        ),
        new_code_cell("x.isfinite()", execution_count=6, outputs=[result("False")]),
        new_markdown_cell("At 41.1 the paper's tiny [ends](03_good.ipynb).", metadata={"tags": ["quotes-paper"]}),
        new_markdown_cell(RECAP),
    ]
    notebook = Stored(folder / "03_good.ipynb", new_notebook(cells=cells))
    state(notebook.node)
    nbformat.write(notebook.node, notebook.path)
    return notebook


def complaints(notebook: Stored) -> list[str]:
    return [complaint for guard in GUARDS for complaint in guard(notebook)]


def prose(text: str) -> Callable[[Stored], None]:
    return lambda notebook: notebook.node.cells.insert(1, new_markdown_cell(text))


def cell(source: str, *outputs: nbformat.NotebookNode, tags: tuple[str, ...] = ()) -> Callable[[Stored], None]:
    def add(notebook: Stored) -> None:
        added = new_code_cell(source, execution_count=4, outputs=list(outputs), metadata={"tags": list(tags)})
        notebook.node.cells.insert(-1, added)

    return add


def result(text: str) -> nbformat.NotebookNode:
    return new_output("execute_result", {"text/plain": text}, execution_count=4)


def opening(without: str) -> Callable[[Stored], None]:
    return lambda notebook: notebook.node.cells[0].update(source=OPENING.replace(without, ""))


def rename(name: str) -> Callable[[Stored], None]:
    return lambda notebook: setattr(notebook, "path", notebook.path.rename(notebook.path.with_name(name)))


def fatten(notebook: Stored) -> None:
    notebook.path.write_bytes(bytes(1_500_001))


def swap(cell: nbformat.NotebookNode, old: str, new: str) -> None:
    cell.source = cell.source.replace(old, new)


LONG = "\n".join("x = 1" for _ in range(26))
BROKEN = {
    "is not named": rename("strips.ipynb"),
    "lacks a title": opening("# 03 · Strips"),
    "lacks 'You will": opening("You will be able to"),
    "lacks what it needs": opening("**Needs**"),
    "lacks 'N minutes": lambda notebook: swap(notebook.node.cells[0], "minutes to read", "minutes"),
    "says 5 minutes to read, and it takes": opening(""),
    "lacks 'N seconds": opening("9 seconds to run"),
    "not the recap": lambda notebook: notebook.node.cells.append(new_markdown_cell("## Afterwards")),
    "has 4 numbered": lambda notebook: notebook.node.cells[-1].update(source=RECAP.replace("5. Why 5?", "")),
    "not run once each": lambda notebook: notebook.code[0].update(execution_count=7),
    "untagged error": cell("boom", new_output("error", ename="ValueError")),
    "on stderr": cell("warn", new_output("stream", name="stderr", text="careful")),
    "widget state": lambda notebook: notebook.node.metadata.update(widgets={}),
    "widget's view": cell("x", new_output("display_data", {notebooks.WIDGET_VIEW: {}})),
    "more than 1.5 MB": fatten,
    "26 lines": cell(LONG),
    "2 outputs": cell("x", new_output("stream", text="a"), new_output("display_data", {"text/plain": "b"})),
    "median code cell": lambda notebook: [cell(LONG, tags=("mirror:x",))(notebook) for _ in range(9)],
    "a picture without alt text below 'plot'": cell("plot", new_output("display_data", {"image/png": PNG})),
    "a picture without alt text: ![]": prose("![](https://example.org/a.png)"),
    "a picture without alt text: <img": prose('<img src="https://example.org/a.png" alt="">'),
    "a link to nowhere: 99_gone.ipynb": prose("[there](99_gone.ipynb)"),
    "a link to nowhere: #3.9-Gone": prose("[there](#3.9-Gone)"),
    "not numbered 1, 2, 3, …: 3, 1": prose("**Figure 3.** A leap."),
    "Figure 4 is nowhere": prose("Look at Figure 4."),
    "section 9 is nowhere": prose("More in section 9."),
    "Exercise 3.7 is nowhere": prose("As in Exercise 3.7."),
    "notebook 31 is nowhere": prose("That is for notebook 31."),
    "Eq 3 is nowhere": prose("By Eq. 3 of the paper."),
    "Fig 2(c) is nowhere": prose("See Fig. 2(c)."),
    "Tab 20 is nowhere": prose("See Tab. 20."),
    "a number typed into the prose: 1.78": prose("It is 1.78 times as fast."),
    "an answer (### BEGIN SOLUTION)": cell("### BEGIN SOLUTION\n### END SOLUTION"),
    "is tagged exercise, but lacks a heading": cell("f = checks.strip_conv.f(f)", tags=("exercise",)),
    "calls checks.msca.f": lambda notebook: swap(notebook.code[2], "strip_conv", "msca"),
    "is not open, its check says '✓": lambda notebook: notebook.code[2].outputs[0].update(text="✓ right"),
    "the tag hide-input and jupyter.source_hidden": cell("import torch", tags=("hide-input",)),
    "and jupyter.outputs_hidden go together": lambda notebook: notebook.code[0].metadata.update(
        jupyter={"outputs_hidden": True}
    ),
    "what was to be the same": cell("a.allclose(b), a.equal(c)", result("(True, False)")),
    "a nan that nobody speaks of": cell("loss", result("tensor(nan)")),
    "speaks of below 'show": cell("show(plot)", new_output("display_data", {"text/plain": "nan times as fast"})),
    "speaks of below 'print": cell("print(loss)", new_output("stream", text="loss nan\n")),
}


def test_a_good_notebook_passes(tmp_path: Path) -> None:
    assert complaints(good(tmp_path)) == []


@pytest.mark.parametrize("complaint", BROKEN)
def test_guards_catch(complaint: str, tmp_path: Path) -> None:
    notebook = good(tmp_path)
    BROKEN[complaint](notebook)
    assert any(complaint in found for found in complaints(notebook)), complaints(notebook)


PROSE = """# A *title* with [a link](somewhere/far.ipynb) · now

**Predict** this, and **Predict.** that: $a + b = c$.

#### Exercise 3.1 · One · ●●○ · 10 min

<details><summary>Hint</summary>
Nobody counts these words.
</details>

```python
nor = "these"
```

#### Exercise 3.2 · An open task · ●●● · 20 min"""


def test_what_is_visible_is_counted() -> None:
    folded = {"tags": ["hide-input"], "jupyter": {"source_hidden": True}}
    cells = [new_markdown_cell(PROSE), new_code_cell("a\n\n  \nb"), new_code_cell("c\nd", metadata=folded)]
    found = reading(new_notebook(cells=cells))
    words = "A title with a link now Predict this and Predict that x Exercise 3.1 One 10 min"
    assert found == Reading(len(words.split()) + 7, cells=3, lines=2, predicts=2, exercises=2, practice=30)
    assert Reading(360, 9, 30, 3, 2, 10).minutes == 2 + 2 + 3 + 15
    assert Reading(361, 9, 30, 3, 2, 10).minutes == 23


@pytest.mark.parametrize("said", ["75", "75–90", "75 to 90"])
def test_the_minutes_are_written_into_the_opening(said: str) -> None:
    notebook = new_notebook(cells=[new_markdown_cell(f"**{said} minutes to read and try · 9 seconds to run**")])
    state(notebook)
    assert notebook.cells[0].source == "**1 minutes to read and try · 9 seconds to run**" and stated(notebook) == 1


@pytest.mark.parametrize("topic", ["tour", "msca"])
def test_a_budget_counts_in_notebooks_that_are_rewritten(topic: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (number,) = (one.number for one in SERIES if one.topic == topic)
    one = next(one for one in SERIES if one.topic == topic)
    long = new_notebook(
        cells=[new_markdown_cell("**Predict.** " + "word " * 3200)] + [new_code_cell("x\n" * 5) for _ in range(100)]
    )
    notebook = Stored(Path(f"{number}_long.ipynb"), long)
    monkeypatch.setattr("tests.notebook_guards.SERIES", [replace(one, rewritten=False)])
    monkeypatch.setattr(Notebook, "number", number)
    assert not list(guards.budget(notebook))
    monkeypatch.setattr("tests.notebook_guards.SERIES", [replace(one, rewritten=True)])
    said = list(guards.budget(notebook))
    most = {"tour": ["1500", "45", "450"], "msca": ["3200", "100", "450"]}[topic]
    assert [complaint.split("more than ")[-1] for complaint in said[:3]] == most
    assert said[3:] == ([] if topic == "tour" else ["0 exercises, fewer than 3"])


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(notebooks, "FOLDER", tmp_path)
    return tmp_path


def write(path: Path, *sources: str) -> Path:
    nbformat.write(new_notebook(cells=[new_markdown_cell(OPENING), *map(new_code_cell, sources)]), path)
    return path


@pytest.mark.slow
def test_refresh_stores_pictures_not_widgets_and_the_same_bytes_twice(
    folder: Path, capsys: pytest.CaptureFixture
) -> None:
    path = write(
        folder / "03_strips.ipynb",
        "from ipywidgets import IntSlider\nfrom matplotlib.figure import Figure",
        "from segnext_edu.lessons.figures import Explorer",
        "Explorer(lambda size: Figure((1, 1)), alt='an empty figure', size=IntSlider(description='size'))",
        "from pathlib import Path\nprint(Path.cwd().name, end=' ')\nprint(6 * 7)",
    )
    ids = [cell.id for cell in nbformat.read(path, as_version=4).cells]
    assert notebooks.main(["refresh", "03"]) == 0
    assert "its opening says 9 s" in capsys.readouterr().out
    once = path.read_bytes()
    assert notebooks.main(["refresh"]) == 0
    assert path.read_bytes() == once
    assert once.endswith(b"\n")

    stored = Stored.read(path)
    assert [cell.id for cell in stored.node.cells] == ids
    assert [cell.execution_count for cell in stored.code] == [1, 2, 3, 4]
    picture, printed = (output for _, output in stored.outputs)
    assert set(picture.data) == {"image/png", "text/plain"}
    assert picture.metadata == {"image/png": {"alt": "an empty figure"}}
    assert printed.text == f"{folder.name} 42\n"
    assert set(stored.node.metadata) == {"kernelspec", "language_info"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("import sys\nprint('careful', file=sys.stderr)", "stderr: careful"),
        ("from ipywidgets import IntSlider\nIntSlider()", "a widget that leaves no picture"),
    ],
)
def test_refresh_leaves_a_failing_notebook_alone(
    folder: Path, source: str, message: str, capsys: pytest.CaptureFixture
) -> None:
    path = write(folder / "03_strips.ipynb", source)
    before = path.read_bytes()
    assert notebooks.main(["refresh"]) == 2
    assert message in capsys.readouterr().err
    assert path.read_bytes() == before
    assert [file.name for file in folder.iterdir()] == [path.name]


def test_refresh_names_what_there_is(folder: Path, capsys: pytest.CaptureFixture) -> None:
    write(folder / "03_strips.ipynb")
    assert notebooks.main(["refresh", "07"]) == 2
    assert "there are 03_strips" in capsys.readouterr().err


def test_stored_errors_name_no_file(folder: Path) -> None:
    path = write(folder / "03_strips.ipynb", "1 / 0")
    stored = json.loads(path.read_text())
    stored["cells"][1]["metadata"]["tags"] = ["raises-exception"]
    path.write_text(json.dumps(stored))
    assert notebooks.main(["refresh"]) == 0
    assert Stored.read(path).code[0].outputs[0].traceback == ["ZeroDivisionError: division by zero"]


@pytest.mark.slow
def test_running_again_watches_the_pictures_and_the_time(tmp_path: Path) -> None:
    def picture(height: int) -> nbformat.NotebookNode:
        png = b64encode(show(bar(height), "a bar").png).decode()
        return new_output("display_data", {"image/png": png, "text/plain": "a bar"})

    opening = "# 03\n\n1 seconds to run on 2 CPU cores"
    imports = "import time\nfrom segnext_edu.figures import show\nfrom matplotlib.figure import Figure\n" + getsource(
        bar
    )
    cells = [
        new_code_cell(imports, execution_count=1),
        new_code_cell("show(bar(5), 'a bar')", execution_count=2, outputs=[picture(5)]),
        new_code_cell("show(bar(5), 'a bar')", execution_count=3, outputs=[picture(4)]),
        new_code_cell("while time.process_time() < 4.5:\n    pass", execution_count=4),
    ]
    path = tmp_path / "03_strips.ipynb"
    nbformat.write(new_notebook(cells=[new_markdown_cell(opening), *cells]), path)
    options = ["-p", "no:cacheprovider", "-p", "tests.watch_notebooks", "--nbval", "--nbval-current-env"]
    command = [sys.executable, "-m", "pytest", *options, str(path)]
    report = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True).stdout
    assert "2 failed, 2 passed" in report, report
    assert "grey levels" in report
    assert "its opening says 1 s" in report


def bar(height: int) -> Figure:
    figure = Figure((2, 1))
    figure.subplots().bar([0, 1], [5, height])
    return figure
