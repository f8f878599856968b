"""Two things that nbval does not look at when it runs the notebooks: their pictures, and their time.

A plugin: `python -m pytest --nbval --nbval-current-env -p tests.watch_notebooks notebooks`. It hides the GPU from the
notebooks' kernels, because the numbers that they store are the CPU's; in JupyterLab they use it.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Generator
from io import BytesIO

import numpy as np
import psutil
import pytest
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell
from PIL import Image

from tools.notebooks import promised_seconds

CORES = 2  # that the openings speak of
FAINT = 0.5  # grey levels of 255, on average over a picture: fonts and rounding stay below, a moved curve does not


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    with pytest.MonkeyPatch.context() as patch:
        if isinstance(item, IPyNbCell):
            patch.setenv("CUDA_VISIBLE_DEVICES", "")  # with a notebook's first cell its kernel starts
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    yield
    if isinstance(item, IPyNbCell):
        if item.options["check"] and item.test_outputs is not None:
            compare_pictures(item.cell.outputs, item.test_outputs)
        check_time(item)


def compare_pictures(stored: list[NotebookNode], drawn: list[NotebookNode]) -> None:
    """Fail where a picture that was drawn now is not, to the eye, the one that the notebook stores."""
    for before, after in zip(pictures(stored), pictures(drawn), strict=True):
        if before.shape != after.shape:
            pytest.fail(f"the picture was {before.shape[1::-1]} pixels and is now {after.shape[1::-1]}", pytrace=False)
        difference = np.abs(before - after).mean()
        if difference > FAINT:
            pytest.fail(f"the picture differs from the stored one by {difference:.2f} grey levels", pytrace=False)


def pictures(outputs: list[NotebookNode]) -> list[np.ndarray]:
    """The PNGs among a cell's outputs, (H, W, 3)."""
    data = [output["data"]["image/png"] for output in outputs if "image/png" in output.get("data", {})]
    return [np.asarray(Image.open(BytesIO(b64decode(png))).convert("RGB"), dtype=float) for png in data]


def check_time(item: IPyNbCell) -> None:
    """Fail a notebook's last cell if its kernel used more than twice the seconds that the opening promises.

    What counts is the processor time a core, as on two idle cores; what else the machine has to do leaves it alone.
    """
    notebook = item.parent
    last = sum(cell.cell_type == "code" for cell in notebook.nb.cells) - 1
    promised = promised_seconds(notebook.nb)
    if item.cell_num == last and promised:
        used = psutil.Process(notebook.kernel.km.provisioner.pid).cpu_times()
        seconds = (used.user + used.system) / CORES
        if seconds > 2 * promised:
            pytest.fail(f"the notebook took {seconds:.0f} s a core; its opening says {promised} s", pytrace=False)
