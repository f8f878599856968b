"""Exercise 4.2: the gate, and the product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

SIZES = ((2, 3, 5, 8), (3, 4, 7, 6))  # batch, channels, height, width


def attend(answer: Callable[..., Any]) -> None:
    check(answer, _right_values, _zero_stays_zero, _gradients)


def _given(b: int, c: int, h: int, w: int) -> tuple[Tensor, Tensor, nn.Conv2d]:
    torch.manual_seed(h * w)
    x, around = torch.randn(2, b, c, h, w, dtype=torch.float64).requires_grad_().unbind()
    mix = nn.Conv2d(c, c, 1).double()
    for parameter in mix.parameters():
        nn.init.normal_(parameter)
    return x, around, mix


def _right_values(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        _expect_values(answer, *_given(*size))
    return "the branches mixed, times x"


def _expect_values(answer: Callable[..., Any], x: Tensor, around: Tensor, mix: nn.Conv2d) -> None:
    given = x.clone(), around.clone()
    result, right = call(answer, *given, mix), mix(around) * x
    if not torch.equal(given[0], x) or not torch.equal(given[1], around):
        raise Wrong("Your function changed x or summed in place (`*=`?). Write x * …: the old x is still needed.")
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a tensor of shape {tuple(x.shape)}, but got {described(result)}.")
    if result.shape != right.shape:
        came = tuple(result.shape)
        raise Wrong(f"x is {tuple(x.shape)}; your answer is {came}. Gate and x are multiplied place by place.")
    if result.dtype != x.dtype:
        raise Wrong(f"x is {x.dtype}, but your answer is {described(result)}: the precision was lost.")
    if not torch.allclose(result, right, atol=1e-4):
        why = cause(lambda wrong: torch.allclose(result, wrong, atol=1e-4), _suspects(x, around, mix))
        off = (result - right).abs().max().item()
        raise Wrong(f"The shape is right, the numbers are not: they are off by up to {off:.3g}.{why}")


@torch.no_grad()
def _suspects(x: Tensor, around: Tensor, mix: nn.Conv2d) -> dict[str, Tensor]:
    gate = mix(around)
    return {
        "That is the gate itself. Now multiply x with it.": gate,
        "Gate and x were added. Eq. 2 multiplies them.": gate + x,
        "There is an x too many: Eq. 2 has no shortcut (that one comes with Attention).": gate * x + x,
        "The 1 × 1 is missing: the gate is mix(summed).": around * x,
        "The 1 × 1 came after the product. It makes the gate: mix(summed) first.": mix(around * x),
        "A sigmoid squashed the gate. MSCA's gate is neither squashed nor normalised.": gate.sigmoid() * x,
        "A tanh squashed the gate. MSCA's gate is neither squashed nor normalised.": gate.tanh() * x,
        "A ReLU cut the gate off at 0. MSCA's gate may be negative.": gate.relu() * x,
        "A softmax over the channels normalised the gate. MSCA's gate is no distribution.": gate.softmax(1) * x,
        "A softmax over the places normalised the gate. MSCA's gate is no distribution.": (
            gate.flatten(2).softmax(-1).view_as(gate) * x
        ),
        "The gate was multiplied with the branches. It is x that is gated.": gate * around,
        "The gate was made from x. It is made from the branches: mix(summed).": mix(x) * x,
        "x and summed are swapped: the branches make the gate, x is what it multiplies.": mix(x) * around,
        "One gate serves all channels. Each channel has a gate of its own.": gate.mean(1, keepdim=True) * x,
        "x is in it twice.": gate * x * x,
        "The branches are in it twice: as the gate, and once more.": gate * around * x,
        "One gate serves all places. Each place has a gate of its own.": gate.mean((2, 3), keepdim=True) * x,
        "The gate was made from x, and the branches were added. The branches make the gate.": mix(x) * x + around,
        "The bias of the 1 × 1 is missing: call the module, mix(summed).": (
            torch.nn.functional.conv2d(around, mix.weight) * x
        ),
    }


def _zero_stays_zero(answer: Callable[..., Any]) -> str:
    x, around, mix = _given(*SIZES[0])
    if torch.count_nonzero(call(answer, torch.zeros_like(x), around, mix)):
        raise Wrong("Where x is 0 the answer must be 0, whatever the gate says. Yours is not: what was added?")
    return "nothing comes of nothing"


def _gradients(answer: Callable[..., Any]) -> str:
    x, around, mix = _given(*SIZES[1])
    learned = [x, around, *mix.parameters()]
    result = call(answer, x.clone(), around.clone(), mix)
    if not result.requires_grad:
        raise Wrong("No gradient comes back. Was there a detach(), .data or no_grad()?")
    came = torch.autograd.grad(result.square().sum(), learned, allow_unused=True)
    right = torch.autograd.grad((mix(around) * x).square().sum(), learned)
    for name, a, b in zip(("x", "the branches", "the 1 × 1's weights", "the 1 × 1's bias"), came, right):
        if a is None or not torch.allclose(a, b, rtol=1e-4, atol=1e-4):
            raise Wrong(f"The numbers are right, but the gradient of {name} is not. Was there a detach() or no_grad()?")
    return "gradients reach x and gate"
