"""Zips of pictures: damaged, encrypted, of methods and versions that nobody knows, with paths that lead out."""

from __future__ import annotations

import io
import random
import struct
import warnings
import zipfile
from pathlib import Path

from tests.fuzz.families import folders
from tests.fuzz.mutate import TELLING, damaged

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
OUT = ("../../escaped.txt", "/escaped.txt", "images/../../escaped.jpg", "images/", "images/a.jpg", "C:\\x")
# In a local and a central header: offset of the version needed, the flags, the method.
FIELDS = {b"PK\3\4": (4, 6, 8), b"PK\1\2": (6, 8, 10)}


def case(rng: random.Random) -> bytes:
    files = {path: content for path, content in folders.case(rng).items() if isinstance(content, bytes)}
    if rng.random() < 0.7:
        files = folders.whole()
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", rng.choice(METHODS)) as archive:
        warnings.simplefilter("ignore")  # of names that occur twice
        top = rng.choice(("", "", "ADEChallengeData2016/", "other/"))
        for path, content in files.items():
            archive.writestr(top + path.decode("utf-8", "replace"), content)
        if rng.random() < 0.2:
            archive.writestr(rng.choice(OUT), b"out")
    content = bytearray(buffer.getvalue())
    if rng.random() < 0.6:
        spoil(rng, content)
    if rng.random() < 0.4:
        content = damaged(rng, bytes(content))
    if rng.random() < 0.3:  # damage at the end, where the table of contents is
        content = damaged(rng, bytes(content)[::-1])[::-1]
    return bytes(content)


def spoil(rng: random.Random, content: bytearray) -> None:
    """One field of some of the entries' headers is not what it was."""
    which, value = rng.randrange(3), rng.choice((1, 8, 9, 12, 14, 99, 93, 0x0801, 0x40, *TELLING[:8]))
    for magic, fields in FIELDS.items():
        at = content.find(magic)
        while at >= 0:
            if rng.random() < 0.7:
                content[at + fields[which] : at + fields[which] + 2] = struct.pack("<H", value & 0xFFFF)
            at = content.find(magic, at + 4)


def run(case: bytes, place: Path) -> None:
    (place / "data.zip").write_bytes(case)
    folders.read(place / "data.zip")
    assert not list(place.rglob("escaped*"))
