"""Notebook 03's figure: a receptive field of k² pixels, the modules' costs, and a pole finder."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from segnext_edu.cost import count_macs
from segnext_edu.lessons.figures import strip_conv as figures
from segnext_edu.model.strip_conv import StripConv

LENGTHS = (5, 21, 41)


@pytest.fixture(scope="module")
def images() -> figures.Images:
    return figures.load_images()


@pytest.mark.parametrize("length", LENGTHS)
def test_the_receptive_field_is_the_one_in_the_title(length: int, images: figures.Images) -> None:
    x = torch.zeros(1, 1, 51, 51, requires_grad=True)
    torch.manual_seed(0)
    (reach,) = torch.autograd.grad(StripConv(1, length)(x)[0, 0, 25, 25], x)
    assert int((reach != 0).sum()) == length**2
    figure = figures.draw(images, length, "a bar", 0)
    assert f"receptive field of {length**2:,} pixels" in figure.get_suptitle()
    *_, square = figure.axes[0].patches
    assert (square.get_width(), square.get_height()) == (length, length)
    assert square.get_x() + length / 2 == square.get_y() + length / 2 == figures.SIZE // 2


@pytest.mark.parametrize("length", LENGTHS)
def test_the_costs_are_those_of_the_modules(length: int) -> None:
    c = figures.CHANNELS
    modules = {
        "dense": nn.Conv2d(c, c, length, padding=length // 2),
        "depthwise": nn.Conv2d(c, c, length, padding=length // 2, groups=c),
        "strip pair": StripConv(c, length),
    }
    counted = {name: count_macs(module, (1, c, 1, 1)) for name, module in modules.items()}
    assert counted == figures.costs(length)


@pytest.mark.parametrize("length", LENGTHS)
def test_the_bars_and_the_title_are_the_costs(length: int, images: figures.Images) -> None:
    cost = figures.costs(length)
    figure = figures.draw(images, length, "a bar", 0)
    drawn = [10 ** bar.get_width() for bar in figure.axes[4].patches]
    assert drawn == pytest.approx(list(cost.values()))
    assert f"1/{cost['dense'] / cost['strip pair']:.0f} of" in figure.get_suptitle()
    assert f"{figures.CHANNELS} channels" in figure.axes[4].get_title()  # the image has one, the costs are for more


@pytest.mark.parametrize("length", range(5, 42, 2))
def test_the_finder_responds_with_1_to_a_vertical_bar_and_not_to_flat_areas_or_a_horizontal_one(length: int) -> None:
    finder = figures.pole_finder(length)

    def middle(image: torch.Tensor) -> float:
        return finder(image.float()[None, None])[0, 0, 45, 45].item()

    assert middle(figures.bar(90, size=91)) == pytest.approx(1, abs=1e-5)
    assert middle(figures.bar(0, size=91)) == pytest.approx(0, abs=1e-5)
    assert middle(torch.ones(91, 91)) == pytest.approx(0, abs=1e-5)


def test_a_bar_is_horizontal_vertical_or_diagonal() -> None:
    assert figures.bar(90, size=5, thick=1).equal(torch.eye(5)[2].expand(5, 5).double())
    assert figures.bar(0, size=5).equal(figures.bar(90, size=5).T)
    assert figures.bar(45, size=5, thick=1).equal(torch.eye(5).flip(1).double())


def test_the_longer_the_strips_the_more_selective(images: figures.Images) -> None:
    strength = torch.stack(
        [figures.strongest(figures.responses(images["a bar"], length)) for length in LENGTHS]
    )  # (k, turns)
    assert (strength[:, 0] > 0.85).all()  # upright: as strong as ever
    leaning = strength[:, figures.TURNS.index(20)]
    assert leaning[0] > 1.5 * leaning[1] > 2 * leaning[2]


def test_the_street_responds_most_upright_and_least_when_it_leans(images: figures.Images) -> None:
    for length in LENGTHS[1:]:
        strength = figures.strongest(figures.responses(images["the street"], length)).tolist()
        assert strength.index(max(strength)) == 0
        assert 30 <= figures.TURNS[strength.index(min(strength))] <= 75 and min(strength) < 0.75 * strength[-1]


def test_no_response_is_made_of_padding(images: figures.Images) -> None:
    """On an image that is bright all over, zeros beyond its border would give a response."""
    bright = torch.ones(1, figures.SIDE, figures.SIDE)
    for length in LENGTHS:
        response = figures.responses(bright, length)
        assert response.shape == (1, figures.SIZE, figures.SIZE) and response.max() < 1e-5
    corner = images["the street"][:, 0, 0]  # a turned image's corner lies within it, too: no black there
    assert corner.min() > 0


def test_the_scale_holds_every_response_but_the_very_strongest(images: figures.Images) -> None:
    for name, turned in images.items():
        for length in LENGTHS:
            assert figures.responses(turned, length).max() <= 1.01 * figures.scale_end(name)


def test_strength_is_the_mean_of_the_strongest_hundredth() -> None:
    response = torch.zeros(1, 20, 20)
    response[0, 0, :4] = torch.tensor([4.0, 3.0, 2.0, 1.0])
    assert figures.strongest(response).tolist() == [2.5]


def test_the_words_say_what_the_figure_shows(images: figures.Images) -> None:
    said = figures.describe(images, 21, "the street", 45)
    strength = figures.strongest(figures.responses(images["the street"], 21))[figures.TURNS.index(45)]
    assert f"responses are {strength:.2f}" in said and "turned by 45°" in said and "1/336" in said
    assert math.isclose(figures.costs(21)["dense"] / figures.costs(21)["strip pair"], 336)
