"""The quick gradient is the gradient."""

import pytest
import torch
from torch import nn

from segnext_edu.model.segnext import SegNeXt
from tools.street.depthwise import Depthwise, quicken


@pytest.mark.parametrize("kernel", [(1, 7), (7, 1), (1, 21), (21, 1), (5, 5)])
@pytest.mark.parametrize("sides", [(6, 24), (24, 6), (22, 23)])
def test_gradients_are_those_of_the_plain_convolution(kernel, sides):
    torch.manual_seed(0)
    plain = nn.Conv2d(6, 6, kernel, padding=(kernel[0] // 2, kernel[1] // 2), groups=6).double()
    x = torch.randn(2, 6, *sides, dtype=torch.double, requires_grad=True)
    weights = torch.randn(2, 6, *sides, dtype=torch.double)
    wanted = torch.autograd.grad((plain(x) * weights).sum(), [x, *plain.parameters()])
    quick = nn.Sequential(plain)
    quicken(quick)
    assert isinstance(quick[0], Depthwise)
    found = torch.autograd.grad((quick(x) * weights).sum(), [x, *plain.parameters()])
    for a, b in zip(found, wanted):
        torch.testing.assert_close(a, b)


def test_a_network_learns_the_same_in_autocast_too():
    torch.manual_seed(0)
    model = SegNeXt("nano", 3).to(memory_format=torch.channels_last).train()
    x, bases = torch.randn(2, 3, 64, 64), torch.rand(2, 96, 16)

    def gradients():
        model.zero_grad()
        model(x, bases).square().mean().backward()
        return [parameter.grad.clone() for parameter in model.parameters()]

    model.decoder.dropout.eval()
    before = gradients()
    quicken(model)
    for a, b in zip(gradients(), before):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    with torch.autocast("cpu", torch.bfloat16):
        strip = next(module for module in model.modules() if isinstance(module, Depthwise))
        out = strip(torch.randn(1, strip.in_channels, 8, 8))
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert strip.weight.grad.dtype == torch.float32
