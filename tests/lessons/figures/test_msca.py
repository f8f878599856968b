"""Notebook 04's figure: what it mixes is Eq. 1, what it shows is in units of its mean, and its control is one."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from segnext_edu.checkpoints import load
from segnext_edu.data import load_scenes
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.record import attention_maps
from segnext_edu.files import repository_data
from segnext_edu.lessons.figures import msca as figures
from segnext_edu.model.segnext import SegNeXt

ONES = dict.fromkeys(figures.BRANCHES, 1.0)
OFF = dict.fromkeys(figures.BRANCHES, 0.0)


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    noise = torch.randint(256, (72, 104, 3), generator=torch.Generator().manual_seed(4), dtype=torch.uint8)
    return Image.fromarray(noise.numpy())


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    torch.manual_seed(1)
    model = SegNeXt("nano", 5).eval()
    model.classes, model.card = [*"abcde"], {"recipe": {"short_side": 64}}
    return model


@pytest.fixture(scope="module")
def looks(model: SegNeXt, picture: Image.Image) -> dict[str, figures.Looks]:
    return figures.look_at(model, picture)


def test_all_branches_at_one_are_the_gate_of_the_forward_pass(
    model: SegNeXt, picture: Image.Image, looks: dict[str, figures.Looks]
) -> None:
    gates = attention_maps(model, prepare(to_tensor(picture), 64))
    trained = looks["trained"]
    assert set(trained.attentions) == {(stage, block) for stage, block, _ in gates}
    for layer, msca in trained.attentions.items():
        with torch.no_grad():
            mixed = figures.mixed_gate(msca, trained.branches[layer], ONES)
        torch.testing.assert_close(mixed, gates[*layer, "gate"], rtol=1e-4, atol=1e-4)


def test_a_strength_moves_the_gate_in_proportion(looks: dict[str, figures.Looks]) -> None:
    msca, branches = looks["trained"].attentions[2, 1], looks["trained"].branches[2, 1]
    with torch.no_grad():
        none, once, twice = (figures.mixed_gate(msca, branches, {**OFF, 11: value}) for value in (0.0, 1.0, 2.0))
    torch.testing.assert_close(twice - none, 2 * (once - none))
    assert not torch.allclose(once, none)


def test_strengths_are_in_means_and_blind_to_the_sign() -> None:
    maps = torch.tensor([[[[3.0, -1.0]], [[-4.0, 0.0]]]])  # (1, 2, 1, 2)
    torch.testing.assert_close(figures.strength(maps), torch.tensor([[5.0, 1.0]]) / 3)
    torch.testing.assert_close(figures.strength(-7 * maps), figures.strength(maps))
    assert not figures.strength(0 * maps).any()


def test_the_gate_as_it_is_ignores_the_sliders(looks: dict[str, figures.Looks]) -> None:
    before = figures.panels(looks["trained"], (3, 0), ONES)
    after = figures.panels(looks["trained"], (3, 0), {**ONES, 21: 0.0})
    assert torch.equal(before[0], before[2]) and torch.equal(before[0], after[0])
    assert not torch.allclose(after[1], before[1]) and not torch.allclose(after[2], before[2])


def test_likeness_is_a_correlation_and_a_flat_map_is_like_nothing() -> None:
    ramp = torch.arange(6.0).view(2, 3)
    assert figures.likeness(ramp, 5 * ramp + 2) == pytest.approx(1)
    assert figures.likeness(ramp, -ramp) == pytest.approx(-1)
    assert figures.likeness(ramp, torch.ones(2, 3)) == 0


def test_with_every_branch_off_it_still_draws(picture: Image.Image, looks: dict[str, figures.Looks]) -> None:
    figure = figures.draw(picture, looks, (1, 0), OFF)
    assert any("trained 0.00" in text.get_text() for text in figure.axes[0].texts)


def test_the_control_has_other_weights_the_same_each_time_and_leaves_the_generator_alone(
    model: SegNeXt, picture: Image.Image, looks: dict[str, figures.Looks]
) -> None:
    torch.manual_seed(4)
    before = torch.get_rng_state()
    again = figures.look_at(model, picture)
    assert torch.equal(torch.get_rng_state(), before)
    layer = (2, 0)
    for length in figures.BRANCHES:
        trained, control = (looks[name].branches[layer][length] for name in ("trained", "untrained"))
        assert trained.shape == control.shape and not torch.allclose(trained, control)
        assert torch.equal(control, again["untrained"].branches[layer][length])


def test_the_words_say_what_the_sliders_say() -> None:
    words = figures.describe("a street", (2, 1), {5: 1.0, 7: 0.5, 11: 0.0, 21: 2.0})
    assert "a street, stage 2, block 1" in words and "5 at 1, 7 at 0.5, 11 at 0, 21 at 2" in words


def test_it_opens_where_one_branch_makes_the_trained_gate_and_not_the_untrained() -> None:
    figure = figures.explorer()
    opened = figure.values
    figure.close()
    assert [opened[f"k{length}"] for length in figures.BRANCHES] == [1, 1, 1, 0]
    model = load(repository_data() / "checkpoints" / "nano_mini.safetensors")
    looks = figures.look_at(model, load_scenes("mini", "val")[figures.DRAWN_SCENE]["image"])
    alike = {}
    for name, look in looks.items():
        before, _, after = figures.panels(look, opened["layer"], {**ONES, 21: 0.0})
        alike[name] = figures.likeness(before, after)
    assert alike["trained"] < 0.4 < 0.6 < alike["untrained"]
