"""Run the notebooks again and store them as they are committed: `python -m tools.notebooks refresh [names…]`.

`python -m tools.notebooks lists` writes README's and the tour's tables of the notebooks, from `lessons/series.py`, and
the minutes to read in every opening, from what stands in the notebook.

Everything that changes from run to run without meaning anything (times, versions, widget identifiers) is left out, so
that a notebook whose outputs did not change is, byte for byte, the file it was.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from segnext_edu.files import InputError, appears_whole, one_line_errors
from segnext_edu.lessons import series
from tools.reading import state

FOLDER = Path(__file__).resolve().parents[1] / "notebooks"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
KEPT = ("jupyter", "tags")  # of a cell's metadata
METADATA = {
    "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "pygments_lexer": "ipython3",
    },
}


def promised_seconds(notebook: NotebookNode) -> int | None:
    """How long the notebook's opening cell says that it runs on 2 CPU cores; None where it does not say."""
    found = re.search(r"(\d+) seconds? to run on 2 CPU cores", notebook.cells[0].source) if notebook.cells else None
    return int(found[1]) if found else None


def execute(notebook: NotebookNode, folder: Path) -> float:
    """Run all the cells in a fresh kernel of this Python, in `folder`, on the CPU. Returns the seconds it took."""
    start = time.perf_counter()
    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=600,
        extra_arguments=["--log-level=ERROR"],
        store_widget_state=False,
        record_timing=False,
        coalesce_streams=True,  # how a kernel cuts up what is printed depends on the moment
        resources={"metadata": {"path": str(folder)}},
    )
    client.execute(env={**os.environ, "CUDA_VISIBLE_DEVICES": ""})
    return time.perf_counter() - start


def normalise(notebook: NotebookNode) -> None:
    """Leave out of an executed notebook what says nothing to its reader.

    A widget's view goes too: without a kernel JupyterLab would show "model not found" in the place of the picture that
    an `Explorer` leaves beside it.

    Raises InputError for what must not be stored: a message on stderr, a widget that leaves no picture.
    """
    notebook.metadata = nbformat.from_dict(METADATA)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.metadata = nbformat.from_dict({key: value for key, value in cell.metadata.items() if key in KEPT})
        if cell.cell_type != "code":
            continue
        for output in cell.outputs:
            if output.get("name") == "stderr":
                raise InputError(f"cell {number} writes to stderr: {output.text.strip().splitlines()[-1]}")
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]  # the rest names files of this machine
            if WIDGET_VIEW in output.get("data", {}):
                del output.data[WIDGET_VIEW]
                if "image/png" not in output.data:
                    raise InputError(f"cell {number} shows a widget that leaves no picture; make it an Explorer")


def refresh(path: Path) -> str:
    """Run one notebook and store it. Returns a line that says how long it took; on an error nothing is written."""
    notebook = nbformat.read(path, as_version=4)
    try:
        seconds = execute(notebook, path.parent)
        normalise(notebook)
        state(notebook)
    except (CellExecutionError, CellTimeoutError, DeadKernelError, InputError) as error:
        raise InputError(f"{path.name} was left as it was: {error}") from error
    with appears_whole(path) as part:
        nbformat.write(notebook, part)
    promised = promised_seconds(notebook)
    verdict = "its opening does not say how long"
    if promised:
        verdict = f"its opening says {promised} s"
        verdict += "" if promised / 2 <= seconds <= promised * 2 else ": CORRECT IT"
    return f"{path.stem}: {seconds:.0f} s, {verdict}"


@one_line_errors
def main(arguments: list[str] | None = None) -> None:
    """Run the command; the exit code is 2 for a notebook that is not there or does not run."""
    parser = argparse.ArgumentParser(prog="python -m tools.notebooks", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser("refresh", help="run and store again")
    command.add_argument("names", nargs="*", help="such as 03 or 03_strip_convolution; all of them where none is given")
    commands.add_parser("lists", help="write the tables of the notebooks, and the minutes to read")
    args = parser.parse_args(arguments)
    if args.command == "lists":
        write_lists()
        return
    names = args.names
    for path in [find(name) for name in names] or sorted(FOLDER.glob("*.ipynb")):
        print(refresh(path), flush=True)


def with_table(text: str, folder: str = "") -> str:
    """A text with the table of the notebooks, and the line below it, as `series.py` has them now."""
    pattern = r"(?m)^\| notebook \| you build.*\n(?:\|.*\n?)+(?:\nStill being written: .*\n?)?"
    return re.sub(pattern, lambda found: series.table(folder) + "\n" * found[0].endswith("\n"), text)


def write_lists() -> None:
    """Write the tables of the notebooks again, in README and in the tour, and the minutes to read in every opening."""
    readme = FOLDER.parent / "README.md"
    text = readme.read_text("utf-8")
    with appears_whole(readme) as part:
        part.write_text(with_table(text, "notebooks/"), "utf-8")
    for path in sorted(FOLDER.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            cell.source = with_table(cell.source) if cell.cell_type == "markdown" else cell.source
        state(notebook)
        with appears_whole(path) as part:
            nbformat.write(notebook, part)


def find(name: str) -> Path:
    """The notebook whose name begins so."""
    paths = sorted(FOLDER.glob(f"{Path(name).stem}*.ipynb"))
    if len(paths) != 1:
        there = ", ".join(path.stem for path in sorted(FOLDER.glob("*.ipynb"))) or "none"
        raise InputError(f"{name}: {len(paths)} notebooks in {FOLDER.name}/ begin so; there are {there}")
    return paths[0]


if __name__ == "__main__":
    sys.exit(main())
