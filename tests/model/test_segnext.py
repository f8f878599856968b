import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu import VARIANTS, SegNeXt
from segnext_edu.checkpoints import from_official
from tests.reference import SIZES, official_weights, reference_bases, reference_figures, reference_input


@pytest.fixture(scope="module")
def nano() -> SegNeXt:
    torch.manual_seed(0)
    return SegNeXt("nano", 7).eval()


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last], ids=["NCHW", "channels_last"])
@pytest.mark.parametrize("variant", SIZES)
@torch.no_grad()
def test_the_same_numbers_as_the_authors_code(variant, layout):
    """Every stage and the logits agree to 1e-4 of the reference's largest absolute value."""
    size = VARIANTS[variant]
    model = SegNeXt(variant).eval()
    model.load_state_dict(from_official(official_weights(variant)))
    model.to(memory_format=layout)
    maps = model.encode(reference_input())
    low = model.decode(maps, bases=reference_bases(size.decoder_width, size.rank))
    ours = {f"feat.stage{i}": x for i, x in enumerate(maps, start=1)} | {"logits": low}
    for name, figures in reference_figures(variant).items():
        assert list(ours[name].shape) == figures["shape"], name
        flat = ours[name].flatten()
        values = flat[torch.linspace(0, flat.numel() - 1, len(figures["values"])).long()]
        tolerance = 1e-4 * figures["absmax"]
        torch.testing.assert_close(values, torch.tensor(figures["values"]), atol=tolerance, rtol=0)
        assert flat.abs().max().item() == pytest.approx(figures["absmax"], abs=tolerance)
        assert flat.double().mean().item() == pytest.approx(figures["mean"], abs=tolerance)


@given(height=st.integers(32, 130), width=st.integers(32, 130), batch=st.integers(1, 3))
@torch.no_grad()
def test_any_size_from_32_and_any_batch(nano, height, width, batch):
    images = torch.randn(batch, 3, height, width)
    low = nano.decode(nano.encode(images))
    assert low.shape == (batch, 7, math.ceil(height / 8), math.ceil(width / 8))
    assert nano(images).shape == (batch, 7, height, width)


@torch.no_grad()
def test_eval_mode_is_deterministic_and_blind_to_the_batch(nano):
    images = torch.randn(3, 3, 64, 96)
    assert torch.equal(nano(images), nano(images))
    torch.testing.assert_close(nano(images[1:2]), nano(images)[1:2], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(nano(images.flip(0)), nano(images).flip(0), atol=1e-5, rtol=1e-4)


@torch.no_grad()
def test_bases_can_be_given_and_matter(nano):
    images = torch.randn(2, 3, 64, 64)
    size = VARIANTS["nano"]
    bases = torch.rand(2, size.decoder_width, size.rank)
    assert torch.equal(nano(images, bases), nano(images, bases=bases))
    torch.testing.assert_close(nano(images, 3 * bases), nano(images, bases), atol=1e-4, rtol=1e-4)
    assert not torch.allclose(nano(images, bases), nano(images), atol=1e-4)
    assert nano(images, bases[:, :, :5]).shape == (2, 7, 64, 64)  # the rank has no parameters


@torch.no_grad()
def test_the_answer_is_the_low_one_resized(nano):
    images = torch.randn(1, 3, 40, 56)
    low = nano.decode(nano.encode(images))
    expected = torch.nn.functional.interpolate(low, (40, 56), mode="bilinear", align_corners=False)
    torch.testing.assert_close(nano(images), expected)


@torch.no_grad()
def test_stage_1_is_not_used_by_the_decoder(nano):
    maps = nano.encode(torch.randn(1, 3, 64, 64))
    assert torch.equal(nano.decode(maps), nano.decode([torch.zeros_like(maps[0]), *maps[1:]]))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@torch.no_grad()
def test_autocast_stays_finite_and_close(nano, dtype):
    images = torch.randn(1, 3, 64, 64)
    with torch.autocast("cpu", dtype=dtype):
        logits = nano(images)
    assert logits.isfinite().all()
    torch.testing.assert_close(logits.float(), nano(images), atol=0.1, rtol=0.1)


@pytest.mark.slow
def test_200_steps_under_bf16_autocast_give_no_nan():
    torch.manual_seed(0)
    model = SegNeXt("nano", 4)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    losses = []
    for _ in range(200):
        images, labels = torch.randn(2, 3, 32, 32), torch.randint(0, 4, (2, 32, 32))
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(images)
        loss = torch.nn.functional.cross_entropy(logits.float(), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
    assert all(math.isfinite(loss) for loss in losses)
    assert all(parameter.isfinite().all() for parameter in model.parameters())


def test_channels_last_reaches_the_logits(nano):
    images = torch.randn(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    model = SegNeXt("nano", 7).eval().to(memory_format=torch.channels_last)
    assert model(images).is_contiguous(memory_format=torch.channels_last)


def test_it_moves_between_devices_and_types_as_one():
    with torch.device("meta"):
        assert SegNeXt("tiny").decoder.classify.weight.is_meta
    assert SegNeXt("nano", 3).double().eval()(torch.randn(1, 3, 32, 32).double()).dtype == torch.float64


@pytest.mark.parametrize("shape", [(3, 64, 64), (1, 4, 64, 64), (1, 3, 31, 64), (1, 3, 64, 16)])
def test_images_of_another_shape_are_refused_in_words(nano, shape):
    with pytest.raises(ValueError, match=r"images must be \(B, 3, H, W\) with H, W ≥ 32"):
        nano(torch.zeros(shape))


def test_an_unknown_variant_is_refused_in_words():
    with pytest.raises(ValueError, match="no variant 'huge'; choose one of nano, tiny"):
        SegNeXt("huge")
