"""Exercise 8.1: the loss of a batch, where some pixels (or all of them) have no label."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number
from segnext_edu.training.recipe import segmentation_loss as right_loss

SHAPES = ((2, 4, 5, 7), (3, 6, 8, 3), (2, 3, 4, 9))  # (B, K, H, W), never square, never one picture


def segmentation_loss(answer: Callable[[Tensor, Tensor], Tensor]) -> None:
    check(answer, _all_labelled, _some_ignored, _none_labelled, _gradients)


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


def _expect_loss(answer: Callable[..., Any], logits: Tensor, masks: Tensor) -> None:
    given = logits.clone(), masks.clone()
    came = number(call(answer, *given), "the mean loss")
    if not torch.equal(given[0], logits) or not torch.equal(given[1], masks):
        raise Wrong("Your function changed the logits or the masks in place. The next step still needs them.")
    expected = right_loss(logits, masks).item()
    if abs(came - expected) > 1e-4:
        why = cause(lambda wrong: abs(came - wrong(logits, masks).item()) < 1e-4, LOSS_MISTAKES)
        unlabelled = f"{int((masks == IGNORE).sum())} unlabelled pixels of {masks.numel()}"
        raise Wrong(
            f"For logits of shape {tuple(logits.shape)} and masks with {unlabelled} "
            f"your loss is {came:.4f}, expected {expected:.4f}.{why}"
        )


def _all_labelled(answer: Callable[..., Any]) -> str:
    for shape in SHAPES:
        _expect_loss(answer, *_pixels(shape, ignored=0.0))
    return f"mean over the pixels ({len(SHAPES)} sizes)"


def _some_ignored(answer: Callable[..., Any]) -> str:
    for shape in SHAPES:
        _expect_loss(answer, *_pixels(shape, ignored=0.3))
    return "unlabelled pixels do not count"


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
