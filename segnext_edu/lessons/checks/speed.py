"""The checks of notebook 12: a folded norm, squeezing first, and the least time a layer takes; bands are beside it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, described
from segnext_edu.lessons.checks.speed_bands import in_bands
from segnext_edu.lessons.checks.table import Exercise

__all__ = ["fold", "in_bands", "least_seconds", "squeeze_first"]

EPS = 0.1  # far larger than usual, so that it is seen when it is forgotten


def _numbers(channels: int, out: int) -> tuple[Tensor | float, ...]:
    generator = torch.Generator().manual_seed(10 * channels + out)
    shapes = (out, channels), (out,), (channels,), (channels,), (channels,)
    weight, bias, gain, shift, mean = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    variance = 0.3 + 2 * torch.rand(channels, generator=generator, dtype=torch.float64)
    return weight, bias, gain, shift, mean, variance, EPS


def _folded(weight: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, eps: float):
    scale = gain / (variance + eps).sqrt()
    return weight * scale, bias + weight @ (shift - scale * mean)


def _weight_mistakes(
    weight: Tensor, _: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> dict[str, Tensor]:
    root, scaled = (variance + eps).sqrt(), weight * gain
    return {
        "The scale went to the outputs, the rows. A norm *before* the layer scales what comes in: the columns.": (
            weight * (gain / root)[:, None]
        ),
        "The gain is missing: BatchNorm's own weight, one per channel.": weight / root,
        "The root is missing: BatchNorm divides by the standard deviation, √(variance + eps).": scaled / root**2,
        "eps is missing under the root.": scaled / variance.sqrt(),
        "eps belongs under the root, with the variance.": scaled / (variance.sqrt() + eps),
        "It is divided by √(variance + eps), not multiplied.": scaled * root,
        "The variance is missing: that is the gain alone.": scaled,
        "The weight came back as it was.": weight,
        "It is the transpose of what it should be.": (scaled / root).T,
    }


def _bias_mistakes(
    weight: Tensor, bias: Tensor, gain: Tensor, shift: Tensor, mean: Tensor, variance: Tensor, eps: float
) -> dict[str, Tensor]:
    scale = gain / (variance + eps).sqrt()
    moved = shift - scale * mean
    return {
        "The bias came back as it was. What the norm adds passes through the layer, too.": bias,
        "The layer's own bias is forgotten.": weight @ moved,
        "What the norm adds has to pass through the weight: weight @ (…), then the bias.": bias + moved,
        "What the norm adds is scaled already: it passes through the weight as it was, not as it is now.": (
            bias + (weight * scale) @ moved
        ),
        "The mean is forgotten. BatchNorm takes it away first.": bias + weight @ shift,
        "The shift is forgotten.": bias - weight @ (scale * mean),
        "The mean is taken away before the scale is applied, so it is scaled as well: shift - scale · mean.": (
            bias + weight @ (shift - mean)
        ),
        "The mean is taken away, not added.": bias + weight @ (shift + scale * mean),
        "The shift is added *after* the scale, so it is not scaled.": bias + weight @ (scale * (shift - mean)),
        "The bias was scaled. That happens to a norm *behind* the layer; this one stands before it.": (
            scale * bias + weight @ moved
        ),
    }


def _misfolded(result: Any, weight: Tensor, *_: Any) -> str:
    first = result[0] if isinstance(result, tuple | list) and len(result) == 2 else None
    turned = isinstance(first, Tensor) and first.shape != weight.shape and first.shape == weight.mT.shape
    return " It is the transpose of that." if turned else ""


def _off(what: str) -> Callable[..., str]:
    return lambda came, right, *_: f"{what} off by up to {(came - right).abs().max().item():.3g}."


def _widths(came: Any, right: Any, weight: Tensor, *_: Any) -> str:
    return f"Right where all widths agree, wrong for {weight.shape[1]} → {weight.shape[0]} channels."


_fold = partial(
    Exercise,
    _folded,
    given=_numbers,
    expected="two tensors, (weight, bias)",
    names=("weight", "bias"),
    same_dtype=False,
    hint=_misfolded,
)
SQUARE = (6, 6)  # channels in and out: here every mistake has a shape that passes
fold = _fold(
    {"the weight": [SQUARE]},
    _weight_mistakes,
    index=0,
    say=_off("The weight is"),
    parts=[
        _fold({"the bias": [SQUARE]}, _bias_mistakes, index=1, say=_off("The weight is right, the bias is")),
        _fold({"one layer does what the two did (2 other widths)": [(3, 7), (8, 2)]}, {}, say=_widths),
    ],
)

EQUAL = (5, 5, 5)  # channels of the three maps: here every mistake has a shape that passes
WIDTH = 3  # to which they are squeezed


def _maps(channels: Sequence[int], batch: int = 2) -> tuple[list[Tensor], Tensor]:
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


def _squeezed(maps: Sequence[Tensor], weight: Tensor) -> Tensor:
    return F.conv2d(torch.cat([_resize(x, maps[0]) for x in maps], 1), weight)


def _squeezed_first(maps: Sequence[Tensor], weight: Tensor) -> Tensor:
    parts = weight.split([x.shape[1] for x in maps], dim=1)
    return torch.stack([_resize(F.conv2d(x, part), maps[0]) for x, part in zip(maps, parts)]).sum(0)  # (B, D, H, W)


def _one_map(result: Any, right: Tensor, maps: Sequence[Tensor], weight: Tensor) -> Tensor:
    expected = tuple(right.shape)
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


def _squeeze_mistakes(maps: Sequence[Tensor], weight: Tensor) -> dict[str, Tensor]:
    if weight.shape[1] != sum(EQUAL) or len(maps) != len(EQUAL):
        return {}
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


def _other_numbers(came: Tensor, right: Tensor, maps: Sequence[Tensor], weight: Tensor) -> str:
    channels = tuple(x.shape[1] for x in maps)
    if channels != EQUAL:
        return f"Right for three maps of equally many channels, wrong for {len(maps)} maps of {channels}."
    return f"The shape is right, the numbers are off by up to {(came - right).abs().max().item():.3g}."


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
    maps, weight = _maps((4, 6, 9))
    with _Enlarged() as enlarged:
        call(answer, maps, weight)
    if any(count != WIDTH for count in enlarged.channels):
        raise Wrong(
            f"The numbers are right, but a map of {max(enlarged.channels)} channels was made larger: that is the old "
            f"order, and nothing is saved. Squeeze first, to {WIDTH} channels, then enlarge."
        )
    return "squeezed before it is enlarged"


squeeze_first = Exercise(
    _squeezed,
    {"the numbers of the old order": [(EQUAL,)], "however many maps, however wide": [((4, 6, 9), 1), ((7, 5), 1)]},
    _squeeze_mistakes,
    _squeezed_first,
    given=_maps,
    tolerance=1e-5,
    read=_one_map,
    say=_other_numbers,
    parts=[_small_maps_are_enlarged],
)


def _least_seconds(macs: float, carried: float, rate: float, bandwidth: float) -> float:
    return max(macs / rate, carried / bandwidth)


def _least_mistakes(macs: float, carried: float, rate: float, bandwidth: float) -> dict[str, float]:
    computing, carrying, intensity = macs / rate, carried / bandwidth, macs / carried
    return {
        "The two were added up. Products and memory work at the same time: the slower one decides.": (
            computing + carrying
        ),
        "That is the shorter of the two times. Who waits for whom? The longer one decides.": min(computing, carrying),
        "Only the products are counted.": computing,
        "Only the bytes are counted.": carrying,
        "Those are multiply-adds a byte, the intensity. The exercise asks for seconds.": intensity,
        "Rate and bandwidth have changed places.": max(macs / bandwidth, carried / rate),
        "That is a rate: multiply-adds per second. Divide the multiply-adds by it.": min(rate, intensity * bandwidth),
        "That is upside down: one over the seconds.": 1 / max(computing, carrying),
        "Those are milliseconds.": 1e3 * max(computing, carrying),
        "A multiply-add was counted as two operations, but the rate is in multiply-adds already.": (
            max(2 * computing, carrying)
        ),
    }


least_seconds = Exercise(
    _least_seconds,
    {
        "bound by products": [(6e9, 2e8, 1e11, 1e10)],  # 60 ms of products, 20 ms of memory
        "bound by memory": [(1e8, 4e8, 5e10, 2e10)],  # 2 ms and 20 ms
        "where both are even": [(3e9, 6e9, 1e11, 2e11)],
    },
    _least_mistakes,
    everywhere=True,
    expected="seconds",
    tolerance=1e-9,
    say=lambda came, right, macs, carried, rate, bandwidth: (
        f"{macs:.0e} multiply-adds at {rate:.0e} a second, {carried:.0e} bytes at {bandwidth:.0e} a second: "
        f"expected {right:.3g} s, but got {came:.3g}."
    ),
)
