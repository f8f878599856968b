"""The checks of notebook 06: a multiplicative update, where the factorisation starts, what it costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number
from segnext_edu.model import hamburger

__all__ = ["multiply_adds", "soft_start", "update_coef"]

SQUARE = (2, 4, 4, 4)  # batch, D, N, R: here no transposition is stopped by its shape, so that it can be named
UPDATE_SIZES = (SQUARE, (3, 5, 11, 2), (1, 7, 6, 3))


def update_coef(answer: Callable[..., Any]) -> None:
    check(answer, _right_values, _error_does_not_rise, _nothing_from_nothing, _gradients_flow)


def _factors(size: tuple[int, ...]) -> tuple[Tensor, Tensor, Tensor]:
    batch, d, n, r = size
    generator = torch.Generator().manual_seed(d * n)
    shapes = ((batch, d, n), (batch, d, r), (batch, n, r))
    x, bases, coef = (0.1 + torch.rand(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    return x, bases, coef


def _updated(answer: Callable[..., Any], x: Tensor, bases: Tensor, coef: Tensor) -> Tensor:
    given = x.clone(), bases.clone(), coef.clone()
    result = call(answer, *given)
    if not isinstance(result, Tensor) or result.shape != coef.shape:
        turned = isinstance(result, Tensor) and result.shape == coef.mT.shape
        why = " It is turned round: pixels first, then bases." if turned else ""
        raise Wrong(f"Expected a tensor of shape {tuple(coef.shape)}, but got {described(result)}.{why}")
    for name, before, after in zip(("x", "bases", "coef"), (x, bases, coef), given):
        if not torch.equal(before, after):
            raise Wrong(f"Your function changed `{name}` in place (`*=`?). Make a new tensor: the old one is needed.")
    return result


def _update_near(came: Tensor) -> Callable[[Tensor], bool]:
    return lambda wrong: torch.allclose(came, wrong, rtol=1e-4)


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


def _right_values(answer: Callable[..., Any]) -> str:
    for size in UPDATE_SIZES:
        factors = _factors(size)
        came, right = _updated(answer, *factors), hamburger.update_coef(*factors)
        if came.dtype != torch.float64:
            raise Wrong(f"All was float64, but your answer is {described(came)}: the precision was lost.")
        if not torch.allclose(came, right, rtol=1e-4):
            why = cause(_update_near(came), _update_mistakes(*factors))
            place = (came - right).abs().nan_to_num(torch.inf).argmax()  # where it shows most
            worst = f"{came.flatten()[place]:.4f} where {right.flatten()[place]:.4f} was expected"
            raise Wrong(f"For B, D, N, R = {size} the numbers are not right: one is {worst}.{why}")
    return f"the right numbers ({len(UPDATE_SIZES)} sizes)"


def _error_does_not_rise(answer: Callable[..., Any]) -> str:
    x, bases, coef = _factors((2, 6, 9, 3))
    before = (x - bases @ coef.mT).square().sum()
    for _ in range(10):
        coef = _updated(answer, x, bases, coef)
        after = (x - bases @ coef.mT).square().sum()
        if after > before * (1 + 1e-6):
            raise Wrong(f"After an update the squared error was {after:.4f}, before it {before:.4f}: it must not rise.")
        before = after
    return "the error never rises"


def _nothing_from_nothing(answer: Callable[..., Any]) -> str:
    x, bases, coef = _factors((2, 5, 8, 3))
    bases[..., 1] = 0
    coef[:, 2] = 0
    came = _updated(answer, x, bases, coef)
    if not came.isfinite().all():
        raise Wrong(
            "A base of zeros or a pixel of zeros gives NaN: 0 / 0. Add a small number below the line, inside its "
            "brackets: / (… + 1e-6)."
        )
    if came[:, 2].any():
        raise Wrong("A coefficient of 0 must stay 0: whatever it is multiplied by.")
    return "0 stays 0, no NaN"


def _gradients_flow(answer: Callable[..., Any]) -> str:
    factors = [factor.requires_grad_() for factor in _factors((1, 5, 7, 2))]
    came = call(answer, *factors)
    if not came.requires_grad:
        raise Wrong("No gradient can flow back: is there a `.detach()`, a `.data` or a `no_grad()`?")
    grads = torch.autograd.grad(came.sum(), factors, allow_unused=True)
    for name, grad in zip(("x", "bases", "coef"), grads):
        if grad is None or not grad.isfinite().all():
            raise Wrong(f"The gradient for `{name}` is missing or not finite. Was it detached on the way?")
    return "gradients flow"


START_SIZES = ((2, 5, 9, 3), (3, 8, 6, 4), (1, 4, 4, 4))  # batch, D, N, R


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


def _start_near(came: Tensor) -> Callable[[Tensor], bool]:
    return lambda wrong: torch.allclose(came, wrong, rtol=1e-5)


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


def _bases_of_length_one(answer: Callable[..., Any]) -> str:
    for given in map(_given, START_SIZES):
        came, right = _started(answer, *given)[0], _right(*given)[0]
        if not _start_near(came)(right):
            length, why = came[0, :, 0].norm().item(), cause(_start_near(came), _unit_mistakes(*given))
            raise Wrong(f"Each base should have length 1, the first one of yours has {length:.4f}.{why}")
    return "each base has length 1"


def _soft_assignment(answer: Callable[..., Any]) -> str:
    for given in map(_given, START_SIZES):
        came, right = _started(answer, *given)[1], _right(*given)[1]
        if not _start_near(came)(right):
            total, why = came[0, 0].sum().item(), cause(_start_near(came), _share_mistakes(*given))
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


COST_SIZES = ((256, 4096, 16, 7), (5, 11, 3, 2), (96, 700, 8, 6), (7, 13, 2, 1))  # channels, pixels, rank, steps


def multiply_adds(answer: Callable[..., Any]) -> None:
    check(answer, *(_priced(place, name) for place, name in enumerate(("attention", "factorisation"))))


def _right_costs(d: int, n: int, r: int, t: int) -> tuple[int, int]:
    update = n * d * r + d * r * r + n * r * r
    return 2 * n * n * d, (2 * t + 1) * update + 2 * n * d * r


def _priced(place: int, name: str) -> Callable[[Callable[..., Any]], str]:
    def part(answer: Callable[..., Any]) -> str:
        for size in COST_SIZES:
            _expect_cost(answer, place, name, *size)
        return f"{name} ({len(COST_SIZES)} sizes)"

    return part


def _expect_cost(answer: Callable[..., Any], place: int, name: str, d: int, n: int, r: int, t: int) -> None:
    result = call(answer, d, n, r, t)
    if not isinstance(result, tuple | list) or len(result) != 2:
        raise Wrong(f"Expected two numbers (attention, factorisation), but got {described(result)}.")
    came, right = number(result[place], f"the cost of the {name}"), _right_costs(d, n, r, t)[place]
    if came != right:
        mistakes = (_attention_mistakes, _nmf_mistakes)[place](d, n, r, t)
        why = cause(lambda wrong: came == wrong, mistakes)
        where = f"D = {d}, N = {n}, R = {r}, {t} step{'s' * (t > 1)}"
        raise Wrong(f"{name}: {came:,.0f} multiply-adds, expected {right:,} for {where}.{why}")


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
        "That is the factorisation. The attention comes first.": _right_costs(d, n, r, t)[1],
    }


def _nmf_mistakes(d: int, n: int, r: int, t: int) -> dict[str, float]:
    attention, right = _right_costs(d, n, r, t)
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
