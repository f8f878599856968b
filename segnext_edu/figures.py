"""Pictures that carry words: `show` is how a notebook displays a figure, so that no image is without its alt text."""

from __future__ import annotations

import zlib
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL.Image import Image

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Picture:
    """A PNG and what it shows in words.

    The words travel as the output's alt text, which a page made by nbconvert gives to the image, and as its plain text,
    which is what a terminal shows. They must not be empty.
    """

    png: bytes
    alt: str

    def __post_init__(self) -> None:
        if not self.alt.strip():
            raise ValueError("an image needs alt text: one sentence that says what there is to see")

    def __repr__(self) -> str:
        return self.alt

    def _repr_mimebundle_(self, **_: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {"image/png": b64encode(self.png).decode(), "text/plain": self.alt}
        return data, {"image/png": {"alt": self.alt}}


def show(figure: Figure | Image, alt: str) -> Picture:
    """A matplotlib figure or a PIL image as an image with alt text; let it be the last line of a cell.

    Make the figure with `matplotlib.figure.Figure`, not with pyplot, or Jupyter draws it a second time.
    """
    buffer = BytesIO()
    if isinstance(figure, Image):
        # In a third of the default's time, for some per cent more bytes.
        figure.save(buffer, format="PNG", compress_level=4, compress_type=zlib.Z_RLE)
    else:
        figure.savefig(buffer, format="png", dpi=100, metadata={"Software": None})  # no version number in the bytes
    return Picture(buffer.getvalue(), alt)
