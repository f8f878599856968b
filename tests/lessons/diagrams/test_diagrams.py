"""The diagrams: their shapes are the model's, and every word stands on a filled shape that holds it."""

import xml.etree.ElementTree as ElementTree

import pytest
import torch

from segnext_edu import SegNeXt
from segnext_edu.lessons import diagrams
from segnext_edu.lessons.diagrams.svg import Canvas
from segnext_edu.lessons.series import SERIES

SVG = "{http://www.w3.org/2000/svg}"
ALL = {
    "network": lambda: diagrams.network("large", 1024, 2048, 150),
    "strip pair": lambda: diagrams.strip_pair(21),
    "MSCA": diagrams.msca,
    "block": diagrams.block,
    "Hamburger": lambda: diagrams.hamburger(64),
    "training loop": diagrams.training_loop,
    **{f"roadmap {notebook.topic}": lambda topic=notebook.topic: diagrams.roadmap(topic) for notebook in SERIES},
}


@pytest.mark.parametrize("name", ALL)
def test_every_word_stands_on_a_filled_shape(name: str) -> None:
    """So that a drawing can be read on a dark page, too."""
    root = ElementTree.fromstring(ALL[name]().svg)
    rooms = []
    for shape in root:
        here = {
            key: float(value)
            for key, value in shape.attrib.items()
            if key in ("x", "y", "width", "height", "cx", "cy", "r")
        }
        if shape.tag == f"{SVG}rect":
            rooms.append((here["x"], here["y"], here["x"] + here["width"], here["y"] + here["height"]))
        elif shape.tag == f"{SVG}circle":
            rooms.append(
                tuple(here["cx" if side % 2 == 0 else "cy"] + (side // 2 * 2 - 1) * here["r"] for side in range(4))
            )
        elif shape.tag == f"{SVG}text":
            size, text = float(shape.attrib["font-size"]), shape.text or ""
            half = 0.29 * size * len(text)  # a letter is about 0.58 times as wide as the font is high
            assert size >= 12, text
            assert any(
                left <= here["x"] - half
                and here["x"] + half <= right
                and top <= here["y"] - 6
                and here["y"] + 6 <= bottom
                for left, top, right, bottom in rooms
            ), text
    width, height = (float(root.attrib[side]) for side in ("width", "height"))
    assert width <= 820
    assert all(left >= 0 and top >= 0 and right <= width and bottom <= height for left, top, right, bottom in rooms)


@pytest.mark.parametrize(("height", "width"), [(512, 512), (321, 450)])
def test_the_shapes_are_the_models(height: int, width: int) -> None:
    model = SegNeXt("nano", 23).eval()
    with torch.inference_mode():
        maps = model.encode(torch.zeros(1, 3, height, width))
        low = model.decode(maps)
    said = diagrams.network("nano", height, width, 23).svg
    for x in (*maps, low):
        assert " × ".join(map(str, x.shape[1:])) in said
    assert f"23 × {height} × {width}" in said


def test_the_roadmap_lights_one_station() -> None:
    pictures = {notebook.topic: diagrams.roadmap(notebook.topic) for notebook in SERIES}
    assert len({picture.svg for picture in pictures.values()}) == len(SERIES)
    assert all(picture.svg.count('stroke-width="3"') == 1 for picture in pictures.values())
    assert "04 MSCA attention" in pictures["msca"].alt
    with pytest.raises(ValueError, match="no notebook is about 'lunch'"):
        diagrams.roadmap("lunch")


def test_a_drawing_needs_words() -> None:
    with pytest.raises(ValueError, match="alt text"):
        Canvas(10, 10).drawing(" ")
    data, metadata = diagrams.msca()._repr_mimebundle_()
    assert data["text/plain"] == metadata["image/svg+xml"]["alt"] and "<script" not in data["image/svg+xml"]
