import colorsys

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from segnext_edu.data.augment import (
    LARGEST_SHARE,
    augment,
    distort_colours,
    draw,
    first_varied,
    hsv_to_rgb,
    scale_crop_flip,
)
from segnext_edu.data.images import normalise


def draws(count=1, seed=0, **fixed):
    """Draws with some decisions fixed."""
    from dataclasses import replace

    drawn = draw(count, torch.Generator().manual_seed(seed))
    return replace(drawn, **{name: torch.full_like(getattr(drawn, name), value) for name, value in fixed.items()})


PLAIN = {"scale": 1.0, "windows": 0.0, "flip": False}
QUIET = {"brightness": 0.0, "contrast": 1.0, "saturation": 1.0, "hue": 0.0}


def labelled_picture(height, width):
    """A picture whose colour *is* its label: red = 10 · label, so that the two can be compared after anything."""
    mask = torch.arange(height * width).reshape(height, width).div(37, rounding_mode="floor") % 20
    return torch.stack([10 * mask, mask, mask]).to(torch.uint8), mask.to(torch.uint8)


@settings(deadline=None, max_examples=40)
@given(
    seed=st.integers(0, 10**6),
    height=st.integers(20, 90),
    width=st.integers(20, 90),
    crop=st.sampled_from([16, 32, 48]),
    short_side=st.sampled_from([24, 48]),
)
def test_picture_and_mask_never_part_ways(seed, height, width, crop, short_side):
    """The picture is a ramp, which bilinear sampling keeps, so that a colour says where in the picture it comes from.

    The label there is to be the one of the nearest pixel: at most half a pixel away.
    """
    places = torch.stack(torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij"))  # (2, H, W): y, x
    image = torch.cat([2 * places, places[:1]]).to(torch.uint8)
    for axis in (0, 1):
        pixels, label, inside = scale_crop_flip(image, places[axis].to(torch.uint8), draws(seed=seed), crop, short_side)
        inside = inside[0] > 0
        assert torch.equal(label != 255, inside)
        away = pixels[axis] * 255 / 2 - label
        assert away[inside].abs().max() < 0.501


def test_at_scale_one_a_crop_is_a_window():
    image, mask = labelled_picture(60, 80)
    pixels, label, inside = scale_crop_flip(image, mask, draws(**PLAIN), 32, 60)
    torch.testing.assert_close(pixels, image[:, :32, :32].float() / 255)
    assert torch.equal(label, mask[:32, :32].long()) and inside.all()
    last = scale_crop_flip(image, mask, draws(**{**PLAIN, "windows": 0.999999}), 32, 60)
    assert torch.equal(last[1], mask[-32:, -32:].long())


def test_flip_mirrors_both():
    image, mask = labelled_picture(60, 80)
    plain = scale_crop_flip(image, mask, draws(**PLAIN), 32, 60)
    flipped = scale_crop_flip(image, mask, draws(**{**PLAIN, "flip": True}), 32, 60)
    torch.testing.assert_close(flipped[0], plain[0].flip(-1))
    assert torch.equal(flipped[1], plain[1].flip(-1))


def test_scaling_is_the_usual_bilinear_resize():
    image, mask = torch.randint(0, 256, (3, 40, 50), dtype=torch.uint8), torch.zeros(40, 50, dtype=torch.uint8)
    pixels, _, _ = scale_crop_flip(image, mask, draws(**{**PLAIN, "scale": 1.5}), 32, 40)
    whole = torch.nn.functional.interpolate(image[None].float() / 255, (60, 75), mode="bilinear", align_corners=False)
    torch.testing.assert_close(pixels, whole[0, :, :32, :32], atol=1e-5, rtol=0)


def test_the_short_side_sets_the_scale_and_a_panorama_is_held_to_four_times_that():
    mask = torch.zeros(100, 1000, dtype=torch.uint8)
    _, label, inside = scale_crop_flip(mask[None].expand(3, -1, -1), mask, draws(**PLAIN), 128, 64)
    assert inside[0].sum(0).max() == round(100 * 256 / 1000)  # 1000 → 4 · 64 long, so only 26 high
    assert inside[0].sum(1).max() == 128


def test_beyond_the_picture_the_mask_is_ignored_and_the_pixels_are_zero():
    image, mask = labelled_picture(40, 40)
    images, masks = augment([image], [mask], draws(**PLAIN, **QUIET), 64, 40)
    assert (masks[0, 40:] == 255).all() and (masks[0, :, 40:] == 255).all() and (masks[0, :40, :40] != 255).all()
    assert not images[0, :, 40:].any() and not images[0, :, :, 40:].any()


def test_ignored_pixels_stay_ignored():
    image, mask = labelled_picture(60, 60)
    mask[10:20] = 255
    _, label, _ = scale_crop_flip(image, mask, draws(**PLAIN), 32, 60)
    assert torch.equal(label, mask[:32, :32].long())


class TestCropRule:
    def test_the_first_window_that_is_varied_enough(self):
        def window(*counts):
            return torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])

        dull = window(0, 76, 24)
        just = window(0, 75, 25)
        unlabelled = window(100, 0, 0)
        ignored_do_not_count = window(40, 30, 30)
        mostly_one_of_the_labelled = window(90, 8, 2)
        assert first_varied(torch.stack([dull, just, just])) == 1
        assert first_varied(torch.stack([unlabelled, dull, ignored_do_not_count])) == 2
        assert first_varied(torch.stack([mostly_one_of_the_labelled, just])) == 1
        assert first_varied(torch.stack([dull, dull])) == 1  # none: the last is taken as it is

    def test_crops_keep_the_rule_where_they_can(self):
        mask = torch.zeros(96, 384, dtype=torch.uint8)
        mask[:, 192:224] = 1  # varied crops exist only around this bar
        image = mask[None].expand(3, -1, -1)
        shares = []
        for seed in range(60):
            _, label, _ = scale_crop_flip(image, mask, draws(seed=seed, scale=1.0), 64, 96)
            shares.append(label.float().mean().item())
        kept = sum(1 - LARGEST_SHARE <= share <= LARGEST_SHARE for share in shares)
        assert kept > 45  # one draw in six fits; ten tries find one five times in six


