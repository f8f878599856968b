"""The checks of notebook 03: a depthwise convolution on patches, the strip pair as a module, the receptive field."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import prod
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.model.strip_conv import StripConv

__all__ = ["depthwise", "module", "receptive_field"]

SIZES = ((2, 3, 9, 12, 5), (1, 4, 8, 7, 3), (3, 2, 15, 11, 7))  # batch, channels, height, width, length


def _drawn(*shapes: tuple[int, ...]) -> tuple[Tensor, ...]:
    generator = torch.Generator().manual_seed(shapes[0][-1])
    return tuple(torch.randn(shape, generator=generator) for shape in shapes)


def _image(b: int, c: int, h: int, w: int, k: int) -> tuple[Tensor, ...]:
    return _drawn((b, c, h, w), (c, k, k))


def _right_depthwise(x: Tensor, weight: Tensor) -> Tensor:
    return F.conv2d(x, weight[:, None], padding=weight.shape[-1] // 2, groups=len(weight))


def _order_mixed_up(x: Tensor, weight: Tensor) -> Tensor:
    """Patches read as (B, k · k, C, H · W), where F.unfold has the channels outside."""
    (b, c), k = x.shape[:2], weight.shape[-1]
    patches = F.unfold(x, k, padding=k // 2).view(b, k * k, c, -1)
    return (patches * weight.flatten(1).T[..., None]).sum(1).view(x.shape)


def _size_of_depthwise(result: Any, x: Tensor, weight: Tensor) -> str:
    (b, c, h, w), k = x.shape, weight.shape[-1]
    suspects = {
        "The padding is missing: F.unfold(x, k, padding=k // 2).": ((b, c, h - k + 1, w - k + 1),),
        "The pixels are still in one row: view the result as x.shape.": ((b, c, h * w),),
        "The channels were summed as well. Depthwise, each channel keeps its own sum over k · k numbers.": (
            (b, 1, h, w),
            (b, h, w),
            (b, h * w),
        ),
        "Height and width are swapped.": ((b, c, w, h),),
        "The products are not summed yet.": ((b, c, k * k, h * w), (b, c * k * k, h * w)),
    }
    return cause(lambda shapes: isinstance(result, Tensor) and tuple(result.shape) in shapes, suspects)


depthwise = Exercise(
    _right_depthwise,
    {"one dot product per pixel and channel": SIZES},
    {
        "The kernels are turned round. PyTorch computes a cross-correlation: leave them as they are.": (
            lambda x, weight: _right_depthwise(x, weight.flip(1, 2))
        ),
        "The kernels are transposed: row and column are swapped.": lambda x, weight: _right_depthwise(x, weight.mT),
        "All channels got the first channel's kernel.": (
            lambda x, weight: _right_depthwise(x, weight[:1].expand_as(weight))
        ),
        "That is the mean of the products. A dot product is their sum.": (
            lambda x, weight: _right_depthwise(x, weight) / weight[0].numel()
        ),
        "F.unfold has the channels outside and the k · k positions inside: view(B, C, k * k, H * W).": _order_mixed_up,
        "That is a dense convolution: each output channel has read all input channels.": (
            lambda x, weight: _right_depthwise(x, weight).sum(1, keepdim=True).expand_as(x)
        ),
        "x was added at the end.": lambda x, weight: x + _right_depthwise(x, weight),
    },
    given=_image,
    hint=_size_of_depthwise,
    tolerance=1e-4,
    shape=f"the image keeps its size ({len(SIZES)} sizes)",
    changed="Your function changed {} in place. Whoever called it still needs it.",
)


def _strip(x: Tensor, weight: Tensor, bias: Tensor, swapped: bool = False) -> Tensor:
    """One strip, (C, 1, 1, k) or (C, 1, k, 1); `swapped` pads its other two sides."""
    padding = weight.shape[3] // 2, weight.shape[2] // 2
    return F.conv2d(x, weight, bias, padding=padding if swapped else padding[::-1], groups=len(weight))


def _right_strips(x: Tensor, row: Tensor, row_bias: Tensor, col: Tensor, col_bias: Tensor) -> Tensor:
    return _strip(_strip(x, row, row_bias), col, col_bias)


def _weights(b: int, c: int, h: int, w: int, k: int) -> tuple[Tensor, ...]:
    return _drawn((b, c, h, w), (c, 1, 1, k), (c,), (c, 1, k, 1), (c,))


def _size_of_strips(result: Any, x: Tensor, row: Tensor, *_: Tensor) -> str:
    (b, c, h, w), k = x.shape, row.shape[3]
    suspects = {
        "The padding is missing: each strip needs k // 2 zeros at each of its ends.": (b, c, h - k + 1, w - k + 1),
        "`padding=k // 2` pads all four sides. The horizontal strip needs (0, k // 2), the vertical one (k // 2, 0).": (
            (b, c, h + k - 1, w + k - 1)
        ),
        "The horizontal strip was not padded.": (b, c, h, w - k + 1),
        "The vertical strip was not padded.": (b, c, h - k + 1, w),
    }
    return cause(lambda shape: isinstance(result, Tensor) and tuple(result.shape) == shape, suspects)


STRIPS = Exercise(
    _right_strips,
    {"the pair's numbers, with weights of ours": SIZES},
    {
        "The two paddings are swapped: the size is right, the border is not. A (1, k) kernel needs (0, k // 2).": (
            lambda x, row, a, col, b: _strip(_strip(x, row, a, swapped=True), col, b, swapped=True)
        ),
        "The vertical strip came first. With biases, and at the border, the order matters.": (
            lambda x, row, a, col, b: _strip(_strip(x, col, b), row, a)
        ),
        "The two strips' outputs were added. The vertical strip must read what the horizontal one has written.": (
            lambda x, row, a, col, b: _strip(x, row, a) + _strip(x, col, b)
        ),
        "The two strips' outputs were multiplied. The vertical strip must read what the horizontal one has written.": (
            lambda x, row, a, col, b: _strip(x, row, a) * _strip(x, col, b)
        ),
        "Only the horizontal strip was used.": lambda x, row, a, col, b: _strip(x, row, a),
        "Only the vertical strip was used.": lambda x, row, a, col, b: _strip(x, col, b),
        "x was added at the end. The strip pair has no residual connection.": (
            lambda x, *weights: x + _right_strips(x, *weights)
        ),
        "There is a ReLU between the strips. The pair is linear.": (
            lambda x, row, a, col, b: _strip(_strip(x, row, a).relu(), col, b)
        ),
    },
    given=_weights,
    hint=_size_of_strips,
    tolerance=1e-4,
    shape=f"the image keeps its size ({len(SIZES)} sizes)",
    changed="Your module changed {} in place. Whoever called it still needs it.",
)


def module(answer: Callable[..., Any]) -> Any:
    """The class itself is the answer: it is built, gets weights of ours, and runs as a function of them."""

    def run(x: Tensor, row: Tensor, row_bias: Tensor, col: Tensor, col_bias: Tensor) -> Tensor:
        built = answer(row.shape[0], row.shape[3])
        weights = row, row_bias, col, col_bias
        built.load_state_dict(dict(zip(StripConv(1, 1).state_dict(), weights)))
        return built(x)

    run_parts = [lambda _, part=part: part(run) for part in STRIPS.all_parts()]
    return check(answer, _layers, *run_parts, ours=StripConv)


def _layers(answer: Callable[..., Any]) -> str:
    channels, length = 4, 7
    built = call(answer, channels, length)
    if not isinstance(built, nn.Module):
        raise Wrong(f"Expected a module, a class made from nn.Module, but got {described(built)}.")
    wanted = {name: tuple(weight.shape) for name, weight in StripConv(channels, length).state_dict().items()}
    came = {name: tuple(weight.shape) for name, weight in built.state_dict().items()}
    if came.keys() != wanted.keys():
        why = " Is it bias=False? The strips keep their biases." if not any("bias" in name for name in came) else ""
        raise Wrong(f"Expected the weights {', '.join(wanted)}, but got {', '.join(came) or 'none'}.{why}")
    for name, shape in wanted.items():
        suspects = {
            "groups=channels is missing: the convolution is dense.": (channels, *shape[:1], *shape[2:]),
            "Height comes first: a horizontal strip is (1, length), a vertical one (length, 1).": (
                (*shape[:2], *shape[:1:-1])
            ),
            "That is a square kernel: a strip is (1, length) or (length, 1).": (channels, 1, length, length),
        }
        if came[name] != shape:
            why = cause(lambda suspect, name=name: came[name] == suspect, suspects)
            raise Wrong(f"{name} has the shape {came[name]}, expected {shape}.{why}")
    return "two depthwise strips"


STACKS = (
    ([3], [1]),
    ([3, 3, 3], [1, 1, 1]),
    ([3, 3], [2, 2]),
    ([5, 5, 3], [2, 2, 1]),
    ([7, 1, 3, 5], [4, 1, 2, 1]),
)  # kernels, strides


def _field(kernels: Sequence[int], jumps: Iterable[int]) -> int:
    """The receptive field, where a layer's neighbours are `jumps` input pixels apart."""
    return 1 + sum((kernel - 1) * jump for kernel, jump in zip(kernels, jumps))


