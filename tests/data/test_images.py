"""Photographs are turned as the camera says, and read all the same where what it says is damaged."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import torch
from PIL import Image

from segnext_edu.data.images import open_photo, to_tensor
from segnext_edu.files import InputError
from tests.conftest import photo

TURNED = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"  # by 90 degrees


def saved(exif: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.open(io.BytesIO(photo(0))).save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


@pytest.mark.parametrize("damage", [b"\x80\0", b"MX"])
def test_a_damaged_note_of_the_camera_counts_for_nothing(damage: bytes, tmp_path: Path) -> None:
    for name, note in (("plain", b""), ("turned", TURNED), ("damaged", TURNED.replace(b"MM", damage))):
        (tmp_path / f"{name}.jpg").write_bytes(saved(note))
    plain, turned, damaged = (to_tensor(open_photo(tmp_path / f"{n}.jpg")) for n in ("plain", "turned", "damaged"))
    assert torch.equal(damaged, plain)
    assert turned.shape[1:] == plain.shape[:0:-1]


def test_a_photograph_of_more_pixels_than_memory_is_for_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (20_000, 6_001)).save(path)
    with pytest.raises(InputError, match=r"huge\.png: has 120 million pixels; expected at most 120 million"):
        open_photo(path)
