"""Exercise 5.2: the block, with its two shortcuts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from segnext_edu.lessons.checks.exercise import Wrong, call
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.model.msca import Attention
from segnext_edu.model.mscan import FFN

SHAPES = (
    (2, 6, 9, 6),
    (3, 4, 7, 10),
)  # the first is as wide as it has channels: there a scale fits where it should not


class Parts(NamedTuple):
    """What a block is made of, in the order in which the exercise hands it over."""

    norm1: nn.Module
    attention: nn.Module
    layer_scale_1: Tensor
    norm2: nn.Module
    ffn: nn.Module
    layer_scale_2: Tensor


def _given(*shape: int) -> tuple[Any, ...]:
    channels = shape[1]
    torch.manual_seed(channels)  # inside check(), which gives the notebook its generator back
    layer_scale_1, layer_scale_2 = torch.rand(2, channels, dtype=torch.float64) + 0.5
    parts = Parts(_norm(channels), Attention(channels), layer_scale_1, _norm(channels), FFN(channels, 2), layer_scale_2)
    for module in parts:
        if isinstance(module, nn.Module):
            module.double().eval()
    return torch.randn(shape, dtype=torch.float64) + 1, *parts


def _norm(channels: int) -> nn.BatchNorm2d:
    norm = nn.BatchNorm2d(channels)
    norm.running_mean = torch.rand(channels)
    norm.running_var = torch.rand(channels) + 0.5
    return norm


def _across(scale: Tensor) -> Tensor:
    return scale[:, None, None]


def _gradients_flow(answer: Callable[..., Any]) -> str:
    x, *parts = _given(*SHAPES[1])
    leaves = {"x": x, "layer_scale_1": parts[2], "layer_scale_2": parts[5]}
    for leaf in leaves.values():
        leaf.requires_grad_()
    result = call(answer, x, *parts)
    lost = list(leaves)
    if result.requires_grad:
        found = torch.autograd.grad(result.square().sum(), list(leaves.values()), allow_unused=True)
        lost = [name for name, gradient in zip(leaves, found) if gradient is None]
    if lost:
        raise Wrong(f"No gradient comes back to {', '.join(lost)}. Is there a detach(), a no_grad() or a new tensor?")
    return "gradients flow back to x and both scales"


def _right_block(x: Tensor, p: Parts) -> Tensor:
    return _half2(_half1(x, p), p)


def _half1(x: Tensor, p: Parts) -> Tensor:
    return x + _across(p.layer_scale_1) * p.attention(p.norm1(x))


def _half2(x: Tensor, p: Parts) -> Tensor:
    return x + _across(p.layer_scale_2) * p.ffn(p.norm2(x))


def _second(x: Tensor, branch: Callable[[Tensor], Tensor]) -> Tensor:
    return x + branch(x)


def _from_normalised(x: Tensor, p: Parts, both: bool) -> Tensor:
    normal = p.norm1(x)
    x = normal + _across(p.layer_scale_1) * p.attention(normal)
    if not both:
        return _half2(x, p)
    normal = p.norm2(x)
    return normal + _across(p.layer_scale_2) * p.ffn(normal)


def _scaled_sums(x: Tensor, p: Parts) -> Tensor:
    x = _across(p.layer_scale_1) * (x + p.attention(p.norm1(x)))
    return _across(p.layer_scale_2) * (x + p.ffn(p.norm2(x)))


def _along_the_width(x: Tensor, p: Parts) -> Tensor:
    x = x + p.layer_scale_1 * p.attention(p.norm1(x))
    return x + p.layer_scale_2 * p.ffn(p.norm2(x))


def _norm_afterwards(x: Tensor, p: Parts) -> Tensor:
    x = p.norm1(x + _across(p.layer_scale_1) * p.attention(x))
    return p.norm2(x + _across(p.layer_scale_2) * p.ffn(x))


def _scaled_input(x: Tensor, p: Parts) -> Tensor:
    x = x + p.attention(_across(p.layer_scale_1) * p.norm1(x))
    return x + p.ffn(_across(p.layer_scale_2) * p.norm2(x))


def _inner_twice(x: Tensor, p: Parts) -> Tensor:
    normal = p.norm1(x)
    return _half2(x + _across(p.layer_scale_1) * (p.attention(normal) + normal), p)


MISTAKES: dict[str, Callable[[Tensor, Parts], Tensor]] = {
    "The outer shortcuts start from the *normalised* x. They must start from x itself; only the one inside Attention "
    "starts from what was normalised.": lambda x, p: _from_normalised(x, p, both=True),
    "The first shortcut starts from the *normalised* x. It must start from x itself; only the one inside Attention "
    "starts from what was normalised.": lambda x, p: _from_normalised(x, p, both=False),
    "The scales are on the sums. They belong on the branches alone, or the shortcut shrinks with them.": _scaled_sums,
    "The second branch reads the old x. It must read what the first half has written.": lambda x, p: (
        _half1(x, p) + _across(p.layer_scale_2) * p.ffn(p.norm2(x))
    ),
    "The first norm is missing.": lambda x, p: _right_block(x, p._replace(norm1=nn.Identity())),
    "The second norm is missing.": lambda x, p: _right_block(x, p._replace(norm2=nn.Identity())),
    "Both norms are missing.": lambda x, p: _right_block(x, p._replace(norm1=nn.Identity(), norm2=nn.Identity())),
    "`norm1` was used twice: the second half has a norm of its own.": lambda x, p: _right_block(
        x, p._replace(norm2=p.norm1)
    ),
    "`layer_scale_1` was used twice: the second half has a scale of its own.": lambda x, p: _right_block(
        x, p._replace(layer_scale_2=p.layer_scale_1)
    ),
    "The two scales are swapped.": lambda x, p: _right_block(
        x, p._replace(layer_scale_1=p.layer_scale_2, layer_scale_2=p.layer_scale_1)
    ),
    "The scales are missing.": lambda x, p: _right_block(
        x, p._replace(layer_scale_1=torch.ones_like(p.layer_scale_1), layer_scale_2=torch.ones_like(p.layer_scale_2))
    ),
    "The scales lie along the *width*: (C,) fits the last axis of (B, C, H, W), and here W happens to be C. Write "
    "scale[:, None, None].": _along_the_width,
    "The scales were applied to what goes into the branches; they belong on what comes out.": _scaled_input,
    "The norms come after the sums. They belong before the branches, so that the shortcut stays free of them.": (
        _norm_afterwards
    ),
    "The shortcuts are missing: only the branches came out.": lambda x, p: (
        _half2(_half1(x, p) - x, p) - (_half1(x, p) - x)
    ),
    "The first shortcut is missing.": lambda x, p: _half2(_half1(x, p) - x, p),
    "The second shortcut is missing.": lambda x, p: _right_block(x, p) - _half1(x, p),
    "The attention has its inner shortcut already: do not add the normalised x once more.": _inner_twice,
    "The second half is added to the old x. It must be added to what the first half has written.": lambda x, p: (
        x + _across(p.layer_scale_2) * p.ffn(p.norm2(_half1(x, p)))
    ),
    "The norms come after the branches. They belong before: attention(norm1(x)).": lambda x, p: _second(
        x + _across(p.layer_scale_1) * p.norm1(p.attention(x)), lambda x: _across(p.layer_scale_2) * p.norm2(p.ffn(x))
    ),
    "The scales were added. They multiply what comes out of the branches.": lambda x, p: _second(
        x + _across(p.layer_scale_1) + p.attention(p.norm1(x)), lambda x: _across(p.layer_scale_2) + p.ffn(p.norm2(x))
    ),
    "The scales are on the shortcuts. They multiply what comes out of the branches.": lambda x, p: (
        _across(p.layer_scale_2) * (_across(p.layer_scale_1) * x + p.attention(p.norm1(x)))
        + p.ffn(p.norm2(_across(p.layer_scale_1) * x + p.attention(p.norm1(x))))
    ),
    "One scale serves all channels. Each channel has its own: scale[:, None, None].": lambda x, p: _right_block(
        x,
        p._replace(
            layer_scale_1=p.layer_scale_1.mean().expand_as(p.layer_scale_1),
            layer_scale_2=p.layer_scale_2.mean().expand_as(p.layer_scale_2),
        ),
    ),
    "The FFN came first. The attention does.": lambda x, p: _half1(_half2(x, p), p),
    "The FFN half is missing.": _half1,
    "The attention half is missing.": _half2,
}


def _of_parts(program: Callable[[Tensor, Parts], Tensor]) -> Callable[..., Tensor]:
    return lambda x, norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2: program(
        x, Parts(norm1, attention, layer_scale_1, norm2, ffn, layer_scale_2)
    )


block = Exercise(
    _of_parts(_right_block),
    {"the map keeps its shape": SHAPES[:1], "normalise, attend, scale, add; then the same with the FFN": SHAPES},
    {sentence: _of_parts(mistake) for sentence, mistake in MISTAKES.items()},
    given=_given,
    tolerance=1e-8,
    changed="Your function changed x in place (`x += …` does). Write `x = x + …`: the caller needs the old.",
    parts=(_gradients_flow,),
)
