"""What notebook 05's figure says about a map is right, and it goes the encoder's own way."""

from __future__ import annotations

import pytest
import torch
from PIL import Image
from torch import Tensor

from segnext_edu.lessons.figures import mscan as figures
from segnext_edu.lessons.figures.mscan import PLACES, RANKS, Walk
from segnext_edu.model.mscan import MSCAN


@pytest.fixture(scope="module")
def encoder() -> MSCAN:
    torch.manual_seed(0)
    return MSCAN((4, 20, 6, 8), (1, 2, 3, 1), (2, 2, 2, 2), 0.0).eval()


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randn(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def shown(encoder: MSCAN, images: Tensor) -> Walk:
    labels = torch.zeros(30, 45, dtype=torch.uint8)
    labels[:, 20:] = 1
    labels[:5] = 255
    maps = figures.walk(encoder, images)
    other = figures.walk(encoder, images.flip(3))
    return Walk(Image.new("RGB", (45, 30)), labels, ("sky, heaven", "road"), True, maps, other)


def test_the_walk_is_the_encoders_own(encoder: MSCAN, images: Tensor) -> None:
    maps = figures.walk(encoder, images)
    assert set(maps) == {(stage, place) for stage in (1, 2, 3, 4) for place in PLACES}
    for stage, expected in enumerate(encoder(images), start=1):
        torch.testing.assert_close(maps[stage, "the closing norm"], expected[0])
    first, last = maps[1, "the first block"], maps[1, "the last block"]
    assert first.equal(last)  # stage 1 has one block
    assert not maps[2, "the first block"].equal(maps[2, "the last block"])
    torch.testing.assert_close(maps[1, "the step down"], encoder.stages[0].down(images)[0])


def test_standardised_is_around_zero_and_survives_an_even_map() -> None:
    values = figures.standardised(5 + 3 * torch.randn(20, 30))
    assert abs(values.mean()) < 1e-5 and abs(values.std(correction=0) - 1) < 1e-5
    assert not figures.standardised(torch.ones(4, 4)).any()


def test_variation_does_not_ask_for_the_mean() -> None:
    maps = torch.randn(3, 5, 6)
    torch.testing.assert_close(figures.variation(2 * maps + 7), 2 * figures.variation(maps))


@pytest.mark.parametrize("size", [(3, 4), (6, 8), (12, 16)])
def test_resized_takes_the_middle_of_each_cell(size: tuple[int, int]) -> None:
    quarters = torch.tensor([[1, 2], [3, 4]]).repeat_interleave(6, 0).repeat_interleave(8, 1)  # (12, 16)
    there = figures.resized(quarters, size)
    assert tuple(there.shape) == size
    assert (there[0, 0], there[0, -1], there[-1, 0], there[-1, -1]) == (1, 2, 3, 4)
    assert figures.resized(quarters, (12, 16)).equal(quarters)
    assert figures.resized(torch.arange(8)[None], (1, 2)).tolist() == [[2, 6]]


class TestExplained:
    LABELS = torch.tensor([[0, 0, 1, 1], [0, 0, 1, 255]])

    def test_all_of_a_map_that_is_even_within_each_region(self) -> None:
        channel = torch.tensor([[2.0, 2, 5, 5], [2, 2, 5, 99]])  # what has no label does not count
        assert figures.explained(channel, self.LABELS) == pytest.approx(1)

    def test_nothing_of_a_map_whose_regions_have_one_mean(self) -> None:
        channel = torch.tensor([[1.0, 3, 1, 2], [1, 3, 3, 0]])
        assert figures.explained(channel, self.LABELS) == pytest.approx(0)

    def test_by_hand(self) -> None:
        channel = torch.tensor([[0.0, 2, 4, 6]])  # means 1 and 5 around 3: 16 of 20
        assert figures.explained(channel, torch.tensor([[0, 0, 7, 7]])) == pytest.approx(0.8)

    def test_shift_and_scale_do_not_matter(self) -> None:
        channel = torch.rand(2, 4)
        share = figures.explained(channel, self.LABELS)
        assert 0 <= share <= 1
        assert figures.explained(-3 * channel + 8, self.LABELS) == pytest.approx(share)

    def test_an_even_map_has_nothing_to_explain(self) -> None:
        assert figures.explained(torch.ones(2, 4), self.LABELS) == 0


def test_ranks_run_from_most_to_least_behind_the_norm(shown: Walk) -> None:
    channels = figures.ranked(shown.trained, 2)
    spread = figures.variation(shown.trained[2, "the closing norm"])
    assert len(channels) == RANKS == len(set(channels))  # of 20
    assert [spread[channel] for channel in channels] == sorted(spread[channels], reverse=True)
    assert (spread[channels[0]], spread[channels[-1]]) == (spread.max(), spread.min())


def test_the_words_name_what_is_drawn(shown: Walk) -> None:
    words = figures.describe({"a toy": shown}, "a toy", 2, "the step down", 3)
    channel = figures.ranked(shown.trained, 2)[2]
    labels = figures.resized(shown.labels, (8, 12))
    share = figures.explained(shown.trained[2, "the step down"][channel], labels)
    assert f"channel {channel}," in words and "stage 2, after the step down" in words
    assert f"{share:.0%}" in words


def test_the_bars_are_the_regions_means(shown: Walk) -> None:
    figure = figures.render({"a toy": shown}, "a toy", 1, "the closing norm", 1)
    values = figures.standardised(shown.trained[1, PLACES[3]][figures.ranked(shown.trained, 1)[0]])
    labels = figures.resized(shown.labels, values.shape)
    bars = [patch.get_height() / -25 for patch in figure.axes[0].patches if patch.get_width() == 30]
    assert bars[0::2] == pytest.approx([values[labels == region].mean().item() for region in (1, 0)], abs=1e-5)
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert "sky" in texts and "road" in texts


def test_regions_come_largest_first_without_what_has_no_label(shown: Walk) -> None:
    assert figures.largest(shown.labels) == [1, 0]


def test_the_control_is_always_the_same_and_draws_from_nobody() -> None:
    state = torch.get_rng_state()
    one, two = figures.untrained_encoder(), figures.untrained_encoder()
    assert torch.get_rng_state().equal(state)
    assert all(a.equal(b) for a, b in zip(one.parameters(), two.parameters()))
    assert not one.training
