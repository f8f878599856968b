"""Exercise 7.2: two 1 × 1 convolutions in a row are one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SQUARE = (5, 5, 5)  # in, between, out: here every mistake has a shape that passes
OTHERS = ((3, 7, 4), (8, 2, 5), (6, 6, 1))

Layers = tuple[Tensor, Tensor, Tensor, Tensor]


def fold(answer: Callable[..., Any]) -> None:
    check(answer, _right_weight, _right_bias, _other_widths, _learned)


def _layers(before: int, between: int, after: int) -> Layers:
    generator = torch.Generator().manual_seed(100 * before + 10 * between + after)
    shapes = (between, before), (between,), (after, between), (after,)
    first, first_bias, second, second_bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes
    )
    return first, first_bias, second, second_bias


def _folded(answer: Callable[..., Any], layers: Layers) -> tuple[Tensor, Tensor]:
    try:
        result = call(answer, *(x.clone() for x in layers))
    except Wrong as wrong:
        if "cannot be multiplied" not in str(wrong):
            raise
        raise Wrong(f"{wrong} In a product of matrices, the layer that acts second stands on the left.") from None
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        why = " The bias is missing: return weight, bias." if isinstance(result, Tensor) else ""
        raise Wrong(f"Expected two tensors, (weight, bias), but got {described(result)}.{why}")
    if result[0].ndim == 1 and result[1].ndim == 2:
        raise Wrong("Bias and weight came in the other order: first the weight.")
    after, before = layers[2].shape[0], layers[0].shape[1]
    for name, tensor, shape in zip(("weight", "bias"), result, ((after, before), (after,))):
        if tensor.shape != shape:
            hint = " It is the transpose of that." if tensor.shape == shape[::-1] and len(shape) == 2 else ""
            if name == "bias" and tensor.ndim == 2:
                hint = " A matrix times a vector is a vector, by `@`. Was it `*`, or did a [:, None] stay?"
            raise Wrong(f"Expected {name} of shape {shape}, but got {described(tensor)}.{hint}")
    return result[0], result[1]


def _same(came: Tensor, right: Tensor) -> bool:
    return torch.allclose(came.double(), right, atol=1e-6)


def _right_weight(answer: Callable[..., Any]) -> str:
    first, _, second, _ = layers = _layers(*SQUARE)
    came, right = _folded(answer, layers)[0], second @ first
    if not _same(came, right):
        suspects = {
            "The product is the wrong way round. The layer that acts second stands on the left: second @ first.": (
                first @ second
            ),
            "It is the transpose of what it should be.": right.T,
            "That multiplies number by number. It takes the product of the matrices, @.": first * second,
            "That is the sum of the two. One after the other is a product.": first + second,
            "That is the first layer alone.": first,
            "That is the second layer alone.": second,
        }
        why = cause(lambda wrong: _same(came, wrong), suspects)
        raise Wrong(f"The weight is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the weight"


def _right_bias(answer: Callable[..., Any]) -> str:
    _, first, weight, second = layers = _layers(*SQUARE)
    came, right = _folded(answer, layers)[1], weight @ first + second
    if not _same(came, right):
        suspects = {
            "The first layer's bias is forgotten: the second layer multiplies it, too.": second,
            "The second layer's bias is forgotten.": weight @ first,
            "The first bias goes through the second layer before the second is added: second_weight @ first_bias.": (
                first + second
            ),
            "Only the first bias goes through the second layer, the second bias does not.": weight @ (first + second),
            "The first bias must go through the *second* layer's weight.": layers[0] @ first + second,
            "The first bias has passed both layers. It comes after the first, so it passes the second alone.": (
                weight @ layers[0] @ first + second
            ),
            "The first bias was summed up. It goes through the second layer: second @ first_bias.": first.sum()
            + second,
            "The bias has passed the second layer's weight transposed.": weight.T @ first + second,
        }
        why = cause(lambda wrong: _same(came, wrong), suspects)
        raise Wrong(f"The weight is right, the bias is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the bias"


def _learned(answer: Callable[..., Any]) -> str:
    """The notebook folds two layers' own parameters, which keep gradients."""
    first, first_bias, second, second_bias = (x.requires_grad_() for x in _layers(*SQUARE))
    _folded(answer, (first, first_bias, second, second_bias))
    return "of parameters, too"


def _other_widths(answer: Callable[..., Any]) -> str:
    for widths in OTHERS:
        layers = _layers(*widths)
        weight, bias = _folded(answer, layers)
        x = torch.randn(widths[0], 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        two = layers[2] @ (layers[0] @ x + layers[1][:, None]) + layers[3][:, None]
        if not _same(weight.double() @ x + bias.double()[:, None], two):
            before, between, after = widths
            raise Wrong(f"Right where all widths agree, wrong for {before} → {between} → {after} channels.")
    return f"one layer does what the two did ({len(OTHERS)} other widths)"
