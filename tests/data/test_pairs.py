"""One image and one mask: what passes, what is put right on the way, what is refused and in which words."""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segnext_edu.data import load_scenes, pairs
from segnext_edu.files import InputError
from tests.conftest import contents, mask, photo

LABELS = np.arange(48 * 32).reshape(32, 48) % 4  # 0..3


def saved(image: Image.Image, form: str = "PNG", **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def palette_mask() -> Image.Image:
    image = Image.fromarray(LABELS.astype(np.uint8)).convert("P")
    image.putdata(LABELS.ravel().tolist())
    image.putpalette([255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255])  # colours unlike the labels
    return image


@pytest.mark.parametrize(
    "image",
    [palette_mask(), Image.fromarray(LABELS.astype(np.uint16)), Image.fromarray(LABELS.astype(np.uint8))],
    ids=["palette", "16 bits", "8 bits"],
)
def test_masks_are_read_by_label_not_by_colour(image: Image.Image, own_folder: Path):
    (own_folder / "annotations" / "a.png").write_bytes(saved(image))
    row = load_scenes(own_folder)[0]
    assert row["mask"].mode == "L" and np.array_equal(row["mask"], LABELS) and row["classes"] == [0, 1, 2]


def test_a_one_bit_mask_holds_the_first_class(own_folder: Path):
    (own_folder / "annotations" / "a.png").write_bytes(saved(Image.fromarray(LABELS > 1)))
    row = load_scenes(own_folder)[0]
    assert np.array_equal(row["mask"], LABELS > 1) and row["classes"] == [0]


def test_a_mask_without_any_class_is_fine(own_folder: Path):
    (own_folder / "annotations" / "a.png").write_bytes(mask(1, 0))
    assert load_scenes(own_folder)[0]["classes"] == []


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_print_photos_become_rgb(mode: str, own_folder: Path):
    (own_folder / "images" / "a.jpg").write_bytes(saved(Image.open(io.BytesIO(photo(0))).convert(mode), "JPEG"))
    assert load_scenes(own_folder)[0]["image"].mode == "RGB"


def turned(content: bytes) -> bytes:
    exif = Image.Exif()
    exif[274] = 6  # "turn me by 90 degrees", as telephones write it
    return saved(Image.open(io.BytesIO(content)), "JPEG", exif=exif)


def test_a_photo_that_is_marked_as_turned_is_turned(own_folder: Path):
    (own_folder / "images" / "a.jpg").write_bytes(turned(photo(0, (32, 48))))
    assert load_scenes(own_folder)[0]["image"].size == (48, 32)


def flipped_bit(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


BAD = {  # file: (what it is turned into, words that the message must have)
    "mask of another size": ("annotations/b.png", mask(4, 1, (40, 32)), "40×32 pixels, but its image b.jpg has 48×32"),
    "mask of the turned size": ("images/b.jpg", turned(photo(1)), "turned on its side"),
    "label above the classes": ("annotations/b.png", mask(5, 1), "the label 4, but there are 3 classes"),
    "255 for ignored": ("annotations/b.png", saved(Image.new("L", (48, 32), 255)), "write 0"),
    "label of 16 bits": ("annotations/b.png", saved(Image.fromarray(LABELS.astype(np.uint16) * 300)), "the label 900"),
    "RGB mask": ("annotations/b.png", saved(Image.new("RGB", (48, 32))), "is an RGB image; expected one channel"),
    "RGBA mask": ("annotations/b.png", saved(Image.new("RGBA", (48, 32))), "is an RGBA image"),
    "JPEG called a PNG": ("annotations/b.png", saved(Image.new("L", (48, 32), 1), "JPEG"), "is no PNG inside"),
    "mask of fractions": (
        "annotations/b.png",
        saved(Image.fromarray(np.full((32, 48), np.nan, np.float32)), "TIFF"),
        "holds fractions",
    ),
    "truncated JPEG": ("images/b.jpg", photo(1)[:-200], "could not be decoded"),
    "truncated PNG": ("annotations/b.png", saved(Image.effect_noise((48, 32), 9))[:-400], "could not be decoded"),
    "damaged PNG": ("annotations/b.png", flipped_bit(mask(4, 1)), "could not be decoded"),
    "empty JPEG": ("images/b.jpg", b"", "not an image"),
    "text": ("images/b.jpg", b"<html>404</html>", "not an image"),
    "photo of 16 bits": ("images/b.jpg", saved(Image.fromarray(LABELS.astype(np.uint16))), "8 bits a channel"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_pairs_are_named(what: str, own_folder: Path):
    file, content, words = BAD[what]
    (own_folder / file).write_bytes(content)
    before = contents(own_folder.parent)
    with pytest.raises(InputError) as caught:
        load_scenes(own_folder)
    message = str(caught.value)
    named = message.partition(": ")[0]  # of the pair, the file to put right
    assert named == str(own_folder / ("annotations/b.png" if "turned" in what else file))
    assert words in message and "\n" not in message
    assert contents(own_folder.parent) == before


def test_a_jpeg_cut_anywhere_is_refused(own_folder: Path):
    whole = photo(0)
    for length in range(10, len(whole) - 100, 97):
        (own_folder / "images" / "a.jpg").write_bytes(whole[:length])
        with pytest.raises(InputError, match=r"images/a\.jpg"):
            load_scenes(own_folder)


def test_the_first_bad_pair_is_named_and_the_others_counted(own_folder: Path):
    for name in "bc":
        (own_folder / "images" / f"{name}.jpg").write_bytes(b"")
    with pytest.raises(InputError, match=r"images/b\.jpg: .*1 more of 3 pairs"):
        load_scenes(own_folder)


@pytest.mark.parametrize("label", [-1, 2**31 - 1])
def test_labels_out_of_range_are_refused_before_they_are_counted(label: int, own_folder: Path, monkeypatch):
    wrong = Image.fromarray(np.full((32, 48), label, np.int32))
    opened = pairs._opened
    monkeypatch.setattr(
        pairs, "_opened", lambda place: (opened(place)[0], wrong) if place.suffix == ".png" else opened(place)
    )
    with pytest.raises(InputError, match=f"holds the label {label}, but there are 3 classes"):
        load_scenes(own_folder)


def test_a_pipe_among_the_photographs_is_not_waited_for(own_folder: Path):
    (own_folder / "images" / "a.jpg").unlink()
    os.mkfifo(own_folder / "images" / "a.jpg")
    with pytest.raises(InputError, match=r"a\.jpg: a folder, a pipe or a device"):
        load_scenes(own_folder)
