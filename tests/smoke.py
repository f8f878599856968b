"""The package on a machine without make: `python -m tests.smoke`. Continuous integration runs it on Windows.

There what is printed goes to a pipe in the old code page; elsewhere PYTHONIOENCODING=cp1252 tries the same.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[1]


def command(*words: object) -> None:
    """Run `python -m segnext_edu …`; raises CalledProcessError where it fails."""
    print("$ python -m segnext_edu", *words, flush=True)
    subprocess.run([sys.executable, "-m", "segnext_edu", *map(str, words)], check=True)


def imports() -> None:
    """Every module of the package, in one process."""
    names = (path.relative_to(ROOT).with_suffix("") for path in (ROOT / "segnext_edu").rglob("*.py"))
    modules = [".".join(name.parts).removesuffix(".__init__") for name in names]
    code = "import importlib, sys\nfor name in sys.argv[1:]: importlib.import_module(name)"
    subprocess.run([sys.executable, "-c", code, *sorted(set(modules))], check=True)
    print("Every module can be imported.", flush=True)


def commands(folder: Path) -> None:
    """Train 20 steps, score, and label a photograph; what is written can be read again."""
    run, photo, overlay, page = (folder / name for name in ("first run", "photo ü.jpg", "overlay.png", "atlas.html"))
    Image.linear_gradient("L").resize((90, 60)).convert("RGB").save(photo)
    command("--help")
    command("train", "--data", "mini", "--variant", "nano", "--out", run, "--steps", 20, "--batch", 2, "--crop", 64,
            "--save-every", 10, "--device", "cpu")  # fmt: skip
    assert len((run / "log.jsonl").read_text("utf-8").splitlines()) == 20
    command("evaluate", "--checkpoint", run / "last.safetensors", "--data", "mini")
    command("predict", "--checkpoint", run / "last.safetensors", photo, "--out", overlay)
    with Image.open(overlay) as picture:
        assert picture.size == (90, 60)
    command("atlas", photo, "--out", page)
    assert page.read_text("utf-8").startswith("<!")


def tour() -> None:
    """Notebook 00 runs from the first cell to the last."""
    notebook = nbformat.read(ROOT / "notebooks" / "00_tour.ipynb", as_version=4)
    NotebookClient(notebook, timeout=600, resources={"metadata": {"path": ROOT / "notebooks"}}).execute()


if __name__ == "__main__":
    imports()
    with tempfile.TemporaryDirectory() as folder:
        commands(Path(folder))
    tour()
    print("All of it works here.")
