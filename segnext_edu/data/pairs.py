"""Pairs of an image and its mask: each one opened and checked, then gathered into a dataset."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segnext_edu.files import InputError

if TYPE_CHECKING:
    from datasets import Dataset
    from PIL.Image import Image

Place = Path | zipfile.Path  # a file or folder on disk, or the same inside a zip: both list, join and read alike


@dataclass(frozen=True)
class Pair:
    """An image and its mask: two files with the same stem."""

    image: Place
    mask: Place

    @property
    def name(self) -> str:
        return self.image.stem


def checked_dataset(pairs: Sequence[Pair], names: Sequence[str], embed: bool = False) -> Dataset:
    """Open and check every pair, several at a time, and return the dataset that `load_scenes` describes.

    names: the K class names. embed: hold the files' bytes in memory instead of their paths (always so within a zip).
    Raises InputError about the first bad pair, and says how many more there are.
    """
    from datasets import ClassLabel, Dataset, Features, Image, List, Value
    from tqdm import tqdm

    def examine(pair: Pair) -> dict | InputError:
        try:
            return check(pair, len(names), embed)
        except InputError as error:
            return error

    with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:  # Pillow decodes outside Python's global lock
        results = pool.map(examine, pairs)
        # A bar for whoever watches a terminal, once the wait is worth one.
        bar = tqdm(results, "checking pairs", total=len(pairs), unit=" pairs", delay=2, leave=False, disable=None)
        outcomes = list(bar)
    if errors := [outcome for outcome in outcomes if isinstance(outcome, InputError)]:
        more = f" ({len(errors) - 1} more of {len(pairs)} pairs have to be put right.)" if len(errors) > 1 else ""
        raise InputError(f"{errors[0]}{more}")

    features = Features(
        image=Image(mode="RGB"), mask=Image(mode="L"), name=Value("string"), classes=List(ClassLabel(names=list(names)))
    )
    rows = [outcome for outcome in outcomes if isinstance(outcome, dict)]
    return Dataset.from_list(rows, features=features)


def check(pair: Pair, num_classes: int, embed: bool = False) -> dict:
    """One row of the dataset: {image, mask, name, classes}, the files as {"path", "bytes"}. Raises InputError."""
    import numpy as np

    image_bytes, image = _opened(pair.image)
    mask_bytes, mask = _opened(pair.mask)
    if image.mode.startswith(("I", "F")):
        raise InputError(f"{shown(pair.image)}: has {image.mode} pixels, not a photo's. Save it with 8 bits a channel.")
    if mask.mode.startswith("F"):
        raise InputError(
            f"{shown(pair.mask)}: holds fractions; expected whole numbers (0 = other, 1 to {num_classes} = classes). "
            "Save it as a grey PNG of 8 bits."
        )
    if not mask_bytes.startswith(b"\x89PNG"):  # a JPEG's labels are blurred
        raise InputError(f"{shown(pair.mask)}: is no PNG inside, whatever its name says. Export the mask as PNG.")
    if len(mask.getbands()) > 1:
        raise InputError(
            f"{shown(pair.mask)}: is an {mask.mode} image; expected one channel that holds the label numbers "
            f"(0 = other, 1 to {num_classes} = classes). Turn its colours into labels and save it as grey."
        )
    if mask.size != image.size:
        turned = " (the photo is marked as turned on its side)" if mask.size == image.size[::-1] else ""
        raise InputError(
            f"{shown(pair.mask)}: {_size(mask)} pixels, but its image {pair.image.name} has {_size(image)}{turned}. "
            "Export the mask again at the size of the image."
        )
    labels = np.asarray(mask).astype(np.int64)  # a palette mask gives its indices here, not its colours
    lowest, highest = labels.min(), labels.max()
    if lowest < 0 or highest > num_classes:  # known before anything is counted: a count takes memory up to the highest
        wrong = lowest if lowest < 0 else highest
        raise InputError(
            f"{shown(pair.mask)}: holds the label {wrong}, but there are {num_classes} classes "
            f"(0 = other, 1 to {num_classes}). Name the missing classes, or write 0 where a pixel is to be ignored."
        )
    present = np.flatnonzero(np.bincount(labels.ravel()))
    # Masks in palette, 1-bit or 16-bit form are rewritten here, by label: Image(mode="L") would go by colour.
    rewritten = mask.mode != "L"
    if rewritten:
        mask_bytes = _png(labels.astype(np.uint8))
    return {
        "image": _stored(pair.image, image_bytes, embed),
        "mask": _stored(pair.mask, mask_bytes, embed or rewritten),
        "name": pair.name,
        "classes": (present[present > 0] - 1).tolist(),
    }


def shown(place: Place) -> str:
    return str(place).rstrip("/")


def _opened(place: Place) -> tuple[bytes, Image]:
    """The file's bytes, and the image exactly as `datasets` will decode it later (turned as its EXIF data say)."""
    from datasets import Image

    if isinstance(place, Path) and not place.is_file():
        raise InputError(f"{shown(place)}: a folder, a pipe or a device; expected a file.")  # a pipe may never end
    try:
        content = place.read_bytes()
        return content, Image().decode_example({"bytes": content, "path": None})
    except Exception as error:  # damage surfaces as OSError, SyntaxError, zlib.error, BadZipFile, struct.error, …
        reason = (
            "not an image"
            if type(error).__name__ == "UnidentifiedImageError"
            else next(iter(str(error).splitlines()), type(error).__name__)
        )
        raise InputError(f"{shown(place)}: could not be decoded ({reason}). Copy or export this file again.") from error


def _stored(place: Place, content: bytes, embed: bool) -> dict:
    if embed or isinstance(place, zipfile.Path):
        return {"bytes": content, "path": None}
    return {"bytes": None, "path": str(place)}


def _png(labels) -> bytes:
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(labels).save(buffer, format="PNG")
    return buffer.getvalue()


def _size(image: Image) -> str:
    return f"{image.width}×{image.height}"
