"""Answers to the exercises of notebook 04: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def summed(x, local, strips):
    around = local(x)
    return around + sum(strip(around) for strip in strips)


def summed_by_stack(x, local, strips):
    around = local(x)
    return torch.stack([around, *(strip(around) for strip in strips)]).sum(0)


def summed_by_loop(x, local, strips):
    total = around = local(x)
    for strip in strips:
        total = total + strip(around)
    return total


def chained(x, local, strips):
    for layer in (local, *strips):
        x = layer(x)
    return x


def chained_and_summed(x, local, strips):
    x = total = local(x)
    for strip in strips:
        x = strip(x)
        total = total + x
    return total


def running(x, local, strips):
    total = local(x)
    for strip in strips:
        total = total + strip(total)
    return total


def aliased(x, local, strips):
    total = around = local(x).detach()
    for strip in strips:
        total += strip(around)
    return total


def in_place(x, local, strips):
    around = local(x)
    parts = [strip(around) for strip in strips]
    for part in parts:
        around += part
    return around


def spoils_x(x, local, strips):
    result = summed(x, local, strips)
    x.data.zero_()
    return result


def product(x, local, strips):
    around = local(x)
    return around * torch.stack([strip(around) for strip in strips]).prod(0)


def side_by_side(x, local, strips):
    around = local(x)
    return torch.cat([around, *(strip(around) for strip in strips)], 1)


def on_a_stack(x, local, strips):
    around = local(x)
    return torch.stack([around, *(strip(around) for strip in strips)])


def without(number):
    return lambda x, local, strips: summed(x, local, strips) - strips[number](local(x))


def gated(x, branches, mix):
    return mix(branches) * x


def gated_by_matrix(x, branches, mix):
    gate = torch.einsum("oc,bchw->bohw", mix.weight[:, :, 0, 0], branches) + mix.bias[:, None, None]
    return torch.mul(x, gate)


def bills(c, h, w):
    n = h * w
    return c * (25 + 2 * (7 + 11 + 21) + c) * n, 3 * c * c * n + 2 * c * n * n


def msca_as(cost):
    """An answer whose first price is this function of channels and pixels."""
    return lambda c, h, w: (cost(c, h * w), bills(c, h, w)[1])


def softmax_as(cost):
    return lambda c, h, w: (bills(c, h, w)[0], cost(c, h * w))


RIGHT = {
    "scales": [summed, summed_by_stack, summed_by_loop],
    "attend": [gated, gated_by_matrix, lambda x, branches, mix: x * F.conv2d(branches, mix.weight, mix.bias)],
    "attention_bills": [bills, lambda c, h, w: tuple(float(cost) for cost in bills(c, h, w))],
}
WRONG = {
    "scales": {
        "have read x": lambda x, local, strips: local(x) + sum(strip(x) for strip in strips),
        "5 × 5 was left out": lambda x, local, strips: x + sum(strip(x) for strip in strips),
        "identity branch is missing": lambda x, local, strips: sum(strip(local(x)) for strip in strips),
        "5 × 5's answer, not x": lambda x, local, strips: x + sum(strip(local(x)) for strip in strips),
        "no branch": lambda x, local, strips: summed(x, local, strips) + x,
        "in series, each reading": chained,
        "in series and then summed": chained_and_summed,
        "has read the sum so far": running,
        "`total \\+= …`": aliased,
        "5 × 5 alone": lambda x, local, strips: local(x),
        "mean of the branches": lambda x, local, strips: summed(x, local, strips) / (len(strips) + 1),
        "multiplied with each other": product,
        "number 1 of 3 is missing": without(0),
        "number 2 of 3 is missing": without(1),
        "number 3 of 3 is missing": without(-1),
        "was added twice": lambda x, local, strips: summed(x, local, strips) + strips[0](local(x)),
        "side by side, as torch.cat": side_by_side,
        "on a stack": on_a_stack,
        "The channels were summed": lambda x, local, strips: summed(x, local, strips).sum(1, keepdim=True),
        "Only the first strip pair": lambda x, local, strips: local(x) + strips[0](local(x)),
        "Only the last strip pair": lambda x, local, strips: local(x) + strips[-1](local(x)),
        "x is a factor already": lambda x, local, strips: summed(x, local, strips) * x,
        "Call local\\(x\\) once": lambda x, local, strips: local(local(x)) + sum(s(local(x)) for s in strips),
        "There is no ReLU": lambda x, local, strips: summed(x, local, strips).relu(),
        "one by one, in a loop": lambda x, local, strips: local(x) + strips(local(x)),
        "Add the branches up": lambda x, local, strips: [strip(local(x)) for strip in strips],
        "changed in place": in_place,
        "No gradient": lambda x, local, strips: summed(x, local, strips).detach(),
        "gradients are not": lambda x, local, strips: summed(x.detach(), local, strips) + 0 * x,
        "changed x": spoils_x,
        "precision was lost": lambda x, local, strips: summed(x, local, strips).float(),
        "`return` missing": lambda x, local, strips: None,
        "your function stopped": lambda x, local, strips: local(x) + strips(x),
    },
    "attend": {
        "That is the gate itself": lambda x, branches, mix: mix(branches),
        "were added": lambda x, branches, mix: mix(branches) + x,
        "no shortcut": lambda x, branches, mix: mix(branches) * x + x,
        "1 × 1 is missing": lambda x, branches, mix: branches * x,
        "after the product": lambda x, branches, mix: mix(branches * x),
        "A sigmoid": lambda x, branches, mix: mix(branches).sigmoid() * x,
        "A tanh": lambda x, branches, mix: mix(branches).tanh() * x,
        "A ReLU": lambda x, branches, mix: mix(branches).relu() * x,
        "over the channels": lambda x, branches, mix: mix(branches).softmax(1) * x,
        "over the places": lambda x, branches, mix: mix(branches).flatten(2).softmax(-1).view_as(x) * x,
        "multiplied with the branches": lambda x, branches, mix: mix(branches) * branches,
        "made from x": lambda x, branches, mix: mix(x) * x,
        "swapped": lambda x, branches, mix: mix(x) * branches,
        "One gate serves all": lambda x, branches, mix: mix(branches).mean(1, keepdim=True) * x,
        "x is in it twice": lambda x, branches, mix: mix(branches) * x * x,
        "the branches were added": lambda x, branches, mix: mix(x) * x + branches,
        "One gate serves all places": lambda x, branches, mix: mix(branches).mean((2, 3), keepdim=True) * x,
        "changed x or summed in place": lambda x, branches, mix: x.mul_(mix(branches)),
        "A module is called": lambda x, branches, mix: mix * branches * x,
        "bias of the 1 × 1": lambda x, branches, mix: F.conv2d(branches, mix.weight) * x,
        "gradient of the branches": lambda x, branches, mix: mix(branches.detach()) * x,
        "gradient of x": lambda x, branches, mix: mix(branches) * x.detach(),
        "No gradient": lambda x, branches, mix: (mix(branches) * x).detach(),
        "place by place": lambda x, branches, mix: (mix(branches) * x).sum(1),
        "precision was lost": lambda x, branches, mix: (mix(branches) * x).float(),
        "your function stopped": lambda x, branches, mix: mix(branches) @ x,
        "Expected a tensor": lambda x, branches, mix: (mix(branches), x),
    },
    "attention_bills": {
        "Expected two numbers": lambda c, h, w: 3,
        "A tuple is wanted": lambda c, h, w: list(bills(c, h, w)),
        "one map's numbers": lambda c, h, w: bills(64, 32, 48),
        "25 numbers per channel, not 5": msca_as(lambda c, n: c * (5 + 78 + c) * n),
        "There is one 1 × 1": msca_as(lambda c, n: c * (103 + 2 * c) * n),
        "not height \\+ width": lambda c, h, w: bills(c, 1, h + w),
        "Yours are three": softmax_as(lambda c, n: 3 * c * c * n + 3 * c * n * n),
        "not of C · C": softmax_as(lambda c, n: 3 * c * c * n + 2 * c * c * n * n),
        "MSCA: .* 1 × 1 is missing": msca_as(lambda c, n: c * 103 * n),
        "1 × 1 is not depthwise": msca_as(lambda c, n: c * 104 * n),
        "2 · k, not k": msca_as(lambda c, n: c * (25 + 39 + c) * n),
        "5 × 5 is missing": msca_as(lambda c, n: c * (78 + c) * n),
        "no strip pair": msca_as(lambda c, n: c * (88 + c) * n),
        "not k · k": msca_as(lambda c, n: c * (25 + 49 + 121 + 441 + c) * n),
        "5 × 5 and the strips are depthwise": msca_as(lambda c, n: c * c * 104 * n),
        "5 × 5 is depthwise": msca_as(lambda c, n: c * (25 * c + 78 + c) * n),
        "not once per branch": msca_as(lambda c, n: c * (4 * 25 + 78 + c) * n),
        "multiplies without adding": msca_as(lambda c, n: c * (104 + c) * n),
        "biases": msca_as(lambda c, n: c * (111 + c) * n),
        "MSCA: .* twice too much": msca_as(lambda c, n: 2 * c * (103 + c) * n),
        "MSCA: .* one pixel": msca_as(lambda c, n: c * (103 + c)),
        "N · N scores": softmax_as(lambda c, n: 3 * c * c * n + 2 * c * n),
        "only one of the two": softmax_as(lambda c, n: 3 * c * c * n + c * n * n),
        "A score is a sum": softmax_as(lambda c, n: 3 * c * c * n + 2 * n * n),
        "\\(query, key, value\\) are missing": softmax_as(lambda c, n: 2 * c * n * n),
        "There are three": softmax_as(lambda c, n: c * c * n + 2 * c * n * n),
        "none after the sum": softmax_as(lambda c, n: 4 * c * c * n + 2 * c * n * n),
        "has C · C numbers": softmax_as(lambda c, n: 3 * c * n + 2 * c * n * n),
        "comparisons are all missing": softmax_as(lambda c, n: 3 * c * c * n),
        "not channels": softmax_as(lambda c, n: 3 * c * c * n + 2 * c * c * n),
        "exponentials": softmax_as(lambda c, n: 3 * c * c * n + 2 * c * n * n + n * n),
        "Height and width differ; ": lambda c, h, w: bills(c, h, h),
        "Height and width differ: ": lambda c, h, w: bills(c, w, w),
        "the other order": lambda c, h, w: bills(c, h, w)[::-1],
    },
}
