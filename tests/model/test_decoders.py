"""Other decoders: they stand where LightHam stands, see what they should, and cost what the paper says."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
import torch
from torch import nn

from segnext_edu import VARIANTS, SegNeXt
from segnext_edu.cost import count_macs, count_parameters
from segnext_edu.model.decoders import ASPP, AllMLP, OtherDecoder, PlainHead
from segnext_edu.model.segnext import LightHam

NANO = VARIANTS["nano"].channels
HEADS: dict[str, tuple[Callable[[], nn.Module], int]] = {  # and the first stage that each of them sees
    "all MLP": (lambda: AllMLP(NANO, 64, 7), 1),
    "heavy": (lambda: ASPP(NANO[3], 64, 7), 4),
    "plain": (lambda: PlainHead(NANO[1:], 64, 7), 2),
    "LightHam": (lambda: LightHam(NANO[1:], 96, 16, 7), 2),
    "LightHam, stage 1 too": (lambda: LightHam(NANO, 96, 16, 7), 1),
}


@pytest.fixture(params=HEADS)
def model(request: pytest.FixtureRequest) -> OtherDecoder:
    torch.manual_seed(0)
    build, first = HEADS[request.param]
    return OtherDecoder("nano", build(), first, 7).eval()


@torch.no_grad()
def test_logits_have_the_size_of_the_first_map_seen(model: OtherDecoder) -> None:
    images = torch.randn(2, 3, 72, 104)
    stride = 2 ** (model.first + 1)
    low = model.decode(model.encode(images))
    assert low.shape == (2, 7, math.ceil(72 / stride), math.ceil(104 / stride))
    assert model(images).shape == (2, 7, 72, 104)


def test_each_is_a_segnext_that_learns(model: OtherDecoder) -> None:
    assert isinstance(model, SegNeXt)
    model.train()
    model(torch.randn(1, 3, 64, 64)).square().mean().backward()  # a batch of one, too
    assert all(
        parameter.grad is not None and parameter.grad.isfinite().all() for parameter in model.decoder.parameters()
    )


@torch.no_grad()
def test_the_encoder_is_segnexts(model: OtherDecoder) -> None:
    whole = SegNeXt("nano", 7)
    model.encoder.load_state_dict(whole.encoder.state_dict())


@torch.no_grad()
def test_bases_are_taken_and_used_by_lightham_alone(model: OtherDecoder) -> None:
    images = torch.randn(2, 3, 64, 64)
    given = model(images, torch.rand(2, 96, 16))
    assert torch.equal(given, model(images)) == (not isinstance(model.decoder, LightHam))


@torch.no_grad()
def test_each_sees_its_stages_and_no_others(model: OtherDecoder) -> None:
    maps = model.encode(torch.randn(1, 3, 64, 96))
    low = model.decode(maps)
    for index in range(4):
        changed = [x + torch.randn_like(x) if place == index else x for place, x in enumerate(maps)]
        assert torch.equal(model.decode(changed), low) == (index < model.first - 1), f"stage {index + 1}"


def test_with_its_own_decoder_it_is_segnext() -> None:
    torch.manual_seed(0)
    whole = SegNeXt("nano", 7).eval()
    other = OtherDecoder("nano", LightHam(NANO[1:], 96, 16, 7), num_classes=7).eval()
    other.load_state_dict(whole.state_dict())
    images = torch.randn(1, 3, 64, 64)
    torch.testing.assert_close(other(images), whole(images))


TINY = VARIANTS["tiny"].channels


@pytest.mark.parametrize(
    ("head", "first", "parameters", "macs"),  # M and G, as the paper prints them for tiny
    [
        (lambda: LightHam(TINY[1:], 256, 16, 150), 2, 4.3, 6.6),
        (lambda: LightHam(TINY, 256, 16, 150), 1, 4.3, 12.1),
        (lambda: LightHam(TINY[3:], 256, 16, 150), 4, 4.2, 4.9),  # what fits the paper's row (b); ASPP does not
    ],
    ids=["c", "c with stage 1", "b"],
)
def test_the_papers_costs(head: Callable[[], nn.Module], first: int, parameters: float, macs: float) -> None:
    model = OtherDecoder("tiny", head(), first)
    assert round(count_parameters(model) / 1e6, 1) == parameters
    assert round(count_macs(model, (1, 3, 512, 512)) / 1e9, 1) == macs


def test_the_all_mlp_decoder_costs_nearly_what_the_paper_prints() -> None:
    """4.4 M and 10.0 G; its width is not printed, 256 is SegFormer-B0's."""
    model = OtherDecoder("tiny", AllMLP(TINY, 256, 150), 1)
    assert count_parameters(model) / 1e6 == pytest.approx(4.4, rel=0.02)
    assert count_macs(model, (1, 3, 512, 512)) / 1e9 == pytest.approx(10.0, rel=0.01)


def test_an_mlp_at_each_pixel() -> None:
    """Nothing looks sideways before the resize: with maps of one size, a pixel's answer is its own."""
    head = AllMLP((8, 8), 32, 5).eval()
    maps = [torch.randn(1, 8, 6, 7), torch.randn(1, 8, 6, 7)]
    changed = [x.clone() for x in maps]
    changed[1][..., 2, 3] += 1
    differs = (head(changed) != head(maps)).any(1)[0]
    assert differs.nonzero().tolist() == [[2, 3]]


def test_aspp_looks_far_and_at_the_mean() -> None:
    head = ASPP(8, 32, 5).eval()
    x = torch.zeros(1, 8, 41, 41, requires_grad=True)
    head.fuse[1] = head.near[1] = head.mean[1] = nn.Identity()  # the norms over the map reach every pixel as well
    for look in head.far:
        look[1] = nn.Identity()
    (gradient,) = torch.autograd.grad(head([x + torch.randn(1, 8, 41, 41)])[0, :, 20, 20].sum(), x)
    strength = gradient[0].abs().sum(0)
    lone = strength[0, 0]
    for rate in (6, 12, 18):
        assert strength[20 + rate, 20] > 2 * lone and strength[20, 20 - rate] > 2 * lone
    assert lone > 0 and strength[20, 20 + 7] == pytest.approx(lone.item(), rel=1e-3)


@torch.no_grad()
def test_aspp_reads_the_last_of_however_many_maps() -> None:
    head = ASPP(NANO[3], 64, 5).eval()
    maps = [torch.randn(1, channels, 32 >> index, 24 >> index) for index, channels in enumerate(NANO)]
    assert head(maps).shape == (1, 5, 4, 3)
    torch.testing.assert_close(head(maps), head(maps[3:]))


@torch.no_grad()
def test_the_plain_head_is_lightham_less_hamburger_and_align() -> None:
    ham, plain = LightHam(NANO[1:], 96, 16, 7).eval(), PlainHead(NANO[1:], 96, 7).eval()
    shared = {name: tensor for name, tensor in ham.state_dict().items() if name in plain.state_dict()}
    plain.load_state_dict(shared)
    ham.hamburger, ham.align = nn.Identity(), nn.Identity()
    ham.hamburger.forward = lambda x, bases: x
    maps = [torch.randn(2, channels, 9, 13) for channels in NANO[1:]]
    torch.testing.assert_close(plain(maps), ham(maps))
