"""Damaged pictures of every format that Pillow reads here, for whoever opens a photograph."""

from __future__ import annotations

import io
import random
import struct
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from segnext_edu.data.images import open_photo, to_tensor
from tests.fuzz.mutate import damaged, png_sums


def case(rng: random.Random) -> tuple[str, bytes]:
    """A file's name and content."""
    whole = originals()
    name = rng.choice(sorted(whole))
    content = damaged(rng, whole[name], tuple(whole.values()))
    if rng.random() < 0.02:
        content = whole[name][:16] + rng.randbytes(rng.randrange(200))
    if content.startswith(b"\x89PNG") and rng.random() < 0.8:
        content = png_sums(content)
    suffix = rng.choice((name.partition("-")[0], "jpg", "png")) if rng.random() < 0.5 else name.partition("-")[0]
    return f"photo.{suffix}", content


def run(case: tuple[str, bytes], place: Path) -> None:
    name, content = case
    (place / name).write_bytes(content)
    picture = to_tensor(open_photo(Path(name)))
    assert picture.shape[0] == 3


@cache
def originals() -> dict[str, bytes]:
    """Whole files, by format and kind."""
    Image.init()
    found = {}
    numbers = np.random.default_rng(0)
    noise = Image.fromarray(numbers.integers(0, 256, (24, 40, 3), np.uint8))
    orders = dict(
        [(form, ("RGB", {})) for form in ("AVIF", "BMP", "DDS", "DIB", "EPS", "GIF", "ICO", "IM", "JPEG", "JPEG2000")]
        + [(form, ("RGB", {})) for form in ("PCX", "PNG", "PPM", "QOI", "SGI", "TGA", "TIFF", "WEBP", "ICNS")]
        + [(f"PNG-{mode}", (mode, {})) for mode in ("1", "L", "P", "LA", "RGBA", "I;16")]
        + [(f"TIFF-{mode}", (mode, {})) for mode in ("1", "L", "P", "CMYK", "F", "I", "I;16", "LAB", "YCbCr")]
        + [(f"TIFF-{c}", ("RGB", {"compression": c})) for c in ("tiff_lzw", "jpeg", "tiff_deflate", "packbits")]
        + [("JPEG-gray", ("L", {})), ("JPEG-cmyk", ("CMYK", {})), ("JPEG-progressive", ("RGB", {"progressive": True}))]
        + [("ICO-bmp", ("RGBA", {"bitmap_format": "bmp"}))]
        + [("TGA-rle", ("RGBA", {"compression": "tga_rle"})), ("SPIDER-F", ("F", {})), ("MSP-1", ("1", {}))]
        + [("XBM-1", ("1", {})), ("BLP-P", ("P", {})), ("BLP-old", ("P", {"blp_version": "BLP1"}))]
        + [(f"DDS-{code}", ("RGBA", {"pixel_format": code})) for code in ("DXT1", "DXT3", "DXT5", "BC3")]
        + [("DDS-BC5", ("RGB", {"pixel_format": "BC5"}))]
        + [("WEBP-lossless", ("RGBA", {"lossless": True})), ("PPM-F", ("F", {})), ("PPM-1", ("1", {}))]
        + [(f"{form}-many", ("RGB", {"save_all": True})) for form in ("PNG", "GIF", "WEBP", "AVIF", "TIFF", "MPO")]
    )
    exif = Image.Exif()
    exif[0x0112] = 6
    orders["JPEG-turned"] = orders["PNG-turned"] = orders["WEBP-turned"] = ("RGB", {"exif": exif})
    for name, (mode, options) in orders.items():
        form = name.partition("-")[0]
        picture = noise.resize((64, 64)) if form in ("ICO", "ICNS") else noise
        picture = picture.convert("L").convert(mode) if mode in ("F", "I", "I;16") else picture.convert(mode)
        if options.get("save_all"):
            options = {**options, "append_images": [picture.rotate(180), picture.rotate(90)]}
        buffer = io.BytesIO()
        if form not in Image.SAVE:
            continue  # Pillow was built without that library
        picture.save(buffer, form, **options)
        found[name.lower()] = buffer.getvalue()
    return found | by_hand(found)


def by_hand(others: dict[str, bytes]) -> dict[str, bytes]:
    """The formats that Pillow reads and does not write."""
    row = bytes(range(64))
    pcx = others["pcx"]
    ico = bytearray(others["ico-bmp"])
    ico[2] = 2
    fits = b"".join(
        line.ljust(80)
        for line in (
            b"SIMPLE  =                    T",
            b"BITPIX  =                    8",
            b"NAXIS   =                    2",
        )
        + (b"NAXIS1  =                    8", b"NAXIS2  =                    8", b"END")
    )
    return {
        "cur": bytes(ico),
        "dcx": struct.pack("<III", 0x3ADE68B1, 12, 0) + pcx,
        "fits": fits.ljust(2880) + row,
        "fli": struct.pack("<IHHHHHHI", 128 + 16 + 10 + 74, 0xAF11, 1, 8, 8, 8, 3, 5).ljust(128, b"\0")
        + struct.pack("<IHH", 16 + 6 + 64, 0xF1FA, 1).ljust(16, b"\0")
        + struct.pack("<IH", 6 + 64, 16)
        + row,
        "ftex": struct.pack("<4sIIIIIII", b"FTEX", 0x10001, 8, 8, 1, 1, 1, 32) + struct.pack("<I", 192) + row * 3,
        "gbr": struct.pack(">IIIII4sI", 30, 2, 8, 8, 1, b"GIMP", 1) + b"x\0" + row,
        "mcidas": (
            b"\0\0\0\0\0\0\0\4" + struct.pack(">62I", *([0] * 6 + [8, 8, 1, 0, 0, 1] + [0] * 19 + [256] + [0] * 30))
        )
        + row,
        "mpeg": b"\0\0\1\xb3\x00\x80\x08" + row,
        "pcd": (b"\0" * 2048 + b"PCD_").ljust(0x32000, b"\0"),
        "pixar": b"\x80\xe8\0\0".ljust(416, b"\0")
        + struct.pack("<HH", 8, 8)
        + b"\0" * 4
        + struct.pack("<HH", 14, 2)
        + b"\0" * 596
        + row * 3,
        "psd": struct.pack(">4sH6xHIIHH", b"8BPS", 1, 3, 8, 8, 8, 3) + b"\0" * 12 + b"\0\0" + row * 3,
        "sun": struct.pack(">8I", 0x59A66A95, 8, 8, 8, 64, 1, 0, 0) + row,
        "xpm": b'/* XPM */\nstatic char *x[] = {\n"2 2 2 1",\n"a c #ff0000",\n"b c #00ff00",\n"ab",\n"ba"\n};\n',
        "xvthumb": b"P7 332\n#END_OF_COMMENTS\n8 8 255\n" + row,
        "imt": b"width 8\nheight 8\n\x0c" + row,
        "iptc": b"\x1c\x03\x3c\0\x02\1\0\x1c\x03\x14\0\1\x08\x1c\x03\x1e\0\1\x08\x1c\x03\x78\0\1\1\x1c\x08\x0a\0\x40"
        + row,
        "wmf": b"\xd7\xcd\xc6\x9a\0\0" + struct.pack("<HHHHH", 0, 0, 8, 8, 72) + b"\0" * 6 + b"\1\0\t\0\0\3" + row,
        "bufr": b"BUFR" + row,
        "grib": b"GRIB\0\0\0\1" + row,
        "hdf5": b"\x89HDF\r\n\x1a\n" + row,
    }
