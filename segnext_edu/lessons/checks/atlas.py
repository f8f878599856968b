"""The checks of notebook 10: the strongest branch, and Grad-CAM; the replacement of what a map marks is beside it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.atlas_perturbed import perturbed
from segnext_edu.lessons.checks.exercise import Wrong, cause, described
from segnext_edu.lessons.checks.table import Exercise

__all__ = ["cam", "perturbed", "dominant_branch"]

LENGTHS = (5, 7, 11, 21)


def _parts(b: int, c: int, h: int, w: int, lengths: tuple[int, ...] = LENGTHS) -> tuple[dict[int, Tensor]]:
    """Parts whose strengths, means, signs and largest channels disagree about the winner."""
    generator = torch.Generator().manual_seed(h * w)
    shape = len(lengths), b, c, h, w
    values = torch.randn(shape, generator=generator, dtype=torch.float64)
    lifts = torch.randn(len(lengths), b, 1, h, w, generator=generator, dtype=torch.float64)
    return (dict(zip(lengths, values + lifts)),)


def _dominant(parts: dict[int, Tensor]) -> Tensor:
    strongest = torch.stack([part.square().mean(1) for part in parts.values()]).argmax(0)  # (B, h, w)
    return torch.tensor(list(parts))[strongest]


def _one_winner_each(result: Any, right: Tensor, parts: dict[int, Tensor]) -> Tensor:
    if not isinstance(result, Tensor):
        why = " One for the whole picture? Each place has a winner of its own." if isinstance(result, int) else ""
        if isinstance(result, tuple) and len(result) == 2:
            why = " max gives two things, the greatest values and where they stand; argmax gives the second alone."
        raise Wrong(f"Expected a tensor of branch lengths, (B, h, w), but got {described(result)}.{why}")
    came, (b, c, h, w) = tuple(result.shape), next(iter(parts.values())).shape
    suspects = {
        "Each channel has a winner of its own there. First make one strength per place, over the channels.": (
            (b, c, h, w)
        ),
        "The batch is gone: pictures must not be mixed.": (h, w),
        "Along axis 0 stands the batch there. Stack along it: torch.stack(…).": (len(parts), h, w),
        "That is a number per branch and place. Which of the four is the greatest?": (len(parts), b, h, w),
        "Those are the places' winners of one dimension too many: strength() has taken the channels away.": (
            b,
            1,
            h,
            w,
        ),
    }
    if came != (b, h, w):
        raise Wrong(
            f"The parts are {(b, c, h, w)}; expected {(b, h, w)}, but got {came}.{cause(came.__eq__, suspects)}"
        )
    return result


def _dominant_mistakes(parts: dict[int, Tensor]) -> dict[str, Tensor]:
    if tuple(parts) != LENGTHS:
        return {}
    stack, lengths = torch.stack(list(parts.values())), torch.tensor(list(parts))  # (4, B, C, h, w)
    power = stack.square().mean(2)  # (4, B, h, w)
    return {
        "Those are 0, 1, 2, 3, places in the stack. Make lengths of them: torch.tensor(list(parts))[…].": (
            power.argmax(0)
        ),
        "Those are 1, 2, 3, 4, counted places. Make lengths of them: torch.tensor(list(parts))[…].": power.argmax(0)
        + 1,
        "Those are the strengths themselves. Which branch has them? argmax.": power.amax(0).sqrt(),
        "Those are the losers: argmin in the place of argmax?": lengths[power.argmin(0)],
        "You compare means, in which plus and minus cancel. Compare strengths.": lengths[stack.mean(2).argmax(0)],
        "You compare sizes of means: plus and minus have cancelled before. Square first, then the mean.": (
            lengths[stack.mean(2).abs().argmax(0)]
        ),
        "You compare the mean of the sizes; strength is the root of the mean *square*.": (
            lengths[stack.abs().mean(2).argmax(0)]
        ),
        "You compare each branch's loudest channel. Strength counts all channels.": (
            lengths[stack.abs().amax(2).argmax(0)]
        ),
        "You compare each branch's largest value; a large minus counts as much.": lengths[stack.amax(2).argmax(0)],
        "One winner for the whole picture. Each place has its own.": lengths[
            power.mean((2, 3), keepdim=True).expand_as(power).argmax(0)
        ],
        "The lengths are in another order than the parts: take them from the dictionary.": lengths.flip(0)[
            power.argmax(0)
        ],
    }


def _other_winners(came: Tensor, right: Tensor, parts: dict[int, Tensor]) -> str:
    if tuple(parts) != LENGTHS:
        keys = "The lengths must come from the dictionary's keys."
        return f"Right for branches {LENGTHS}, wrong for {tuple(parts)}. {keys}"
    off = (came.to(right) != right).float().mean().item()
    return f"The shape is right, but {off:.0%} of the places have another winner."


dominant_branch = Exercise(
    _dominant,
    {
        "the branch furthest from zero, by its length": [(2, 3, 5, 8), (3, 4, 7, 6)],  # batch, channels, height, width
        "whatever the branches": [(2, 3, 5, 8, (21, 5)), (2, 3, 5, 8, (3, 9, 15))],
    },
    _dominant_mistakes,
    given=_parts,
    read=_one_winner_each,
    say=_other_winners,
    changed="Your function changed the parts in place. Whoever called it still needs them.",
    shape="one winner a place",
)


def _scored(b: int, c: int, h: int, w: int, other: bool = False) -> tuple[Tensor, Tensor]:
    """Features, and a score that is not linear in them; in the other one channel 0 has no say."""
    generator = torch.Generator().manual_seed(h * w)
    features = torch.randn(b, c, h, w, generator=generator, dtype=torch.float64).requires_grad_()
    slopes = torch.randn(b, c, h, w, generator=generator, dtype=torch.float64)
    tilt = torch.randn(b, c, 1, 1, generator=generator, dtype=torch.float64)
    if other:
        return features, (features[:, 1:] ** 2).sum()
    return features, (features * (slopes + tilt)).sum() + (features**2 * slopes).sum() / 4


def _cam(x: Tensor, score: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(score, x, retain_graph=True)
    return (gradient.mean((2, 3), keepdim=True) * x).sum(1).relu()


def _one_map_each(result: Any, right: Tensor, features: Tensor, score: Tensor) -> Tensor:
    if isinstance(result, tuple) and len(result) == 1:
        raise Wrong("A tuple came back: autograd.grad returns one, with a single entry. Unpack it: (gradient,) = …")
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a tensor (B, h, w), but got {described(result)}.")
    came, (b, c, h, w) = tuple(result.shape), features.shape
    suspects = {
        "The channels are still there: sum over them at the end.": (b, c, h, w),
        "The sum went over the channels with keepdim=True; the map has no channels.": (b, 1, h, w),
        "Those are the weights, one per channel; they still have to weigh the features.": (b, c, 1, 1),
        "The batch is gone: each picture has a map of its own.": (h, w),
        "All was summed up, to one number. The sum goes over the channels alone: sum(1).": (),
        "Those are the weights, one per channel, or a sum over the places. The weights still have to weigh the "
        "features, and the sum goes over the channels.": (b, c),
        "The sum went over the places. It goes over the channels.": (b, c, 1),
    }
    if came != (b, h, w):
        why = cause(came.__eq__, suspects)
        raise Wrong(f"The features are {(b, c, h, w)}; expected {(b, h, w)}, but got {came}.{why}")
    return result.detach()


def _cam_mistakes(x: Tensor, score: Tensor) -> dict[str, Tensor]:
    (gradient,) = torch.autograd.grad(score, x, retain_graph=True)
    weights = gradient.mean((2, 3), keepdim=True)  # (B, C, 1, 1)
    b, c, h, w = x.shape
    softmaxed = weights.softmax(1)
    return {
        "The ReLU is missing: what speaks against the class is cut off.": (weights * x).sum(1),
        "The ReLU comes after the sum over the channels, not before: minus must first cancel plus.": (
            (weights * x).relu().sum(1)
        ),
        "The weights were cut at 0. Channels that speak against the class count, too; the ReLU comes last.": (
            (weights.relu() * x).sum(1).relu()
        ),
        "The gradient was not averaged: each place was weighed by its own. A channel has one weight.": (
            (gradient * x).sum(1).relu()
        ),
        "The weights have lost their sign: no abs().": (weights.abs() * x).sum(1).relu(),
        "The weights are sums over the places. Grad-CAM takes the mean.": (weights * x).sum(1).relu() * h * w,
        "The channels were averaged. They are summed.": (weights * x).mean(1).relu(),
        "The weights are the greatest gradients. They are the means.": (
            (gradient.amax((2, 3), keepdim=True) * x).sum(1).relu()
        ),
        "The mean went over the channels. It goes over the places: axes 2 and 3.": (
            (gradient.mean(1, keepdim=True) * x).sum(1).relu()
        ),
        "The mean went over the batch as well. Each picture has weights of its own.": (
            (gradient.mean((0, 2, 3), keepdim=True) * x).sum(1).relu()
        ),
        "The features themselves are missing: that is the gradient, summed.": gradient.sum(1).relu(),
        "Features and gradients have changed roles: the gradients give the weights, the features are weighed.": (
            (x.mean((2, 3), keepdim=True) * gradient).sum(1).relu()
        ),
        "There is no gradient in it: that is the sum of the features.": x.sum(1).relu(),
        "The weights were cut at 0, and the sum was not. It is the other way round: the ReLU comes last.": (
            (weights.relu() * x).sum(1)
        ),
        "That is the size of the sum. What is below 0 speaks against the class: ReLU cuts it off.": (
            (weights * x).sum(1).abs()
        ),
        "The mean went over the channels too: one weight for all of them. Each has its own, from axes 2 and 3.": (
            (gradient.mean((1, 2, 3), keepdim=True) * x).sum(1).relu()
        ),
        "The maps were scaled, so that the greatest number is 1. Leave them in their own units.": (
            (weights * x).sum(1).relu() / (weights * x).sum(1).relu().max()
        ),
        "The map was scaled to end at 1. Leave it in its own units.": (
            (weights * x).sum(1).relu() / (weights * x).sum(1).relu().amax((1, 2), keepdim=True)
        ),
        "The weights went through a softmax. They are the bare means.": (softmaxed * x).sum(1).relu(),
        "The sign is turned round.": (-(weights * x).sum(1)).relu(),
    }


ANY = "for any score"
cam = Exercise(
    _cam,
    {
        "channels weighed by their mean gradient, summed, cut at 0": [(2, 3, 5, 8), (3, 6, 7, 4)],  # B, C, h, w
        ANY: [(2, 3, 5, 8, True)],
    },
    _cam_mistakes,
    given=_scored,
    again=True,
    tolerance=1e-5,
    read=_one_map_each,
    retell=lambda said, proved: (
        "For another score it goes wrong. Does your function use the score that it was given?"
        if proved == ANY
        else said
    ),
    changed="Your function changed the features in place. Whoever called it still needs them.",
    shape="one map a picture",
)
