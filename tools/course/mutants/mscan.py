"""Answers to the exercises of notebook 05: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from segnext_edu.model.mscan import MSCAN, Block, StochasticDepth


def sizes(height, width, strides=(4, 8, 16, 32), rounded=math.ceil):
    return [(rounded(height / stride), rounded(width / stride)) for stride in strides]


def sizes_by_halving(height, width):
    found = []
    for step in range(5):
        height, width = (height + 1) // 2, (width + 1) // 2
        if step:
            found.append((height, width))
    return found


def sizes_by_running(height, width):
    encoder = MSCAN((2, 2, 2, 2), (1, 1, 1, 1), (1, 1, 1, 1), 0.1)
    with torch.no_grad():
        return [x.shape[2:] for x in encoder.eval()(torch.zeros(1, 3, height, width))]


def depth(x, rate, training, shape=None, keep=None, factor=None):
    if not training or rate == 0:
        return x
    keep = 1 - rate if keep is None else keep
    shape = x.shape[:1] + (1, 1, 1) if shape is None else shape(x)
    return x * (torch.rand(shape) < keep) * (1 / (1 - rate) if factor is None else factor)


def depth_by_module(x, rate, training):
    return StochasticDepth(rate).train(training)(x)


def depth_by_loop(x, rate, training):
    kept = [s / (1 - rate) if torch.rand(()) >= rate else torch.zeros_like(s) for s in x]
    return torch.stack(kept) if training else x


def depth_by_dropout(x, rate, training):
    return x * F.dropout(torch.ones(len(x), 1, 1, 1, dtype=x.dtype), rate, training)


def depth_from_a_seed(x, rate, training):
    torch.manual_seed(0)
    return depth(x, rate, training)


def depth_in_place(x, rate, training):
    return x.mul_(depth(torch.ones_like(x), rate, training))


def rates(depths, most, rate=None):
    total, found = sum(depths), []
    for stage, count in enumerate(depths):
        start = sum(depths[:stage])
        found.append([(rate or line)(start + index, total, most) for index in range(count)])
    return found


def line(index, total, most):
    return most * index / (total - 1)


def rates_by_linspace(depths, most):
    return torch.linspace(0, most, sum(depths)).split(depths)


def rates_of_the_package(depths, most):
    encoder = MSCAN((2,) * len(depths), depths, (1,) * len(depths), most)
    rates = iter([module.rate for module in encoder.modules() if isinstance(module, StochasticDepth)])
    return [[next(rates) for _ in range(count)] for count in depths]


def across(scale):
    return scale[:, None, None]


def block(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    x = x + across(layer_scale_1) * attention(norm1(x))
    return x + across(layer_scale_2) * ffn(norm2(x))


def block_by_module(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    whole = Block(x.shape[1], 2).eval()
    whole.norm1, whole.attention, whole.norm2, whole.ffn = norm1, attention, norm2, ffn
    del whole.layer_scale_1, whole.layer_scale_2
    whole.layer_scale_1, whole.layer_scale_2 = layer_scale_1, layer_scale_2
    return whole(x)


def block_by_einsum(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    first = torch.add(x, torch.einsum("c,bchw->bchw", layer_scale_1, attention(norm1(x))))
    return first + layer_scale_2.view(1, -1, 1, 1) * ffn(norm2(first))


def normalised_shortcuts(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    x = norm1(x)
    x = norm2(x + across(layer_scale_1) * attention(x))
    return x + across(layer_scale_2) * ffn(x)


def normalised_first(x, norm1, attention, layer_scale_1, *second):
    x = norm1(x)
    return half(x + across(layer_scale_1) * attention(x), *second)


def half(x, norm, branch, scale):
    return x + across(scale) * branch(norm(x))


def scaled_sums(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    x = across(layer_scale_1) * (x + attention(norm1(x)))
    return across(layer_scale_2) * (x + ffn(norm2(x)))


def side_by_side(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    return x + across(layer_scale_1) * attention(norm1(x)) + across(layer_scale_2) * ffn(norm2(x))


def along_the_width(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    x = x + layer_scale_1 * attention(norm1(x))
    return x + layer_scale_2 * ffn(norm2(x))


def scaled_input(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    x = x + attention(across(layer_scale_1) * norm1(x))
    return x + ffn(across(layer_scale_2) * norm2(x))


def norm_afterwards(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    x = norm1(x + across(layer_scale_1) * attention(x))
    return norm2(x + across(layer_scale_2) * ffn(x))


def no_shortcuts(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    return across(layer_scale_2) * ffn(norm2(across(layer_scale_1) * attention(norm1(x))))


def no_second_shortcut(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    return across(layer_scale_2) * ffn(norm2(half(x, norm1, attention, layer_scale_1)))


def inner_twice(x, norm1, attention, layer_scale_1, *second):
    return half(x + across(layer_scale_1) * (attention(norm1(x)) + norm1(x)), *second)


def in_place(x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2):
    x += across(layer_scale_1) * attention(norm1(x))
    return half(x, norm2, ffn, layer_scale_2)


def same(x):
    return x


RIGHT = {
    "map_sizes": [sizes, sizes_by_halving, sizes_by_running],
    "block": [block, block_by_module, block_by_einsum],
    "stochastic_depth": [depth, depth_by_module, depth_by_loop, depth_by_dropout],
    "drop_rates": [
        rates,
        rates_by_linspace,
        rates_of_the_package,
        lambda depths, most: np.split(np.linspace(0, most, sum(depths)), np.cumsum(depths)[:-1]),
    ],
}
WRONG = {
    "map_sizes": {
        "rounded down": lambda h, w: sizes(h, w, rounded=math.floor),
        "nearest number": lambda h, w: sizes(h, w, rounded=lambda side: int(side + 0.5)),
        "did not round": lambda h, w: sizes(h, w, rounded=float),
        "two convolutions with stride 2": lambda h, w: sizes(h, w, (2, 4, 8, 16)),
        "one too many": lambda h, w: sizes(h, w, (8, 16, 32, 64)),
        "only halve them": lambda h, w: sizes(h, w, (4, 16, 64, 256)),
        "the picture itself is none": lambda h, w: sizes(h, w, (1, 4, 8, 16, 32)),
        "Stage 1 is missing": lambda h, w: sizes(h, w)[1:],
        "Stages 2, 3 and 4": lambda h, w: sizes(h, w)[:1],
        "swapped": lambda h, w: sizes(w, h),
        "last stage came first": lambda h, w: sizes(h, w)[::-1],
        "one more is too many": lambda h, w: [(a + 1, b + 1) for a, b in sizes(h, w, rounded=math.floor)],
        "multiple of 32 first": lambda h, w: sizes(32 * math.ceil(h / 32), 32 * math.ceil(w / 32)),
        "forgot the padding": lambda h, w: (
            [
                tuple(x.shape[2:])
                for step in range(2, 6)
                for x in [nn.Sequential(*(nn.MaxPool2d(3, 2) for _ in range(step)))(torch.zeros(1, 1, h, w))]
            ]
            if min(h, w) > 95
            else sizes(h, w)
        ),
        "a list of four": lambda h, w: 4,
        "A list of tuples is wanted": lambda h, w: [list(pair) for pair in sizes(h, w)],
        "Python's round": lambda h, w: sizes(h, w, rounded=round),
        "height is in it twice": lambda h, w: sizes(h, h),
        "width is in it twice": lambda h, w: sizes(w, w),
        "same for every picture": lambda h, w: sizes(512, 512),
        "Did you mean `ceil`": lambda h, w: sizes(h, w, rounded=math.ceiling),  # pyright: ignore
        "should be a pair": lambda h, w: [h // 4, h // 8, h // 16, h // 32],
        "Not answered yet": lambda h, w: (_ for _ in ()).throw(NotImplementedError()),
    },
    "block": {
        "outer shortcuts start from the": normalised_shortcuts,
        "first shortcut starts from the": normalised_first,
        "scales are on the sums": scaled_sums,
        "reads the old x": side_by_side,
        "first norm is missing": lambda x, n1, *rest: block(x, same, *rest),
        "second norm is missing": lambda x, n1, a, s1, n2, *rest: block(x, n1, a, s1, same, *rest),
        "Both norms": lambda x, n1, a, s1, n2, *rest: block(x, same, a, s1, same, *rest),
        "`norm1` was used twice": lambda x, n1, a, s1, n2, *rest: block(x, n1, a, s1, n1, *rest),
        "`layer_scale_1` was used twice": lambda x, n1, a, s1, n2, f, s2: block(x, n1, a, s1, n2, f, s1),
        "scales are swapped": lambda x, n1, a, s1, n2, f, s2: block(x, n1, a, s2, n2, f, s1),
        "scales are missing": lambda x, n1, a, s1, n2, f, s2: block(x, n1, a, s1 * 0 + 1, n2, f, s2 * 0 + 1),
        "along the \\*width\\*": along_the_width,
        "what goes into the branches": scaled_input,
        "norms come after": norm_afterwards,
        "shortcuts are missing": no_shortcuts,
        "The first shortcut is missing": lambda x, n1, a, s1, *rest: half(across(s1) * a(n1(x)), *rest),
        "second shortcut is missing": no_second_shortcut,
        "inner shortcut already": inner_twice,
        "second half is added to the old x": lambda x, n1, a, s1, n2, f, s2: (
            x + across(s2) * f(n2(x + across(s1) * a(n1(x))))
        ),
        "norms come after the branches": lambda x, n1, a, s1, n2, f, s2: half(half(x, a, n1, s1), f, n2, s2),
        "scales were added": lambda x, n1, a, s1, n2, f, s2: (lambda y: y + across(s2) + f(n2(y)))(
            x + across(s1) + a(n1(x))
        ),
        "scales are on the shortcuts": lambda x, n1, a, s1, n2, f, s2: (lambda y: across(s2) * y + f(n2(y)))(
            across(s1) * x + a(n1(x))
        ),
        "One scale serves all": lambda x, n1, a, s1, n2, f, s2: block(
            x, n1, a, s1.mean() + 0 * s1, n2, f, s2.mean() + 0 * s2
        ),
        "precision was lost": lambda *given: block(*given).float(),
        "FFN came first": lambda x, n1, a, s1, *second: half(half(x, *second), n1, a, s1),
        "FFN half": lambda x, n1, a, s1, *rest: half(x, n1, a, s1),
        "attention half": lambda x, n1, a, s1, *second: half(x, *second),
        "in place": in_place,
        "No gradient comes back to layer_scale_1": lambda x, n1, a, s1, *rest: block(x, n1, a, s1.detach(), *rest),
        "No gradient comes back to x, layer_scale_1, layer_scale_2": lambda *given: block(*given).detach(),
        "Expected a tensor of shape": lambda *given: block(*given).mean((2, 3)),
        "Is a `return` missing": lambda *given: None,
    },
    "stochastic_depth": {
        "still drops": lambda x, rate, training: depth(x, rate, True),
        "scaled down by 1 − rate": lambda x, rate, training: depth(x, rate, training) * (1 - rate * (not training)),
        "as in training": lambda x, rate, training: x / (1 - rate) if not training else depth(x, rate, True),
        "division by the rate": lambda x, rate, training: (
            x * (torch.rand(len(x), 1, 1, 1) < rate) / torch.tensor(rate) if training else x
        ),
        "that is `nn.Dropout`": lambda x, rate, training: F.dropout(x, rate, training),
        "nn.Dropout2d": lambda x, rate, training: F.dropout2d(x, rate, training),
        "Pixels are dropped": lambda x, rate, training: depth(x, rate, training, lambda x: (len(x), 1, *x.shape[2:])),
        "share one fate": lambda x, rate, training: depth(x, rate, training, lambda x: (1, 1, 1, 1)),
        "nothing was dropped": lambda x, rate, training: x,
        "Is a seed set": depth_from_a_seed,
        "to be dropped, not to be kept": lambda x, rate, training: depth(x, rate, training, keep=rate),
        "the mean falls": lambda x, rate, training: depth(x, rate, training, factor=1),
        "divided by the rate": lambda x, rate, training: depth(x, rate, training, factor=1 / (rate or 1)),
        "multiplied by 1 − rate": lambda x, rate, training: depth(x, rate, training, factor=1 - rate),
        "factor is in twice": lambda x, rate, training: depth(x, rate, training, factor=(1 - rate) ** -2),
        "1 \\+ rate is near": lambda x, rate, training: depth(x, rate, training, factor=1 + rate),
        "randn also draws": lambda x, rate, training: (
            x * (torch.randn(len(x), 1, 1, 1) >= rate) / (1 - rate) if training else x
        ),
        "compare them with the rate": lambda x, rate, training: (
            x * torch.rand(len(x), 1, 1, 1) / (1 - rate) if training else x
        ),
        "The dropped samples are gone": lambda x, rate, training: (
            x[torch.rand(len(x)) >= rate] / (1 - rate) if training else x
        ),
        "Or are they always the first": lambda x, rate, training: (
            torch.cat([0 * x[: int(rate * len(x))], x[int(rate * len(x)) :] / (1 - rate)]) if training else x
        ),
        "Shapes are lined up from their ends": lambda x, rate, training: (
            x * (torch.rand(len(x)) >= rate) / (1 - rate) if training else x
        ),
        "in place": depth_in_place,
        "the precision was lost": lambda x, rate, training: depth(x.float(), rate, training),
        "Expected a tensor of shape": lambda x, rate, training: torch.rand(len(x)) < rate,
    },
    "drop_rates": {
        "starts anew": lambda depths, most: [
            [most * index / max(1, count - 1) for index in range(count)] for count in depths
        ],
        "start from 0": lambda depths, most: rates(depths, most, lambda i, n, top: top * (i + 1) / n),
        "one step short": lambda depths, most: rates(depths, most, lambda i, n, top: top * i / n),
        "All blocks have the same": lambda depths, most: rates(depths, most, lambda i, n, top: top),
        "A rate per stage": lambda depths, most: [
            [most * stage / (len(depths) - 1)] * count for stage, count in enumerate(depths)
        ],
        "The line falls": lambda depths, most: rates(depths, most, lambda i, n, top: top - line(i, n, top)),
        "chances to survive": lambda depths, most: rates(depths, most, lambda i, n, top: 1 - line(i, n, top)),
        "runs up to 1": lambda depths, most: rates(depths, 1),
        "list is flat": lambda depths, most: sum(rates(depths, most), []),
        "lists have": lambda depths, most: [[0.0, most]] * len(depths),
        "a list of lists": lambda depths, most: most,
        "Each stage begins at 0 again": lambda depths, most: [
            rates(depths, most)[0][:1] + [line(index, sum(depths), most) for index in range(1, count)]
            for count in depths
        ],
        "the example's answer": lambda depths, most: [[0.0], [0.1, 0.2]],
        "`chunk` cuts equal pieces": lambda depths, most: torch.linspace(0, most, sum(depths)).chunk(len(depths)),
        "half of the largest rate": lambda depths, most: rates(depths, most, lambda i, n, top: top / 2),
    },
}
