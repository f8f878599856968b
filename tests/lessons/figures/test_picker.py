"""The pixel picker's half in Python; its half in the browser is tested in `tests/browser`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from io import BytesIO

import pytest
from PIL import Image
from traitlets import TraitError

from segnext_edu.lessons.figures.picker import SIZE, PixelPicker


@pytest.fixture
def picker() -> Iterator[PixelPicker]:
    picker = PixelPicker(Image.new("RGB", (900, 300), "teal"), (20, 70))
    yield picker
    picker.close()


def sent(picker: PixelPicker) -> Image.Image:
    return Image.open(BytesIO(picker.picture))


def test_it_sends_a_small_photograph_and_its_place(picker: PixelPicker) -> None:
    assert sent(picker).format == "JPEG"
    assert sent(picker).size == (SIZE[0], 100)
    assert picker.at == (20, 70)


def test_another_photograph_leaves_the_cross_alone(picker: PixelPicker) -> None:
    picker.show(Image.new("RGB", (300, 900), "navy"))
    assert sent(picker).size == (100, SIZE[1])
    assert picker.at == (20, 70)


@pytest.mark.parametrize("at", [(-1, 0), (0, 101)])
def test_what_lies_outside_is_refused(picker: PixelPicker, at: tuple[int, int]) -> None:
    with pytest.raises(TraitError, match="per cent"):
        picker.at = at
    assert picker.at == (20, 70)


def test_what_the_browser_sends_is_heard(picker: PixelPicker) -> None:
    heard = []
    picker.observe(lambda change: heard.append(change["new"]), names="at")
    picker.set_state({"at": [33, 44]})
    assert heard == [(33, 44)]


def test_it_fetches_nothing_and_speaks_to_screen_readers() -> None:
    code = PixelPicker._esm + PixelPicker._css
    assert not re.search(r"https?:|\bimport\b|@import|fetch\(|url\(", code)
    assert 'setAttribute("role"' in code and 'setAttribute("aria-label"' in code and "tabIndex = 0" in code
