"""The notebooks' interactive figures by topic: what the tests and the benchmark go through."""

from __future__ import annotations

import importlib
from pathlib import Path

from segnext_edu.lessons.figures import Explorer
from segnext_edu.lessons.series import WRITTEN

TOPICS = [one.topic for one in WRITTEN if Path(__file__).with_name(f"{one.topic}.py").exists()]


def build(topic: str) -> Explorer:
    """A notebook's figure as it stands when it opens; with shipped data, and drawn once."""
    return importlib.import_module(f"segnext_edu.lessons.figures.{topic}").explorer()
