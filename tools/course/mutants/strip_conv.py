"""Answers to the exercises of notebook 03: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from segnext_edu.model.strip_conv import StripConv


def costs(c, k, h, w):
    return c * c * k * k * h * w, c * k * k * h * w, 2 * c * k * h * w


def pair(x, row, col, pads=None):
    channels, length = row.shape
    (top, side), (top2, side2) = pads or ((0, length // 2), (length // 2, 0))
    y = F.conv2d(x, row.view(channels, 1, 1, length), padding=(top, side), groups=channels)
    return F.conv2d(y, col.view(channels, 1, length, 1), padding=(top2, side2), groups=channels)


def pair_by_module(x, row, col):
    strip = StripConv(*row.shape)
    with torch.no_grad():
        strip.horizontal.weight.copy_(row[:, None, None])
        strip.vertical.weight.copy_(col[:, None, :, None])
        strip.horizontal.bias.zero_()
        strip.vertical.bias.zero_()
        return strip(x)


def pair_as_square(x, row, col):
    square = torch.einsum("ci,cj->cij", col, row)[:, None]  # (C, 1, k, k)
    return F.conv2d(x, square, padding=row.shape[1] // 2, groups=len(row))


def factors(kernel):
    u, s, vh = torch.linalg.svd(kernel)
    return u[:, 0] * s[0], vh[0]


def balanced_factors(kernel):
    u, s, vh = torch.linalg.svd(kernel)
    return -u[:, 0] * s[0].sqrt(), -vh[0] * s[0].sqrt()


def factors_by_eigenvectors(kernel):
    row = torch.linalg.eigh(kernel.T @ kernel).eigenvectors[:, -1]
    return [kernel @ row, row]


def svd_with(build: Callable) -> Callable:
    return lambda kernel: build(*torch.linalg.svd(kernel))


def pads(across: Callable, down: Callable) -> Callable:
    """A strip pair whose two paddings are computed from k // 2."""
    return lambda x, row, col: pair(x, row, col, (across(row.shape[1] // 2), down(row.shape[1] // 2)))


def alone(kernel):
    return F.one_hot(torch.tensor(kernel.shape[1] // 2), kernel.shape[1]).float().expand_as(kernel)


def summed_channels(x, row, col):
    return pair(x, row, col).sum(1, keepdim=True)


def wrapped(x, row, col):
    half = row.shape[1] // 2
    return pair(F.pad(x, (half,) * 4, mode="circular"), row, col, ((0, 0), (0, 0)))


def replicated(x, row, col):
    half = row.shape[1] // 2
    return pair(F.pad(x, (half,) * 4, mode="replicate"), row, col, ((0, 0), (0, 0)))


def one_sided(x, row, col):
    half = 2 * (row.shape[1] // 2)
    return pair(F.pad(x, (half, 0, half, 0)), row, col, ((0, 0), (0, 0)))


def in_place(x, row, col):
    result = pair(x, row, col)
    x.zero_()
    return result


RIGHT = {
    "multiply_adds": [costs, lambda c, k, h, w: torch.tensor(costs(c, k, h, w))],
    "strip_pair": [pair, pair_by_module, pair_as_square],
    "strip_factors": [factors, balanced_factors, factors_by_eigenvectors],
}
WRONG = {
    "multiply_adds": {
        "Expected three numbers": lambda c, k, h, w: c * c * k * k * h * w,
        "dense: .* reads all C that go in": lambda c, k, h, w: (c * k * k * h * w,) * 3,
        "dense: .* k · k numbers": lambda c, k, h, w: (c * c * k * h * w, 0, 0),
        "the dense one. Depthwise": lambda c, k, h, w: (costs(c, k, h, w)[0],) * 3,
        "depthwise: .* one channel alone": lambda c, k, h, w: (costs(c, k, h, w)[0], k * k * h * w, 0),
        "one strip. The pair has two": lambda c, k, h, w: (*costs(c, k, h, w)[:2], c * k * h * w),
        "k \\+ k, not k · k": lambda c, k, h, w: (*costs(c, k, h, w)[:2], c * k * k * h * w),
        "The strips are depthwise": lambda c, k, h, w: (*costs(c, k, h, w)[:2], 2 * c * c * k * h * w),
        "strip pair: .* one channel alone": lambda c, k, h, w: (*costs(c, k, h, w)[:2], 2 * k * h * w),
        "times H · W": lambda c, k, h, w: costs(c, k, 1, 1),
        "twice too much": lambda c, k, h, w: tuple(2 * cost for cost in costs(c, k, h, w)),
        "Height and width differ; ": lambda c, k, h, w: costs(c, k, h, h),
        "Height and width differ: ": lambda c, k, h, w: costs(c, k, w, w),
        "C · C, not 2 · C": lambda c, k, h, w: (2 * c * k * k * h * w, *costs(c, k, h, w)[1:]),
        "saves the factor C": lambda c, k, h, w: (costs(c, k, h, w)[0], costs(c, k, h, w)[0] / k, 0),
        "not once per row or column": lambda c, k, h, w: (*costs(c, k, h, w)[:2], c * k * (h + w)),
        "the example's numbers": lambda c, k, h, w: costs(32, 21, 64, 48),
        "let the picture shrink": lambda c, k, h, w: costs(c, k, h - k + 1, w - k + 1),
        "bias is an addition": lambda c, k, h, w: (costs(c, k, h, w)[0] + c * h * w, 0, 0),
        "Is a `return` missing": lambda c, k, h, w: None,
        "a number, but got 'much'": lambda c, k, h, w: ("much", "less", "least"),
    },
    "strip_pair": {
        "padding is missing": pads(lambda p: (0, 0), lambda p: (0, 0)),
        "pads all four sides": pads(lambda p: (p, p), lambda p: (p, p)),
        "The horizontal strip was not padded": pads(lambda p: (0, 0), lambda p: (p, 0)),
        "The vertical strip was not padded": pads(lambda p: (0, p), lambda p: (0, 0)),
        "pad by k // 2": pads(lambda p: (0, 2 * p + 1), lambda p: (2 * p + 1, 0)),
        "two paddings are swapped": pads(lambda p: (p, 0), lambda p: (0, p)),
        "channels were summed": summed_channels,
        "`row` is vertical and `col` horizontal": lambda x, row, col: pair(x, col, row),
        "added the two strips": lambda x, row, col: pair(x, row, alone(col)) + pair(x, alone(row), col),
        "Only the horizontal": lambda x, row, col: pair(x, row, alone(col)),
        "Only the vertical": lambda x, row, col: pair(x, alone(row), col),
        "padding by 10 gives": pads(lambda p: (0, 10), lambda p: (10, 0)),
        "You multiplied the two strips": lambda x, row, col: pair(x, row, alone(col)) * pair(x, alone(row), col),
        "no shortcut here": lambda x, row, col: x + pair(x, row, col),
        "zeros are at one end": one_sided,
        "draws its own weights": lambda x, row, col: pair(x, torch.randn_like(row), col),
        "5 / 2 is 2.5": lambda x, row, col: F.conv2d(x, row[:, None, None], padding=(0, 5 / 2), groups=len(row)),  # pyright: ignore
        "used for both": lambda x, row, col: pair(x, row, row),
        "first channel's kernels": lambda x, row, col: pair(x, row[:1].expand_as(row), col[:1].expand_as(col)),
        "turned round": lambda x, row, col: pair(x, row.flip(1), col.flip(1)),
        "continued round its edges": wrapped,
        "at the border it is not": replicated,
        "in place": in_place,
        "your function stopped": lambda x, row, col: F.conv2d(x, row[:, None, None]),
        "Expected a tensor of shape": lambda x, row, col: (row, col),
    },
    "strip_factors": {
        "without the singular value": svd_with(lambda u, s, vh: (u[:, 0], vh[0])),
        "once is enough": svd_with(lambda u, s, vh: (u[:, 0] * s[0], vh[0] * s[0])),
        "square root": svd_with(lambda u, s, vh: (u[:, 0] * s[0].sqrt(), vh[0])),
        "swapped": svd_with(lambda u, s, vh: (vh[0], u[:, 0] * s[0])),
        "not vh\\[:, 0\\]": svd_with(lambda u, s, vh: (u[:, 0] * s[0], vh[:, 0])),
        "Two things: ": svd_with(lambda u, s, vh: (u[:, 0], vh[:, 0])),
        "not u\\[0\\]": svd_with(lambda u, s, vh: (u[0] * s[0], vh[0])),
        "the largest first": svd_with(lambda u, s, vh: (u[:, -1] * s[-1], vh[-1])),
        "middle column and row": lambda kernel: (kernel[:, len(kernel) // 2], kernel[len(kernel) // 2]),
        "if scaled": lambda kernel: (kernel.mean(1), kernel.mean(0)),
        "not nearest to others": lambda kernel: (kernel.mean(1) / kernel.mean(), kernel.mean(0)),
        "signs are lost": svd_with(lambda u, s, vh: (u[:, 0].abs() * s[0], vh[0].abs())),
        "s\\[0\\], not all of s": svd_with(lambda u, s, vh: (u[:, 0] * s, vh[0])),
        "middle column and row, scaled": lambda kernel: (
            kernel[:, len(kernel) // 2] / kernel[len(kernel) // 2, len(kernel) // 2],
            kernel[len(kernel) // 2],
        ),
        "One axis too many": svd_with(lambda u, s, vh: (u[:, :1] * s[0], vh[0])),
        "a whole matrix": svd_with(lambda u, s, vh: (u * s[0], vh)),
        "all the svd gives": svd_with(lambda u, s, vh: (u, s, vh)),
        "a NumPy array of shape": lambda kernel: tuple(factor.numpy() for factor in factors(kernel)),
        "the first term of the sum above": lambda kernel: (kernel[:, 0] + 1, kernel[0]),
        "return the two factors": lambda kernel: torch.outer(*factors(kernel)),
        "Expected col of shape": svd_with(lambda u, s, vh: (u[:, :1] * s[0], vh[:1])),
        "the precision was lost": lambda kernel: tuple(factor.float() for factor in factors(kernel)),
        "Your pair holds NaN or infinity": lambda kernel: (torch.full_like(kernel[0], float("nan")), kernel[0]),
    },
}
