"""Test-time augmentation: bands equal the whole, averages are what they say, options are read or refused."""

import argparse

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.__main__ import inference_options
from segnext_edu.cli import parser
from segnext_edu.files import InputError
from segnext_edu.inference import tta
from segnext_edu.inference.sliding_window import SlidingWindow
from segnext_edu.inference.tta import MULTI_SCALE, NO_TTA, most_likely, resized_rows
from segnext_edu.model.segnext import resize


def logits(height: int, width: int, classes: int = 5, seed: int = 0) -> Tensor:
    return torch.randn(1, classes, height, width, generator=torch.Generator().manual_seed(seed))


def arguments(*given: str) -> argparse.Namespace:
    return parser().parse_args(["predict", "photo.jpg", "--checkpoint", "it", "--out", "overlay.png", *given])


@pytest.mark.parametrize("size", [(64, 80), (61, 83), (7, 30), (8, 10), (200, 33)])
def test_a_band_of_rows_is_a_part_of_the_whole(size):
    x = logits(8, 10)
    whole = resize(x, size)
    edges = [0, 1, size[0] // 3, size[0] // 2, size[0]]
    bands = [resized_rows(x, size, top, bottom) for top, bottom in zip(edges, edges[1:]) if top < bottom]
    assert torch.allclose(torch.cat(bands, 2), whole, atol=1e-5)


@pytest.mark.parametrize("count", [1, 3])
def test_bands_change_no_label(monkeypatch, count):
    views = [logits(8 + n, 12 + n, seed=n) for n in range(count)]
    whole = most_likely(views, (70, 90))
    monkeypatch.setattr(tta, "AT_ONCE", 5 * 90 * 16)  # 16 rows together
    assert (most_likely(views, (70, 90)) == whole).float().mean() > 0.999


def test_probabilities_are_averaged_not_logits():
    """One view is sure of class 0, two think that it is class 1: they are the majority, though not in logits."""
    views = [torch.tensor(x)[None, :, None, None].expand(1, 2, 4, 4) for x in ([20.0, 0], [0, 3.0], [0, 3.0])]
    assert (sum(views).argmax(1) == 0).all()
    assert (most_likely(views, (8, 8)) == 1).all()


def test_the_mean_of_probabilities_at_the_pictures_size():
    views = [logits(6, 9, seed=1), logits(12, 18, seed=2), logits(3, 5, seed=3)]
    size = (48, 70)
    mean = sum(F.interpolate(x, size, mode="bilinear", align_corners=False).softmax(1) for x in views) / 3
    assert torch.equal(most_likely(views, size), mean.argmax(1)[0])


def test_the_papers_scales():
    assert MULTI_SCALE.scales == (0.5, 0.75, 1.0, 1.25, 1.5, 1.75) and MULTI_SCALE.flip


class TestOptions:
    def test_left_alone_a_picture_is_seen_once_and_whole_as_it_was_learned(self):
        assert inference_options(arguments()) == {"short_side": None, "tta": NO_TTA, "window": None}

    def test_what_they_ask_for(self):
        assert inference_options(arguments("--multi-scale"))["tta"] == MULTI_SCALE
        assert inference_options(arguments("--tile", "512"))["window"] == SlidingWindow(512, 128)
        assert inference_options(arguments("--tile", "96"))["window"] == SlidingWindow(96, 32)
        assert inference_options(arguments("--tile", "32"))["window"] == SlidingWindow(32, 0)
        options = inference_options(arguments("--tile", "256", "--overlap", "96", "--multi-scale"))
        assert options == {"short_side": None, "tta": MULTI_SCALE, "window": SlidingWindow(256, 96)}
        assert inference_options(arguments("--short-side", "1024"))["short_side"] == 1024
        assert inference_options(arguments("--short-side", "own"))["short_side"] == "own"

    @pytest.mark.parametrize("given", [("--overlap", "64"), ("--tile", "500"), ("--tile", "64", "--overlap", "64")])
    def test_what_cannot_be_followed_is_refused_in_words(self, given):
        with pytest.raises(InputError, match="--tile|expected a multiple of 32"):
            inference_options(arguments(*given))

    @pytest.mark.parametrize("side", ["31", "-5", "big", "1.5", "0"])
    def test_a_short_side_that_is_none(self, side):
        with pytest.raises(InputError, match="expected a number of pixels"):
            inference_options(arguments("--short-side=" + side))
