"""The exercises' checks, a module per topic: `checks.training.segmentation_loss(your_function)` answers in words."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from segnext_edu.lessons.series import WRITTEN

# The tour has no exercises.
__all__ = [notebook.topic for notebook in WRITTEN[1:]]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """A topic's checks, imported when they are asked for."""
    if name not in __all__:
        raise AttributeError(f"there are no checks for {name!r}; there are {', '.join(__all__)}")
    return import_module(f"{__name__}.{name}")
