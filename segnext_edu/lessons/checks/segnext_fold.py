"""Exercise 7.2: two 1 × 1 convolutions in a row are one."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong
from segnext_edu.lessons.checks.table import Exercise


def _layers(before: int, between: int, after: int, learned: bool = False) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(100 * before + 10 * between + after)
    shapes = (between, before), (between,), (after, between), (after,)
    return tuple(
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=learned) for shape in shapes
    )


def _folded(first: Tensor, b: Tensor, second: Tensor, d: Tensor) -> tuple[Tensor, Tensor]:
    return second @ first, second @ b + d


def _weight_mistakes(first: Tensor, _: Tensor, second: Tensor, *__: Tensor) -> dict[str, Tensor]:
    return {
        "The product is the wrong way round. The layer that acts second stands on the left: second @ first.": (
            first @ second
        ),
        "It is the transpose of what it should be.": (second @ first).T,
        "That multiplies number by number. It takes the product of the matrices, @.": first * second,
        "That is the sum of the two. One after the other is a product.": first + second,
        "That is the first layer alone.": first,
        "That is the second layer alone.": second,
    }


def _bias_mistakes(first: Tensor, b: Tensor, second: Tensor, d: Tensor) -> dict[str, Tensor]:
    return {
        "The first layer's bias is forgotten: the second layer multiplies it, too.": d,
        "The second layer's bias is forgotten.": second @ b,
        "The first bias goes through the second layer before the second is added: second_weight @ first_bias.": b + d,
        "Only the first bias goes through the second layer, the second bias does not.": second @ (b + d),
        "The first bias must go through the *second* layer's weight.": first @ b + d,
        "The first bias has passed both layers. It comes after the first, so it passes the second alone.": (
            second @ first @ b + d
        ),
        "The first bias was summed up. It goes through the second layer: second @ first_bias.": b.sum() + d,
        "The bias has passed the second layer's weight transposed.": second.T @ b + d,
    }


def _misfolded(result: Any, *layers: Tensor) -> str:
    if isinstance(result, Tensor):
        return " The bias is missing: return weight, bias."
    weight, bias = result if isinstance(result, tuple | list) and len(result) == 2 else (None, None)
    if not isinstance(weight, Tensor) or not isinstance(bias, Tensor):
        return ""
    if weight.ndim == 1 and bias.ndim == 2:
        raise Wrong("Bias and weight came in the other order: first the weight.")
    if bias.ndim == 2:
        return " A matrix times a vector is a vector, by `@`. Was it `*`, or did a [:, None] stay?"
    return " It is the transpose of that." if weight.mT.shape == _folded(*layers)[0].shape else ""


def _off(what: str) -> Callable[..., str]:
    return lambda came, right, *_: f"{what} off by up to {(came - right).abs().max().item():.3g}."


def _widths(came: Any, right: Any, first: Tensor, b: Tensor, second: Tensor, d: Tensor) -> str:
    return f"Right where all widths agree, wrong for {first.shape[1]} → {len(b)} → {len(d)} channels."


LEFT = " In a product of matrices, the layer that acts second stands on the left."
_fold = partial(
    Exercise,
    _folded,
    given=_layers,
    expected="two tensors, (weight, bias)",
    names=("weight", "bias"),
    same_dtype=False,
    hint=_misfolded,
    retell=lambda said, _: said + LEFT * ("cannot be multiplied" in said),
)
SQUARE = (5, 5, 5)  # in, between, out: here every mistake has a shape that passes
_others = {
    "one layer does what the two did (3 other widths)": [(3, 7, 4), (8, 2, 5), (6, 6, 1)],
    "of parameters, too": [(*SQUARE, True)],  # the notebook folds two layers' own parameters, which keep gradients
}
fold = _fold(
    {"the weight": [SQUARE]},
    _weight_mistakes,
    index=0,
    say=_off("The weight is"),
    parts=[
        _fold({"the bias": [SQUARE]}, _bias_mistakes, index=1, say=_off("The weight is right, the bias is")),
        _fold(_others, {}, say=_widths),
    ],
)
