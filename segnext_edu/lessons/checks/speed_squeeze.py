"""Exercise 12.2: squeeze each map at its own size, then enlarge."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described

EQUAL = (5, 5, 5)  # channels of the three maps: here every mistake has a shape that passes
OTHERS = ((4, 6, 9), (7, 5))
WIDTH = 3  # to which they are squeezed


def squeeze_first(answer: Callable[..., Any]) -> None:
    check(answer, _right_answer, _other_widths, _small_maps_are_enlarged)


def _given(channels: Sequence[int], batch: int = 2) -> tuple[list[Tensor], Tensor]:
    generator = torch.Generator().manual_seed(sum(channels))
    sizes = ((9, 13), (5, 7), (3, 4))
    maps = [
        torch.randn(batch, count, *size, generator=generator, dtype=torch.float64)
        for count, size in zip(channels, sizes)
    ]
    return maps, torch.randn(WIDTH, sum(channels), 1, 1, generator=generator, dtype=torch.float64)


def _resize(x: Tensor, like: Tensor, **how: Any) -> Tensor:
    how = {"mode": "bilinear", "align_corners": False, **how}
    return F.interpolate(x, size=like.shape[2:], **how)


def _right(maps: Sequence[Tensor], weight: Tensor) -> Tensor:
    return F.conv2d(torch.cat([_resize(x, maps[0]) for x in maps], 1), weight)


def _answer(answer: Callable[..., Any], maps: Sequence[Tensor], weight: Tensor) -> Tensor:
    result = call(answer, [x.clone() for x in maps], weight.clone())
    expected = (maps[0].shape[0], WIDTH, *maps[0].shape[2:])
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected a tensor of shape {expected}, but got {described(result)}.")
    if result.shape != expected:
        suspects = {
            "The squeezed maps were joined. They are added up.": (expected[0], WIDTH * len(maps), *expected[2:]),
            "That is the size of the smallest map. The others are as large as the first.": (
                *expected[:2],
                *maps[-1].shape[2:],
            ),
            "Nothing was squeezed: those are all the channels.": (expected[0], weight.shape[1], *expected[2:]),
        }
        why = cause(tuple(result.shape).__eq__, suspects)
        raise Wrong(f"Expected a tensor of shape {expected}, but got {described(result)}.{why}")
    return result


def _same(came: Tensor, right: Tensor) -> bool:
    return torch.allclose(came.to(right), right, atol=1e-5)


def _right_answer(answer: Callable[..., Any]) -> str:
    maps, weight = _given(EQUAL)
    came, right = _answer(answer, maps, weight), _right(maps, weight)
    if not _same(came, right):
        why = cause(lambda wrong: _same(came, wrong), _suspects(maps, weight))
        raise Wrong(f"The shape is right, the numbers are off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the numbers of the old order"


def _suspects(maps: Sequence[Tensor], weight: Tensor) -> dict[str, Tensor]:
    parts = weight.split(EQUAL, 1)

    def total(parts: Sequence[Tensor], **how: Any) -> Tensor:
        return torch.stack([_resize(F.conv2d(x, part), maps[0], **how) for x, part in zip(maps, parts)]).sum(0)

    each = [_resize(F.conv2d(x, part), maps[0]) for x, part in zip(maps, parts)]
    return {
        "Every map met the same columns of the weight. Each has its own: the first C₁ belong to the first map.": (
            total([parts[0]] * len(maps))
        ),
        "The parts of the weight are in reverse order.": total(parts[::-1]),
        "The resize has align_corners=True; the model's has False.": total(parts, align_corners=True),
        "The resize takes the nearest cell; the model's is bilinear.": total(parts, mode="nearest", align_corners=None),
        "The resize is bicubic; the model's is bilinear.": total(parts, mode="bicubic"),
        "The maps were averaged. They are added up.": sum(each[1:], each[0]) / len(each),
        "Only the first map is in it.": each[0],
        "The first map is missing.": sum(each[2:], each[1]),
        "A ReLU came between the squeezing and the sum. With it the two orders differ.": (
            torch.stack(each).relu().sum(0)
        ),
        "A ReLU came at the end. The exercise is the bare squeeze; ReLU and norm follow later.": (
            torch.stack(each).sum(0).relu()
        ),
    }


def _other_widths(answer: Callable[..., Any]) -> str:
    for channels in OTHERS:
        maps, weight = _given(channels, batch=1)
        if not _same(_answer(answer, maps, weight), _right(maps, weight)):
            raise Wrong(f"Right for three maps of equally many channels, wrong for {len(maps)} maps of {channels}.")
    return "however many maps, however wide"


class _Enlarged(TorchFunctionMode):
    """Notes how many channels the maps had that were made larger."""

    def __init__(self) -> None:
        super().__init__()
        self.channels: list[int] = []

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        if getattr(func, "__name__", "").startswith(("interpolate", "upsample")):
            x = args[0] if args else (kwargs or {})["input"]
            if out.shape[2:] != x.shape[2:]:
                self.channels.append(x.shape[1])
        return out


def _small_maps_are_enlarged(answer: Callable[..., Any]) -> str:
    maps, weight = _given(OTHERS[0])
    with _Enlarged() as enlarged:
        _answer(answer, maps, weight)
    if any(count != WIDTH for count in enlarged.channels):
        raise Wrong(
            f"The numbers are right, but a map of {max(enlarged.channels)} channels was made larger: that is the old "
            f"order, and nothing is saved. Squeeze first, to {WIDTH} channels, then enlarge."
        )
    return "squeezed before it is enlarged"
