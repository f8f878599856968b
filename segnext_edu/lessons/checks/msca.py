"""The checks of notebook 04: MSCA's forward pass from Eq. 1 and 2, written and repaired."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.lessons.checks.exercise import Wrong, call, cause
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.model.msca import MSCA

__all__ = ["forward", "repaired"]


def _given(b: int, c: int, h: int, w: int) -> tuple[MSCA, Tensor]:
    torch.manual_seed(h * w)
    msca = MSCA(c).double()
    with torch.no_grad():
        for parameter in msca.parameters():
            parameter.normal_()  # large, so that no branch is lost in the others' noise
    return msca, torch.randn(b, c, h, w, dtype=torch.float64, requires_grad=True)


def _forward(self: Any, x: Tensor) -> Tensor:
    """What MSCA computes, written with its layers alone."""
    around = self.local(x)  # (B, C, H, W)
    return self.mix(around + sum(strip(around) for strip in self.strips)) * x  # (B, C, H, W)


def _mistakes(msca: MSCA, x: Tensor) -> dict[str, Tensor]:
    around, mix = msca.local(x), msca.mix
    branches = [strip(around) for strip in msca.strips]
    right = torch.stack([around, *branches]).sum(0)
    chain, running = [around], around
    for strip in msca.strips:
        chain.append(strip(chain[-1]))
        running = running + strip(running)
    sums = {
        "The strips have read x. In Eq. 1 they read what the 5 × 5 returned (Fig. 2(b)).": (
            around + sum(strip(x) for strip in msca.strips)
        ),
        "The 5 × 5 was left out: local(x) comes first, and the strips read its output.": (
            x + sum(strip(x) for strip in msca.strips)
        ),
        "The identity branch is missing: the 5 × 5's own output belongs in the sum.": torch.stack(branches).sum(0),
        "The identity branch passes on the 5 × 5's output, not x.": x + torch.stack(branches).sum(0),
        "x itself is no branch: Eq. 1 sums what follows the 5 × 5.": right + x,
        "The strips were chained, each reading the one before. All of them read the 5 × 5's output.": chain[-1],
        "The strips were chained and then summed. All of them read the 5 × 5's output.": torch.stack(chain).sum(0),
        "Each strip has read the sum so far. Perhaps `total = around` and then `total += …`: that changes `around` "
        "too.": running,
        "That is the 5 × 5 alone: the strips are missing.": around,
        "Only the first strip pair is in the sum. Does a `return` inside the loop end it too early?": (
            around + branches[0]
        ),
        "Only the last strip pair is in the sum. Does each turn of the loop write over the one before?": (
            around + branches[-1]
        ),
        "That is the mean of the branches: Eq. 1 sums them.": right / 4,
        "The branches were multiplied with each other. Eq. 1 sums them; the product comes later.": (
            around * torch.stack(branches).prod(0)
        ),
        "There is no ReLU in Eq. 1.": right.relu(),
    }
    for length, branch in zip((7, 11, 21), branches):
        sums[f"The strip pair of length {length} is missing from the sum."] = right - branch
    gate = mix(right)
    return {sentence: mix(total) * x for sentence, total in sums.items()} | {
        "That is the gate itself. Eq. 2 multiplies x by it.": gate,
        "Gate and x were added. Eq. 2 multiplies them.": gate + x,
        "There is an x too many: Eq. 2 has no residual connection (that one comes with Attention).": gate * x + x,
        "The 1 × 1 is missing: the gate is mix(sum).": right * x,
        "The 1 × 1 came after the product. It makes the gate: mix(sum) first.": mix(right * x),
        "A sigmoid squashed the gate. MSCA's gate is neither squashed nor normalised.": gate.sigmoid() * x,
        "A tanh squashed the gate. MSCA's gate is neither squashed nor normalised.": gate.tanh() * x,
        "A ReLU cut the gate off at 0. MSCA's gate may be negative.": gate.relu() * x,
        "A softmax over the channels normalised the gate. MSCA's gate is no distribution.": gate.softmax(1) * x,
        "A softmax over the pixels normalised the gate. MSCA's gate is no distribution.": (
            gate.flatten(2).softmax(-1).view_as(gate) * x
        ),
        "The gate was multiplied with the branches. It is x that is gated.": gate * right,
        "The gate was made from x. It is made from the branches: mix(sum).": mix(x) * x,
        "One gate serves all channels. Each channel has a gate of its own.": gate.mean(1, keepdim=True) * x,
        "One gate serves all pixels. Each pixel has a gate of its own.": gate.mean((2, 3), keepdim=True) * x,
        "x is in it twice.": gate * x * x,
        "The bias of the 1 × 1 is missing: call the module, self.mix(…).": F.conv2d(right, mix.weight) * x,
        "Two faults at once: each strip has read the sum so far (`+=` changes `around`), and a sigmoid squashed the "
        "gate.": mix(running).sigmoid() * x,
    }


def _misshapen(result: Any, msca: nn.Module, x: Tensor) -> str:
    b, c, h, w = x.shape
    shapes = {
        "The branches lie side by side, as torch.cat leaves them. Eq. 1 adds them up.": ((b, 4 * c, h, w),),
        "The branches lie on a stack. Sum over it: .sum(0).": ((4, *x.shape), (3, *x.shape)),
        "The channels were summed as well. Each keeps its own.": ((b, 1, h, w), (b, h, w)),
    }
    return cause(lambda some: isinstance(result, Tensor) and tuple(result.shape) in some, shapes)


def _zero_stays_zero(answer: Callable[..., Any]) -> str:
    msca, x = _given(2, 3, 5, 8)
    result = call(answer, msca, torch.zeros_like(x))
    if not isinstance(result, Tensor) or torch.count_nonzero(result):
        raise Wrong("Where x is 0 the output must be 0, whatever the gate is. Yours is not: what was added?")
    return "where x is 0, the output is 0"


forward = repaired = Exercise(
    _forward,
    {"Eq. 1 and 2 at every pixel": ((2, 3, 9, 12), (3, 4, 24, 7))},  # batch, channels, height, width
    _mistakes,
    given=_given,
    hint=_misshapen,
    changed="Your function changed {} in place (`*=`?). Write x * …: the old x is still needed.",
    gradients="gradients reach x and every branch",
    learned=lambda msca, x: {"x": x, **dict(msca.named_parameters())},
    parts=(_zero_stays_zero,),
)
