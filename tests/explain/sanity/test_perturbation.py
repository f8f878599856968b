"""What is covered is what was asked for; a map that knows the answer does better than one that does not."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu import SegNeXt
from segnext_edu.explain.sanity.perturbation import (
    SHARES,
    auc,
    class_scores,
    class_to_ask,
    curve,
    perturbed,
    shuffled,
    top_cells,
)


@given(share=st.sampled_from([0.0, 0.05, 0.3, 0.5, 1.0]), seed=st.integers(0, 99))
def test_the_highest_cells_and_as_many_as_asked(share: float, seed: int):
    saliency = torch.rand(6, 9, generator=torch.Generator().manual_seed(seed))
    mask = top_cells(saliency, share)
    assert mask.sum() == round(share * 54)
    if 0 < share < 1:
        assert saliency[mask].min() > saliency[~mask].max()


def test_more_of_a_map_covers_what_less_covers():
    saliency = torch.rand(6, 9, generator=torch.Generator().manual_seed(0)).round(decimals=1)  # with equal values
    masks = [top_cells(saliency, share) for share in SHARES]
    assert all((before <= after).all() for before, after in zip(masks, masks[1:]))


def test_equal_cells_do_not_come_in_reading_order():
    mask = top_cells(torch.zeros(20, 20), 0.5)
    assert 60 < mask[:10].sum() < 140 and torch.equal(mask, top_cells(torch.zeros(20, 20), 0.5))


def test_cells_are_squares_of_pixels():
    before, after, saliency = torch.zeros(3, 16, 24), torch.ones(3, 16, 24), torch.arange(6.0).view(2, 3)
    expected = torch.zeros(3, 16, 24)
    expected[:, 8:, 8:] = 1
    assert torch.equal(perturbed(before, after, saliency, 2 / 6), expected)
    assert not before.any()


def test_the_cover_is_the_picture_in_another_order():
    picture = torch.rand(3, 32, 48, generator=torch.Generator().manual_seed(0))
    cover = shuffled(picture)
    torch.testing.assert_close(cover.flatten(1).sort(1).values, picture.flatten(1).sort(1).values)
    assert (cover != picture).float().mean() > 0.8
    block = cover[:, :8, :8]
    assert any(torch.equal(block, picture[:, y : y + 8, x : x + 8]) for y in range(0, 32, 8) for x in range(0, 48, 8))


def test_a_map_of_what_counts_has_the_smaller_area():
    """The score is the sum of the right half: the map that says so, its opposite, and insertion the other way."""
    picture, hole = torch.ones(3, 16, 32), torch.zeros(3, 16, 32)
    right = torch.zeros(2, 4)
    right[:, 2:] = 1

    def score(pictures):
        return pictures[:, :, :, 16:].mean((1, 2, 3))

    down = {name: auc(curve(score, picture, hole, saliency)) for name, saliency in (("it", right), ("not", -right))}
    up = {name: auc(curve(score, hole, picture, saliency)) for name, saliency in (("it", right), ("not", -right))}
    assert down["it"] < 0.35 < 0.65 < down["not"] and up["it"] > 0.65 > 0.35 > up["not"]


def test_the_area_is_the_mean_height():
    assert auc(torch.ones(len(SHARES), 2)).tolist() == pytest.approx([1, 1])
    assert auc(1 - torch.tensor(SHARES)).item() == pytest.approx(0.5)
    assert SHARES[0] == 0 and SHARES[-1] == 1 and list(SHARES) == sorted(SHARES)


def test_the_class_to_ask_about_is_the_commonest_small_one():
    labels = torch.tensor([0] * 10 + [3] * 4 + [5] * 2).view(4, 4)
    assert class_to_ask(labels) == 3
    assert class_to_ask(labels, largest=0.2) == 5
    assert class_to_ask(labels, largest=1) == 0
    assert class_to_ask(torch.zeros(4, 4, dtype=torch.long)) is None


def test_the_answers_of_the_whole_picture():
    torch.manual_seed(0)
    model = SegNeXt("nano", 4).eval()
    torch.nn.init.normal_(model.decoder.classify.weight)  # or one class takes all
    picture = torch.randn(3, 64, 96, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = model.decode(model.encode(picture[None]))[0]
    label = int(logits.argmax(0).mode().values.mode().values)
    score = class_scores(model, picture, label)
    with torch.no_grad():
        sure, kept = score(picture[None])[0].tolist()
        assert kept == 1
        assert sure == pytest.approx(logits.softmax(0)[label][logits.argmax(0) == label].mean().item(), rel=1e-5)
        both = score(torch.stack([picture, shuffled(picture)]))
        assert both.shape == (2, 2) and both[1, 1] < 1
        torch.testing.assert_close(both[0], score(picture[None])[0])
