"""The interactive figures of the notebooks, by notebook: what the tests and the benchmark go through."""

from __future__ import annotations

import importlib
from pathlib import Path

from segnext_edu.lessons.figures import Explorer

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("nb[0-9][0-9].py"))


def build(name: str) -> Explorer:
    """The figure of one notebook, "nb03" say, as it stands when it opens; with shipped data, and drawn once."""
    return importlib.import_module(f"segnext_edu.lessons.figures.{name}").explorer()
