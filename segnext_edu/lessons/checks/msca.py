"""The checks of notebook 04: the branches of MSCA added up, the gate, and what attention costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, described
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.model.strip_conv import StripConv

__all__ = ["attend", "attention_bills", "scales"]


def _branches(b: int, c: int, h: int, w: int, lengths: tuple[int, ...]) -> tuple[Tensor, nn.Module, list[nn.Module]]:
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


def _scales_mistakes(x: Tensor, local: nn.Module, strips: Sequence[nn.Module]) -> dict[str, Tensor]:
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


def _misshapen(result: Any, x: Tensor, local: nn.Module, strips: Sequence[nn.Module]) -> str:
    if isinstance(result, tuple | list):
        return " Add the branches up: sum(branches)."
    b, c, h, w = x.shape
    shapes = {
        "The branches stand side by side, as torch.cat leaves them. Eq. 1 adds them up.": (
            (b, c * (len(strips) + 1), h, w),
            (b, c * len(strips), h, w),
        ),
        "The branches lie on a stack. Sum over it: .sum(0).": ((len(strips) + 1, *x.shape), (len(strips), *x.shape)),
        "The channels were summed as well. Each keeps its own.": ((b, 1, h, w), (b, h, w)),
    }
    return cause(lambda some: isinstance(result, Tensor) and tuple(result.shape) in some, shapes)


def _of_modules(*modules: nn.Module) -> dict[str, Tensor]:
    return {f"weight {number}": weight for number, weight in enumerate(nn.ModuleList(modules).parameters(), start=1)}


scales = Exercise(
    _right_scales,
    {
        "the 5 × 5's answer, and what each strip pair makes of it, summed": (
            (2, 3, 9, 12, (7, 11, 21)),  # batch, channels, height, width, strip lengths
            (3, 2, 8, 7, (3, 5)),
        )
    },
    _scales_mistakes,
    given=_branches,
    hint=_misshapen,
    shape="as large as x, with three strips and with two",
    changed="Your function changed x in place. Whoever called it still needs it.",
    gradients="gradients reach every branch",
    learned=lambda x, local, strips: {"x": x, **_of_modules(local, *strips)},
)


def _gate_given(b: int, c: int, h: int, w: int) -> tuple[Tensor, Tensor, nn.Conv2d]:
    torch.manual_seed(h * w)
    x, around = torch.randn(2, b, c, h, w, dtype=torch.float64).requires_grad_().unbind()
    mix = nn.Conv2d(c, c, 1).double()
    for parameter in mix.parameters():
        nn.init.normal_(parameter)
    return x, around, mix


def _gate_mistakes(x: Tensor, around: Tensor, mix: nn.Conv2d) -> dict[str, Tensor]:
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
        "The bias of the 1 × 1 is missing: call the module, mix(summed).": (F.conv2d(around, mix.weight) * x),
    }


def _zero_stays_zero(answer: Callable[..., Any]) -> str:
    x, around, mix = _gate_given(2, 3, 5, 8)
    if torch.count_nonzero(call(answer, torch.zeros_like(x), around, mix)):
        raise Wrong("Where x is 0 the answer must be 0, whatever the gate says. Yours is not: what was added?")
    return "nothing comes of nothing"


attend = Exercise(
    lambda x, around, mix: mix(around) * x,
    {"the branches mixed, times x": ((2, 3, 5, 8), (3, 4, 7, 6))},  # batch, channels, height, width
    _gate_mistakes,
    given=_gate_given,
    hint=lambda result, *_: " Gate and x are multiplied place by place." * isinstance(result, Tensor),
    changed="Your function changed x or summed in place (`*=`?). Write x * …: the old x is still needed.",
    gradients="gradients reach x and gate",
    learned=lambda x, around, mix: {
        "x": x,
        "the branches": around,
        "the 1 × 1's weights": mix.weight,
        "the 1 × 1's bias": mix.bias,
    },
    parts=(_zero_stays_zero,),
)


SQUARE = 5 * 5
STRIPS = 2 * (7 + 11 + 21)
MAPS = ((64, 32, 48), (3, 7, 10), (5, 9, 4))  # channels, height, width


def _right_bills(c: int, h: int, w: int) -> tuple[int, int]:
    n = h * w
    return c * (SQUARE + STRIPS + c) * n, 3 * c * c * n + 2 * c * n * n


def _msca_mistakes(c: int, n: int) -> dict[str, float]:
    return {
        "The 1 × 1 is missing: it mixes the channels, C · C numbers.": c * (SQUARE + STRIPS) * n,
        "The 1 × 1 is not depthwise: each channel reads all C, so it has C · C numbers.": c * (SQUARE + STRIPS + 1) * n,
        "A strip pair is two strips: 2 · k, not k.": c * (SQUARE + STRIPS // 2 + c) * n,
        "The 5 × 5 is missing.": c * (STRIPS + c) * n,
        "The 5 × 5 has 25 numbers per channel, not 5.": c * (5 + STRIPS + c) * n,
        "There is one 1 × 1, not two.": c * (SQUARE + STRIPS + 2 * c) * n,
        "The 5 × 5 is a square, no strip pair: 25 numbers per channel.": c * (10 + STRIPS + c) * n,
        "Two strips one after the other cost k + k, not k · k.": c * (SQUARE + 49 + 121 + 441 + c) * n,
        "The 5 × 5 and the strips are depthwise: each channel reads itself alone.": c * c * (SQUARE + STRIPS + 1) * n,
        "The 5 × 5 is depthwise: each channel reads itself alone.": c * (c * SQUARE + STRIPS + c) * n,
        "The strips read the 5 × 5's answer, which is there already: it is computed once, not once per branch.": (
            c * (4 * SQUARE + STRIPS + c) * n
        ),
        "The product of Eq. 2 multiplies without adding up: leave it out, as count_macs does.": (
            c * (SQUARE + STRIPS + c + 1) * n
        ),
        "The biases are additions without a multiplication: leave them out.": c * (SQUARE + STRIPS + c + 8) * n,
    }


def _softmax_mistakes(c: int, n: int) -> dict[str, float]:
    maps = 3 * c * c * n
    return {
        "Every pixel is compared with every pixel: N · N scores, of C products each, not N.": maps + 2 * c * n,
        "That is only one of the two N · N products: the scores (query · key) and the weighted sum of the values.": (
            maps + c * n * n
        ),
        "A score is a sum of C products, and the weighted sum has C channels: C · N · N each.": maps + 2 * n * n,
        "There are two products of N · N: the scores, and the weighted sum. Yours are three.": maps + 3 * c * n * n,
        "A score is a sum of C products, not of C · C.": maps + 2 * c * c * n * n,
        "The three 1 × 1 convolutions (query, key, value) are missing.": 2 * c * n * n,
        "There are three 1 × 1 convolutions: query, key and value.": c * c * n + 2 * c * n * n,
        "This one has three 1 × 1 convolutions, query, key and value, and none after the sum.": (
            4 * c * c * n + 2 * c * n * n
        ),
        "A 1 × 1 convolution from C channels to C has C · C numbers.": 3 * c * n + 2 * c * n * n,
        "The comparisons are all missing: N · N · C for the scores, and as much for the sum.": maps,
        "The scores compare pixels, N · N, not channels, C · C.": maps + 2 * c * c * n,
        "The softmax's exponentials are no multiply-adds: leave them out.": maps + 2 * c * n * n + n * n,
    }


def _general_mistakes(index: int, c: int, h: int, w: int) -> dict[str, float]:
    right = _right_bills(c, h, w)[index]
    tall, wide = _right_bills(c, h, h)[index], _right_bills(c, w, w)[index]
    return {
        "That is twice too much: a multiplication and its addition count as one.": 2 * right,
        "That is for one pixel: N is height · width.": _right_bills(c, 1, 1)[index],
        "N is height · width, not height + width.": _right_bills(c, 1, h + w)[index],
        "Height and width differ; you squared one of them.": tall,
        "Height and width differ: you squared one of them.": wide,
        "These are one map's numbers. Write channels, height and width in their place.": _right_bills(*MAPS[0])[index],
        "Those are the two in the other order: MSCA first.": _right_bills(c, h, w)[1 - index],
    }


def _a_tuple(answer: Callable[..., Any]) -> str:
    """A notebook that compares with a tuple finds no list equal to it, whatever it holds."""
    result = call(answer, *MAPS[0])
    if not isinstance(result, tuple):
        raise Wrong(f"The numbers are right, but came as {described(result)}. A tuple is wanted: return msca, softmax")
    return "as a tuple"


def _bill(index: int, name: str, proved: str, mistakes: Callable[..., dict[str, float]], *parts: Any) -> Exercise:
    return Exercise(
        _right_bills,
        {proved: MAPS},
        lambda c, h, w: {**mistakes(c, h * w), **_general_mistakes(index, c, h, w)},
        expected="two numbers (MSCA, softmax attention)",
        names=("the cost of MSCA", "the cost of softmax attention"),
        index=index,
        tolerance=0,
        say=lambda came, right, c, h, w: (
            f"{name}: {came:,.0f} multiply-adds, expected {right:,} for {c} channels, {h} × {w} pixels."
        ),
        parts=parts,
    )


attention_bills = _bill(
    0,
    "MSCA",
    "MSCA: once for every pixel",
    _msca_mistakes,
    _bill(1, "softmax attention", "softmax attention: once for every pair of pixels", _softmax_mistakes),
    _a_tuple,
)