class TestColours:
    @settings(deadline=None, max_examples=30)
    @given(r=st.floats(0, 1), g=st.floats(0, 1), b=st.floats(0, 1))
    def test_hsv_to_rgb_is_colorsys(self, r, g, b):
        h, s, v = colorsys.rgb_to_hsv(r, g, b)
        hsv = torch.tensor([2 * torch.pi * h, s, v]).view(1, 3, 1, 1)
        torch.testing.assert_close(hsv_to_rgb(hsv).flatten(), torch.tensor([r, g, b]), atol=1e-5, rtol=0)

    def test_neutral_draws_change_nothing(self):
        x = torch.rand(4, 3, 9, 9)
        torch.testing.assert_close(distort_colours(x, draws(4, **QUIET)), x, atol=1e-5, rtol=0)

    @pytest.mark.parametrize("change", [{"brightness": 0.1}, {"contrast": 1.3}, {"saturation": 0.5}, {"hue": 0.5}])
    def test_each_change_changes_and_stays_in_range(self, change):
        x = torch.rand(4, 3, 9, 9)
        y = distort_colours(x, draws(4, **{**QUIET, **change}))
        assert (y - x).abs().mean() > 0.01 and y.min() >= 0 and y.max() <= 1

    def test_grey_has_no_hue_to_turn(self):
        grey = torch.rand(1, 1, 9, 9).expand(-1, 3, -1, -1)
        torch.testing.assert_close(distort_colours(grey, draws(**{**QUIET, "hue": 0.6})), grey, atol=1e-5, rtol=0)


def test_draws_follow_the_recipe():
    many = draw(4000, torch.Generator().manual_seed(0))
    assert many.scale.min() >= 0.5 and many.scale.max() <= 2 and abs(many.scale.mean() - 1.25) < 0.03
    for happened in (many.flip, many.brightness != 0, many.contrast != 1, many.saturation != 1, many.hue != 0):
        assert abs(happened.float().mean() - 0.5) < 0.03
    assert many.brightness.abs().max() <= 32 / 255 and 0.5 <= many.contrast.min() <= many.contrast.max() <= 1.5


def test_a_sample_is_the_same_alone_and_in_a_batch():
    pictures = [labelled_picture(50, 60), labelled_picture(70, 40)]
    drawn = draw(2, torch.Generator().manual_seed(3))
    images, masks = augment(*zip(*pictures), drawn, 32, 48)
    alone_images, alone_masks = augment(*zip(pictures[1]), drawn[1:2], 32, 48)
    torch.testing.assert_close(images[1:], alone_images)
    assert torch.equal(masks[1:], alone_masks)
    assert images.is_contiguous(memory_format=torch.channels_last)


def test_normalise_centres_the_imagenet_mean():
    mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
    assert normalise(mean).abs().max() < 1e-6
    torch.testing.assert_close(
        normalise(mean + torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)), torch.ones(1, 3, 1, 1)
    )
