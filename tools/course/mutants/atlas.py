"""Answers to the exercises of notebook 10: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from segnext_edu.explain.record import strength
from segnext_edu.explain.sanity.perturbation import top_cells


def dominant_branch(parts):
    stack = torch.stack([strength(part) for part in parts.values()])
    return torch.tensor(list(parts))[stack.argmax(0)]


def dominant_by_loop(parts):
    best = winner = None
    for length, part in parts.items():
        power = part.norm(dim=1)
        if best is None:
            best, winner = power, torch.full_like(power, length)
        winner = torch.where(power > best, length, winner)
        best = torch.maximum(best, power)
    return winner


def by(measure, pick=torch.argmax):
    return lambda parts: torch.tensor(list(parts))[pick(torch.stack([measure(p) for p in parts.values()]), 0)]


def doubled(parts):
    for part in parts.values():
        part *= 2
    return dominant_branch(parts)


def gradient(x, score):
    return torch.autograd.grad(score, x, retain_graph=True)[0]


def cam(x, score):
    return (gradient(x, score).mean((2, 3), keepdim=True) * x).sum(1).relu()


def cam_by_einsum(x, score):
    score.backward(retain_graph=True)
    weights = x.grad.flatten(2).mean(-1)
    return torch.einsum("bc,bchw->bhw", weights, x.detach()).clamp(min=0)


def weighed(change, **_):
    return lambda x, score: (change(gradient(x, score)) * x).sum(1).relu()


def enlarged(mask, before, mode="nearest-exact"):
    return F.interpolate(mask[None, None].float(), size=before.shape[1:], mode=mode)[0]


def perturbed(before, after, saliency, share):
    return torch.where(enlarged(top_cells(saliency, share), before) > 0, after, before)


def perturbed_by_hand(before, after, saliency, share):
    (h, w), (_, height, width) = saliency.shape, before.shape
    result = before.clone()
    for at in saliency.flatten().argsort(descending=True)[: round(share * h * w)].tolist():
        rows, columns = slice(at // w * height // h, (at // w + 1) * height // h), at % w * (width // w)
        result[:, rows, columns : columns + width // w] = after[:, rows, columns : columns + width // w]
    return result


def perturbed_by_product(before, after, saliency, share):
    mask = top_cells(saliency, share).float()
    mask = mask.repeat_interleave(before.shape[1] // mask.shape[0], 0)
    mask = mask.repeat_interleave(before.shape[2] // mask.shape[1], 1)
    return mask * after + (1 - mask) * before


def in_place(before, after, saliency, share):
    mask = enlarged(top_cells(saliency, share), before)[0] > 0
    before[:, mask] = after[:, mask]
    return before


def cut(threshold):
    return lambda b, a, s, share: torch.where(enlarged(s > threshold(s, share), b) > 0, a, b)


def by_first_score(x, score):
    """Right whenever the score has a say in channel 0."""
    slope = gradient(x, score)
    return cam(x, score) if slope[:, 0].any() else (x * x.detach().mean((2, 3), keepdim=True)).sum(1).relu()


RIGHT = {
    "dominant_branch": [dominant_branch, dominant_by_loop, by(lambda p: p.square().sum(1))],
    "cam": [cam, cam_by_einsum],
    "perturbed": [perturbed, perturbed_by_hand, perturbed_by_product],
}
WRONG = {
    "dominant_branch": {
        "0, 1, 2, 3": lambda parts: torch.stack([strength(p) for p in parts.values()]).argmax(0),
        "the losers": by(strength, torch.argmin),
        "plus and minus cancel\\. Compare": by(lambda p: p.mean(1)),
        "Square first": by(lambda p: p.mean(1).abs()),
        "mean \\*square\\*": by(lambda p: p.abs().mean(1)),
        "loudest channel": by(lambda p: p.abs().amax(1)),
        "large minus": by(lambda p: p.amax(1)),
        "whole picture": by(lambda p: strength(p).square().mean((1, 2), keepdim=True).expand(-1, *p.shape[2:])),
        "Each channel has a winner": by(torch.abs),
        "Which of the four": lambda parts: torch.stack([strength(p) for p in parts.values()]),
        "pictures must not be mixed": by(lambda p: strength(p).sum(0)),
        "another order": lambda parts: torch.tensor([21, 11, 7, 5])[
            torch.stack([strength(p) for p in parts.values()]).argmax(0)
        ],
        "dictionary's keys": lambda parts: torch.tensor([5, 7, 11, 21])[
            torch.stack([strength(p) for p in parts.values()]).argmax(0)
        ],
        "in place": doubled,
        "counted places": lambda parts: torch.stack([strength(p) for p in parts.values()]).argmax(0) + 1,
        "strengths themselves": lambda parts: torch.stack([strength(p) for p in parts.values()]).amax(0),
        "One for the whole picture": lambda parts: max(parts, key=lambda length: strength(parts[length]).mean()),
        "argmax gives the second alone": lambda parts: torch.stack([strength(p) for p in parts.values()]).max(0),
        "Stack along it": lambda parts: torch.stack([strength(p) for p in parts.values()], 1).argmax(0),
        "through the whole tensor at once": lambda parts: torch.tensor(list(parts))[
            torch.stack([strength(p) for p in parts.values()]).argmax()
        ],
    },
    "cam": {
        "ReLU is missing": lambda x, score: (gradient(x, score).mean((2, 3), keepdim=True) * x).sum(1),
        "not before": lambda x, score: (gradient(x, score).mean((2, 3), keepdim=True) * x).relu().sum(1),
        "weights were cut": weighed(lambda g: g.mean((2, 3), keepdim=True).relu()),
        "not averaged": weighed(lambda g: g),
        "lost their sign": weighed(lambda g: g.mean((2, 3), keepdim=True).abs()),
        "Grad-CAM takes the mean": weighed(lambda g: g.sum((2, 3), keepdim=True)),
        "channels were averaged": lambda x, score: cam(x, score) / x.shape[1],
        "greatest gradients": weighed(lambda g: g.amax((2, 3), keepdim=True)),
        "mean went over the channels": weighed(lambda g: g.mean(1, keepdim=True)),
        "over the batch": weighed(lambda g: g.mean((0, 2, 3), keepdim=True)),
        "changed roles": lambda x, score: (x.mean((2, 3), keepdim=True) * gradient(x, score)).sum(1).relu(),
        "that is the gradient": lambda x, score: gradient(x, score).sum(1).relu(),
        "sum of the features": lambda x, score: x.sum(1).relu(),
        "end at 1": lambda x, score: cam(x, score) / cam(x, score).amax((1, 2), keepdim=True),
        "softmax": weighed(lambda g: g.mean((2, 3), keepdim=True).softmax(1)),
        "turned round": weighed(lambda g: -g.mean((2, 3), keepdim=True)),
        "channels are still there": lambda x, score: gradient(x, score).mean((2, 3), keepdim=True) * x,
        "map has no channels": lambda x, score: cam(x, score)[:, None],
        "Those are the weights": lambda x, score: gradient(x, score).mean((2, 3)),
        "cut at 0, and the sum was not": lambda x, score: (
            gradient(x, score).mean((2, 3), keepdim=True).relu() * x
        ).sum(1),
        "size of the sum": lambda x, score: (gradient(x, score).mean((2, 3), keepdim=True) * x).sum(1).abs(),
        "one weight for all of them": weighed(lambda g: g.mean((1, 2, 3), keepdim=True)),
        "greatest number is 1": lambda x, score: cam(x, score) / cam(x, score).max(),
        "to one number": lambda x, score: cam(x, score).sum(),
        "Several things came at once": lambda x, score: torch.autograd.grad(score, x).mean((2, 3)),  # pyright: ignore
        "\\.grad is empty before": lambda x, score: x.grad.mean((2, 3)),
        "The order is grad": lambda x, score: torch.autograd.grad(x, score),
        "Unpack it": lambda x, score: torch.autograd.grad(score, x),
        "score that it was given": lambda x, score: cam(x, score) if score.ndim else by_first_score(x, score),
        "batch is gone": lambda x, score: cam(x, score).sum(0),
        "your function stopped": lambda x, score: gradient(x, score).mean((2, 3)) * x,
    },
    "perturbed": {
        "swapped": lambda b, a, s, share: perturbed(a, b, s, share),
        "ranked lowest": lambda b, a, s, share: perturbed(b, a, -s, share),
        "keeps what should go": lambda b, a, s, share: perturbed(b, a, s, 1 - share),
        "cut at a value": cut(lambda s, share: share),
        "part of its range": cut(lambda s, share: s.max() - share * (s.max() - s.min())),
        "edges are soft": lambda b, a, s, share: torch.where(enlarged(top_cells(s, share), b, "bilinear") > 0, a, b),
        "no squares": lambda b, a, s, share: torch.where(enlarged(top_cells(s, share), b, "bilinear") > 0.5, a, b),
        "blended": lambda b, a, s, share: torch.lerp(b, a, enlarged(top_cells(s, share), b, "bilinear")),
        "before it was ranked": lambda b, a, s, share: torch.where(
            top_cells(enlarged(s, b, "bilinear")[0], share), a, b
        ),
        "tiles": lambda b, a, s, share: torch.where(
            top_cells(s, share).repeat(b.shape[1] // s.shape[0], b.shape[2] // s.shape[1]), a, b
        ),
        "marked became 0": lambda b, a, s, share: perturbed(b, 0 * a, s, share),
        "The rest became 0": lambda b, a, s, share: perturbed(0 * b, a, s, share),
        "mask is transposed": lambda b, a, s, share: torch.where(enlarged(top_cells(s, share).T, b) > 0, a, b),
        "the picture's own numbers": lambda b, a, s, share: torch.where(top_cells(b, share), a, b),
        "rounds the number of cells": lambda b, a, s, share: torch.where(
            enlarged(s >= s.quantile(1 - share), b) > 0, a, b
        ),
        "Here a cell is 4 × 4 pixels": lambda b, a, s, share: torch.where(
            F.interpolate(top_cells(s, share)[None, None].float(), scale_factor=8)[0] > 0, a, b
        ),
        "not on True and False": lambda b, a, s, share: F.interpolate(
            top_cells(s, share)[None, None], size=b.shape[1:]
        ),
        "`mask > 0` makes": lambda b, a, s, share: torch.where(enlarged(top_cells(s, share), b), a, b),
        "Nothing was": lambda b, a, s, share: b,
        "All was": lambda b, a, s, share: a,
        "Only the mask": lambda b, a, s, share: top_cells(s, share),
        "batch axis": lambda b, a, s, share: perturbed(b, a, s, share)[None],
        "in place": in_place,
        "your function stopped": lambda b, a, s, share: torch.where(top_cells(s, share), a, b),
        "must be after itself": lambda b, a, s, share: perturbed(b, a, s, min(share, 0.9)),
    },
}
