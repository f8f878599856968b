"""What the atlas shows: maps on their scales, the control beside them, and photographs of every shape."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from segnext_edu import SegNeXt
from segnext_edu.explain.atlas import maps
from segnext_edu.explain.atlas.maps import (
    PARTS,
    Sight,
    attention_map,
    best_classes,
    by_spread,
    default_checkpoint,
    dominant_map,
    layer_maps,
    load_pair,
    look,
    seen_side,
    short_names,
)
from segnext_edu.explain.record import BRANCHES, attentions, contributions, dominant_branch, record, strength
from segnext_edu.files import InputError


@pytest.fixture(scope="module")
def sight() -> Sight:
    torch.manual_seed(3)
    model = SegNeXt("nano", 5).eval()
    for msca in (msca for _, msca in attentions(model)):
        torch.nn.init.normal_(msca.mix.bias)  # as training leaves it
    model.classes, model.card = ("wall", "sky", "tree, plant", "car", "road"), {"recipe": {"short_side": 64}}
    photo = torch.randint(0, 256, (96, 128, 3), generator=torch.Generator().manual_seed(0)).byte()
    return look(model, Image.fromarray(photo.numpy()))


def test_a_look_is_a_recorded_pass_at_the_size_of_the_card(sight: Sight) -> None:
    assert sight.images.shape == (1, 3, 64, 96)
    again = record(sight.model, sight.images)
    assert torch.equal(again.logits, sight.recording.logits)
    assert torch.equal(sight.labels, again.logits[0].argmax(0))
    assert sight.layers == [layer for layer, _ in attentions(sight.model)]


def test_what_the_parts_are(sight: Sight) -> None:
    """The gate as recorded, and the branches as `explain.contributions` has them; with the bias they make the gate."""
    for layer, msca in attentions(sight.model):
        assert msca.mix.bias is not None
        maps = layer_maps(sight, layer)
        assert tuple(maps) == PARTS
        assert torch.equal(maps["gate"], sight.recording.attentions[*layer, "gate"][0])
        total = sum(maps[length] for length in BRANCHES) + msca.mix.bias[:, None, None]
        assert torch.allclose(total, maps["gate"], atol=1e-4)


@pytest.mark.parametrize("part", PARTS)
def test_every_reading_is_the_map_on_a_scale_of_its_own(sight: Sight, part: str | int) -> None:
    layer = (2, 1)
    raw = layer_maps(sight, layer)[part]  # (C, h, w)
    strong = attention_map(sight, layer, part, "strength")
    assert strong.mean().item() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(strong * strength(raw[None])[0].mean(), strength(raw[None])[0])
    for reading, signed in (("mean", raw.mean(0)), ("channel", raw[7])):
        values = attention_map(sight, layer, part, reading, channel=7)
        assert values.square().mean().item() == pytest.approx(1, abs=1e-5)
        assert torch.equal(values > 0, signed > 0)


def test_the_winner_is_explains(sight: Sight) -> None:
    layer = (3, 0)
    added = contributions(dict(attentions(sight.model))[layer], sight.recording, layer)
    assert torch.equal(dominant_map(sight, layer), dominant_branch(added)[0])


def test_channels_are_ranked_by_how_much_they_vary(sight: Sight) -> None:
    order = by_spread(sight, (1, 0), 11)
    spread = layer_maps(sight, (1, 0))[11].flatten(1).std(1)
    assert sorted(order) == list(range(16))
    assert all(spread[a] >= spread[b] for a, b in zip(order, order[1:]))


def test_the_shares_of_the_bases_make_up_a_pixel(sight: Sight) -> None:
    assert torch.allclose(sight.shares.sum(0), torch.ones(8, 12), atol=1e-5)
    assert (sight.shares >= 0).all()


def test_a_pixels_classes_come_by_name_and_in_order(sight: Sight) -> None:
    best = best_classes(sight, 2, 3, count=9)
    assert {name for name, _ in best} == {"wall", "sky", "tree", "car", "road"}
    assert [share for _, share in best] == sorted((share for _, share in best), reverse=True)
    assert sum(share for _, share in best) == pytest.approx(1, abs=1e-5)
    assert best[0][0] == short_names(sight.model.classes)[int(sight.labels[2, 3])]


def test_what_a_sight_takes_in_memory_is_counted_whole(sight: Sight) -> None:
    sight = Sight(sight.model, sight.images, sight.recording)  # one that nobody has asked anything
    recorded = sight.nbytes
    assert sight.kept is not None and sight.nbytes == recorded + sight.kept.nbytes
    before = sight.nbytes
    assert recorded > sum(tensor.nbytes for tensor in sight.recording.attentions.values())
    assert sight.pull(4, 0, 0).shape == (64, 96)
    assert sight.heat(1, sight.labels == 1).shape == (2, 3)
    assert sight.nbytes == before  # foreseen


def test_a_question_does_not_go_forward_again(sight: Sight) -> None:
    assert sight.kept is not None  # made for the first question
    passed = []
    hooks = [part.register_forward_hook(lambda *_: passed.append(1)) for part in sight.model.modules()]
    sight.pull(3, 1, 1)
    sight.heat(2, sight.labels == 2)
    for hook in hooks:
        hook.remove()
    assert not passed


def test_a_graph_that_would_take_too_much_is_made_for_each_question(
    sight: Sight, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sight.kept is not None
    monkeypatch.setattr(maps, "GRAPH_BYTES", sight.kept.nbytes - 1)
    photo = torch.randint(0, 256, (96, 128, 3), generator=torch.Generator().manual_seed(0)).byte()
    other = look(sight.model, Image.fromarray(photo.numpy()))
    assert other.kept is None and other.nbytes == sight.nbytes - sight.kept.nbytes
    assert torch.equal(other.pull(2, 1, 3), sight.pull(2, 1, 3))
    assert torch.equal(other.heat(1, other.labels == 1), sight.heat(1, sight.labels == 1))


def test_the_control_differs_in_its_weights_alone() -> None:
    before = torch.get_rng_state()
    trained, randomised = load_pair(default_checkpoint())
    assert torch.equal(before, torch.get_rng_state())
    assert (trained.variant, trained.classes, trained.card) == (randomised.variant, randomised.classes, randomised.card)
    assert not trained.training and not randomised.training
    weights = {name: value.shape for name, value in trained.state_dict().items()}
    assert weights == {name: value.shape for name, value in randomised.state_dict().items()}
    assert not torch.equal(next(trained.parameters()), next(randomised.parameters()))


@pytest.mark.parametrize("size", [(512, 512), (768, 512), (1024, 512), (300, 2400)])
def test_no_photograph_gets_more_pixels_than_one_of_two_to_three(size: tuple[int, int]) -> None:
    side = seen_side(size, 320)
    ratio = max(size) / min(size)
    assert side * side * ratio <= 1.5 * 320 * 320 * 1.02
    assert seen_side(size[::-1], 320) == side
    if ratio <= 1.5:
        assert side == 320


@pytest.mark.parametrize("size", [(31, 400), (4000, 300)])
def test_a_speck_or_a_strip_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match=f"{size[0]} × {size[1]} pixels"):
        seen_side(size, 320)
