"""Answers to the exercises of notebook 04: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

import torch
import torch.nn.functional as F


def by_sum(self, x):
    around = self.local(x)
    return self.mix(around + sum(strip(around) for strip in self.strips)) * x


def by_stack(self, x):
    around = self.local(x)
    return x * self.mix(torch.stack([around, *(strip(around) for strip in self.strips)]).sum(0))


def by_loop(self, x):
    total = around = self.local(x)
    for strip in self.strips:
        total = total + strip(around)
    gate = torch.einsum("oc,bchw->bohw", self.mix.weight[:, :, 0, 0], total) + self.mix.bias[:, None, None]
    return torch.mul(gate, x)


def summed(self, x):
    around = self.local(x)
    return around + sum(strip(around) for strip in self.strips)


def with_sum(total):
    """An answer whose branches are put together in another way."""
    return lambda self, x: self.mix(total(self, x)) * x


def with_gate(end):
    """An answer that makes something else of gate and x."""
    return lambda self, x: end(self.mix(summed(self, x)), x)


def chained(self, x):
    for layer in (self.local, *self.strips):
        x = layer(x)
    return x


def chained_and_summed(self, x):
    x = total = self.local(x)
    for strip in self.strips:
        x = strip(x)
        total = total + x
    return total


def running(self, x):
    total = around = self.local(x).clone()
    for strip in self.strips:
        total += strip(around.clone())
    return total


def stopped_early(self, x):
    around = self.local(x)
    for strip in self.strips:
        return around + strip(around)
    return around


def overwritten(self, x):
    around = self.local(x)
    total = around
    for strip in self.strips:
        total = around + strip(around)
    return total


def product(self, x):
    around = self.local(x)
    return around * torch.stack([strip(around) for strip in self.strips]).prod(0)


def spoils_x(self, x):
    result = by_sum(self, x)
    x.data.zero_()
    return result


def without(number):
    return lambda self, x: summed(self, x) - self.strips[number](self.local(x))


RIGHT = {"forward": [by_sum, by_stack, by_loop]}
WRONG = {
    "forward": {
        "strips have read x": with_sum(lambda self, x: self.local(x) + sum(strip(x) for strip in self.strips)),
        "5 × 5 was left out": with_sum(lambda self, x: x + sum(strip(x) for strip in self.strips)),
        "identity branch is missing": with_sum(lambda self, x: sum(strip(self.local(x)) for strip in self.strips)),
        "5 × 5's output, not x": with_sum(lambda self, x: x + sum(strip(self.local(x)) for strip in self.strips)),
        "no branch": with_sum(lambda self, x: summed(self, x) + x),
        "chained, each reading": with_sum(chained),
        "chained and then summed": with_sum(chained_and_summed),
        "has read the sum so far": with_sum(running),
        "5 × 5 alone": with_sum(lambda self, x: self.local(x)),
        "Only the first strip pair": with_sum(stopped_early),
        "Only the last strip pair": with_sum(overwritten),
        "mean of the branches": with_sum(lambda self, x: summed(self, x) / 4),
        "multiplied with each other": with_sum(product),
        "no ReLU": with_sum(lambda self, x: summed(self, x).relu()),
        "length 7 is missing": with_sum(without(0)),
        "length 11 is missing": with_sum(without(1)),
        "length 21 is missing": with_sum(without(2)),
        "the gate itself": with_gate(lambda gate, x: gate),
        "were added": with_gate(torch.add),
        "no residual connection": with_gate(lambda gate, x: gate * x + x),
        "1 × 1 is missing": lambda self, x: summed(self, x) * x,
        "after the product": lambda self, x: self.mix(summed(self, x) * x),
        "A sigmoid squashed": with_gate(lambda gate, x: gate.sigmoid() * x),
        "A tanh": with_gate(lambda gate, x: gate.tanh() * x),
        "A ReLU cut": with_gate(lambda gate, x: gate.relu() * x),
        "over the channels": with_gate(lambda gate, x: gate.softmax(1) * x),
        "over the pixels": with_gate(lambda gate, x: gate.flatten(2).softmax(-1).view_as(x) * x),
        "multiplied with the branches": lambda self, x: self.mix(summed(self, x)) * summed(self, x),
        "made from x": lambda self, x: self.mix(x) * x,
        "serves all channels": with_gate(lambda gate, x: gate.mean(1, keepdim=True) * x),
        "serves all pixels": with_gate(lambda gate, x: gate.mean((2, 3), keepdim=True) * x),
        "x is in it twice": with_gate(lambda gate, x: gate * x * x),
        "bias of the 1 × 1": lambda self, x: F.conv2d(summed(self, x), self.mix.weight) * x,
        "Two faults at once": lambda self, x: self.mix(running(self, x)).sigmoid() * x,
        "side by side": lambda self, x: torch.cat([s(self.local(x)) for s in (*self.strips, torch.nn.Identity())], 1),
        "on a stack": lambda self, x: torch.stack([strip(self.local(x)) for strip in self.strips]) * x,
        "channels were summed": with_gate(lambda gate, x: (gate * x).sum(1)),
        "changed x in place": spoils_x,
        "No gradient": with_gate(lambda gate, x: (gate * x).detach()),
        "gradient of x": with_gate(lambda gate, x: gate * x.detach()),
        "gradient of mix.weight": lambda self, x: (
            F.conv2d(summed(self, x), self.mix.weight.detach(), self.mix.bias) * x
        ),
        "precision was lost": with_gate(lambda gate, x: (gate * x).float()),
        "returned None": lambda self, x: None,
        "your function stopped": with_gate(lambda gate, x: gate @ x),
    }
}
for answers in (RIGHT, WRONG):
    answers["repaired"] = answers["forward"]
