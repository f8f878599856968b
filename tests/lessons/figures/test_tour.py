"""Notebook 00's figure: gates in units of their mean, beside an untrained control on the same scale."""

from __future__ import annotations

import numpy as np
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
        _, trained, random = (axis.images[0] for axis in figures.draw(compared, 0, (1, 0)).axes[:3])
        assert bool((trained.get_array() == random.get_array()).all()) is alike
        assert trained.get_clim() == random.get_clim() == (0, figures.MOST)
        assert (figures.agreement(compared, (1, 0)) > 0.999) is alike


def test_the_words_name_both_peaks() -> None:
    gates = {(2, 1): torch.tensor([[0.5, 1.5]])}, {(2, 1): torch.tensor([[0.9, 1.1]])}
    compared = {7: (Image.new("RGB", (4, 2)), *gates)}
    said = figures.describe(compared, 7, (2, 1))
    assert "Scene 7" in said and "1.5 times its mean in the trained" in said and "1.1 with random weights" in said
    titles = [axis.get_title() for axis in figures.draw(compared, 7, (2, 1)).axes]
    assert titles[1:3] == ["gate 2 · 1, trained: up to 1.5 × mean", "gate 2 · 1, random weights: up to 1.1 × mean"]


def test_on_a_class_that_fills_the_image_a_gate_is_as_strong_as_its_mean(
    models: tuple[SegNeXt, SegNeXt], photo: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(figures, "SCENES", (0, 1))
    monkeypatch.setattr(figures, "class_names", lambda scenes: ["sky", "pole, post"])
    whole, half = np.full((48, 64), 2, np.uint8), np.ones((48, 64), np.uint8)
    half[:, 32:] = 0
    scenes = [{"image": photo, "mask": whole}, {"image": photo, "mask": half}]
    (ratio,) = figures.on_class(models[0], scenes, 64, "pole", (1, 0))
    assert ratio == pytest.approx(1, abs=0.02)
    assert figures.on_class(models[0], scenes, 64, "sky", (1, 0)) != [ratio]


def test_only_labelled_pixels_can_be_wrong() -> None:
    truth, labels = np.array([[0, 1, 255, 1]]), np.array([[0, 0, 0, 1]])
    figure = figures.draw_errors(Image.new("RGB", (4, 1)), truth, labels, np.zeros((2, 3), np.uint8))
    red = np.asarray(figure.axes[3].images[0].get_array())[0]  # (4, 3)
    assert [pixel[0] > 2 * pixel[1] for pixel in red.tolist()] == [False, True, False, False]


def test_the_published_numbers_are_in_order() -> None:
    """Within a family more arithmetic has a higher score, and the sentence is true of the numbers."""
    for sizes in figures.PUBLISHED.values():
        assert list(sizes.values()) == sorted(sizes.values()) and sorted(y for _, y in sizes.values())[-1] < 60
    ours, theirs = figures.PUBLISHED["SegNeXt"], figures.PUBLISHED["SegFormer"]
    for cost, miou in theirs.values():
        assert max(y for x, y in ours.values() if x <= cost) > miou
    assert "SegNeXt-S has 44.3 % mIoU and SegFormer-B1 42.2 %" in figures.describe_published()


def test_a_photograph_is_shown_with_its_control() -> None:
    figure = figures.draw_photograph(figures.open_or_temple(None), figures.read("nano_street"), (2, 1))
    titles = [axis.get_title() for axis in figure.axes[:4]]
    assert titles == ["the photograph", "predicted labels", "gate 2 · 1, trained", "gate 2 · 1, random weights"]
    trained, random = (axis.images[0].get_array() for axis in figure.axes[2:4])
    assert (trained != random).any()


def test_making_the_control_leaves_the_random_state_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "compare", lambda trained, random, *_: (trained, random))
    before = torch.get_rng_state()
    trained, random = figures.shipped()
    assert torch.equal(before, torch.get_rng_state())
    assert trained.variant == random.variant and not random.training
    assert not torch.equal(next(trained.parameters()), next(random.parameters()))
