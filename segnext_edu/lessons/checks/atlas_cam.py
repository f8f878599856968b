"""Exercise 10.2: Grad-CAM."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SIZES = ((2, 3, 5, 8), (3, 6, 7, 4))  # batch, channels, height, width


def cam(answer: Callable[..., Any]) -> None:
    check(answer, _right_shape, _right_map, _of_any_score)


def _given(b: int, c: int, h: int, w: int) -> tuple[Tensor, Tensor]:
    """Features, and a score that is not linear in them."""
    generator = torch.Generator().manual_seed(h * w)
    features = torch.randn(b, c, h, w, generator=generator, dtype=torch.float64).requires_grad_()
    slopes = torch.randn(b, c, h, w, generator=generator, dtype=torch.float64)
    tilt = torch.randn(b, c, 1, 1, generator=generator, dtype=torch.float64)
    return features, (features * (slopes + tilt)).sum() + (features**2 * slopes).sum() / 4


def _gradient(features: Tensor, score: Tensor) -> Tensor:
    return torch.autograd.grad(score, features, retain_graph=True)[0]


def _right(features: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.mean((2, 3), keepdim=True) * features).sum(1).relu()


def _answer(answer: Callable[..., Any], features: Tensor, score: Tensor) -> Tensor:
    before = features.detach().clone()
    result = call(answer, features, score)
    if not torch.equal(before, features.detach()):
        raise Wrong("Your function changed the features in place. Whoever called it still needs them.")
    if isinstance(result, tuple) and len(result) == 1:
        raise Wrong("A tuple came back: autograd.grad returns one, with a single entry. Unpack it: (gradient,) = …")
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a tensor (B, h, w), but got {described(result)}.")
    return result.detach()


def _right_shape(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        features, score = _given(*size)
        came, (b, c, h, w) = tuple(_answer(answer, features, score).shape), size
        if came != (b, h, w):
            suspects = {
                "The channels are still there: sum over them at the end.": (b, c, h, w),
                "The sum went over the channels with keepdim=True; the map has no channels.": (b, 1, h, w),
                "Those are the weights, one a channel; they still have to weigh the features.": (b, c, 1, 1),
                "The batch is gone: each picture has a map of its own.": (h, w),
                "All was summed up, to one number. The sum goes over the channels alone: sum(1).": (),
                "Those are the weights, one a channel, or a sum over the places. The weights still have to weigh the "
                "features, and the sum goes over the channels.": (b, c),
                "The sum went over the places. It goes over the channels.": (b, c, 1),
            }
            why = cause(came.__eq__, suspects)
            raise Wrong(f"The features are {size}; expected {(b, h, w)}, but got {came}.{why}")
    return "one map a picture"


def _right_map(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        features, score = _given(*size)
        gradient = _gradient(features, score)
        _expect_map(_answer(answer, features, score), features.detach(), gradient)
    return "channels weighed by their mean gradient, summed, cut at 0"


def _expect_map(result: Tensor, features: Tensor, gradient: Tensor) -> None:
    def is_like(values: Tensor) -> bool:
        return torch.allclose(result.to(values), values, rtol=1e-4, atol=1e-6)

    right = _right(features, gradient)
    if not is_like(right):
        why = cause(is_like, _suspects(features, gradient))
        off = (result.to(right) - right).abs().max().item()
        raise Wrong(f"The shape is right, the numbers are not: they are off by up to {off:.3g}.{why}")


def _suspects(x: Tensor, gradient: Tensor) -> dict[str, Tensor]:
    weights = gradient.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
    b, c, h, w = x.shape
    softmaxed = weights.softmax(1)
    return {
        "The ReLU is missing: what speaks against the class is cut off.": (weights * x).sum(1),
        "The ReLU comes after the sum over the channels, not before: minus must first cancel plus.": (
            (weights * x).relu().sum(1)
        ),
        "The weights were cut at 0. Channels that speak against the class count, too; the ReLU comes last.": (
            (weights.relu() * x).sum(1).relu()
        ),
        "The gradient was not averaged: each place was weighed by its own. A channel has one weight.": (
            (gradient * x).sum(1).relu()
        ),
        "The weights have lost their sign: no abs().": (weights.abs() * x).sum(1).relu(),
        "The weights are sums over the places. Grad-CAM takes the mean.": (weights * x).sum(1).relu() * h * w,
        "The channels were averaged. They are summed.": (weights * x).mean(1).relu(),
        "The weights are the greatest gradients. They are the means.": (
            (gradient.amax((2, 3), keepdim=True) * x).sum(1).relu()
        ),
        "The mean went over the channels. It goes over the places: axes 2 and 3.": (
            (gradient.mean(1, keepdim=True) * x).sum(1).relu()
        ),
        "The mean went over the batch as well. Each picture has weights of its own.": (
            (gradient.mean((0, 2, 3), keepdim=True) * x).sum(1).relu()
        ),
        "The features themselves are missing: that is the gradient, summed.": gradient.sum(1).relu(),
        "Features and gradients have changed roles: the gradients give the weights, the features are weighed.": (
            (x.mean((2, 3), keepdim=True) * gradient).sum(1).relu()
        ),
        "There is no gradient in it: that is the sum of the features.": x.sum(1).relu(),
        "The weights were cut at 0, and the sum was not. It is the other way round: the ReLU comes last.": (
            (weights.relu() * x).sum(1)
        ),
        "That is the size of the sum. What is below 0 speaks against the class: ReLU cuts it off.": (
            (weights * x).sum(1).abs()
        ),
        "The mean went over the channels too: one weight for all of them. Each has its own, from axes 2 and 3.": (
            (gradient.mean((1, 2, 3), keepdim=True) * x).sum(1).relu()
        ),
        "The maps were scaled, so that the greatest number is 1. Leave them in their own units.": (
            (weights * x).sum(1).relu() / (weights * x).sum(1).relu().max()
        ),
        "The map was scaled to end at 1. Leave it in its own units.": (
            (weights * x).sum(1).relu() / (weights * x).sum(1).relu().amax((1, 2), keepdim=True)
        ),
        "The weights went through a softmax. They are the bare means.": (softmaxed * x).sum(1).relu(),
        "The sign is turned round.": (-(weights * x).sum(1)).relu(),
    }


def _of_any_score(answer: Callable[..., Any]) -> str:
    features, _ = _given(*SIZES[0])
    score = (features[:, 1:] ** 2).sum()  # channel 0 has no say
    right = _right(features.detach(), _gradient(features, score))
    if not torch.allclose(_answer(answer, features, score).to(right), right, rtol=1e-4, atol=1e-6):
        raise Wrong("For another score it goes wrong. Does your function use the score that it was given?")
    return "for any score"
