"""The rivals know nothing of a network, or of what it has learned."""

import torch

from segnext_edu import SegNeXt
from segnext_edu.explain.sanity.baselines import edges, middle, noise, randomise, smooth_noise


def test_edges_lie_where_the_brightness_changes():
    picture = torch.zeros(3, 64, 96)
    picture[:, :, 52:] = 1  # in column 6 of cells of 8
    found = edges(picture, (8, 12))
    assert found.shape == (8, 12) and (found.argmax(1) == 6).all()
    assert found[:, :6].max() == 0 and found[:, 7:].max() == 0
    torch.testing.assert_close(edges(picture.mT.contiguous(), (12, 8)), found.T)
    assert edges(torch.ones(3, 64, 96), (8, 12)).max() < 1e-5  # the picture's sides are no edges


def test_the_middle_is_in_the_middle():
    ranked = middle((5, 7))
    assert ranked.argmax() == 2 * 7 + 3 and ranked.argmin() in (0, 6, 28, 34)
    torch.testing.assert_close(ranked, ranked.flip(0, 1))


def test_clouds_are_coarser_than_speckle():
    generator = torch.Generator().manual_seed(0)

    def roughness(noise):
        return ((noise[:, 1:] - noise[:, :-1]).std() / noise.std()).item()

    fine, coarse = noise((40, 56), generator), smooth_noise((40, 56), generator)
    assert fine.shape == coarse.shape == (40, 56)
    assert roughness(fine) > 1.2 > 0.6 > roughness(coarse)
    assert smooth_noise((9, 10), generator).shape == (9, 10)


def test_the_twin_is_of_the_same_form_and_of_its_seed():
    torch.manual_seed(0)
    model = SegNeXt("nano", 5)
    before = torch.get_rng_state()
    randomised, again, other = randomise(model), randomise(model, 0), randomise(model, 1)
    assert torch.equal(before, torch.get_rng_state()) and not randomised.training
    ours, theirs = model.state_dict(), randomised.state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}
    name = "encoder.stages.1.blocks.0.attention.msca.mix.weight"
    assert torch.equal(theirs[name], again.state_dict()[name])
    assert not torch.equal(theirs[name], other.state_dict()[name])
