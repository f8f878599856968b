import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu.model.mscan import FFN, MSCAN, Block, ChannelNorm, StochasticDepth

SMALL = {"channels": (8, 12, 16, 20), "depths": (1, 2, 1, 1), "mlp_ratios": (2, 2, 2, 2)}


@given(height=st.integers(32, 100), width=st.integers(32, 100), batch=st.integers(1, 2))
def test_four_maps_at_strides_4_to_32_rounded_up(height, width, batch):
    maps = MSCAN(**SMALL, drop_path=0.0).eval()(torch.randn(batch, 3, height, width))
    assert [tuple(x.shape) for x in maps] == [
        (batch, channels, math.ceil(height / stride), math.ceil(width / stride))
        for channels, stride in zip(SMALL["channels"], (4, 8, 16, 32))
    ]


def test_a_fresh_block_is_almost_the_identity():
    torch.manual_seed(0)
    block, x = Block(16, 4).eval(), torch.randn(2, 16, 20, 20)
    assert (block(x) - x).norm() < 0.1 * x.norm()
    torch.nn.init.zeros_(block.layer_scale_1)
    torch.nn.init.zeros_(block.layer_scale_2)
    assert torch.equal(block(x), x)


def test_the_inner_shortcut_starts_from_the_normalised_map():
    block, x = Block(4, 2).eval(), 5 + torch.randn(1, 4, 8, 8)
    torch.nn.init.ones_(block.layer_scale_1)
    torch.nn.init.zeros_(block.layer_scale_2)
    torch.nn.init.zeros_(block.attention.proj_out.weight)
    torch.nn.init.zeros_(block.attention.proj_out.bias)
    block.norm1.running_mean.fill_(5.0)
    torch.testing.assert_close(block(x), x + block.norm1(x))


def test_ffn_looks_at_its_neighbours_only():
    ffn = FFN(2, 4)
    x = torch.zeros(1, 2, 9, 9, requires_grad=True)
    ffn(x)[0, :, 4, 4].sum().backward()
    assert x.grad is not None
    rows, columns = x.grad[0].abs().sum(0).nonzero(as_tuple=True)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (3, 5, 3, 5)


def test_channel_norm_normalises_each_pixel_and_moves_no_memory():
    x = (3 + 5 * torch.randn(2, 16, 6, 7)).contiguous(memory_format=torch.channels_last)
    y = ChannelNorm(16)(x)
    torch.testing.assert_close(y.mean(1), torch.zeros(2, 6, 7), atol=1e-5, rtol=0)
    torch.testing.assert_close(y.var(1, unbiased=False), torch.ones(2, 6, 7), atol=1e-3, rtol=0)
    assert y.is_contiguous(memory_format=torch.channels_last)


def test_channels_last_stays_channels_last_through_every_stage():
    encoder = MSCAN(**SMALL, drop_path=0.0).eval().to(memory_format=torch.channels_last)
    x = torch.randn(2, 3, 64, 96).contiguous(memory_format=torch.channels_last)
    seen = []
    for module in encoder.modules():
        module.register_forward_hook(lambda module, inputs, output: seen.append(output))
    encoder(x)
    maps = [output for output in seen if isinstance(output, torch.Tensor)]
    assert len(maps) > 50
    assert all(output.is_contiguous(memory_format=torch.channels_last) for output in maps)


class TestStochasticDepth:
    def test_it_drops_whole_samples_and_keeps_the_mean(self):
        torch.manual_seed(0)
        x = torch.rand(4000, 2, 3, 3) + 1
        y = StochasticDepth(0.3)(x)
        dropped = (y == 0).flatten(1)
        assert (dropped.all(1) == dropped.any(1)).all()  # all of a sample or nothing
        assert abs(dropped.all(1).float().mean() - 0.3) < 0.03
        kept = ~dropped.all(1)
        torch.testing.assert_close(y[kept], x[kept] / 0.7)

    def test_in_eval_mode_it_is_the_identity(self):
        x = torch.randn(8, 2, 3, 3)
        assert StochasticDepth(0.9).eval()(x) is x

    def test_rates_grow_linearly_from_none(self):
        encoder = MSCAN(**SMALL, drop_path=0.4)
        rates = [module.rate for module in encoder.modules() if isinstance(module, StochasticDepth)]
        assert rates == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4])


def test_initialisation_follows_fan_out():
    torch.manual_seed(0)
    encoder = MSCAN((64, 128, 192, 256), (1, 1, 1, 1), (8, 8, 4, 4), 0.0)
    for name, module in encoder.named_modules():
        if isinstance(module, torch.nn.Conv2d) and module.weight.numel() > 5000:
            expected = math.sqrt(2 * module.groups / (math.prod(module.kernel_size) * module.out_channels))
            assert module.weight.std().item() == pytest.approx(expected, rel=0.05), name
            assert module.bias is not None and not module.bias.any()
