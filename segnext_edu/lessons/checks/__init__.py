"""The exercises' checks, a module per topic: `checks.training.segmentation_loss(your_function)` answers in words."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from segnext_edu.lessons.series import WRITTEN

THERE = {path.stem for path in Path(__file__).parent.glob("*.py")}
__all__ = [one.topic for one in WRITTEN if one.topic in THERE]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """A topic's checks, imported when they are asked for."""
    if name not in __all__:
        raise AttributeError(f"there are no checks for {name!r}; there are {', '.join(__all__)}")
    return import_module(f"{__name__}.{name}")
