"""What notebook 06's figure says is so: its numbers, and the laws they obey."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segnext_edu.lessons.figures import hamburger as figures
from segnext_edu.model.hamburger import nmf


def features(seed: int, d: int = 6, h: int = 5, w: int = 8) -> torch.Tensor:
    return torch.rand(1, d, h, w, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def figure():
    explorer = figures.explorer()
    yield explorer
    explorer.close()


def test_a_colour_is_shared_out_among_paints_that_mix_it_again() -> None:
    picture = torch.rand(3, 7, 9, generator=torch.Generator().manual_seed(0))
    shares = figures.colour_features(picture)
    assert shares.shape == (1, 64, 7, 9) and (shares >= 0).all() and ((shares > 0).sum(1) <= 8).all()
    torch.testing.assert_close(shares.sum(1), torch.ones(1, 7, 9))
    mixed = figures.mixed(5 * shares[0].flatten(1)).T.unflatten(1, (7, 9))  # however much of it there is
    torch.testing.assert_close(mixed, picture)


def test_the_trajectory_is_nmf_stopped_after_each_step() -> None:
    x, start = features(1).flatten(2), torch.rand(1, 6, 3, generator=torch.Generator().manual_seed(2))
    for steps, answer in enumerate(figures.trajectory(x, start, 4)):
        torch.testing.assert_close(answer, nmf(x, start, steps))


def test_the_error_falls_and_stays_above_the_least() -> None:
    for rank in (1, 2, 4):
        answers, errors, least = figures.solved(features(3), rank, seed=1)
        assert len(answers) == len(errors) == figures.MOST_STEPS + 1
        assert all(after <= before + 1e-5 for before, after in zip(errors, errors[1:]))
        assert errors[-1] >= least > 0


def test_the_least_error_is_the_svds() -> None:
    x = features(4)[0].flatten(1)
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    for rank in (1, 3, 6):
        nearest = u[:, :rank] * s[:rank] @ vh[:rank]
        assert figures.least_error(x, rank) == pytest.approx(((x - nearest).norm() / x.norm()).item(), abs=1e-3)


def test_maps_are_sorted_and_do_not_depend_on_how_a_base_is_scaled() -> None:
    x = features(5)
    bases, coef = nmf(x.flatten(2), torch.rand(1, 6, 3, generator=torch.Generator().manual_seed(0)), 3)
    maps, order = figures.base_maps(x, bases, coef)
    totals = maps.sum((1, 2))
    assert maps.shape == (3, 5, 8) and (totals[:-1] >= totals[1:]).all()
    scale = torch.tensor([2.0, 0.1, 7.0])
    again, same_order = figures.base_maps(x, bases * scale, coef / scale)
    torch.testing.assert_close(again, maps)
    assert same_order.equal(order)


def test_the_class_of_a_map_is_where_its_weight_lies() -> None:
    labels = torch.tensor([[0, 0, 2], [2, 1, 255]])
    assert figures.mostly(torch.tensor([[1.0, 1, 1], [2, 1, 99]]), labels, 4) == (2, 0.5)


def test_segments_are_painted_in_their_pixels_mean_colour() -> None:
    picture = np.zeros((4, 8, 3), dtype=np.uint8)
    picture[:, :4] = 255, 0, 0
    picture[:, 4:6] = 0, 200, 0
    amounts = torch.tensor([[1.0, 1, 0.3, 0], [0.2, 0.2, 0.5, 0.5], [0.1, 0.1, 0.1, 0.4]])  # the third owns no pixel
    painted = figures.painted(amounts[:, None].expand(3, 2, 4), picture)
    np.testing.assert_allclose(painted[0, :, :2], [[1, 0], [1, 0], [0, 100 / 255], [0, 100 / 255]], rtol=1e-6)


def test_what_goes_into_the_nmf_is_not_negative_and_the_network_is_left_alone() -> None:
    torch.manual_seed(0)
    model = figures.SegNeXt("nano", 5).eval()
    x = figures.nmf_input(model, torch.randn(1, 3, 64, 96))
    assert x.shape == (1, 96, 8, 12) and (x >= 0).all() and x.any() and not x.requires_grad
    assert not model.decoder.hamburger.nmf._forward_pre_hooks


def test_the_words_give_the_share_that_the_bases_hold(figure) -> None:
    figure.controls["subject"].value = "a photograph's colours"
    figure.controls["rank"].value, figure.controls["steps"].value = 16, 20
    x = figures.photograph().features["colours"]
    bases, coef = nmf(x.flatten(2), torch.rand(1, 64, 16, generator=torch.Generator().manual_seed(0)), 20)
    held = 1 - ((x.flatten(2) - bases @ coef.mT).square().sum() / x.square().sum()).item()
    assert f"{held:.0%} of the colours" in figure.picture.alt


def test_training_gathers_the_bases_on_classes() -> None:
    """The figure's control: the maps of the untrained network lie less on one class."""
    models = {"trained": figures.load(figures.repository_data() / "checkpoints" / "nano_mini.safetensors")}
    torch.manual_seed(0)
    models["untrained"] = figures.SegNeXt("nano", 23).eval()
    scene = figures.drawn_scene(5, models)
    shares = []
    for x in scene.features.values():
        maps, _ = figures.base_maps(x, *figures.solved(x, 8, 0)[0][7])
        shares.append(np.mean([figures.mostly(amount, scene.labels, len(scene.names))[1] for amount in maps[:5]]))
    assert shares[0] > shares[1]
