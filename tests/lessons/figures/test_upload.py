"""A photograph that is dropped in: whatever is wrong with it is a sentence that says what to do."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image

from segnext_edu.files import InputError
from segnext_edu.lessons.figures.upload import LONGEST, MOST_BYTES, read_photo


def encoded(size: tuple[int, int], form: str = "JPEG", mode: str = "RGB", **options: object) -> bytes:
    buffer = BytesIO()
    Image.new(mode, size, 128).save(buffer, form, **options)
    return buffer.getvalue()


def claiming(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims to be so large."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0")) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("form", "mode"), [("JPEG", "RGB"), ("PNG", "RGBA"), ("PNG", "L"), ("WEBP", "RGB"), ("GIF", "P")]
)
def test_a_picture_of_any_kind_is_a_photograph(form: str, mode: str) -> None:
    photo = read_photo("mine", memoryview(encoded((90, 60), form, mode)))
    assert (photo.mode, photo.size) == ("RGB", (90, 60))


def test_a_large_one_comes_smaller() -> None:
    photo = read_photo("mine", encoded((4000, 3000)))
    assert photo.size == (LONGEST, LONGEST * 3 // 4)


def test_one_taken_with_the_camera_on_its_side_stands_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    assert read_photo("mine", encoded((90, 60), exif=turned.tobytes())).size == (60, 90)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "not a picture that can be read"),
        (b"%PDF-1.7 a letter", "not a picture that can be read"),
        (encoded((300, 200))[:700], "not a picture that can be read"),
        (encoded((300, 200), "PNG")[:-40], "not a picture that can be read"),
        (claiming(30_000, 20_000), "more than 60 million pixels"),
        (claiming(9_000, 9_000), "more than 60 million pixels"),
        (bytes(MOST_BYTES + 1), "10 MB"),
        (claiming(12_000, 9_000), "more than 60 million pixels"),
        (encoded((20, 200)), "20 × 200 pixels; expected at least 32"),
        (encoded((3000, 100)), "3000 × 100 pixels"),
    ],
    ids=["empty", "letter", "half a JPEG", "half a PNG", "bomb", "large", "heavy", "larger", "small", "strip"],
)
def test_whatever_is_wrong_is_said(content: bytes, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_photo("holiday.jpg", content)
    message = str(caught.value)
    assert said in message and "\n" not in message
    assert "holiday.jpg" in message
