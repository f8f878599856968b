"""The checks of notebook 08: the loss and the learning rate's schedule; the loop's are beside it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import cos, inf, isnan, pi
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, described, number
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.lessons.checks.training_step import batch_indices, training_step
from segnext_edu.training.recipe import lr_schedule as right_schedule
from segnext_edu.training.recipe import segmentation_loss as right_loss

__all__ = ["batch_indices", "lr_schedule", "segmentation_loss", "training_step"]

SHAPES = ((2, 4, 5, 7), (3, 6, 8, 3), (2, 3, 4, 9))  # (B, K, H, W), never square, never one picture


def _pixels(shape: tuple[int, ...], ignored: float) -> tuple[Tensor, Tensor]:
    """Random logits and masks; a share of the pixels is unlabelled, more of them in the first picture."""
    generator = torch.Generator().manual_seed(sum(shape))
    batch, classes, *size = shape
    logits = 2 * torch.randn(shape, generator=generator)  # (B, K, H, W)
    masks = torch.randint(classes, (batch, *size), generator=generator)  # (B, H, W)
    share = torch.full((batch, 1, 1), ignored)
    share[0] = min(2 * ignored, 1.0)
    masks[torch.rand(masks.shape, generator=generator) < share] = IGNORE
    return logits, masks


def _summed(logits: Tensor, masks: Tensor, **options: Any) -> Tensor:
    return F.cross_entropy(logits, masks, ignore_index=IGNORE, reduction="sum", **options)


def _per_picture(logits: Tensor, masks: Tensor) -> Tensor:
    return torch.stack([right_loss(one, mask) for one, mask in zip(logits.split(1), masks.split(1))]).mean()


LOSS_MISTAKES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "That is the sum over the pixels: divide by how many are labelled, or large crops will count for more.": _summed,
    "That is the sum divided by the number of pictures: divide by the number of labelled pixels.": (
        lambda logits, masks: _summed(logits, masks) / len(masks)
    ),
    "That is the mean over all pixels, the unlabelled ones included: divide by the labelled ones alone.": (
        lambda logits, masks: _summed(logits, masks) / masks.numel()
    ),
    "That is what comes out when a softmax stands before the cross-entropy: F.cross_entropy wants bare logits, "
    "it takes the logarithm of the softmax itself.": lambda logits, masks: right_loss(logits.softmax(1), masks),
    "The probabilities stand there as they are. A loss needs their logarithm: F.cross_entropy takes bare logits.": (
        lambda logits, masks: F.nll_loss(logits.softmax(1), masks, ignore_index=IGNORE)
    ),
    "The softmax runs over the wrong axis. The classes are axis 1.": lambda logits, masks: F.nll_loss(
        logits.log_softmax(-1), masks, ignore_index=IGNORE
    ),
    "(B, K, H, W) was viewed as (pixels, K), which mixes classes and places. First the classes must go to the end: "
    ".permute(0, 2, 3, 1). Or leave the shape as it is: F.cross_entropy takes it.": lambda logits, masks: (
        F.cross_entropy(logits.reshape(-1, logits.shape[1]), masks.flatten(), ignore_index=IGNORE)
    ),
    "That is the right number with the wrong sign: a loss is minus the log of the probability.": lambda logits, masks: (
        -right_loss(logits, masks)
    ),
    "There the unlabelled pixels (255) are counted as if they were of class 0: leave them out.": lambda logits, masks: (
        right_loss(logits, masks.where(masks != IGNORE, 0))
    ),
    "There the unlabelled pixels (255) are counted as if they were of the last class: leave them out.": (
        lambda logits, masks: right_loss(logits, masks.where(masks != IGNORE, logits.shape[1] - 1))
    ),
    'There class 0 is left out as well. In a file 0 means "other", but here the labels have been moved down already: '
    "0 is a class like any other, and 255 alone is ignored.": lambda logits, masks: right_loss(
        logits, masks.where(masks != 0, IGNORE)
    ),
    "That is a mean of each picture's mean: a picture with three labelled pixels would weigh as much as a full one. "
    "Sum over the whole batch, then divide once.": _per_picture,
}


def _none_labelled(answer: Callable[..., Any]) -> str:
    logits, masks = _pixels(SHAPES[0], ignored=1.0)
    came = number(call(answer, logits, masks), "the loss of a batch without labels")
    if came != came:
        raise Wrong(
            "With not one labelled pixel your loss is NaN: a sum of nothing was divided by zero. "
            "Divide by at least 1, as in `.clamp(min=1)`."
        )
    if came != 0:
        raise Wrong(
            f"With not one labelled pixel your loss is {came:.4f}, expected 0: there is nothing to be wrong about."
        )
    return "0, not NaN, when nothing is labelled"


def _gradients(answer: Callable[..., Any]) -> str:
    for ignored in (0.3, 1.0):
        logits, masks = _pixels(SHAPES[1], ignored)
        mine, right = logits.clone().requires_grad_(), logits.clone().requires_grad_()
        loss = call(answer, mine, masks.clone())
        if not isinstance(loss, Tensor):
            raise Wrong(
                f"The number is right, but it is {described(loss)}: return the tensor. `.item()` or `float()` cuts "
                "the loss off from the weights, and `backward()` has nowhere to go. (logits.sum() * 0 can.)"
            )
        if not loss.requires_grad:
            when = "" if ignored < 1 else " when nothing is labelled"
            raise Wrong(
                f"The number is right, but no gradient flows{when}: was the loss detached, made anew with "
                "`torch.tensor`, or computed under `no_grad`?"
            )
        loss.backward()
        right_loss(right, masks).backward()
        assert right.grad is not None
        if mine.grad is None or not torch.allclose(mine.grad, right.grad, atol=1e-5):
            bad = mine.grad is not None and mine.grad.isnan().any()
            why = "not."
            if bad:
                why = "NaN: a division by zero is hidden, not avoided. Mend the divisor before dividing."
            elif mine.grad is None:
                why = "not: a new torch.zeros(…) knows nothing of the logits. logits.sum() * 0 is a 0 that does."
            raise Wrong(f"The number is right, but the gradients are {why}")
    return "gradients flow"


def _loss_off(came: float, right: float, logits: Tensor, masks: Tensor) -> str:
    unlabelled = f"{int((masks == IGNORE).sum())} unlabelled pixels of {masks.numel()}"
    return (
        f"For logits of shape {tuple(logits.shape)} and masks with {unlabelled} your loss is {came:.4f}, "
        f"expected {right:.4f}."
    )


segmentation_loss = Exercise(
    lambda logits, masks: right_loss(logits, masks).item(),
    {
        f"mean over the pixels ({len(SHAPES)} sizes)": [(shape, 0.0) for shape in SHAPES],
        "unlabelled pixels do not count": [(shape, 0.3) for shape in SHAPES],
    },
    LOSS_MISTAKES,
    right_loss,
    given=_pixels,
    expected="the mean loss",
    tolerance=5e-5,
    say=_loss_off,
    changed="Your function changed the logits or the masks in place. The next step still needs them.",
    parts=[_none_labelled, _gradients],
)


def _times(right: float) -> dict[str, float]:
    return {
        f"It is {times:.3g} times that at every step. A factor is 1 at its top: no per cent, no rate.": times * right
        for times in (100, 1000, 10, 2, 0.5, 0.1, 0.01, 1e-3, 1e-4, 6e-5)
    }


def _down_mistakes(s: int, n: int, w: int) -> dict[str, float]:
    left = 1 - s / n
    return {
        "That is how far the run has come, not what is left of it: 1 minus that.": s / n,
        "Off by one: steps count from 0, so at step 0 nothing is done yet (1 - step / steps, not step + 1).": (
            1 - (s + 1) / n
        ),
        "Off by one: divide by steps, not by steps - 1, or the last step is wasted at a rate of 0.": 1 - s / (n - 1),
        "There the way down begins only after the warm-up. Ours begins at step 0, as in the authors' code.": (
            1 - (s - w) / (n - w)
        ),
        "There the rate stays at its top after the warm-up: the way down is missing.": 1.0,
        "The polynomial's power is 1 here, a straight line: yours is bent (power 2).": left**2,
        "The polynomial's power is 1 here, a straight line: yours is bent (power 0.9).": left**0.9,
        "150 and 15 are the example's numbers. Write steps and warmup in their place.": right_schedule(s, 150, 15),
        "That is half a cosine; ours is a straight line.": 0.5 + 0.5 * cos(pi * s / n),
        "The warm-up still works after its end: from step `warmup` on its factor is 1.": left * s / w,
    } | _times(right_schedule(s, n, w))


def _up_mistakes(s: int, n: int, w: int) -> dict[str, float]:
    left = 1 - s / n
    return {
        "There is no warm-up in it: before step `warmup` the line is multiplied by step / warmup.": left,
        "That is the warm-up alone. The way down runs beneath it from step 0: multiply the two.": s / w,
        "That is the warm-up alone, and off by one. Multiply step / warmup by the way down.": (s + 1) / w,
        "Off by one: at step 0 the warm-up has not begun, so its factor is step / warmup, not (step + 1) / warmup.": (
            left * (s + 1) / w
        ),
        "Off by one: the warm-up reaches its end at step `warmup`, so divide by warmup and not by warmup - 1.": (
            left * s / (w - 1)
        ),
        "That warm-up runs backwards: it should rise from 0 to 1, and yours falls.": left * (1 - s / w),
        "You divided by the warm-up's factor: multiply.": left / (s / w) if s else inf,
        "You added the two factors (or subtracted): multiply.": left + s / w,
        "You took the smaller of the two: multiply them, as the authors' code does.": min(left, s / w),
        "There the warm-up climbs to the line's height at step `warmup`; ours multiplies the line at every step.": (
            (1 - w / n) * s / w
        ),
    } | _times(right_schedule(s, n, w))


def _a_factor(result: Any, right: float, *run: int) -> float:
    came = number(result, "a factor between 0 and 1")
    if isnan(came):
        raise Wrong(
            f"lr_schedule{run} gave NaN, which is no number; expected {right:.5f}. NaN comes of 0 / 0, of infinity "
            "times 0, or of the root or the logarithm of a negative number."
        )
    return came


RUNS = ((200, 20), (160, 37), (90, 10))  # steps, and those of the warm-up
DOWN = [(step, n, w) for n, w in RUNS for step in (w + 1, n // 2, n - 7, n - 1, w)]
UP = [(step, n, w) for n, w in RUNS for step in (w // 2, 1, w - 1, 0)]
_factor = partial(
    Exercise,
    right_schedule,
    everywhere=True,
    tolerance=1e-5,
    read=_a_factor,
    say=lambda came, right, *run: f"lr_schedule{run} gave {came:.5f}, expected {right:.5f}.",
)
lr_schedule = _factor(
    {"straight down, above 0 to the last step": DOWN},
    _down_mistakes,
    parts=[
        _factor({"warm-up on top of it": UP}, _up_mistakes),
        _factor(
            {"runs without one, too": [(0, 50, 0), (1, 50, 0), (25, 50, 0)]},
            {},
            retell=lambda said, _: (
                f"A run without warm-up (warmup = 0) goes wrong: are you dividing by warmup all the same? {said}"
            ),
        ),
    ],
)
