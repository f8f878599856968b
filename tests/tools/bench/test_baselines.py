"""The contenders offer what SegNeXt offers, are as large as they should be, and learn."""

import pytest
import torch

from segnext_edu.cost import count_parameters
from segnext_edu.model.decoders import OtherDecoder, PlainHead
from segnext_edu.model.segnext import SegNeXt, resize
from tools.bench.baselines import NORMS, Contender, SegFormerB0, UNet, parameter_groups
from tools.comparison import NETWORKS


@pytest.fixture(params=[SegFormerB0, UNet], ids=["segformer-b0", "unet"])
def network(request) -> Contender:
    torch.manual_seed(0)
    return request.param(8)


class TestContenders:
    def test_logits_come_at_the_images_size(self, network):
        assert network.eval()(torch.randn(2, 3, 64, 96)).shape == (2, 8, 64, 96)

    def test_odd_sizes_work_too(self, network):
        assert network.eval()(torch.randn(1, 3, 77, 51)).shape == (1, 8, 77, 51)

    def test_the_whole_is_its_two_halves(self, network):
        images = torch.randn(1, 3, 64, 64)
        network.eval()
        halves = resize(network.decode(network.encode(images)), (64, 64))
        assert torch.equal(network(images), halves)

    def test_every_parameter_learns(self, network):
        network.train()(torch.randn(2, 3, 64, 64)).square().mean().backward()
        assert [name for name, p in network.named_parameters() if p.grad is None] == []

    def test_the_order_of_a_batch_does_not_matter(self, network):
        images = torch.randn(3, 3, 64, 64)
        with torch.no_grad():
            torch.testing.assert_close(network.eval()(images.flip(0)).flip(0), network(images), atol=1e-4, rtol=1e-4)

    def test_groups_hold_every_parameter_once_and_no_norm_decays(self, network):
        groups = parameter_groups(network, lr=1.0, head_lr_mult=10.0, weight_decay=0.01)
        ids = [id(p) for group in groups for p in group["params"]]
        assert sorted(ids) == sorted(id(p) for p in network.parameters())
        assert [(group["lr"], group["weight_decay"]) for group in groups] == [(1.0, 0.01), (1.0, 0.0), (10.0, 0.01)]
        spared = {id(p) for p in groups[1]["params"]}
        norms = {id(p) for m in network.encoder.modules() if isinstance(m, NORMS) for p in m.parameters()}
        assert spared == norms and norms
        assert {id(p) for p in groups[2]["params"]} == {id(p) for p in network.decoder.parameters()}


def test_sizes():
    tiny = count_parameters(SegNeXt("tiny", 150))
    assert count_parameters(UNet(150)) == pytest.approx(tiny, rel=0.05)
    assert count_parameters(SegFormerB0(150)) / 1e6 == pytest.approx(3.8, abs=0.06)  # the paper's SegFormer-B0


def test_tiny_plain_is_tiny_without_what_follows_the_squeeze():
    network, tiny = NETWORKS["tiny-plain"](8), SegNeXt("tiny", 8)
    assert isinstance(network, OtherDecoder) and isinstance(network.decoder, PlainHead)
    assert network.encoder.state_dict().keys() == tiny.encoder.state_dict().keys()
    missing = sum(p.numel() for module in (tiny.decoder.hamburger, tiny.decoder.align) for p in module.parameters())
    assert count_parameters(tiny) - count_parameters(network) == missing
