"""Answers to the exercises of notebook 06: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F

from segnext_edu.model import hamburger


def fraction(x, bases, coef):
    return x.mT @ bases, coef @ (bases.mT @ bases)


def update(x, bases, coef):
    above, below = fraction(x, bases, coef)
    return coef * above / (below + 1e-6)


def update_by_einsum(x, bases, coef):
    above = torch.einsum("bdn,bdr->bnr", x, bases)
    below = torch.einsum("bnr,bdr,bds->bns", coef, bases, bases)
    return torch.where(below > 0, coef * above / below.clamp(min=1e-12), torch.zeros_like(coef))


def update_by_descent(x, bases, coef):
    above, below = fraction(x, bases, coef)
    return coef - coef / (below + 1e-8) * (below - above)


def update_from_the_left(x, bases, coef):
    return coef * ((x.mT @ bases) / (coef @ bases.mT @ bases + 1e-9))


def update_in_place(x, bases, coef):
    coef *= update(x, bases, coef) / coef
    return coef


def with_fraction(build: Callable) -> Callable:
    return lambda x, bases, coef: build(coef, *fraction(x, bases, coef))


def start(x, bases):
    unit = F.normalize(bases, dim=1)
    return unit, torch.softmax(x.mT @ unit, dim=-1)


def start_by_hand(x, bases):
    unit = bases / bases.square().sum(1, keepdim=True).sqrt()
    weight = (x.transpose(1, 2) @ unit).exp()
    return [unit, weight / weight.sum(2, keepdim=True)]


def start_in_place(x, bases):
    bases /= bases.norm(dim=1, keepdim=True)
    return start(x, bases)


def starting_with(coef: Callable) -> Callable:
    return lambda x, bases: (F.normalize(bases, dim=1), coef(x, bases, x.mT @ F.normalize(bases, dim=1)))


def from_bases(unit: Callable) -> Callable:
    return lambda x, bases: (unit(bases), (x.mT @ unit(bases)).softmax(-1))


def costs(d, n, r, t):
    return 2 * n * n * d, (2 * t + 1) * (n * d * r + d * r * r + n * r * r) + 2 * n * d * r


def costs_in_turn(d, n, r, t):
    start, end = n * d * r, n * r * d
    coef = n * d * r + r * d * r + n * r * r
    bases = d * n * r + r * n * r + d * r * r
    return [float(n * d * n + n * n * d), float(start + t * (coef + bases) + coef + end)]


def nmf_costs(build: Callable) -> Callable:
    """Right for the attention, and for the factorisation what is built from N·D·R, D·R², N·R² and the steps."""
    return lambda d, n, r, t: (2 * n * n * d, build(n * d * r, d * r * r, n * r * r, t))


RIGHT = {
    "update_coef": [update, hamburger.update_coef, update_by_einsum, update_by_descent, update_from_the_left],
    "soft_start": [start, start_by_hand],
    "multiply_adds": [costs, costs_in_turn],
}
WRONG = {
    "update_coef": {
        "gradient descent, which subtracts": with_fraction(lambda c, above, below: c - (below - above)),
        "That climbs": with_fraction(lambda c, above, below: c + (below - above)),
        "upside down": with_fraction(lambda c, above, below: c * below / above),
        "only the factor": with_fraction(lambda c, above, below: above / (below + 1e-6)),
        "above the line only": with_fraction(lambda c, above, below: c * above),
        "not coefᵀ·coef": lambda x, b, c: c * (x.mT @ b) / (c @ (c.mT @ c)),
        "square root is too much": with_fraction(lambda c, above, below: c * (above / below).sqrt()),
        "factor is squared": with_fraction(lambda c, above, below: c * (above / below) ** 2),
        "least-squares solution": lambda x, b, c: (x.mT @ b) @ torch.linalg.inv(b.mT @ b),
        "stand below the line as well": lambda x, b, c: c * (x.mT @ b) / (b.mT @ b).sum(1, keepdim=True),
        "two updates": lambda x, b, c: update(x, b, update(x, b, c)),
        "Do not normalise": lambda x, b, c: F.normalize(update(x, b, c), p=1, dim=-1),
        "ε of 0.1": with_fraction(lambda c, above, below: c * above / (below + 0.1)),
        "take x.mT": lambda x, b, c: c * (x @ b) / (c @ (b.mT @ b)),
        "product is turned round": lambda x, b, c: c * (b.mT @ x) / (c @ (b.mT @ b)),
        "yours is bases·basesᵀ": lambda x, b, c: c * (x.mT @ b) / (c @ (b @ b.mT)),
        "pixels first, then bases": lambda x, b, c: update(x, b, c).mT,
        "number by number": with_fraction(lambda c, above, below: c @ (above / below)),
        "`@`, not `\\*`": lambda x, b, c: c * (x.mT * b) / (c * (b.mT * b)),
        "update of the bases": lambda x, b, c: b * (x @ c) / (b @ (c.mT @ c)),
        "inside its brackets": lambda x, b, c: c * (x.mT @ b) / (c @ (b.mT @ b)) + 1e-6,
        "0 / 0. Add a small number": with_fraction(lambda c, above, below: c * above / below),
        "in place": update_in_place,
        "No gradient can flow": lambda x, b, c: update(x.detach(), b.detach(), c.detach()),
        "gradient for `bases`": lambda x, b, c: update(x, b.detach(), c),
        "precision was lost": lambda x, b, c: update(x.float(), b.float(), c.float()),
        "Is a `return` missing": lambda x, b, c: None,
    },
    "soft_start": {
        "divide each by its length": from_bases(lambda b: b),
        "A base is a column": from_bases(lambda b: F.normalize(b, dim=2)),
        "Each sums to 1": from_bases(lambda b: b / b.sum(1, keepdim=True)),
        "largest number": from_bases(lambda b: b / b.amax(1, keepdim=True)),
        "a root is missing": from_bases(lambda b: b / b.square().sum(1, keepdim=True)),
        "Each has its own": from_bases(lambda b: b / b.norm(dim=(1, 2), keepdim=True)),
        "that of the whole batch": from_bases(lambda b: b / b.norm()),
        "not log_softmax": starting_with(lambda x, b, alike: alike.log_softmax(-1)),
        "no longer add up to 1": starting_with(lambda x, b, alike: F.normalize(alike.softmax(-1), dim=-1)),
        "`@` multiplies matrices": lambda x, b: (F.normalize(b, dim=1), (x @ b).softmax(-1)),
        "not dim=0": from_bases(lambda b: F.normalize(b, dim=0)),
        "not to the bases": from_bases(lambda b: b.softmax(1)),
        "which NMF cannot bear": from_bases(lambda b: F.normalize(b - b.mean(1, keepdim=True), dim=1)),
        "runs over the pixels": starting_with(lambda x, b, alike: alike.softmax(1)),
        "softmax is missing": starting_with(lambda x, b, alike: alike),
        "take exp first": starting_with(lambda x, b, alike: alike / alike.sum(-1, keepdim=True)),
        "before they had length 1": starting_with(lambda x, b, alike: (x.mT @ b).softmax(-1)),
        "sigmoid": starting_with(lambda x, b, alike: alike.sigmoid()),
        "no √D": starting_with(lambda x, b, alike: (alike / x.shape[1] ** 0.5).softmax(-1)),
        "pixels were made of length 1": starting_with(
            lambda x, b, alike: (F.normalize(x, dim=1).mT @ F.normalize(b, dim=1)).softmax(-1)
        ),
        "minus sign": starting_with(lambda x, b, alike: (-alike).softmax(-1)),
        "all or nothing": starting_with(lambda x, b, alike: F.one_hot(alike.argmax(-1), alike.shape[-1]).to(alike)),
        "came twice": starting_with(lambda x, b, alike: alike.softmax(-1).softmax(-1)),
        "swapped": lambda x, b: start(x, b)[::-1],
        "turned round": lambda x, b: (start(x, b)[0], start(x, b)[1].mT),
        "two tensors": lambda x, b: start(x, b)[1],
        "in place": start_in_place,
        "precision was lost": lambda x, b: start(x.float(), b.float()),
    },
    "multiply_adds": {
        "That is one product": lambda d, n, r, t: (n * n * d, 0),
        "weights is a product of D numbers": lambda d, n, r, t: (2 * n * n, 0),
        "compares channels": lambda d, n, r, t: (2 * d * d * n, 0),
        "N · N, not N": lambda d, n, r, t: (2 * n * d, 0),
        "attention: .* twice too much": lambda d, n, r, t: (4 * n * n * d, 0),
        "takes no steps": lambda d, n, r, t: (2 * n * n * d * t, 0),
        "The attention comes first": lambda d, n, r, t: costs(d, n, r, t)[::-1],
        "last update, after all": nmf_costs(lambda ndr, drr, nrr, t: 2 * t * (ndr + drr + nrr) + 2 * ndr),
        "no 1 × 1 in attend": lambda d, n, r, t: (2 * n * n * d + 3 * n * d * d, 0),
        "softmax is no matrix product": lambda d, n, r, t: (2 * n * n * d + n * n, 0),
        "and so is the product": nmf_costs(lambda ndr, drr, nrr, t: 2 * t * (ndr + drr + nrr) + ndr),
        "the coefficients', not two": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 2) * (ndr + drr + nrr) + 2 * ndr),
        "not two; and then": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 2) * (ndr + drr + nrr) + ndr),
        "comes once, before the steps": nmf_costs(
            lambda ndr, drr, nrr, t: t * (ndr + 2 * (ndr + drr + nrr)) + 2 * ndr + drr + nrr
        ),
        "Number by number is no": lambda d, n, r, t: (
            2 * n * n * d,
            costs(d, n, r, t)[1] + (2 * t + 1) * 2 * n * r,
        ),
        "The start is missing": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 1) * (ndr + drr + nrr) + ndr),
        "end is missing too": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 1) * (ndr + drr + nrr)),
        "A step has two updates": nmf_costs(lambda ndr, drr, nrr, t: (t + 1) * (ndr + drr + nrr) + 2 * ndr),
        "below the fraction's line are missing": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 3) * ndr),
        "the bases' update stands": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 3) * ndr + (t + 1) * (drr + nrr)),
        "from the left": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 1) * 3 * ndr + 2 * ndr),
        "costs D · R², too": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 1) * (ndr + nrr) + 2 * ndr),
        "small matrix costs N · R²": nmf_costs(lambda ndr, drr, nrr, t: (2 * t + 1) * (ndr + drr) + 2 * ndr),
        "factorisation: .* twice too much": lambda d, n, r, t: (2 * n * n * d, 2 * costs(d, n, r, t)[1]),
        "That is one step": nmf_costs(lambda ndr, drr, nrr, t: 3 * (ndr + drr + nrr) + 2 * ndr),
        "factorisation comes second": lambda d, n, r, t: (2 * n * n * d,) * 2,
        "Expected two numbers": lambda d, n, r, t: 2 * n * n * d,
        "a number, but got 'much'": lambda d, n, r, t: ("much", "less"),
    },
}
