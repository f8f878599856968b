"""Notebook 03's figure: k² pixels in reach, the formulas' costs, and a post finder that hears what stands."""

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
def pictures() -> figures.Pictures:
    return figures.load_pictures()


@pytest.mark.parametrize("length", LENGTHS)
def test_as_many_pixels_reach_the_middle_as_the_title_says(length: int, pictures: figures.Pictures) -> None:
    x = torch.zeros(1, 1, 51, 51, requires_grad=True)
    torch.manual_seed(0)
    (reach,) = torch.autograd.grad(StripConv(1, length)(x)[0, 0, 25, 25], x)
    assert int((reach != 0).sum()) == length**2
    figure = figures.draw(pictures, length, "a bar", 0)
    assert f"{length**2:,} pixels reach the middle" in figure.get_suptitle()
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
def test_the_bars_and_the_title_are_the_costs(length: int, pictures: figures.Pictures) -> None:
    price = figures.costs(length)
    figure = figures.draw(pictures, length, "a bar", 0)
    drawn = [10 ** bar.get_width() for bar in figure.axes[3].patches]
    assert drawn == pytest.approx(list(price.values()))
    assert f"1/{price['dense'] / price['strip pair']:.0f} of" in figure.get_suptitle()
    assert f"{figures.CHANNELS} channels" in figure.axes[3].get_title()  # the picture has one, the prices are for more


@pytest.mark.parametrize("length", range(5, 42, 2))
def test_the_finder_answers_1_to_a_standing_bar_and_nothing_to_flat_or_lying_ones(length: int) -> None:
    finder = figures.post_finder(length)

    def middle(picture: torch.Tensor) -> float:
        return finder(picture.float()[None, None])[0, 0, 45, 45].item()

    assert middle(figures.bar(90, size=91)) == pytest.approx(1, abs=1e-5)
    assert middle(figures.bar(0, size=91)) == pytest.approx(0, abs=1e-5)
    assert middle(torch.ones(91, 91)) == pytest.approx(0, abs=1e-5)


def test_a_bar_lies_stands_and_leans() -> None:
    assert figures.bar(90, size=5, thick=1).equal(torch.eye(5)[2].expand(5, 5).double())
    assert figures.bar(0, size=5).equal(figures.bar(90, size=5).T)
    assert figures.bar(45, size=5, thick=1).equal(torch.eye(5).flip(1).double())


def test_the_longer_the_strips_the_pickier(pictures: figures.Pictures) -> None:
    loud = torch.stack(
        [figures.response_strength(figures.answers(pictures["a bar"], length)) for length in LENGTHS]
    )  # (k, turns)
    assert (loud[:, 0] > 0.85).all()  # upright: as loud as ever
    leaning = loud[:, figures.TURNS.index(20)]
    assert leaning[0] > 1.5 * leaning[1] > 2 * leaning[2]


def test_the_street_is_loudest_upright_and_quietest_when_it_leans(pictures: figures.Pictures) -> None:
    for length in LENGTHS[1:]:
        loud = figures.response_strength(figures.answers(pictures["a drawn street"], length)).tolist()
        assert loud.index(max(loud)) == 0
        assert 30 <= figures.TURNS[loud.index(min(loud))] <= 75 and min(loud) < 0.75 * loud[-1]


def test_no_answer_is_made_of_padding(pictures: figures.Pictures) -> None:
    """On a picture that is bright all over, zeros beyond its border would be heard."""
    bright = torch.ones(1, figures.SIDE, figures.SIDE)
    for length in LENGTHS:
        heard = figures.answers(bright, length)
        assert heard.shape == (1, figures.SIZE, figures.SIZE) and heard.max() < 1e-5
    corner = pictures["a drawn street"][:, 0, 0]  # a turned picture's corner lies within it, too: no black there
    assert corner.min() > 0


def test_the_scale_holds_every_answer_but_the_very_loudest(pictures: figures.Pictures) -> None:
    for name, turned in pictures.items():
        for length in LENGTHS:
            assert figures.answers(turned, length).max() <= 1.01 * figures.largest_response(name)


def test_loudness_is_the_mean_of_the_loudest_hundredth() -> None:
    heard = torch.zeros(1, 20, 20)
    heard[0, 0, :4] = torch.tensor([4.0, 3.0, 2.0, 1.0])
    assert figures.response_strength(heard).tolist() == [2.5]


def test_the_words_say_what_the_picture_shows(pictures: figures.Pictures) -> None:
    said = figures.describe(pictures, 21, "a drawn street", 45)
    loud = figures.response_strength(figures.answers(pictures["a drawn street"], 21))[figures.TURNS.index(45)]
    assert f"pair answers {loud:.2f}" in said and "turned by 45°" in said and "1/336" in said
    assert math.isclose(figures.costs(21)["dense"] / figures.costs(21)["strip pair"], 336)
