"""Exercise 4.1: the branches of MSCA, added up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described
from segnext_edu.model.strip_conv import StripConv

CASES = ((2, 3, 9, 12, (7, 11, 21)), (3, 2, 8, 7, (3, 5)))  # batch, channels, height, width, strip lengths
Branches = tuple[Tensor, nn.Module, list[nn.Module]]


def scales(answer: Callable[..., Any]) -> None:
    check(answer, _right_shape, _right_sum, _gradients)


def _branches(b: int, c: int, h: int, w: int, lengths: tuple[int, ...]) -> Branches:
    torch.manual_seed(h * w)
    x = torch.randn(b, c, h, w, dtype=torch.float64, requires_grad=True)
    local = nn.Conv2d(c, c, 5, padding=2, groups=c).double()
    strips: list[nn.Module] = [StripConv(c, length).double() for length in lengths]
    with torch.no_grad():
        for module in (local, *strips):
            for parameter in module.parameters():
                parameter.normal_()  # loud, so that no branch is lost in the others' noise
    return x, local, strips


def _right_scales(x: Tensor, local: nn.Module, strips: Sequence[nn.Module]) -> Tensor:
    around = local(x)
    return around + sum(strip(around) for strip in strips)


def _right_shape(answer: Callable[..., Any]) -> str:
    for case in CASES:
        x, local, strips = _branches(*case)
        _expect_shape(call(answer, x, local, strips), x, len(strips))
    return "as large as x, with three strips and with two"


def _expect_shape(result: Any, x: Tensor, strips: int) -> None:
    b, c, h, w = x.shape
    if isinstance(result, tuple | list):
        raise Wrong(f"Expected one tensor, but got {len(result)} things. Add the branches up: sum(branches).")
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a tensor of shape {(b, c, h, w)}, but got {described(result)}.")
    if result.dtype != x.dtype:
        raise Wrong(f"x is {x.dtype}, but your answer is {described(result)}: the precision was lost.")
    if result.shape != x.shape:
        suspects = {
            "The branches stand side by side, as torch.cat leaves them. Eq. 1 adds them up.": (
                (b, c * (strips + 1), h, w),
                (b, c * strips, h, w),
            ),
            "The branches lie on a stack. Sum over it: .sum(0).": ((strips + 1, *x.shape), (strips, *x.shape)),
            "The channels were summed as well. Each keeps its own.": ((b, 1, h, w), (b, h, w)),
        }
        why = cause(lambda shapes: tuple(result.shape) in shapes, suspects)
        raise Wrong(f"x is {(b, c, h, w)}; your answer is {tuple(result.shape)}.{why}")


def _right_sum(answer: Callable[..., Any]) -> str:
    for case in CASES:
        _expect_sum(answer, *_branches(*case))
    return "the 5 × 5's answer, and what each strip pair makes of it, summed"


def _expect_sum(answer: Callable[..., Any], x: Tensor, local: nn.Module, strips: list[nn.Module]) -> None:
    result, right = call(answer, x.clone(), local, strips), _right_scales(x, local, strips)
    if not torch.allclose(result, right, atol=1e-4):
        why = cause(lambda wrong: torch.allclose(result, wrong, atol=1e-4), _suspects(x, local, strips))
        off = (result - right).abs().max().item()
        raise Wrong(f"The shape is right, the numbers are not: they are off by up to {off:.3g}.{why}")


@torch.no_grad()
def _suspects(x: Tensor, local: nn.Module, strips: Sequence[nn.Module]) -> dict[str, Tensor]:
    around, right = local(x), _right_scales(x, local, strips)
    branches = [strip(around) for strip in strips]
    chain, running = [around], around
    for strip in strips:
        chain.append(strip(chain[-1]))
        running = running + strip(running)
    suspects = {
        "The strips have read x. They read what the 5 × 5 says: strip(around).": (
            around + sum(strip(x) for strip in strips)
        ),
        "The 5 × 5 was left out: local(x) comes first, and the strips read its answer.": (
            x + sum(strip(x) for strip in strips)
        ),
        "The identity branch is missing: the 5 × 5's own answer belongs into the sum.": torch.stack(branches).sum(0),
        "The identity branch passes on the 5 × 5's answer, not x.": x + torch.stack(branches).sum(0),
        "x itself is no branch: Eq. 1 sums what follows the 5 × 5.": right + x,
        "The strips were put in series, each reading the one before. They stand side by side: each reads the 5 × 5's "
        "answer.": chain[-1],
        "The strips were put in series and then summed. They stand side by side: each reads the 5 × 5's answer.": (
            torch.stack(chain).sum(0)
        ),
        "Each strip has read the sum so far. Perhaps `total = around` and then `total += …`: that changes `around` "
        "too.": running,
        "That is the 5 × 5 alone: the strips are missing.": around,
        "Only the first strip pair is in it. Does a `return` inside the loop end it too early?": around + branches[0],
        "Only the last strip pair is in it. Does each turn of the loop write over the one before?": (
            around + branches[-1]
        ),
        "x is a factor already. That comes later, in Eq. 2.": right * x,
        "The 5 × 5 was used on its own answer. Call local(x) once.": right - around + local(around),
        "There is no ReLU in Eq. 1.": right.relu(),
        "That is the mean of the branches: Eq. 1 sums them.": right / (len(strips) + 1),
        "The branches were multiplied with each other. Eq. 1 sums them; the product comes later.": (
            around * torch.stack(branches).prod(0)
        ),
    }
    for number, branch in enumerate(branches, start=1):
        suspects[f"Strip pair number {number} of {len(strips)} is missing from the sum."] = right - branch
        suspects[f"Strip pair number {number} of {len(strips)} was added twice."] = right + branch
    return suspects


def _gradients(answer: Callable[..., Any]) -> str:
    x, local, strips = _branches(*CASES[0])
    given = x.clone()
    result = call(answer, given, local, strips)
    if not torch.equal(given, x):
        raise Wrong("Your function changed x in place. Whoever called it still needs it.")
    learned = [x, *(parameter for module in (local, *strips) for parameter in module.parameters())]
    try:
        came = torch.autograd.grad(result.square().sum(), learned, allow_unused=True)
    except RuntimeError as error:
        if "inplace" in str(error):
            raise Wrong(
                "Nothing could be learned: autograd found a tensor changed in place. Write total = total + …, not +=."
            ) from None
        raise Wrong("No gradient comes back. Was there a detach(), .data or no_grad()?") from None
    right = torch.autograd.grad(_right_scales(x, local, strips).square().sum(), learned)
    if not all(a is not None and torch.allclose(a, b, rtol=1e-4, atol=1e-4) for a, b in zip(came, right)):
        raise Wrong(
            "The numbers are right, the gradients are not. Was there a detach(), .data or no_grad() on the way?"
        )
    return "gradients reach every branch"