def _right_field(kernels: Sequence[int], strides: Sequence[int]) -> int:
    return _field(kernels, [prod(strides[:layer]) for layer in range(len(strides))])


def _field_mistakes(kernels: Sequence[int], strides: Sequence[int]) -> dict[str, float]:
    right, layers = _right_field(kernels, strides), range(len(strides))
    return {
        "A layer adds kernel − 1 pixels, not kernel: the middle one was there before.": (
            _right_field([kernel + 1 for kernel in kernels], strides)
        ),
        "The first pixel is missing: begin with 1.": right - 1,
        "The strides are missing. Behind a stride of 2, neighbours are two input pixels apart.": (
            _field(kernels, [1] * len(kernels))
        ),
        "A layer's own stride does not widen its own step: it counts from the next layer on.": (
            _field(kernels, [prod(strides[: layer + 1]) for layer in layers])
        ),
        "Strides multiply: after two strides of 2, neighbours are four input pixels apart.": (
            _field(kernels, [max(1, sum(strides[:layer])) for layer in layers])
        ),
        "Only the last stride was used. The strides of all layers before multiply.": _field(
            kernels, [1, *strides[:-1]]
        ),
        "The kernels were multiplied. Each layer adds to the receptive field.": prod(kernels),
        "The kernels were summed. Each layer adds kernel − 1, times the strides before it.": sum(kernels),
        "That is the last layer alone.": kernels[-1],
        "That is the first layer alone. Does a `return` inside the loop end it too early?": kernels[0],
        "That is the reach to one side. Count the whole width.": right // 2,
        "That is the area. The receptive field is asked as a width.": right**2,
    }


receptive_field = Exercise(
    _right_field,
    {"by kernel size and depth": STACKS[:2], "by stride": STACKS[2:]},
    _field_mistakes,
    expected="the width in pixels",
    tolerance=0,
    everywhere=True,
    say=lambda came, right, kernels, strides: (
        f"Kernels {list(kernels)} with strides {list(strides)}: you have {came:g} pixels, expected {right}."
    ),
    changed="Your function changed {} in place. Whoever called it still needs it.",
    kept="its arguments stay as they were",
)
