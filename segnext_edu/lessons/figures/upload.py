"""A photograph that somebody drops in: opened with care, and at a size that is enough to look at."""

from __future__ import annotations

import warnings
from io import BytesIO
from pathlib import Path

import anywidget
import traitlets
from PIL import Image

from segnext_edu.data.images import upright
from segnext_edu.explain.atlas.maps import seen_side
from segnext_edu.files import InputError

MOST_BYTES = 10_000_000  # a larger message would make JupyterLab drop the connection to its kernel
MOST_PIXELS = 60_000_000  # opened: 180 MB
LONGEST = 1600  # pixels a side; what is larger is made smaller
SMALLER = "Save it smaller, at 1600 pixels say: the network looks at fewer."


class PhotoUpload(anywidget.AnyWidget):
    """A button to take a photograph from the reader's machine.

    file: {"name": …, "content": its bytes} once there is one. The browser makes a picture of more than `most_bytes`
    smaller before it sends it: unlike ipywidgets' FileUpload, it does not break the connection with it.
    """

    _esm = Path(__file__).with_name("upload.js").read_text(encoding="utf-8")
    label = traitlets.Unicode("your own photograph").tag(sync=True)
    most_bytes = traitlets.Int(MOST_BYTES // 2).tag(sync=True)
    file = traitlets.Dict().tag(sync=True)


def read_photo(name: str, content: bytes | memoryview) -> Image.Image:
    """The photograph in a file's bytes: upright, RGB, no side longer than 1600 pixels.

    Raises InputError for what is no picture, broken, too large or too small; its size is read before its pixels are.
    """
    if len(content) > MOST_BYTES:
        raise InputError(f"{name} has {len(content) / 1e6:.0f} MB; expected at most {MOST_BYTES / 1e6:.0f}. {SMALLER}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            photo = Image.open(BytesIO(content))
        check_size(name, photo.size)
        photo.draft("RGB", (LONGEST, LONGEST))  # a JPEG is decoded at a half, a quarter … where that is enough
        photo = upright(photo)
    except InputError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{name} has more than {MOST_PIXELS // 10**6} million pixels. {SMALLER}") from error
    except Exception as error:  # Pillow's decoders raise many kinds
        raise InputError(
            f"{name} is not a picture that can be read; expected a whole JPEG, PNG or WebP. "
            "Open it in an image viewer: if that fails too, the file is broken."
        ) from error
    photo.thumbnail((LONGEST, LONGEST))
    return photo


def check_size(name: str, size: tuple[int, int]) -> None:
    """Raises InputError for more pixels than can be opened here, and for what no network can look at."""
    if size[0] * size[1] > MOST_PIXELS:
        raise InputError(f"{name} has more than {MOST_PIXELS // 10**6} million pixels. {SMALLER}")
    try:
        seen_side(size, LONGEST)
    except InputError as error:
        raise InputError(f"{name}: {error}") from error
