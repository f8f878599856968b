"""Run a notebook's cells where the best device is a simulated GPU: `python -m tests.notebook_on_a_gpu notebook.ipynb`.

Ends with the first cell that fails, and its error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nbformat
from IPython.core.interactiveshell import InteractiveShell

from tests.simulated_gpu import on_a_gpu


def main(path: Path) -> int:
    notebook = nbformat.read(path, as_version=4)
    os.chdir(path.parent)
    shell = InteractiveShell.instance()
    with on_a_gpu():
        for number, cell in enumerate(notebook.cells):
            if cell.cell_type != "code" or "raises-exception" in cell.metadata.get("tags", []):
                continue
            outcome = shell.run_cell(cell.source, silent=True)
            if not outcome.success:
                error = outcome.error_in_exec or outcome.error_before_exec
                print(f"cell {number}: {type(error).__name__}: {error}", file=sys.stderr)
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]).resolve()))
