"""Exercise 6.2: where the factorisation starts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SIZES = ((2, 5, 9, 3), (3, 8, 6, 4), (1, 4, 4, 4))  # batch, D, N, R


def soft_start(answer: Callable[..., Any]) -> None:
    check(answer, _bases_of_length_one, _soft_assignment, _same_for_any_scale)


def _given(size: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    batch, d, n, r = size
    generator = torch.Generator().manual_seed(d * n)
    x = 2 * torch.rand(batch, d, n, generator=generator, dtype=torch.float64)
    return x, 0.1 + 2 * torch.rand(batch, d, r, generator=generator, dtype=torch.float64)


def _started(answer: Callable[..., Any], x: Tensor, bases: Tensor) -> tuple[Tensor, Tensor]:
    given = x.clone(), bases.clone()
    result = call(answer, *given)
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(part, Tensor) for part in result):
        raise Wrong(f"Expected two tensors, (bases, coef), but got {described(result)}.")
    if not torch.equal(given[1], bases) or not torch.equal(given[0], x):
        raise Wrong("Your function changed what it was given in place (`/=`?). Make a new tensor.")
    batch, d, r = bases.shape
    n = x.shape[2]
    for name, part, shape in zip(("bases", "coef"), result, ((batch, d, r), (batch, n, r))):
        if part.shape != shape:
            swapped = result[0].shape == (batch, n, r) and result[1].shape == (batch, d, r)
            why = " The two are swapped: first the bases." if swapped else ""
            why = why or (" It is turned round." if part.shape == (shape[0], shape[2], shape[1]) else "")
            raise Wrong(f"Expected {name} of shape {shape}, but got {described(part)}.{why}")
        if part.dtype != x.dtype:
            raise Wrong(f"All was float64, but {name} came as {described(part)}: the precision was lost.")
    return result[0], result[1]


def _right(x: Tensor, bases: Tensor) -> tuple[Tensor, Tensor]:
    bases = F.normalize(bases, dim=1)
    return bases, torch.softmax(x.mT @ bases, dim=-1)


def _near(came: Tensor) -> Callable[[Tensor], bool]:
    return lambda wrong: torch.allclose(came, wrong, rtol=1e-5)


def _bases_of_length_one(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        x, bases = _given(size)
        came, (right, _) = _started(answer, x, bases)[0], _right(x, bases)
        if not torch.allclose(came, right, rtol=1e-5):
            suspects = {
                "They came back as they were: divide each by its length.": bases,
                "You made the rows of length 1. A base is a column: dim=1.": F.normalize(bases, dim=2),
                "Each sums to 1. Length is the root of the sum of squares.": bases / bases.sum(1, keepdim=True),
                "Each was divided by its largest number, not by its length.": bases / bases.amax(1, keepdim=True),
                "Each was divided by the square of its length: a root is missing.": bases
                / bases.square().sum(1, keepdim=True),
                "All bases together were divided by one length. Each has its own.": F.normalize(
                    bases.flatten(1)
                ).view_as(bases),
                "All were divided by one length, that of the whole batch. Each base has its own: dim=1.": bases
                / bases.norm(),
                "You divided by a length that counts the whole batch: dim=1, not dim=0.": F.normalize(bases, dim=0),
                "The softmax belongs to the coefficients, not to the bases.": torch.softmax(bases, dim=1),
                "The mean was taken off: now there are negative numbers, which NMF cannot bear.": F.normalize(
                    bases - bases.mean(1, keepdim=True), dim=1
                ),
            }
            why = cause(_near(came), suspects)
            length = came[0, :, 0].norm().item()
            raise Wrong(f"Each base should have length 1, the first one of yours has {length:.4f}.{why}")
    return "each base has length 1"


def _soft_assignment(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        x, bases = _given(size)
        came, (unit, right) = _started(answer, x, bases)[1], _right(x, bases)
        if not torch.allclose(came, right, rtol=1e-5):
            alike = x.mT @ unit
            suspects = {
                "The softmax runs over the pixels, but each pixel shares itself out: dim=-1.": alike.softmax(1),
                "The softmax runs over the batch: dim=-1.": alike.softmax(0),
                "The softmax is missing: these are the bare products.": alike,
                "Divided by the sum is not a softmax: take exp first.": alike / alike.sum(-1, keepdim=True),
                "You compared with the bases as they came, before they had length 1.": (x.mT @ bases).softmax(-1),
                "A sigmoid treats each base for itself; the shares must add up to 1: softmax.": alike.sigmoid(),
                "There is no √D here: that is softmax attention.": (alike / x.shape[1] ** 0.5).softmax(-1),
                "The pixels were made of length 1 as well: only the bases are.": (
                    F.normalize(x, dim=1).mT @ unit
                ).softmax(-1),
                "Turned round: the least alike base gets the most. Is there a minus sign?": (-alike).softmax(-1),
                "That is all or nothing: a 0 can never become anything else. Take the softmax.": F.one_hot(
                    alike.argmax(-1), alike.shape[-1]
                ).to(alike),
                "Those are logarithms. softmax, not log_softmax.": alike.log_softmax(-1),
                "The shares were made of length 1 afterwards, so they no longer add up to 1.": F.normalize(
                    alike.softmax(-1), dim=-1
                ),
                "The softmax came twice.": alike.softmax(-1).softmax(-1),
            }
            why = cause(_near(came), suspects)
            total = came[0, 0].sum().item()
            raise Wrong(f"The coefficients are not right; the first pixel's add up to {total:.4f}.{why}")
    return "each pixel shares itself out among the bases"


def _same_for_any_scale(answer: Callable[..., Any]) -> str:
    x, bases = _given((2, 6, 7, 3))
    once, twice = _started(answer, x, bases), _started(answer, x, 7 * bases)
    if not all(torch.allclose(a, b) for a, b in zip(once, twice)):
        raise Wrong(
            "Bases seven times as long should start at the same place, but do not. Make them unit length first."
        )
    return "however long the bases came"
