"""The maps are what they say: parts that add up, gradients that come true, the library's answer where it has one."""

import pytest
import torch
from captum.attr import LayerGradCam

from segnext_edu import VARIANTS, SegNeXt
from segnext_edu.explain.gradients import grad_cam, receptive_field
from segnext_edu.explain.record import (
    attention_maps,
    attentions,
    base_of,
    cell_of,
    contributions,
    dominant_branch,
    record,
    segments,
    similarity,
)


def test_every_part_of_every_block_at_its_size():
    torch.manual_seed(0)
    model = SegNeXt("nano", 3).eval()
    images = torch.randn(2, 3, 64, 96)
    maps = attention_maps(model, images)
    nano = VARIANTS["nano"]
    expected = {
        (stage, block, part): (2, nano.channels[stage - 1], 64 // 2 ** (stage + 1), 96 // 2 ** (stage + 1))
        for stage in (1, 2, 3, 4)
        for block in range(nano.depths[stage - 1])
        for part in ("gate", 5, 7, 11, 21)
    }
    assert {key: tuple(value.shape) for key, value in maps.items()} == expected


def test_the_branches_sum_and_mix_to_the_gate():
    torch.manual_seed(0)
    model = SegNeXt("nano", 3).eval()
    maps = attention_maps(model, torch.randn(1, 3, 64, 64))
    msca = model.encoder.stages[2].blocks[1].attention.msca  # pyright: ignore
    total = sum(maps[3, 1, part] for part in (5, 7, 11, 21))
    with torch.no_grad():
        torch.testing.assert_close(msca.mix(total), maps[3, 1, "gate"])


def test_looking_leaves_nothing_behind():
    torch.manual_seed(0)
    model, images = SegNeXt("nano", 3).eval(), torch.randn(1, 3, 64, 64)
    before = model(images)
    attention_maps(model, images)
    assert torch.equal(model(images), before)
    assert not any(module._forward_hooks for module in model.modules())


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    """nano with gates and scales that are not nearly the identity."""
    torch.manual_seed(1)
    model = SegNeXt("nano", 4).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if name.endswith(("layer_scale_1", "layer_scale_2")):
                parameter.fill_(0.3)
            elif name.endswith("bias"):
                parameter.normal_(0, 0.1)
    return model


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(2, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def test_the_recording_is_of_what_the_model_does(model: SegNeXt, images: torch.Tensor):
    recording = record(model, images)
    with torch.no_grad():
        torch.testing.assert_close(recording.logits, model.decode(model.encode(images)))
        for ours, theirs in zip(recording.stages, model.encode(images)):
            torch.testing.assert_close(ours, theirs)


def test_the_contributions_add_up_to_the_gate(model: SegNeXt, images: torch.Tensor):
    recording = record(model, images)
    for layer, msca in attentions(model):
        parts = contributions(msca, recording, layer)
        bias = msca.mix.bias
        assert bias is not None
        total = sum(parts.values(), bias[:, None, None])
        torch.testing.assert_close(total, recording.attentions[*layer, "gate"])
        assert set(dominant_branch(parts).unique().tolist()) <= {5, 7, 11, 21}


def test_the_winner_is_the_strongest():
    parts = {length: torch.zeros(1, 2, 1, 4) for length in (5, 7, 11, 21)}
    for place, length in enumerate((21, 5, 11, 7)):
        parts[length][0, :, 0, place] = -3.0
    assert dominant_branch(parts).tolist() == [[[21, 5, 11, 7]]]


def test_the_segments_rebuild_what_the_decoder_saw(model: SegNeXt, images: torch.Tensor):
    """Each base, at length one, times its map: summed, the NMF's output."""
    seen = []
    hook = model.decoder.hamburger.nmf.register_forward_hook(lambda module, inputs, output: seen.append(output))
    recording = record(model, images)
    hook.remove()
    maps = segments(recording)
    directions = torch.nn.functional.normalize(recording.bases, dim=1)
    torch.testing.assert_close(torch.einsum("bdr,brhw->bdhw", directions, maps), seen[0], rtol=1e-3, atol=1e-4)
    assert base_of(recording, 3, 5).tolist() == maps[:, :, 3, 5].argmax(1).tolist()


def test_a_pixel_is_most_like_itself(model: SegNeXt, images: torch.Tensor):
    alike = similarity(record(model, images).stages[1], 2, 7)
    assert alike.shape == (2, 8, 12)
    torch.testing.assert_close(alike[:, 2, 7], torch.ones(2))
    assert alike.max() <= 1 + 1e-5
    assert [cell_of(pixel, 96, 12) for pixel in (0, 7, 8, 95)] == [0, 0, 1, 11]


def test_the_receptive_field_is_the_gradient(model: SegNeXt):
    """Brightening a pixel by a little moves the unit by what the map says; what the map calls 0 moves nothing."""
    images = torch.randn(1, 3, 32, 320, generator=torch.Generator().manual_seed(0))
    field = receptive_field(model, images, stage=1, y=4, x=40, channel=3)
    assert field.shape == (1, 32, 320)
    y, x = divmod(int(field[0].flatten().argmax()), 320)
    assert abs(y - 18) < 16 and abs(x - 162) < 32

    def unit(images):
        return model.encode(images)[0][0, 3, 4, 40].item()

    with torch.no_grad():
        moved = []
        for colour in range(3):
            nudged = images.clone()
            nudged[0, colour, y, x] += 0.01
            moved.append((unit(nudged) - unit(images)) / 0.01)
        assert torch.tensor(moved).norm().item() == pytest.approx(field[0, y, x].item(), rel=0.1)
        still = images.clone()
        still[0, :, field[0] == 0] += 1.0
        assert unit(still) == pytest.approx(unit(images), abs=1e-5)
    assert 0 < field.count_nonzero() < receptive_field(model, images, stage=2, y=2, x=20).count_nonzero()


@pytest.mark.parametrize("stage", [2, 3, 4])
def test_grad_cam_is_captums(model: SegNeXt, images: torch.Tensor, stage: int):
    label = int(record(model, images).logits.argmax(1).mode().values.flatten()[0])

    class Score(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            logits = model.decode(model.encode(x))
            return (logits[:, label] * (logits.argmax(1) == label)).sum((1, 2))

    cam = LayerGradCam(Score(), model.encoder.stages[stage - 1])
    expected = cam.attribute(images, relu_attributions=True).detach()[:, 0]
    torch.testing.assert_close(grad_cam(model, images, label, stage), expected, rtol=1e-3, atol=1e-5)
    assert expected.max() > 0


def test_grad_cam_may_be_asked_about_named_pixels(model: SegNeXt, images: torch.Tensor):
    """Those with the label are the default; its score adds up over pixels, and of none at all it says nothing."""
    labels = record(model, images).logits.argmax(1)  # (B, h, w)
    label = int(labels.mode().values.flatten()[0])
    where = labels == label
    assert torch.equal(grad_cam(model, images, label, 3, where), grad_cam(model, images, label, 3))
    some = where.clone()
    some[:, :, 6:] = False
    assert some.any() and not torch.equal(grad_cam(model, images, label, 3, some), grad_cam(model, images, label, 3))
    assert not grad_cam(model, images, label, 3, torch.zeros_like(where)).any()
