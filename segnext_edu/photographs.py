"""Photographs on disk, labelled: one, or a folder of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segnext_edu.files import InputError, appears_whole, printable

READ = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff")
WRITTEN = (".png", ".jpg", ".jpeg")

Job = tuple[Path, Path]  # a photograph, and where its overlay goes


def jobs(photo: Path, out: Path) -> list[Job]:
    """What there is to do: for a folder, an overlay for each of its photographs, as PNG in the folder `out`.

    Raises InputError for a folder without photographs, and for an `out` that nothing can be written to.
    """
    if not os.path.isdir(photo):
        if out.suffix.lower() not in WRITTEN:
            raise InputError(f"{out}: the overlay is an image; give --out a name that ends in .png or .jpg")
        return [(photo, out)]
    if os.path.isfile(out) or os.path.realpath(out) == os.path.realpath(photo):
        raise InputError(f"{out}: a folder of photographs needs a folder of its own to put the overlays in")
    found = sorted(file for file in photo.iterdir() if file.suffix.lower() in READ and not file.name.startswith("."))
    if not found:
        raise InputError(f"{photo}: has no photographs; expected files that end in {', '.join(READ)}")
    names = [file.stem for file in found]
    # Two photographs of one stem keep their suffixes.
    return [(f, out / f"{f.stem if names.count(f.stem) == 1 else f.name}.png") for f in found]


def label(network: Any, work: Sequence[Job], options: dict[str, Any], shares: bool) -> None:
    """Write the overlays; for `shares`, print how much of the photograph each class takes.

    A photograph that cannot be labelled is named, and the others go on. Raises InputError at the end where one was.
    """
    from tqdm import tqdm

    faults: list[InputError] = []
    with tqdm(work, "labelling", unit=" photos", disable=None if len(work) > 1 else True) as bar:
        for photo, out in bar:
            try:
                label_one(network, photo, out, options, shares)
            except InputError as error:
                faults.append(error)
                if len(work) > 1:
                    bar.write(f"error: {error}", file=sys.stderr)
    if faults and len(work) == 1:
        raise faults[0]
    if faults:
        raise InputError(f"{len(faults)} of {len(work)} photographs could not be labelled; the others are written")
    if len(work) > 1:
        print(f"{len(work)} overlays in {printable(work[0][1].parent)}")


def label_one(network: Any, photo: Path, out: Path, options: dict[str, Any], shares: bool) -> None:
    """Read, label, and write one photograph."""
    import numpy as np

    from segnext_edu.data.images import open_photo
    from segnext_edu.data.palette import colours
    from segnext_edu.inference.overlay import overlay
    from segnext_edu.inference.predict import predict

    image = open_photo(photo)
    labels = predict(network, image, **options).cpu().numpy()  # (H, W)
    drawn = overlay(image, labels, network.classes, colours(network.classes))
    with appears_whole(out) as part:
        drawn.save(part, "JPEG" if out.suffix.lower() != ".png" else "PNG")
    if shares:
        share = np.bincount(labels.ravel(), minlength=len(network.classes)) / labels.size
        for index in np.argsort(-share):
            if share[index] >= 0.001:
                print(f"{share[index]:6.1%}  {network.classes[index]}")
