"""Exercise 12.1: a BatchNorm before a 1 × 1 convolution, folded into it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SQUARE = (6, 6)  # channels in and out: here every mistake has a shape that passes
OTHERS = ((3, 7), (8, 2))
EPS = 0.1  # far larger than usual, so that it is seen when it is forgotten

Numbers = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]  # weight, bias, gain, shift, mean, variance


def fold(answer: Callable[..., Any]) -> None:
    check(answer, _right_weight, _right_bias, _other_widths)


def _numbers(channels: int, out: int) -> Numbers:
    generator = torch.Generator().manual_seed(10 * channels + out)
    shapes = (out, channels), (out,), (channels,), (channels,), (channels,)
    weight, bias, gain, shift, mean = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    variance = 0.3 + 2 * torch.rand(channels, generator=generator, dtype=torch.float64)
    return weight, bias, gain, shift, mean, variance


def _right(numbers: Numbers) -> tuple[Tensor, Tensor]:
    weight, bias, gain, shift, mean, variance = numbers
    scale = gain / (variance + EPS).sqrt()
    return weight * scale, bias + weight @ (shift - scale * mean)


def _folded(answer: Callable[..., Any], numbers: Numbers) -> tuple[Tensor, Tensor]:
    result = call(answer, *(x.clone() for x in numbers), EPS)
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise Wrong(f"Expected two tensors, (weight, bias), but got {described(result)}.")
    out, channels = numbers[0].shape
    for name, tensor, shape in zip(("weight", "bias"), result, ((out, channels), (out,))):
        if tensor.shape != shape:
            hint = " It is the transpose of that." if tensor.shape == shape[::-1] and len(shape) == 2 else ""
            raise Wrong(f"Expected {name} of shape {shape}, but got {described(tensor)}.{hint}")
    return result[0], result[1]


def _same(came: Tensor, right: Tensor) -> bool:
    return torch.allclose(came.double(), right, atol=1e-6)


def _right_weight(answer: Callable[..., Any]) -> str:
    weight, _, gain, _, _, variance = numbers = _numbers(*SQUARE)
    came, right = _folded(answer, numbers)[0], _right(numbers)[0]
    if not _same(came, right):
        root = (variance + EPS).sqrt()
        suspects = {
            "The scale went to the outputs, the rows. A norm *before* the layer scales what comes in: the columns.": (
                weight * (gain / root)[:, None]
            ),
            "The gain is missing: BatchNorm's own weight, one a channel.": weight / root,
            "The root is missing: BatchNorm divides by the standard deviation, √(variance + eps).": (
                weight * gain / (variance + EPS)
            ),
            "eps is missing under the root.": weight * gain / variance.sqrt(),
            "eps belongs under the root, with the variance.": weight * gain / (variance.sqrt() + EPS),
            "It is divided by √(variance + eps), not multiplied.": weight * gain * root,
            "The variance is missing: that is the gain alone.": weight * gain,
            "The weight came back as it was.": weight,
            "It is the transpose of what it should be.": right.T,
        }
        why = cause(lambda wrong: _same(came, wrong), suspects)
        raise Wrong(f"The weight is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the weight"


def _right_bias(answer: Callable[..., Any]) -> str:
    weight, bias, gain, shift, mean, variance = numbers = _numbers(*SQUARE)
    came, right = _folded(answer, numbers)[1], _right(numbers)[1]
    if not _same(came, right):
        scale = gain / (variance + EPS).sqrt()
        moved = shift - scale * mean
        suspects = {
            "The bias came back as it was. What the norm adds passes through the layer, too.": bias,
            "The layer's own bias is forgotten.": weight @ moved,
            "What the norm adds has to pass through the weight: weight @ (…), then the bias.": bias + moved,
            "What the norm adds is scaled already: it passes through the weight as it was, not as it is now.": (
                bias + (weight * scale) @ moved
            ),
            "The mean is forgotten. BatchNorm takes it away first.": bias + weight @ shift,
            "The shift is forgotten.": bias - weight @ (scale * mean),
            "The mean is taken away before the scale is applied, so it is scaled as well: shift - scale · mean.": (
                bias + weight @ (shift - mean)
            ),
            "The mean is taken away, not added.": bias + weight @ (shift + scale * mean),
            "The shift is added *after* the scale, so it is not scaled.": bias + weight @ (scale * (shift - mean)),
            "The bias was scaled. That happens to a norm *behind* the layer; this one stands before it.": (
                scale * bias + weight @ moved
            ),
        }
        why = cause(lambda wrong: _same(came, wrong), suspects)
        raise Wrong(f"The weight is right, the bias is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the bias"


def _other_widths(answer: Callable[..., Any]) -> str:
    for channels, out in OTHERS:
        numbers = _numbers(channels, out)
        weight, bias = _folded(answer, numbers)
        right = _right(numbers)
        if not (_same(weight, right[0]) and _same(bias, right[1])):
            raise Wrong(f"Right where all widths agree, wrong for {channels} → {out} channels.")
    return f"one layer does what the two did ({len(OTHERS)} other widths)"
