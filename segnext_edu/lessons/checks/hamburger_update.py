"""Exercise 6.1: one multiplicative update of the coefficients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described
from segnext_edu.model import hamburger

SQUARE = (2, 4, 4, 4)  # batch, D, N, R: here no transposition is stopped by its shape, so that it can be named
SIZES = (SQUARE, (3, 5, 11, 2), (1, 7, 6, 3))


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


def _near(came: Tensor) -> Callable[[Tensor], bool]:
    return lambda wrong: torch.allclose(came, wrong, rtol=1e-4)


def _mistakes(x: Tensor, bases: Tensor, coef: Tensor) -> dict[str, Tensor]:
    gram = bases.mT @ bases
    numerator, denominator = x.mT @ bases, coef @ gram
    right = coef * numerator / denominator
    large = {
        f"The ε of {size:g} below the line is large enough to change the answer. Take 1e-6.": coef
        * numerator
        / (denominator + size)
        for size in (1e-3, 1e-2, 0.1, 1.0)
    }
    mistakes = {
        "That is gradient descent, which subtracts. Here the old value is multiplied.": coef
        - (denominator - numerator),
        "That climbs: it adds the gradient. And nothing is added here, the old value is multiplied.": coef
        + (denominator - numerator),
        "The fraction is upside down: xᵀ·bases belongs above the line.": coef * denominator / numerator,
        "The fraction alone is only the factor. Multiply the old coefficients by it.": numerator / denominator,
        "That is above the line only. Divide by coef·(basesᵀ·bases).": coef * numerator,
        "Below the line stands basesᵀ·bases, not coefᵀ·coef.": coef * numerator / (coef @ (coef.mT @ coef)),
        "The square root is too much: the factor is the plain fraction.": coef * (numerator / denominator).sqrt(),
        "The factor is squared: the plain fraction is right.": coef * (numerator / denominator) ** 2,
        "That is the least-squares solution, not one step. It can turn negative.": numerator @ torch.linalg.pinv(gram),
        "The old coefficients must stand below the line as well: coef·(basesᵀ·bases).": coef
        * numerator
        / gram.sum(1, keepdim=True),
        "That is two updates. One is asked for.": right * numerator / (right @ gram),
        "Do not normalise: how much a pixel holds in all is free.": right / right.sum(-1, keepdim=True),
        **large,
    }
    if x.shape[1] == x.shape[2] == bases.shape[2]:
        mistakes |= {
            "`x @ bases` lacks a transposition: pixels stand in the columns of x, so take x.mT.": coef
            * (x @ bases)
            / denominator,
            "Above the line stands xᵀ·bases, not basesᵀ·x: your product is turned round.": coef
            * numerator.mT
            / denominator,
            "The small matrix is basesᵀ·bases, (R, R); yours is bases·basesᵀ.": coef
            * numerator
            / (coef @ (bases @ bases.mT)),
            "That is turned round: pixels first, then bases.": right.mT,
            "XᵀB and BᵀB are products of matrices: `@`, not `*`.": coef * (x.mT * bases) / (coef * (bases.mT * bases)),
            "That is the update of the bases. Here the coefficients are wanted.": bases
            * (x @ coef)
            / (bases @ (coef.mT @ coef)),
            "That multiplies matrices where it should multiply number by number: `*`, not `@`.": coef
            @ (numerator / denominator),
        }
    return mistakes


def _right_values(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        factors = _factors(size)
        came, right = _updated(answer, *factors), hamburger.update_coef(*factors)
        if came.dtype != torch.float64:
            raise Wrong(f"All was float64, but your answer is {described(came)}: the precision was lost.")
        if not torch.allclose(came, right, rtol=1e-4):
            why = cause(_near(came), _mistakes(*factors))
            place = (came - right).abs().nan_to_num(torch.inf).argmax()  # where it shows most
            worst = f"{came.flatten()[place]:.4f} where {right.flatten()[place]:.4f} was expected"
            raise Wrong(f"For B, D, N, R = {size} the numbers are not right: one is {worst}.{why}")
    return f"the right numbers ({len(SIZES)} sizes)"


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
