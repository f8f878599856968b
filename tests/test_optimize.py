"""The optimised model gives the model's answers: any size, any batch, any weights."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from segnext_edu import optimize as module
from segnext_edu.checkpoints import from_official
from segnext_edu.optimize import FastSegNeXt, optimize
from segnext_edu.segnext import SegNeXt
from tests.reference import official_weights


def trained_looking() -> SegNeXt:
    """A model none of whose norms and scales is the identity, as after training."""
    torch.manual_seed(0)
    model = SegNeXt("nano", 5).eval()
    with torch.no_grad():
        for part in model.modules():
            if isinstance(part, nn.BatchNorm2d):
                assert part.running_mean is not None and part.running_var is not None
                part.running_mean.normal_(0, 0.3)
                part.running_var.uniform_(0.5, 2)
            if isinstance(part, nn.BatchNorm2d | nn.LayerNorm | nn.GroupNorm):
                part.weight.uniform_(0.5, 1.5)
                part.bias.normal_(0, 0.3)
        for name, parameter in model.named_parameters():
            if name.endswith(("scale1", "scale2")):
                parameter.uniform_(0.05, 0.3)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1)
    return model


def difference(a: torch.Tensor, b: torch.Tensor) -> float:
    """The largest, as a share of the largest value."""
    return ((a - b).abs().max() / b.abs().max()).item()


@pytest.mark.parametrize("shape", [(1, 3, 64, 96), (2, 3, 97, 70), (1, 3, 32, 33), (3, 3, 50, 128)])
def test_the_answers_are_the_models(shape: tuple[int, ...]) -> None:
    model = trained_looking()
    fast = optimize(model)
    images = torch.randn(*shape)
    with torch.no_grad():
        assert difference(fast(images), model(images)) < 1e-5
        for ours, theirs in zip(fast.encode(images), model.encode(images)):
            assert difference(ours, theirs) < 1e-5
        bases = torch.rand(shape[0], 96, 16)
        assert difference(fast(images, bases), model(images, bases)) < 1e-5


@pytest.mark.parametrize("variant", ["tiny", "base"])
def test_so_for_the_papers_sizes(variant: str) -> None:
    model = SegNeXt(variant).eval()
    model.load_state_dict(from_official(official_weights(variant)))
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert difference(optimize(model)(images), model(images)) < 1e-5


@pytest.mark.parametrize("cache", [1, 40_000, 10**9])
def test_whatever_the_bands(cache: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One row at a time, a few, or all at once."""
    model = trained_looking()
    monkeypatch.setattr(module, "CACHE", cache)
    images = torch.randn(2, 3, 88, 64)
    with torch.no_grad():
        assert difference(optimize(model)(images), model(images)) < 1e-5


def test_the_model_stays_as_it_was() -> None:
    model = trained_looking()
    before = copy.deepcopy(model.state_dict())
    fast = optimize(model)
    with torch.no_grad():
        for parameter in fast.parameters():
            parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


def test_nothing_can_be_trained() -> None:
    fast = optimize(trained_looking())
    images = torch.randn(1, 3, 32, 32, requires_grad=True)
    kept = images.detach().clone()
    assert not fast(images).requires_grad
    assert not any(parameter.requires_grad for parameter in fast.parameters())
    assert torch.equal(images, kept), "the picture is not overwritten"


def test_bfloat16_keeps_the_nmf_in_float32() -> None:
    model = trained_looking()
    fast = optimize(model, dtype=torch.bfloat16)
    assert fast.decoder.hamburger.nmf.eval_bases.dtype == torch.float32
    images = torch.randn(2, 3, 96, 96)
    with torch.no_grad():
        exact, coarse = model(images), fast(images)
    assert coarse.dtype == torch.float32
    assert (coarse.argmax(1) == exact.argmax(1)).float().mean() > 0.9


def test_norms_and_scales_are_gone() -> None:
    """All that a BatchNorm or a layer scale did is in the weights."""
    fast = optimize(trained_looking())
    assert isinstance(fast, FastSegNeXt)
    assert not any(isinstance(part, nn.BatchNorm2d) for part in fast.modules())
