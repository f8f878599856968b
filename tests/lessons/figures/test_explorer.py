"""The explorer: controls move the picture, pictures leave words behind, and errors are said where the picture was."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from html.parser import HTMLParser
from io import BytesIO

import nbconvert
import nbformat
import pytest
from ipywidgets import Dropdown, IntSlider
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_notebook, new_output
from PIL import Image

from segnext_edu.figures import Picture, show
from segnext_edu.lessons.figures import KEPT, Explorer

DRAWN: list[tuple[int, str]] = []


def draw(size: int, colour: str) -> Figure:
    DRAWN.append((size, colour))
    if size == 9:
        raise ValueError("a kernel of <9>")
    figure = Figure((2, 1))
    figure.subplots().bar([0], [size], color=colour)
    return figure


@pytest.fixture
def explorer() -> Iterator[Explorer]:
    DRAWN.clear()
    size = IntSlider(3, 1, 100, description="size")
    colour = Dropdown(options=["navy", "orange"], description="colour")
    explorer = Explorer(draw, alt=lambda size, colour: f"the {colour} bar is {size} high", size=size, colour=colour)
    yield explorer
    explorer.close()


def test_moving_a_control_draws_its_picture(explorer: Explorer) -> None:
    before = bytes(explorer.image.value)
    explorer.controls["size"].value = 5
    explorer.controls["colour"].value = "orange"
    assert explorer.picture.alt == "the orange bar is 5 high"
    assert ">the orange bar is 5 high</span>" in explorer.status.value
    assert bytes(explorer.image.value) == show(draw(5, "orange"), "the same").png != before


def test_a_picture_is_drawn_once(explorer: Explorer) -> None:
    first = explorer.picture
    for size in (4, 3, 4, 3):
        explorer.controls["size"].value = size
    assert DRAWN == [(3, "navy"), (4, "navy")]
    assert explorer.picture == first


def test_only_so_many_pictures_are_kept(explorer: Explorer) -> None:
    for size in [*range(10, 10 + KEPT), 3]:
        explorer.controls["size"].value = size
    assert DRAWN.count((3, "navy")) == 2


def test_an_error_stands_in_the_pictures_place_until_it_is_gone(explorer: Explorer) -> None:
    explorer.controls["size"].value = 9
    assert "ValueError: a kernel of &lt;9&gt;" in explorer.status.value
    assert explorer.image.layout.display == "none"
    explorer.controls["size"].value = 8
    assert "could not be drawn" not in explorer.status.value
    assert explorer.image.layout.display is None


def test_the_first_error_is_raised() -> None:
    with pytest.raises(ValueError, match="a kernel of <9>"):
        Explorer(lambda size: draw(size, "navy"), alt="a bar", size=IntSlider(9, description="size"))


def test_every_control_has_words_beside_it() -> None:
    with pytest.raises(ValueError, match="'size' needs a description"):
        Explorer(draw, alt="a bar", size=IntSlider())


def test_every_picture_has_words() -> None:
    with pytest.raises(ValueError, match="alt text"):
        show(Figure(), " ")


def test_a_photograph_is_a_picture_too() -> None:
    photograph = Image.new("RGB", (3, 2), "teal")
    picture = show(photograph, "a teal square")
    assert Image.open(BytesIO(picture.png)).tobytes() == photograph.tobytes()
    assert repr(picture) == "a teal square"


def test_the_widget_brings_its_picture_along(explorer: Explorer) -> None:
    explorer.controls["size"].value = 6
    data, metadata = explorer._repr_mimebundle_()
    assert data["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id
    assert b64decode(data["image/png"]) == explorer.picture.png
    assert data["text/plain"] == metadata["image/png"]["alt"] == "the navy bar is 6 high"


class Images(HTMLParser):
    """The attributes of every <img> on a page."""

    def __init__(self, page: str):
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


@pytest.mark.parametrize("template", ["classic", "lab"])
def test_a_page_without_a_kernel_shows_the_picture(explorer: Explorer, template: str) -> None:
    data, metadata = explorer._repr_mimebundle_()
    output = new_output("display_data", data, metadata=metadata)
    notebook = nbformat.from_dict(new_notebook(cells=[new_code_cell("explorer", outputs=[output])]))
    page, _ = nbconvert.HTMLExporter(template_name=template).from_notebook_node(notebook)
    (image,) = Images(page).found
    assert b64decode((image["src"] or "").removeprefix("data:image/png;base64,")) == explorer.picture.png
    if template == "classic":  # "lab" writes no alt text at all
        assert image["alt"] == explorer.picture.alt


def test_pictures_compare_by_what_they_show() -> None:
    assert show(Figure((1, 1)), "nothing") == Picture(show(Figure((1, 1)), "nothing").png, "nothing")
