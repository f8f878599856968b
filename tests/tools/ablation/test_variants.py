"""Every variant is nano but for what its name says, and can be trained."""

from __future__ import annotations

import pytest
import torch

from segnext_edu.cost import count_macs, count_parameters
from segnext_edu.model.segnext import SegNeXt
from tools.ablation.queue import build
from tools.ablation.variants import PAPER, VARIANTS


@pytest.mark.parametrize("name", VARIANTS)
def test_it_labels_every_pixel_and_learns(name: str) -> None:
    model = build(name, seed=0, classes=5).train()
    logits = model(torch.randn(2, 3, 64, 96))
    assert logits.shape == (2, 5, 64, 96)
    torch.nn.functional.cross_entropy(logits, torch.zeros(2, 64, 96, dtype=torch.long)).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_the_papers_is_nano_to_the_last_weight() -> None:
    torch.manual_seed(3)
    expected = SegNeXt("nano", 5).state_dict()
    assert all(torch.equal(tensor, expected[name]) for name, tensor in build(PAPER, 3, 5).state_dict().items())


def test_what_a_variant_leaves_alone_costs_what_nano_costs() -> None:
    nano, shape = build(PAPER, 0, 5), (1, 3, 128, 128)
    parameters, macs = count_parameters(nano), count_macs(nano, shape)
    for name in ("sum, no product", "sigmoid on the gate", "no inner shortcut"):
        other = build(name, 0, 5)
        assert (count_parameters(other), count_macs(other, shape)) == (parameters, macs)
    assert abs(count_macs(build("ConvNeXt blocks", 0, 5), shape) / macs - 1) < 0.01


def test_the_shortcut_is_what_is_left_out() -> None:
    x = torch.randn(1, 16, 8, 8)
    whole, without = (
        build(name, 0, 5).encoder.stages[0].blocks[0].attention.eval() for name in (PAPER, "no inner shortcut")
    )
    assert torch.allclose(whole(x), without(x) + x, atol=1e-6)
