"""What notebook 12 lets its readers build is what the package does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from segnext_edu.inference import optimize
from segnext_edu.model.mscan import Block
from segnext_edu.model.segnext import LightHam
from tools.course.mutants.speed import bands, squeeze_first


def fold_by_the_package(weight: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, variance, eps: float):
    norm = nn.BatchNorm2d(len(gain), eps=eps).eval()
    norm.load_state_dict(
        {"weight": gain, "bias": shift, "running_mean": mean, "running_var": variance}, strict=False, assign=True
    )
    conv = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
    conv.load_state_dict({"weight": weight[:, :, None, None], "bias": bias}, assign=True)
    folded = optimize.scaled_before(conv, *optimize.affine(norm)).double()
    assert folded.bias is not None
    return folded.weight[:, :, 0, 0].detach(), folded.bias.detach()


def test_the_packages_fold_passes(verdict: Callable) -> None:
    assert verdict("fold", fold_by_the_package).count("✓") == 3


@torch.no_grad()
def test_the_packages_decoder_squeezes_first() -> None:
    torch.manual_seed(0)
    decoder = LightHam((4, 6, 9), 32, 2, 5).eval()
    maps = [torch.randn(2, c, *size) for c, size in zip((4, 6, 9), ((9, 13), (5, 7), (3, 4)))]
    seen: list[Tensor] = []
    decoder.squeeze[1].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    decoder(maps, bases := torch.rand(2, 32, 2))
    weight = decoder.squeeze[0].weight
    assert isinstance(weight, Tensor)
    torch.testing.assert_close(squeeze_first(maps, weight), seen[0])
    fast = optimize.FastLightHam(decoder, (4, 6, 9)).eval()
    torch.testing.assert_close(fast(maps, bases), decoder(maps, bases), atol=1e-5, rtol=1e-4)


@torch.no_grad()
@pytest.mark.parametrize("rows", [1, 3, 5, 16])
def test_bands_of_a_blocks_ffn(rows: int) -> None:
    torch.manual_seed(rows)
    ffn = Block(6, 4).ffn.eval()
    x = torch.randn(2, 6, 11, 7)
    torch.testing.assert_close(bands()(ffn, x, rows), ffn(x))
