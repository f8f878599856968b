"""Exercise 7.1: three maps of different sizes become one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

PYRAMIDS = ((2, 9, 13), (1, 10, 7), (3, 16, 24))  # batch, height and width of the finest map
CHANNELS = (3, 4, 5)


def gather(answer: Callable[..., Any]) -> None:
    check(answer, _right_shape, _right_values, _learns)


def _pyramid(batch: int, height: int, width: int) -> list[Tensor]:
    """Three maps, each half as large as the one before, rounded up, as the encoder's are."""
    generator = torch.Generator().manual_seed(height * width)
    sizes = [(-(-height // step), -(-width // step)) for step in (1, 2, 4)]
    return [
        torch.randn(batch, channels, *size, generator=generator, dtype=torch.float64)
        for channels, size in zip(CHANNELS, sizes)
    ]


def _joined(maps: list[Tensor], mode: str = "bilinear", **options: Any) -> Tensor:
    size = tuple(maps[0].shape[2:])
    return torch.cat([F.interpolate(x, size=size, mode=mode, **options) for x in maps], dim=1)


def _answered(answer: Callable[..., Any], maps: list[Tensor]) -> Tensor:
    try:
        result = call(answer, [x.clone() for x in maps])
    except Wrong as wrong:
        if "except in dimension 1" not in str(wrong):
            raise Wrong(f"{wrong}{_stopped(str(wrong))}") from None
        raise Wrong(
            f"{wrong} The three are not of one size when you join them along dim=1. A fixed factor of 2 or 4 misses "
            "by a pixel where a side is odd: resize to the first map's size."
        ) from None
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected one tensor, but got {described(result)}. Is torch.cat missing?")
    return result


def _stopped(said: str) -> str:
    suspects = {
        " Three maps come in: those of stages 2, 3 and 4.": "expected 4, got 3",
        " The maps have different numbers of channels: they cannot be added, only joined.": "non-singleton dimension 1",
    }
    return next((sentence for sentence, words in suspects.items() if words in said), "")


def _right_shape(answer: Callable[..., Any]) -> str:
    for pyramid in PYRAMIDS:
        _expect_shape(answer, *pyramid)
    return f"one map of the finest one's size ({len(PYRAMIDS)} pyramids, odd sides too)"


def _expect_shape(answer: Callable[..., Any], batch: int, height: int, width: int) -> None:
    maps = _pyramid(batch, height, width)
    result, right = _answered(answer, maps), (batch, sum(CHANNELS), height, width)
    if result.shape != right:
        suspects = {
            "Everything has the last map's size. The small maps must grow to the first one's, or its detail is lost.": (
                batch,
                sum(CHANNELS),
                *maps[-1].shape[2:],
            ),
            "Height and width are swapped.": (batch, sum(CHANNELS), width, height),
            "The first map is missing.": (batch, sum(CHANNELS[1:]), height, width),
            "The first of the three is missing, and so is its size. They are stages 2, 3 and 4 already.": (
                batch,
                sum(CHANNELS[1:]),
                *maps[1].shape[2:],
            ),
            "The last map is missing.": (batch, sum(CHANNELS[:-1]), height, width),
        }
        why = cause(lambda wrong: result.shape == wrong, suspects)
        sizes = ", ".join(str(tuple(x.shape)) for x in maps)
        raise Wrong(f"From {sizes} came {described(result)}, expected {right}.{why}")


def _right_values(answer: Callable[..., Any]) -> str:
    for pyramid in PYRAMIDS:
        _expect_values(answer, _pyramid(*pyramid))
    return "bilinear, in order"


def _expect_values(answer: Callable[..., Any], maps: list[Tensor]) -> None:
    result, right = _answered(answer, maps).double(), _joined(maps, align_corners=False)
    if not torch.allclose(result, right, atol=1e-6):
        turned_round = torch.cat(right.split(CHANNELS, dim=1)[::-1], dim=1)
        suspects = {
            "That is align_corners=True. It pins the corner pixels and shifts everything between them; the authors' "
            "weights know the other.": _joined(maps, align_corners=True),
            "The order is turned round: stage 2 first, then 3, then 4. The weights that come next are sorted so.": (
                turned_round
            ),
            'That is mode="nearest": blocks with hard edges. Bilinear blends.': _joined(maps, "nearest"),
            'That is mode="nearest-exact": blocks with hard edges. Bilinear blends.': _joined(maps, "nearest-exact"),
            "The last map was resized twice, by way of the second one's size. Resize each once, to the first one's.": (
                torch.cat([maps[0], _joined([maps[0], _joined(maps[1:])])[:, CHANNELS[0] :]], dim=1)
            ),
            "That is bicubic: it overshoots at edges. Bilinear does not.": _joined(
                maps, "bicubic", align_corners=False
            ),
            "That is bicubic with align_corners=True. Both are wrong here.": _joined(
                maps, "bicubic", align_corners=True
            ),
        }
        why = cause(lambda wrong: torch.allclose(result, wrong, atol=1e-6), suspects)
        off = (result - right).abs().max().item()
        raise Wrong(f"The shape is right, the numbers are not: they are off by up to {off:.3g}.{why}")


def _learns(answer: Callable[..., Any]) -> str:
    maps = [x.requires_grad_() for x in _pyramid(*PYRAMIDS[0])]
    result = call(answer, maps)
    if not result.requires_grad:
        raise Wrong("No gradient flows back to the maps: is there a detach() or a no_grad()?")
    gradients = torch.autograd.grad(result.sum(), maps, allow_unused=True)
    if any(gradient is None for gradient in gradients):
        raise Wrong("Not all three maps are reached by the gradient: is there a detach()?")
    return "gradients reach all three"
