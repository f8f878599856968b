"""Notebook 00's figure: gates in units of their mean, beside an untrained control on the same scale."""

from __future__ import annotations

import pytest
import torch
from PIL import Image

from segnext_edu import SegNeXt
from segnext_edu.data.images import prepare, to_tensor
from segnext_edu.explain.record import attention_maps
from segnext_edu.lessons.figures import tour as figures


@pytest.fixture(scope="module")
def models() -> tuple[SegNeXt, SegNeXt]:
    torch.manual_seed(3)
    return SegNeXt("nano", 5).eval(), SegNeXt("nano", 5).eval()


@pytest.fixture(scope="module")
def photo() -> Image.Image:
    generator = torch.Generator().manual_seed(0)
    return Image.fromarray(torch.randint(0, 256, (48, 64, 3), generator=generator).byte().numpy())


def test_strength_is_the_root_of_the_mean_square_over_channels() -> None:
    x = torch.tensor([3.0, 4.0]).view(1, 2, 1, 1).expand(1, 2, 2, 3)
    assert torch.allclose(figures.strength(x), torch.full((2, 3), 12.5**0.5))
    assert torch.equal(figures.strength(-x), figures.strength(x))


def test_every_gate_is_measured_in_units_of_its_mean(models: tuple[SegNeXt, SegNeXt], photo: Image.Image) -> None:
    gates = figures.gates(models[0], photo, 64)
    maps = attention_maps(models[0], prepare(to_tensor(photo), 64))
    assert list(gates) == [(stage, block) for stage, block, part in maps if part == "gate"]
    for (stage, block), gate in gates.items():
        assert torch.allclose(gate.mean(), torch.tensor(1.0), atol=1e-5)
        raw = figures.strength(maps[stage, block, "gate"])
        assert torch.allclose(gate / gate[0, 0], raw / raw[0, 0])


def test_a_network_beside_itself_shows_the_same_map_twice(models: tuple[SegNeXt, SegNeXt], photo: Image.Image) -> None:
    same = figures.compare(models[0], models[0], [{"image": photo}], 64, indices=(0,))
    other = figures.compare(*models, [{"image": photo}], 64, indices=(0,))
    for compared, alike in ((same, True), (other, False)):
        _, trained, untrained = (axis.images[0] for axis in figures.draw(compared, 0, (1, 0)).axes[:3])
        assert bool((trained.get_array() == untrained.get_array()).all()) is alike
        assert trained.get_clim() == untrained.get_clim() == (0, figures.MOST)


def test_the_words_name_both_peaks() -> None:
    gates = {(2, 1): torch.tensor([[0.5, 1.5]])}, {(2, 1): torch.tensor([[0.9, 1.1]])}
    compared = {7: (Image.new("RGB", (4, 2)), *gates)}
    said = figures.describe(compared, 7, (2, 1))
    assert "Scene 7" in said and "1.5 times its mean in the trained" in said and "1.1 in the untrained" in said
    assert "1.5 × its mean; untrained 1.1 ×" in figures.draw(compared, 7, (2, 1)).get_suptitle()


def test_making_the_control_leaves_the_random_state_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "compare", lambda trained, untrained, *_: (trained, untrained))
    before = torch.get_rng_state()
    trained, untrained = figures.shipped()
    assert torch.equal(before, torch.get_rng_state())
    assert trained.variant == untrained.variant and not untrained.training
    with torch.no_grad():
        assert all(
            a.shape == b.shape
            for a, b in zip(trained.state_dict().values(), untrained.state_dict().values(), strict=True)
        )
    assert not torch.equal(next(trained.parameters()), next(untrained.parameters()))
