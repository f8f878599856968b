"""Answers to the exercises of notebook 03: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import torch
import torch.nn.functional as F
from torch import nn

from segnext_edu.model.strip_conv import StripConv


def by_patches(x, weight, merge=torch.sum, padded=True, turned=lambda patches: patches):
    (batch, channels, height, _), k = x.shape, weight.shape[-1]
    patches = F.unfold(x, k, padding=k // 2 if padded else 0).view(batch, channels, k * k, -1)
    products = turned(patches) * weight.flatten(1)[..., None]
    return merge(products, 2).view(batch, channels, height - (k - 1) * (not padded), -1)


def by_shifts(x, weight):
    half = weight.shape[-1] // 2
    around = F.pad(x, (half,) * 4)
    sides = [(row, column) for row in range(2 * half + 1) for column in range(2 * half + 1)]
    moved = [around[..., r : r + x.shape[2], c : c + x.shape[3]] * weight[:, r, c, None, None] for r, c in sides]
    return torch.stack(moved).sum(0)


def by_groups(x, weight):
    return F.conv2d(x, weight[:, None], padding=weight.shape[-1] // 2, groups=len(weight))


def positions_outside(x, weight):
    patches = F.unfold(x, weight.shape[-1], padding=weight.shape[-1] // 2)
    patches = patches.view(len(x), weight[0].numel(), len(weight), -1)
    return (patches * weight.flatten(1).T[..., None]).sum(1).view(x.shape)


def spoils_x(x, weight):
    result = by_groups(x, weight)
    x.zero_()
    return result


def strips(forward=None, pads=None, names=("horizontal", "vertical"), bias=True, grouped=True, shapes=None):
    """A strip pair as a class, with one thing changed."""

    class Strips(nn.Module):
        def __init__(self, channels, length):
            super().__init__()
            half = length // 2
            (a, b), groups = pads(half) if pads else ((0, half), (half, 0)), channels if grouped else 1
            one, two = shapes(length) if shapes else ((1, length), (length, 1))
            setattr(self, names[0], nn.Conv2d(channels, channels, one, padding=a, groups=groups, bias=bias))
            setattr(self, names[1], nn.Conv2d(channels, channels, two, padding=b, groups=groups, bias=bias))

        def forward(self, x):
            first, second = (getattr(self, name) for name in names)
            return forward(x, first, second) if forward else second(first(x))

    return Strips


class Sequence(nn.Sequential):
    def __init__(self, channels, length):
        super().__init__()
        for name, shape in (("horizontal", (1, length)), ("vertical", (length, 1))):
            self.add_module(name, nn.Conv2d(channels, channels, shape, padding="same", groups=channels))


def spoils_its_input(x, first, second):
    result = second(first(x))
    x.zero_()
    return result


def field(kernels, strides):
    size = jump = 1
    for kernel, stride in zip(kernels, strides):
        size, jump = size + (kernel - 1) * jump, jump * stride
    return size


def field_backwards(kernels, strides):
    size = 1
    for kernel, stride in zip(kernels[::-1], strides[::-1]):
        size = (size - 1) * stride + kernel
    return torch.tensor(size)


def own_stride(kernels, strides):
    return 1 + sum((kernel - 1) * prod(strides[: layer + 1]) for layer, kernel in enumerate(kernels))


def summed_strides(kernels, strides):
    return 1 + sum((kernel - 1) * max(1, sum(strides[:layer])) for layer, kernel in enumerate(kernels))


def pads(one: Callable, two: Callable) -> Callable:
    return strips(pads=lambda half: (one(half), two(half)))


RIGHT = {
    "depthwise": [by_patches, by_shifts, by_groups],
    "module": [StripConv, strips(), Sequence],
    "receptive_field": [field, field_backwards],
}
WRONG = {
    "depthwise": {
        "padding is missing": lambda x, weight: by_patches(x, weight, padded=False),
        "still in one row": lambda x, weight: by_patches(x, weight).flatten(2),
        "each channel keeps its own sum": lambda x, weight: by_patches(x, weight).sum(1),
        "Height and width are swapped": lambda x, weight: by_patches(x, weight).mT,
        "not summed yet": lambda x, weight: F.unfold(x, weight.shape[-1], padding=weight.shape[-1] // 2),
        "turned round": lambda x, weight: by_patches(x, weight, turned=lambda patches: patches.flip(2)),
        "transposed": lambda x, weight: by_groups(x, weight.mT),
        "first channel's kernel": lambda x, weight: by_groups(x, weight[:1].expand_as(weight)),
        "mean of the products": lambda x, weight: by_patches(x, weight, merge=torch.mean),
        "channels outside": positions_outside,
        "a dense convolution": lambda x, weight: by_groups(x, weight).sum(1, keepdim=True).repeat(1, len(weight), 1, 1),
        "x was added": lambda x, weight: x + by_groups(x, weight),
        "in place": spoils_x,
        "Expected a tensor of shape": lambda x, weight: weight,
    },
    "module": {
        "a class made from nn.Module": lambda channels, length: channels * length,
        "Expected the weights horizontal.weight": strips(names=("first", "second")),
        "keep their biases": strips(bias=False),
        "the convolution is dense": strips(grouped=False),
        "Height comes first": strips(shapes=lambda length: ((length, 1), (1, length))),
        "a square kernel": strips(shapes=lambda length: ((length, length), (length, 1))),
        "padding is missing": pads(lambda half: 0, lambda half: 0),
        "pads all four sides": pads(lambda half: half, lambda half: half),
        "The horizontal strip was not padded": pads(lambda half: 0, lambda half: (half, 0)),
        "The vertical strip was not padded": pads(lambda half: (0, half), lambda half: 0),
        "two paddings are swapped": pads(lambda half: (half, 0), lambda half: (0, half)),
        "The vertical strip came first": strips(lambda x, first, second: first(second(x))),
        "outputs were added": strips(lambda x, first, second: first(x) + second(x)),
        "outputs were multiplied": strips(lambda x, first, second: first(x) * second(x)),
        "Only the horizontal": strips(lambda x, first, second: first(x)),
        "Only the vertical": strips(lambda x, first, second: second(x)),
        "no residual connection": strips(lambda x, first, second: x + second(first(x))),
        "a ReLU": strips(lambda x, first, second: second(first(x).relu())),
        "in place": strips(spoils_its_input),
        "returned None": strips(lambda x, first, second: None),
    },
    "receptive_field": {
        "kernel − 1 pixels, not kernel": lambda kernels, strides: field([k + 1 for k in kernels], strides),
        "begin with 1": lambda kernels, strides: field(kernels, strides) - 1,
        "The strides are missing": lambda kernels, strides: field(kernels, [1] * len(kernels)),
        "own stride": own_stride,
        "Strides multiply": summed_strides,
        "Only the last stride": lambda kernels, strides: (
            1 + sum((k - 1) * s for k, s in zip(kernels, [1, *strides[:-1]]))
        ),
        "kernels were multiplied": lambda kernels, strides: prod(kernels),
        "kernels were summed": lambda kernels, strides: sum(kernels),
        "the last layer alone": lambda kernels, strides: kernels[-1],
        "the first layer alone": lambda kernels, strides: kernels[0],
        "reach to one side": lambda kernels, strides: field(kernels, strides) // 2,
        "That is the area": lambda kernels, strides: field(kernels, strides) ** 2,
        "in place": lambda kernels, strides: field(kernels, strides) + 0 * kernels.pop(),
        "a number, but got": lambda kernels, strides: "21",
    },
}
