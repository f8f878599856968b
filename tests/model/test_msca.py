import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu.model.msca import MSCA, STRIPS, Attention


@given(channels=st.integers(1, 6), height=st.integers(1, 30), width=st.integers(1, 30), batch=st.integers(1, 3))
def test_shapes(channels, height, width, batch):
    x = torch.randn(batch, channels, height, width)
    assert MSCA(channels)(x).shape == x.shape
    assert Attention(channels)(x).shape == x.shape


def test_the_strips_are_the_papers():
    assert STRIPS == (7, 11, 21)
    module = MSCA(4)
    assert [tuple(strip.horizontal.weight.shape[2:]) for strip in module.strips] == [(1, 7), (1, 11), (1, 21)]
    assert [tuple(strip.vertical.weight.shape[2:]) for strip in module.strips] == [(7, 1), (11, 1), (21, 1)]
    assert tuple(module.local.weight.shape) == (4, 1, 5, 5)


def test_gate_is_the_mixed_sum_of_all_four_branches_and_multiplies():
    torch.manual_seed(0)
    module, x = MSCA(3), torch.randn(2, 3, 12, 15)
    around = module.local(x)
    total = around + sum(strip(around) for strip in module.strips)
    torch.testing.assert_close(module.gate(x), module.mix(total))
    torch.testing.assert_close(module(x), module.mix(total) * x)


@pytest.mark.parametrize("branch", range(3))
def test_every_branch_matters(branch):
    torch.manual_seed(0)
    module, x = MSCA(3), torch.randn(1, 3, 12, 15)
    before = module(x)
    torch.nn.init.zeros_(module.strips[branch].vertical.weight)
    assert not torch.allclose(before, module(x))


def test_the_gate_may_be_negative_and_above_one():
    torch.manual_seed(0)
    gate = MSCA(8).gate(10 * torch.randn(1, 8, 32, 32))
    assert gate.min() < 0 and gate.max() > 1


def test_the_gate_reaches_as_far_as_its_longest_strip():
    """5 × 5 and then 21 × 21: a pixel sees 12 pixels each way, and no more."""
    module = MSCA(1).double()
    for parameter in module.parameters():
        torch.nn.init.constant_(parameter, 1.0)  # nothing can cancel
    x = torch.zeros(1, 1, 41, 41, dtype=torch.float64, requires_grad=True)
    module.gate(x)[0, 0, 20, 20].backward()
    assert x.grad is not None
    rows, columns = x.grad[0, 0].nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (8, 32, 8, 32)


def test_attention_has_a_shortcut_from_its_own_input():
    module, x = Attention(3), torch.randn(1, 3, 8, 8)
    torch.nn.init.zeros_(module.proj_out.weight)
    torch.nn.init.zeros_(module.proj_out.bias)
    torch.testing.assert_close(module(x), x)


def test_gradients():
    torch.manual_seed(0)
    module = Attention(2).double()
    x = torch.randn(1, 2, 4, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(module, x)
