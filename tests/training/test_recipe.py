import dataclasses

import pytest
import torch

from segnext_edu import SegNeXt
from segnext_edu.files import InputError
from segnext_edu.training.recipe import batch_indices, default_recipe, lr_schedule, parameter_groups, segmentation_loss


class TestRecipe:
    def test_the_default_is_the_authors(self):
        authors = default_recipe("ade20k")
        assert dataclasses.asdict(authors) == {
            "data": "ade20k", "variant": "tiny", "steps": 160_000, "batch": 16, "crop": 512, "short_side": 512,
            "lr": 6e-5, "head_lr_mult": 10.0, "weight_decay": 0.01, "warmup": 1500, "max_grad_norm": None, "seed": 0,
            "start": None, "freeze_encoder": False,
        }  # fmt: skip

    def test_what_is_given_wins_and_the_rest_follows(self):
        short = default_recipe("ade20k", steps=1000, crop=256)
        assert (short.short_side, short.warmup, short.lr) == (256, 100, 6e-5)
        assert default_recipe("mini", "nano", warmup=7).warmup == 7
        assert default_recipe("mini", "nano", crop=128).short_side == 128

    def test_the_authors_groups(self):
        """378 tensors decayed and 66 not; 13 in the decoder, at ten times the rate (counted in the authors' run)."""
        decayed, spared, head = parameter_groups(SegNeXt("tiny"), 6e-5, 10, 0.01)
        assert [len(group["params"]) for group in (decayed, spared, head)] == [378, 66, 13]
        assert [group["weight_decay"] for group in (decayed, spared, head)] == [0.01, 0, 0.01]
        assert [group["lr"] for group in (decayed, spared, head)] == pytest.approx([6e-5, 6e-5, 6e-4])


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": -1}, {"crop": 16}, {"short_side": 8}])
def test_a_recipe_that_cannot_work_is_refused_in_words(wrong):
    with pytest.raises(
        InputError, match=f"--{next(iter(wrong)).replace('_', '-')} is .*; it must be a whole number from"
    ):
        default_recipe("mini", "nano", **wrong)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf"), -1, 1e38, "fast", None])
@pytest.mark.parametrize("name", ["lr", "head_lr_mult", "weight_decay", "max_grad_norm"])
def test_rates_decay_and_clipping_that_are_no_numbers_are_refused(name, value):
    if (name, value) == ("max_grad_norm", None):
        return  # no clipping
    with pytest.raises(InputError, match=f"--{name.replace('_', '-')} is .*; it must be a number from 0 to 1000000"):
        default_recipe("mini", "nano", **{name: value})


@pytest.mark.parametrize(
    "wrong",
    [{"seed": -1}, {"seed": 2**64}, {"steps": 10**12}, {"steps": 2.5}, {"batch": True}, {"crop": 10**6}, {"warmup": -1},
     {"short_side": 10**9}, {"variant": "giant"}, {"variant": ["tiny"]}, {"start": 3}, {"freeze_encoder": "yes"}],
    ids=str,
)  # fmt: skip
def test_settings_of_another_type_or_out_of_range_are_refused(wrong):
    with pytest.raises(InputError, match=f"--{next(iter(wrong)).replace('_', '-')} is .*; it must be"):
        dataclasses.replace(default_recipe("mini", "nano"), **wrong)


class TestSchedule:
    def test_warm_up_then_straight_down(self):
        factors = [lr_schedule(step, 1000, 100) for step in range(1000)]
        assert factors[0] == pytest.approx(1e-6)
        assert all(a < b for a, b in zip(factors[:100], factors[1:101]))
        assert factors[100:] == pytest.approx([1 - step / 1000 for step in range(100, 1000)])
        assert factors[50] == pytest.approx(0.5 * 0.95, rel=1e-4)  # the way down runs beneath the warm-up, too

    def test_it_ends_just_above_zero(self):
        assert 0 < lr_schedule(999, 1000, 100) < 0.002


class TestBatches:
    def test_every_picture_once_a_pass(self):
        seen = [index for step in range(9) for index in batch_indices(step, 4, 12, seed=0)]
        assert all(sorted(seen[i : i + 12]) == list(range(12)) for i in (0, 12, 24))
        assert seen[:12] != seen[12:24]

    def test_passes_need_not_end_with_a_batch(self):
        seen = [index for step in range(5) for index in batch_indices(step, 3, 5, seed=1)]
        assert all(sorted(seen[i : i + 5]) == list(range(5)) for i in (0, 5, 10))

    def test_a_batch_may_be_larger_than_the_data(self):
        assert sorted(batch_indices(0, 6, 3, seed=0)) == [0, 0, 1, 1, 2, 2]

    def test_the_seed_decides(self):
        assert batch_indices(3, 4, 100, 5) == batch_indices(3, 4, 100, 5) != batch_indices(3, 4, 100, 6)


class TestLoss:
    def test_mean_over_the_labelled_pixels(self):
        logits, masks = torch.randn(2, 5, 4, 6), torch.randint(0, 5, (2, 4, 6))
        masks[0, :2] = 255
        expected = torch.nn.functional.cross_entropy(logits, masks, ignore_index=255)
        torch.testing.assert_close(segmentation_loss(logits, masks), expected)

    def test_nothing_labelled_is_zero_and_not_nan(self):
        logits = torch.randn(1, 5, 4, 6, requires_grad=True)
        loss = segmentation_loss(logits, torch.full((1, 4, 6), 255))
        loss.backward()
        assert loss == 0 and logits.grad is not None and not logits.grad.any()
