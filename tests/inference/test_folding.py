"""Folded weights give what norm and convolution gave one after the other."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from segnext_edu.inference.folding import affine, conv_like, folded, scaled_after, scaled_before


def trained_norm(channels: int) -> nn.BatchNorm2d:
    """A BatchNorm in eval mode, none of whose four vectors does nothing."""
    norm = nn.BatchNorm2d(channels).eval()
    assert norm.running_mean is not None and norm.running_var is not None
    for vector in (norm.weight.data, norm.bias.data, norm.running_mean):
        vector.normal_()
    norm.running_var.uniform_(0.5, 2)
    return norm


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


@torch.no_grad()
def test_a_norm_is_a_scale_and_a_shift() -> None:
    norm, x = trained_norm(4), torch.randn(2, 4, 3, 5)
    scale, shift = (vector[:, None, None] for vector in affine(norm))
    assert torch.allclose(scale * x + shift, norm(x), atol=1e-6)


@torch.no_grad()
def test_before_and_after_a_convolution() -> None:
    norm, conv, x = trained_norm(4), nn.Conv2d(4, 6, 1), torch.randn(2, 4, 3, 5)
    assert torch.allclose(scaled_before(conv, *affine(norm))(x), conv(norm(x)), atol=1e-5)
    norm, conv = trained_norm(6), nn.Conv2d(4, 6, 3, stride=2, padding=1)
    assert torch.allclose(scaled_after(conv, *affine(norm))(x), norm(conv(x)), atol=1e-5)


@torch.no_grad()
def test_in_front_of_a_kernel_that_sees_the_edge_it_is_refused() -> None:
    """Around the picture are zeros; the shift is not there, and no single bias is right."""
    with pytest.raises(AssertionError):
        scaled_before(nn.Conv2d(4, 4, 3, padding=1), *affine(trained_norm(4)))


@torch.no_grad()
def test_layers_lose_their_norms_and_nothing_else() -> None:
    layers = nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1), trained_norm(4), nn.GELU(), nn.Conv2d(4, 5, 3), trained_norm(5)
    )
    before, x = copy.deepcopy(layers.state_dict()), torch.randn(2, 3, 9, 11)
    new = folded(layers)
    assert [type(layer) for layer in new] == [nn.Conv2d, nn.GELU, nn.Conv2d]
    assert torch.allclose(new(x), layers(x), atol=1e-5)
    for parameter in new.parameters():
        parameter.zero_()
    assert all(torch.equal(tensor, before[name]) for name, tensor in layers.state_dict().items())


@torch.no_grad()
def test_a_convolution_of_the_same_geometry() -> None:
    conv = nn.Conv2d(6, 6, (1, 7), stride=2, padding=(0, 3), groups=6)
    new = conv_like(conv, conv.weight, None)
    assert new.bias is None and new.weight.data_ptr() != conv.weight.data_ptr()
    x = torch.randn(1, 6, 5, 9)
    assert conv.bias is not None
    assert torch.allclose(new(x) + conv.bias[:, None, None], conv(x), atol=1e-6)
