"""A photograph to pick a pixel from: by a click, by dragging, or with the arrow keys.

Its few lines of JavaScript lie beside this file, and travel to the browser over the widget's own connection: nothing is
fetched from the network.
"""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from PIL import Image

FOLDER = Path(__file__).parent
SIZE = (300, 300)  # at most, in the browser, pixels
HELP = "The photograph. Click, drag or press the arrow keys to pick a pixel; with shift they go ten times as far."


class PixelPicker(anywidget.AnyWidget):
    """A photograph with a cross on it.

    at: (row, column) of the cross, in per cent of the way down and across: whole numbers from 0 to 100, so that they
    mean something on every photograph. Raises TraitError for any other.
    label: what a screen reader says about it.
    """

    _esm = (FOLDER / "picker.js").read_text(encoding="utf-8")
    _css = (FOLDER / "picker.css").read_text(encoding="utf-8")
    picture = traitlets.Bytes().tag(sync=True)
    at = traitlets.Tuple(traitlets.Int(), traitlets.Int(), default_value=(50, 50)).tag(sync=True)
    label = traitlets.Unicode(HELP).tag(sync=True)

    def __init__(self, photo: Image.Image, at: tuple[int, int] = (50, 50), **more: Any):
        super().__init__(picture=jpeg(photo), at=at, **more)

    @traitlets.validate("at")
    def _inside(self, proposal: Any) -> tuple[int, int]:
        if not all(0 <= value <= 100 for value in proposal["value"]):
            raise traitlets.TraitError(f"row and column are per cent, from 0 to 100, but came as {proposal['value']}")
        return proposal["value"]

    def show(self, photo: Image.Image) -> None:
        """Put another photograph in its place; the cross stays where it is."""
        self.picture = jpeg(photo)


def jpeg(photo: Image.Image) -> bytes:
    """A photograph at the size at which it is picked from, as a JPEG."""
    small, buffer = photo.convert("RGB"), BytesIO()
    factor = min(side / most for side, most in zip(SIZE, small.size))
    small = small.resize([max(1, round(side * factor)) for side in small.size])
    small.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
