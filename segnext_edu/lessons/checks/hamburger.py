"""The checks of notebook 06: a multiplicative update, where the factorisation starts, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.model import hamburger

__all__ = ["multiply_adds", "soft_start", "update_coef"]


def _factors(batch: int, d: int, n: int, r: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(d * n)
    shapes = ((batch, d, n), (batch, d, r), (batch, n, r))
    x, bases, coef = (0.1 + torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return x, bases, coef


def _update_mistakes(x: Tensor, bases: Tensor, coef: Tensor) -> dict[str, Tensor]:
    gram = bases.mT @ bases
    above, below = x.mT @ bases, coef @ gram
    factor = above / below
    right = coef * factor
    mistakes = {
        "That is gradient descent, which subtracts. Here the old value is multiplied.": coef - (below - above),
        "That climbs: it adds the gradient. And nothing is added here, the old value is multiplied.": (
            coef + (below - above)
        ),
        "The fraction is upside down: xᵀ·bases belongs above the line.": coef / factor,
        "The fraction alone is only the factor. Multiply the old coefficients by it.": factor,
        "That is above the line only. Divide by coef·(basesᵀ·bases).": coef * above,
        "Below the line stands basesᵀ·bases, not coefᵀ·coef.": coef * above / (coef @ (coef.mT @ coef)),
        "The square root is too much: the factor is the plain fraction.": coef * factor.sqrt(),
        "The factor is squared: the plain fraction is right.": coef * factor**2,
        "That is the least-squares solution, not one step. It can turn negative.": above @ torch.linalg.pinv(gram),
        "The old coefficients must stand below the line as well: coef·(basesᵀ·bases).": (
            coef * above / gram.sum(1, keepdim=True)
        ),
        "That is two updates. One is asked for.": right * above / (right @ gram),
        "Do not normalise: how much a pixel holds in all is free.": right / right.sum(-1, keepdim=True),
    }
    for size in (1e-3, 1e-2, 0.1, 1.0):
        sentence = f"The ε of {size:g} below the line is large enough to change the answer. Take 1e-6."
        mistakes[sentence] = coef * above / (below + size)
    if x.shape[1] == x.shape[2] == bases.shape[2]:
        mistakes |= {
            "`x @ bases` lacks a transposition: pixels stand in the columns of x, so take x.mT.": (
                coef * (x @ bases) / below
            ),
            "Above the line stands xᵀ·bases, not basesᵀ·x: your product is turned round.": coef * above.mT / below,
            "The small matrix is basesᵀ·bases, (R, R); yours is bases·basesᵀ.": (
                coef * above / (coef @ (bases @ bases.mT))
            ),
            "That is turned round: pixels first, then bases.": right.mT,
            "XᵀB and BᵀB are products of matrices: `@`, not `*`.": coef * (x.mT * bases) / (coef * (bases.mT * bases)),
            "That is the update of the bases. Here the coefficients are wanted.": (
                bases * (x @ coef) / (bases @ (coef.mT @ coef))
            ),
            "That multiplies matrices where it should multiply number by number: `*`, not `@`.": coef @ factor,
        }
    return mistakes


def _worst(came: Tensor, right: Tensor, x: Tensor, bases: Tensor, _: Tensor) -> str:
    index = (came - right).abs().nan_to_num(torch.inf).argmax()  # where it shows most
    worst = f"{came.flatten()[index]:.4f} where {right.flatten()[index]:.4f} was expected"
    return f"For B, D, N, R = {(*x.shape, bases.shape[2])} the numbers are not right: one is {worst}."


def _turned(result: Any, x: Tensor, bases: Tensor, coef: Tensor) -> str:
    turned = isinstance(result, Tensor) and result.shape == coef.mT.shape
    return " It is turned round: pixels first, then bases." if turned else ""


def _error_does_not_rise(answer: Callable[..., Any]) -> str:
    x, bases, coef = _factors(2, 6, 9, 3)
    before = (x - bases @ coef.mT).square().sum()
    for _ in range(10):
        coef = call(answer, x, bases, coef)
        after = (x - bases @ coef.mT).square().sum()
        if after > before * (1 + 1e-6):
            raise Wrong(f"After an update the squared error was {after:.4f}, before it {before:.4f}: it must not rise.")
        before = after
    return "the error never rises"


def _nothing_from_nothing(answer: Callable[..., Any]) -> str:
    x, bases, coef = _factors(2, 5, 8, 3)
    bases[..., 1] = 0
    coef[:, 2] = 0
    came = call(answer, x, bases, coef)
    if not came.isfinite().all():
        raise Wrong(
            "A base of zeros or a pixel of zeros gives NaN: 0 / 0. Add a small number below the line, inside its "
            "brackets: / (… + 1e-6)."
        )
    if came[:, 2].any():
        raise Wrong("A coefficient of 0 must stay 0: whatever it is multiplied by.")
    return "0 stays 0, no NaN"


def _gradients_flow(answer: Callable[..., Any]) -> str:
    factors = [factor.requires_grad_() for factor in _factors(1, 5, 7, 2)]
    came = call(answer, *factors)
    if not came.requires_grad:
        raise Wrong("No gradient can flow back: is there a `.detach()`, a `.data` or a `no_grad()`?")
    grads = torch.autograd.grad(came.sum(), factors, allow_unused=True)
    for name, grad in zip(("x", "bases", "coef"), grads):
        if grad is None or not grad.isfinite().all():
            raise Wrong(f"The gradient for `{name}` is missing or not finite. Was it detached on the way?")
    return "gradients flow"


update_coef = Exercise(
    hamburger.update_coef,
    # In the first case no transposition is stopped by its shape, so that it can be named.
    {"the right numbers (3 sizes)": [(2, 4, 4, 4), (3, 5, 11, 2), (1, 7, 6, 3)]},
    _update_mistakes,
    given=_factors,
    tolerance=1e-4,
    hint=_turned,
    say=_worst,
    changed="Your function changed `{}` in place (`*=`?). Make a new tensor: the old one is needed.",
    parts=[_error_does_not_rise, _nothing_from_nothing, _gradients_flow],
)


def _features(batch: int, d: int, n: int, r: int, scale: float = 1.0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(d * n)
    x = 2 * torch.rand(batch, d, n, generator=generator, dtype=torch.float64)
    return x, scale * (0.1 + 2 * torch.rand(batch, d, r, generator=generator, dtype=torch.float64))


def _started(x: Tensor, bases: Tensor) -> tuple[Tensor, Tensor]:
    bases = F.normalize(bases, dim=1)
    return bases, torch.softmax(x.mT @ bases, dim=-1)


def _unit_mistakes(x: Tensor, bases: Tensor) -> dict[str, Tensor]:
    total, squares = bases.sum(1, keepdim=True), bases.square().sum(1, keepdim=True)
    return {
        "They came back as they were: divide each by its length.": bases,
        "You made the rows of length 1. A base is a column: dim=1.": F.normalize(bases, dim=2),
        "Each sums to 1. Length is the root of the sum of squares.": bases / total,
        "Each was divided by its largest number, not by its length.": bases / bases.amax(1, keepdim=True),
        "Each was divided by the square of its length: a root is missing.": bases / squares,
        "All bases together were divided by one length. Each has its own.": bases
        / bases.norm(dim=(1, 2), keepdim=True),
        "All were divided by one length, that of the whole batch. Each base has its own: dim=1.": bases / bases.norm(),
        "You divided by a length that counts the whole batch: dim=1, not dim=0.": F.normalize(bases, dim=0),
        "The softmax belongs to the coefficients, not to the bases.": bases.softmax(1),
        "The mean was taken off: now there are negative numbers, which NMF cannot bear.": (
            F.normalize(bases - bases.mean(1, keepdim=True), dim=1)
        ),
    }


def _share_mistakes(x: Tensor, bases: Tensor) -> dict[str, Tensor]:
    unit = F.normalize(bases, dim=1)
    alike = x.mT @ unit
    shares = alike.softmax(-1)
    return {
        "The softmax runs over the pixels, but each pixel shares itself out: dim=-1.": alike.softmax(1),
        "The softmax runs over the batch: dim=-1.": alike.softmax(0),
        "The softmax is missing: these are the bare products.": alike,
        "Divided by the sum is not a softmax: take exp first.": alike / alike.sum(-1, keepdim=True),
        "You compared with the bases as they came, before they had length 1.": (x.mT @ bases).softmax(-1),
        "A sigmoid treats each base for itself; the shares must add up to 1: softmax.": alike.sigmoid(),
        "There is no √D here: that is softmax attention.": (alike / x.shape[1] ** 0.5).softmax(-1),
        "The pixels were made of length 1 as well: only the bases are.": (F.normalize(x, dim=1).mT @ unit).softmax(-1),
        "Turned round: the least alike base gets the most. Is there a minus sign?": (-alike).softmax(-1),
        "That is all or nothing: a 0 can never become anything else. Take the softmax.": (
            F.one_hot(alike.argmax(-1), alike.shape[-1]).to(alike)
        ),
        "Those are logarithms. softmax, not log_softmax.": alike.log_softmax(-1),
        "The shares were made of length 1 afterwards, so they no longer add up to 1.": F.normalize(shares, dim=-1),
        "The softmax came twice.": shares.softmax(-1),
    }


def _swapped(result: Any, x: Tensor, bases: Tensor) -> str:
    if not isinstance(result, tuple | list) or len(result) != 2:
        return ""
    shapes, came = [part.shape for part in _started(x, bases)], [getattr(part, "shape", None) for part in result]
    if came == shapes[::-1]:
        return " The two are swapped: first the bases."
    turned = any(a != b and a == (b[0], b[2], b[1]) for a, b in zip(came, shapes))
    return " It is turned round." if turned else ""


_start = partial(
    Exercise,
    _started,
    given=_features,
    expected="two tensors, (bases, coef)",
    names=("bases", "coef"),
    tolerance=1e-5,
    hint=_swapped,
    changed="Your function changed what it was given in place (`/=`?). Make a new tensor.",
)
START = [(2, 5, 9, 3), (3, 8, 6, 4), (1, 4, 4, 4)]  # batch, D, N, R
LONG = (2, 6, 7, 3, 7.0)  # bases seven times as long start at the same place
soft_start = _start(
    {"each base has length 1": [*START, LONG]},
    _unit_mistakes,
    index=0,
    say=lambda came, *_: f"Each base should have length 1, the first one of yours has {came[0, :, 0].norm():.4f}.",
    parts=[
        _start(
            {"each pixel shares itself out among the bases": START, "however long the bases came": [LONG]},
            _share_mistakes,
            index=1,
            say=lambda came, *_: f"The coefficients are not right; the first pixel's add up to {came[0, 0].sum():.4f}.",
        )
    ],
)


def _costs(channels: int, pixels: int, rank: int, steps: int) -> tuple[int, int]:
    d, n, r, t = channels, pixels, rank, steps
    update = n * d * r + d * r * r + n * r * r
    return 2 * n * n * d, (2 * t + 1) * update + 2 * n * d * r


def _attention_mistakes(d: int, n: int, r: int, t: int) -> dict[str, float]:
    right = 2 * n * n * d
    return {
        "That is one product. There are two: the table of weights, then the weighted sums.": n * n * d,
        "Each of the N · N weights is a product of D numbers: times D.": 2 * n * n,
        "That compares channels with channels, D · D. Here pixels are compared with pixels.": 2 * d * d * n,
        "A pixel is compared with all N, itself included: N · N, not N.": 2 * n * d,
        "That is twice too much: a multiplication and its addition count as one.": 2 * right,
        "There is no 1 × 1 in attend(): it takes x as it is, three times.": right + 3 * n * d * d,
        "The softmax is no matrix product: leave it out.": right + n * n,
        "Attention is done once, it takes no steps.": right * t,
        "That is the factorisation. The attention comes first.": _costs(d, n, r, t)[1],
    }


def _nmf_mistakes(d: int, n: int, r: int, t: int) -> dict[str, float]:
    attention, right = _costs(d, n, r, t)
    large, gram = n * d * r, d * r * r + n * r * r
    update, updates = large + gram, 2 * t + 1
    return {
        "The coefficients' last update, after all the steps, is missing.": right - update,
        "The coefficients' last update is missing, and so is the product that puts the picture together.": (
            right - update - large
        ),
        "After the steps comes one more update, the coefficients', not two.": right + update,
        "After the steps comes one more update, not two; and then the product that puts the picture together.": (
            right + update - large
        ),
        "The start, xᵀ·bases, comes once, before the steps.": right + (t - 1) * large,
        "Number by number is no matrix product: leave that out.": right + updates * 2 * n * r,
        "The start is missing: xᵀ·bases, before the softmax.": right - large,
        "The end is missing too, and so is the start: two more products of N · D · R.": right - 2 * large,
        "A step has two updates, the coefficients' and the bases'.": (t + 1) * update + 2 * large,
        "The products below the fraction's line are missing.": (updates + 2) * large,
        "Below the line of the bases' update stands bases·(coefᵀ·coef), N · R² and D · R².": right - t * gram,
        "You multiplied (coef·basesᵀ)·bases from the left. coef·(basesᵀ·bases) is the same and cheaper.": (
            (3 * updates + 2) * large
        ),
        "basesᵀ·bases costs D · R², too.": right - updates * d * r * r,
        "coef times the small matrix costs N · R², too.": right - updates * n * r * r,
        "That is twice too much: a multiplication and its addition count as one.": 2 * right,
        "That is one step. There are several, times `steps`.": 3 * update + 2 * large,
        "That is the attention. The factorisation comes second.": attention,
    }


def _cost(index: int, name: str, mistakes: Callable[..., dict[str, float]], parts: list[Exercise]) -> Exercise:
    return Exercise(
        _costs,
        {f"{name} (4 sizes)": [(256, 4096, 16, 7), (5, 11, 3, 2), (96, 700, 8, 6), (7, 13, 2, 1)]},  # D, N, R, steps
        mistakes,
        index=index,
        expected="two numbers (attention, factorisation)",
        names=("the cost of the attention", "the cost of the factorisation"),
        tolerance=0,
        say=lambda came, right, d, n, r, t: (
            f"{name}: {came:,.0f} multiply-adds, expected {right:,} for D = {d}, N = {n}, R = {r}, "
            f"{t} step{'s' * (t > 1)}."
        ),
        parts=parts,
    )


multiply_adds = _cost(0, "attention", _attention_mistakes, [_cost(1, "factorisation", _nmf_mistakes, [])])
