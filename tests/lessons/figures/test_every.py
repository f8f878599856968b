"""What holds for the interactive figure of every notebook, whatever it shows."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from io import BytesIO

import pytest
from ipywidgets import Checkbox, Dropdown, FloatSlider, IntSlider, SelectionSlider, ToggleButtons
from PIL import Image

from segnext_edu.lessons.figures import Explorer
from segnext_edu.lessons.figures.catalogue import TOPICS, build
from tools.bench import figures

# They follow the arrow keys, or space.
KEYBOARD = (Checkbox, Dropdown, FloatSlider, IntSlider, SelectionSlider, ToggleButtons)


@pytest.fixture(scope="module", params=TOPICS)
def figure(request: pytest.FixtureRequest) -> Iterator[Explorer]:
    explorer = build(request.param)
    yield explorer
    explorer.close()


def test_it_opens_with_a_picture_and_words(figure: Explorer) -> None:
    with Image.open(BytesIO(figure.picture.png)) as picture:
        assert 600 <= picture.width <= 1200
        assert len(set(picture.convert("L").resize((32, 32)).tobytes())) > 4, "the picture is empty"
    assert len(figure.picture.alt.split()) >= 5
    assert figure.picture.alt in figure.status.value or "&" in figure.status.value


def test_its_controls_follow_the_keyboard(figure: Explorer) -> None:
    assert figure.controls
    for name, control in figure.controls.items():
        assert isinstance(control, KEYBOARD), f"{name} is a {type(control).__name__}"
        assert control.description


@pytest.mark.slow
def test_every_control_moves_the_picture_and_back(figure: Explorer) -> None:
    for name, control in figure.shown.items():
        start, opened = control.value, figure.picture
        drawn = set()
        for value in figures.moves(figure, name):
            control.value = value
            assert figure.image.layout.display is None, f"{name} = {value}: {figure.status.value}"
            drawn.add(figure.picture.png)
        assert drawn - {opened.png}, f"{name} changes nothing"
        control.value = start
        assert figure.picture == opened


def test_the_same_values_give_the_same_picture(figure: Explorer) -> None:
    """Drawn afresh, not taken from the pictures that are kept."""
    again = figure._draw.__wrapped__(**figure.values)
    assert again == figure.picture


def test_no_figure_is_left_in_pyplot(figure: Explorer) -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


@pytest.mark.slow
def test_the_benchmark_names_every_figure(capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "TOPICS", TOPICS[:1])
    assert figures.main() == 0
    assert TOPICS[0] in capsys.readouterr().out
