"""The checks of notebook 12: a folded norm, squeezing first, bands of rows, and the least time a layer takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number

__all__ = ["fold", "in_bands", "least_seconds", "squeeze_first"]

SQUARE = (6, 6)  # channels in and out: here every mistake has a shape that passes
FOLD_OTHERS = ((3, 7), (8, 2))
EPS = 0.1  # far larger than usual, so that it is seen when it is forgotten

Numbers = tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]  # weight, bias, gain, shift, mean, variance


def fold(answer: Callable[..., Any]) -> None:
    check(answer, _right_weight, _right_bias, _fold_other_widths)


def _numbers(channels: int, out: int) -> Numbers:
    generator = torch.Generator().manual_seed(10 * channels + out)
    shapes = (out, channels), (out,), (channels,), (channels,), (channels,)
    weight, bias, gain, shift, mean = (torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes)
    variance = 0.3 + 2 * torch.rand(channels, generator=generator, dtype=torch.float64)
    return weight, bias, gain, shift, mean, variance


def _fold_right(numbers: Numbers) -> tuple[Tensor, Tensor]:
    weight, bias, gain, shift, mean, variance = numbers
    scale = gain / (variance + EPS).sqrt()
    return weight * scale, bias + weight @ (shift - scale * mean)


def _folded(answer: Callable[..., Any], numbers: Numbers) -> tuple[Tensor, Tensor]:
    result = call(answer, *(x.clone() for x in numbers), EPS)
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise Wrong(f"Expected two tensors, (weight, bias), but got {described(result)}.")
    out, channels = numbers[0].shape
    for name, tensor, shape in zip(("weight", "bias"), result, ((out, channels), (out,))):
        if tensor.shape != shape:
            hint = " It is the transpose of that." if tensor.shape == shape[::-1] and len(shape) == 2 else ""
            raise Wrong(f"Expected {name} of shape {shape}, but got {described(tensor)}.{hint}")
    return result[0], result[1]


def _fold_same(came: Tensor, right: Tensor) -> bool:
    return torch.allclose(came.double(), right, atol=1e-6)


def _right_weight(answer: Callable[..., Any]) -> str:
    weight, _, gain, _, _, variance = numbers = _numbers(*SQUARE)
    came, right = _folded(answer, numbers)[0], _fold_right(numbers)[0]
    if not _fold_same(came, right):
        root = (variance + EPS).sqrt()
        suspects = {
            "The scale went to the outputs, the rows. A norm *before* the layer scales what comes in: the columns.": (
                weight * (gain / root)[:, None]
            ),
            "The gain is missing: BatchNorm's own weight, one a channel.": weight / root,
            "The root is missing: BatchNorm divides by the standard deviation, √(variance + eps).": (
                weight * gain / (variance + EPS)
            ),
            "eps is missing under the root.": weight * gain / variance.sqrt(),
            "eps belongs under the root, with the variance.": weight * gain / (variance.sqrt() + EPS),
            "It is divided by √(variance + eps), not multiplied.": weight * gain * root,
            "The variance is missing: that is the gain alone.": weight * gain,
            "The weight came back as it was.": weight,
            "It is the transpose of what it should be.": right.T,
        }
        why = cause(lambda wrong: _fold_same(came, wrong), suspects)
        raise Wrong(f"The weight is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the weight"


def _right_bias(answer: Callable[..., Any]) -> str:
    weight, bias, gain, shift, mean, variance = numbers = _numbers(*SQUARE)
    came, right = _folded(answer, numbers)[1], _fold_right(numbers)[1]
    if not _fold_same(came, right):
        scale = gain / (variance + EPS).sqrt()
        moved = shift - scale * mean
        suspects = {
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
        why = cause(lambda wrong: _fold_same(came, wrong), suspects)
        raise Wrong(f"The weight is right, the bias is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the bias"


def _fold_other_widths(answer: Callable[..., Any]) -> str:
    for channels, out in FOLD_OTHERS:
        numbers = _numbers(channels, out)
        weight, bias = _folded(answer, numbers)
        right = _fold_right(numbers)
        if not (_fold_same(weight, right[0]) and _fold_same(bias, right[1])):
            raise Wrong(f"Right where all widths agree, wrong for {channels} → {out} channels.")
    return f"one layer does what the two did ({len(FOLD_OTHERS)} other widths)"


EQUAL = (5, 5, 5)  # channels of the three maps: here every mistake has a shape that passes
SQUEEZE_OTHERS = ((4, 6, 9), (7, 5))
WIDTH = 3  # to which they are squeezed


def squeeze_first(answer: Callable[..., Any]) -> None:
    check(answer, _right_answer, _squeeze_other_widths, _small_maps_are_enlarged)


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


def _squeeze_right(maps: Sequence[Tensor], weight: Tensor) -> Tensor:
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


def _squeeze_same(came: Tensor, right: Tensor) -> bool:
    return torch.allclose(came.to(right), right, atol=1e-5)


def _right_answer(answer: Callable[..., Any]) -> str:
    maps, weight = _given(EQUAL)
    came, right = _answer(answer, maps, weight), _squeeze_right(maps, weight)
    if not _squeeze_same(came, right):
        why = cause(lambda wrong: _squeeze_same(came, wrong), _suspects(maps, weight))
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


def _squeeze_other_widths(answer: Callable[..., Any]) -> str:
    for channels in SQUEEZE_OTHERS:
        maps, weight = _given(channels, batch=1)
        if not _squeeze_same(_answer(answer, maps, weight), _squeeze_right(maps, weight)):
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
    maps, weight = _given(SQUEEZE_OTHERS[0])
    with _Enlarged() as enlarged:
        _answer(answer, maps, weight)
    if any(count != WIDTH for count in enlarged.channels):
        raise Wrong(
            f"The numbers are right, but a map of {max(enlarged.channels)} channels was made larger: that is the old "
            f"order, and nothing is saved. Squeeze first, to {WIDTH} channels, then enlarge."
        )
    return "squeezed before it is enlarged"


SIZES = ((2, 3, 12, 5, 4), (1, 4, 11, 6, 3), (1, 2, 7, 4, 1), (1, 2, 5, 4, 9))  # batch, channels, height, width, rows


def in_bands(answer: Callable[..., Any]) -> None:
    check(answer, _same_answer, _never_taller, _once_each)


class _Layers:
    """Widen, look at the 3 × 3 neighbours, narrow; it remembers how tall the maps were that it was given."""

    def __init__(self, channels: int):
        generator = torch.Generator().manual_seed(channels)
        shapes = (
            (2 * channels, channels, 1, 1),
            (2 * channels,),
            (2 * channels, 1, 3, 3),
            (channels + 1, 2 * channels, 1, 1),
        )
        self.widen, self.bias, self.around, self.narrow = (
            torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes
        )
        self.heights: list[int] = []

    def __call__(self, x: Tensor) -> Tensor:
        self.heights.append(x.shape[2])
        hidden = F.conv2d(x, self.widen, self.bias)  # (B, 2C, h, W)
        hidden = F.conv2d(hidden, self.around, padding=1, groups=len(self.around))
        return F.conv2d(F.gelu(hidden), self.narrow)  # (B, C + 1, h, W)


def _run(answer: Callable[..., Any], size: tuple[int, ...]) -> tuple[Tensor, Tensor, _Layers]:
    """What came, what was expected, and the layers with their memory of this run."""
    b, c, h, w, rows = size
    x = torch.randn(b, c, h, w, generator=torch.Generator().manual_seed(h), dtype=torch.float64)
    layers = _Layers(c)
    right = layers(x)
    layers.heights.clear()
    given = x.clone()
    came = call(answer, layers, given, rows)
    if not given.equal(x):
        raise Wrong("Your function changed x in place. The band below still needs the rows as they were.")
    if not isinstance(came, Tensor):
        raise Wrong(f"Expected a tensor of shape {tuple(right.shape)}, but got {described(came)}.")
    return came, right, layers


def _same_answer(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        h, rows = size[2], size[4]
        came, right, _ = _run(answer, size)
        where = f"{h} rows in bands of {rows}"
        if came.shape != right.shape:
            raise Wrong(f"{where}: expected {tuple(right.shape)}, but got {tuple(came.shape)}.{_why(came, h, rows)}")
        off = (came.to(right) - right).abs().amax((0, 1, 3))  # (H,)
        wrong = [row for row in range(h) if not off[row] < 1e-6]
        if wrong:
            raise Wrong(f"{where}: wrong in rows {', '.join(map(str, wrong))}.{_blame(wrong, h, rows)}")
    return "the same map, also where the bands do not divide the height"


def _why(came: Tensor, height: int, rows: int) -> str:
    if came.dim() != 4:
        return ""
    bands, got = math.ceil(height / rows), came.shape[2]
    if got == height + 2 * (bands - 1) and bands > 1:
        return " The halo rows are still there. They were only for looking at: cut them off before joining."
    if got == height + bands - 1 and bands > 1:
        return " One halo row of each band is still there; cut off the upper and the lower."
    if got == height // rows * rows:
        return " The last, shorter band is missing."
    if got < height:
        return (
            " Too many rows were cut off. The first band has no row above, the last none below: nothing to cut there."
        )
    return ""


def _blame(wrong: list[int], height: int, rows: int) -> str:
    tops = list(range(rows, height, rows))  # the first rows of all bands but the first
    bottoms = [top - 1 for top in tops]
    if wrong == sorted({*tops, *bottoms}):
        return " Those are the rows at the seams: each band has to see one row above itself and one below."
    if wrong == tops:
        return " Those are the first rows of the bands: they lack the row above."
    if wrong == bottoms:
        return " Those are the last rows of the bands: they lack the row below."
    if wrong == [0]:
        return " That is the map's first row. Has its top - 1 become -1, which Python counts from the end?"
    if set(wrong) <= {0, height - 1}:
        return (
            " That is the border of the map. Beyond it there is no row, not even one of zeros: a row of zeros would be "
            "widened, and the bias makes something of it."
        )
    if set(wrong) >= set(range(rows, height)):
        return " The first band is right. Do the others go where they belong, with the row above cut off?"
    return ""


def _never_taller(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        h, rows = size[2], size[4]
        _, _, layers = _run(answer, size)
        most = max(layers.heights, default=0)
        allowed = min(h, rows + 2)
        if most > allowed:
            why = " The whole map went in at once." if most == h else " One row above and one below are enough."
            raise Wrong(f"The map is right, but f was given {most} rows where {allowed} would do.{why}")
    return "never more than a band and its halo at once"


def _once_each(answer: Callable[..., Any]) -> str:
    for size in SIZES:
        h, rows = size[2], size[4]
        _, _, layers = _run(answer, size)
        if len(layers.heights) != math.ceil(h / rows):
            bands = math.ceil(h / rows)
            raise Wrong(f"{h} rows in bands of {rows} are {bands} bands, but f was called {len(layers.heights)} times.")
    return "each band once"


# multiply-adds, bytes, multiply-adds a second, bytes a second
COMPUTING = (6e9, 2e8, 1e11, 1e10)  # 60 ms of products, 20 ms of memory
CARRYING = (1e8, 4e8, 5e10, 2e10)  # 2 ms and 20 ms
EVEN = (3e9, 6e9, 1e11, 2e11)
EVERY = (COMPUTING, CARRYING, EVEN)

Formula = Callable[[float, float, float, float], float]

SUSPECTS: dict[str, Formula] = {
    "The two were added up. Products and memory work at the same time: the slower one decides.": (
        lambda macs, carried, rate, bandwidth: macs / rate + carried / bandwidth
    ),
    "That is the shorter of the two times. Who waits for whom? The longer one decides.": (
        lambda macs, carried, rate, bandwidth: min(macs / rate, carried / bandwidth)
    ),
    "Only the products are counted.": lambda macs, carried, rate, bandwidth: macs / rate,
    "Only the bytes are counted.": lambda macs, carried, rate, bandwidth: carried / bandwidth,
    "Those are multiply-adds a byte, the intensity. The exercise asks for seconds.": (
        lambda macs, carried, rate, bandwidth: macs / carried
    ),
    "Rate and bandwidth have changed places.": (
        lambda macs, carried, rate, bandwidth: max(macs / bandwidth, carried / rate)
    ),
    "That is a rate: multiply-adds a second. Divide the multiply-adds by it.": (
        lambda macs, carried, rate, bandwidth: min(rate, macs / carried * bandwidth)
    ),
    "That is upside down: one over the seconds.": (
        lambda macs, carried, rate, bandwidth: min(rate / macs, bandwidth / carried)
    ),
    "Those are milliseconds.": lambda macs, carried, rate, bandwidth: 1e3 * max(macs / rate, carried / bandwidth),
    "A multiply-add was counted as two operations, but the rate is in multiply-adds already.": (
        lambda macs, carried, rate, bandwidth: max(2 * macs / rate, carried / bandwidth)
    ),
}


def least_seconds(answer: Callable[..., Any]) -> None:
    check(answer, _bound_by_products, _bound_by_memory, _even)


def _bound_right(macs: float, carried: float, rate: float, bandwidth: float) -> float:
    return max(macs / rate, carried / bandwidth)


def _near(came: float, right: float) -> bool:
    return abs(came - right) <= 1e-9 * abs(right)


def _prove(answer: Callable[..., Any], numbers: tuple[float, float, float, float]) -> None:
    came = number(call(answer, *numbers), "seconds")
    if not _near(came, _bound_right(*numbers)):
        every = [number(call(answer, *some), "seconds") for some in EVERY]

        def explains(formula: Formula) -> bool:  # several formulas may agree in one case, but not in all
            return all(_near(mine, formula(*some)) for mine, some in zip(every, EVERY))

        macs, carried, rate, bandwidth = numbers
        raise Wrong(
            f"{macs:.0e} multiply-adds at {rate:.0e} a second, {carried:.0e} bytes at {bandwidth:.0e} a second: "
            f"expected {_bound_right(*numbers):.3g} s, but got {came:.3g}.{cause(explains, SUSPECTS)}"
        )


def _bound_by_products(answer: Callable[..., Any]) -> str:
    _prove(answer, COMPUTING)
    return "bound by products"


def _bound_by_memory(answer: Callable[..., Any]) -> str:
    _prove(answer, CARRYING)
    return "bound by memory"


def _even(answer: Callable[..., Any]) -> str:
    _prove(answer, EVEN)
    return "where both are even"
