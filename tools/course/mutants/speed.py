"""Answers to the exercises of notebook 12: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

# ---- 11.1: fold(weight, bias, gain, shift, mean, variance, eps)


def fold(weight, bias, gain, shift, mean, variance, eps):
    scale = gain / torch.sqrt(variance + eps)
    return weight * scale, bias + weight @ (shift - scale * mean)


def fold_by_probing(weight, bias, gain, shift, mean, variance, eps):
    """The layer's answers to zero and to the unit vectors."""

    def both(x):
        return weight @ ((x - mean) / (variance + eps) ** 0.5 * gain + shift) + bias

    zero = both(torch.zeros_like(mean))
    return torch.stack([both(unit) - zero for unit in torch.eye(len(mean), dtype=mean.dtype)], 1), zero


def fold_by_diagonal(weight, bias, gain, shift, mean, variance, eps):
    norm = torch.diag(gain * (variance + eps).rsqrt())
    return weight @ norm, weight @ shift - weight @ norm @ mean + bias


def folded(weight_of: Callable | None = None, bias_of: Callable | None = None) -> Callable:
    """The right answer, but for one of its parts."""

    def answer(weight, bias, gain, shift, mean, variance, eps):
        w, b = fold(weight, bias, gain, shift, mean, variance, eps)
        scale = gain / (variance + eps).sqrt()
        if weight_of:
            w = weight_of(weight, gain, variance, eps)
        return w, bias_of(weight, bias, scale, shift, mean) if bias_of else b

    return answer


# ---- 11.2: squeeze_first(maps, weight)


def enlarged(x: Tensor, like: Tensor, **how: Any) -> Tensor:
    return F.interpolate(x, size=like.shape[2:], **{"mode": "bilinear", "align_corners": False, **how})


def squeeze_first(maps, weight):
    parts = weight.split([x.shape[1] for x in maps], 1)
    return sum(enlarged(F.conv2d(x, part), maps[0]) for x, part in zip(maps, parts))


def squeeze_by_einsum(maps, weight):
    total, done = None, 0
    for x in maps:
        part = weight[:, done : done + x.shape[1], 0, 0]
        done += x.shape[1]
        small = torch.einsum("dc,bchw->bdhw", part, x)
        total = small if total is None else total + enlarged(small, maps[0])
    return total


def squeezed(pick: Callable[[list], list] = list, end: Callable[[list], Any] = sum, **how: Any) -> Callable:
    def answer(maps, weight):
        parts = pick(list(weight.split([x.shape[1] for x in maps], 1)))
        return end([enlarged(F.conv2d(x, part), maps[0], **how) for x, part in zip(maps, parts)])

    return answer


# ---- 11.3: in_bands(f, x, rows)


def bands(above: int = 1, below: int = 1, cut: bool = True) -> Callable:
    def answer(f, x, rows):
        height, out = x.shape[2], []
        for top in range(0, height, rows):
            bottom = min(top + rows, height)
            first, last = max(top - above, 0), min(bottom + below, height)
            band = f(x[:, :, first:last])
            out.append(band[:, :, top - first : bottom - first] if cut else band)
        return torch.cat(out, 2)

    return answer


def into_one_tensor(f, x, rows):
    height, out = x.shape[2], None
    for top in range(0, height, rows):
        bottom = min(height, top + rows)
        band = f(x.narrow(2, max(top - 1, 0), min(bottom + 1, height) - max(top - 1, 0)))
        band = band[:, :, 1:] if top else band
        if out is None:
            out = x.new_empty(*band.shape[:2], *x.shape[2:])
        out[:, :, top:bottom] = band[:, :, : bottom - top]
    return out


def recursive(f, x, rows):
    """From below: the last band, and the rest before it."""
    starts = range(0, x.shape[2], rows)
    pieces = [
        f(x[:, :, max(t - 1, 0) : t + rows + 1])[:, :, min(t, 1) :][:, :, : min(rows, x.shape[2] - t)]
        for t in reversed(starts)
    ]
    return torch.cat(pieces[::-1], 2)


def only_whole_bands(f, x, rows):
    whole = x.shape[2] // rows * rows
    return bands()(f, x, rows)[:, :, :whole] if whole else bands()(f, x, rows)[:, :, :0]


def padded(f, x, rows):
    x = F.pad(x, (0, 0, 1, 1))
    return torch.cat([f(x[:, :, t : t + rows + 2])[:, :, 1:-1] for t in range(0, x.shape[2] - 2, rows)], 2)


def always_cut(f, x, rows):
    """Cuts a row above and below from every band, the first and the last included."""
    height = x.shape[2]
    pieces = [f(x[:, :, max(t - 1, 0) : min(t + rows + 1, height)])[:, :, 1:-1] for t in range(0, height, rows)]
    return torch.cat(pieces, 2)


def from_the_end(f, x, rows):
    """The first band begins at row -1, the last."""
    height, out = x.shape[2], []
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        chosen = torch.arange(top - 1, min(bottom + 1, height)) % height
        out.append(f(x[:, :, chosen])[:, :, 1 : bottom - top + 1])
    return torch.cat(out, 2)


def trusting_slices(f, x, rows):
    """x[:, :, -1:5] is empty."""
    return torch.cat([f(x[:, :, t - 1 : t + rows + 1])[:, :, 1 : rows + 1] for t in range(0, x.shape[2], rows)], 2)


def cut_above(f, x, rows):
    pieces = [f(x[:, :, max(t - 1, 0) : t + rows + 1]) for t in range(0, x.shape[2], rows)]
    return torch.cat([pieces[0], *(piece[:, :, 1:] for piece in pieces[1:])], 2)


def cut_below(f, x, rows):
    """Takes the first rows of each band, its halo above among them."""
    height = x.shape[2]
    pieces = [f(x[:, :, max(t - 1, 0) : t + rows + 1])[:, :, : min(rows, height - t)] for t in range(0, height, rows)]
    return torch.cat(pieces, 2)


def in_place(f, x, rows):
    result = bands()(f, x, rows)
    x.zero_()
    return result


def twice(f, x, rows):
    bands()(f, x, rows)
    return bands()(f, x, rows)


def whole(f, x, rows):
    return f(x)


# ---- 11.4: least_seconds(macs, carried, rate, bandwidth)


def least(macs, carried, rate, bandwidth):
    return max(macs / rate, carried / bandwidth)


def least_by_intensity(macs, carried, rate, bandwidth):
    return macs / min(rate, macs / carried * bandwidth)


def least_by_case(macs, carried, rate, bandwidth):
    return torch.tensor(macs / rate if macs * bandwidth > carried * rate else carried / bandwidth, dtype=torch.float64)


RIGHT: dict[str, list[Callable]] = {
    "fold": [fold, fold_by_probing, fold_by_diagonal],
    "squeeze_first": [squeeze_first, squeeze_by_einsum],
    "in_bands": [bands(), into_one_tensor, recursive],
    "least_seconds": [least, least_by_intensity, least_by_case],
}

WRONG: dict[str, dict[str, Callable]] = {
    "fold": {
        "went to the outputs": folded(lambda w, g, v, eps: w * (g / (v + eps).sqrt())[:, None]),
        "gain is missing": folded(lambda w, g, v, eps: w / (v + eps).sqrt()),
        "root is missing": folded(lambda w, g, v, eps: w * g / (v + eps)),
        "eps is missing": folded(lambda w, g, v, eps: w * g / v.sqrt()),
        "under the root, with the variance": folded(lambda w, g, v, eps: w * g / (v.sqrt() + eps)),
        "not multiplied": folded(lambda w, g, v, eps: w * g * (v + eps).sqrt()),
        "gain alone": folded(lambda w, g, v, eps: w * g),
        "came back as it was": folded(lambda w, g, v, eps: w),
        "transpose": folded(lambda w, g, v, eps: (w * (g / (v + eps).sqrt())).T),
        "The bias came back": folded(None, lambda w, b, s, h, m: b),
        "own bias is forgotten": folded(None, lambda w, b, s, h, m: w @ (h - s * m)),
        "has to pass through the weight": folded(None, lambda w, b, s, h, m: b + h - s * m),
        "not as it is now": folded(None, lambda w, b, s, h, m: b + (w * s) @ (h - s * m)),
        "mean is forgotten": folded(None, lambda w, b, s, h, m: b + w @ h),
        "shift is forgotten": folded(None, lambda w, b, s, h, m: b - w @ (s * m)),
        "before the scale is applied": folded(None, lambda w, b, s, h, m: b + w @ (h - m)),
        "taken away, not added": folded(None, lambda w, b, s, h, m: b + w @ (h + s * m)),
        "so it is not scaled": folded(None, lambda w, b, s, h, m: b + w @ (s * (h - m))),
        "behind": folded(None, lambda w, b, s, h, m: s * b + w @ (h - s * m)),
        r"Expected two tensors": lambda *numbers: fold(*numbers)[0],
    },
    "squeeze_first": {
        "the old order": lambda maps, weight: F.conv2d(torch.cat([enlarged(x, maps[0]) for x in maps], 1), weight),
        "same columns": squeezed(lambda parts: [parts[0]] * len(parts)),
        "reverse order": squeezed(lambda parts: parts[::-1]),
        "align_corners=True": squeezed(align_corners=True),
        "nearest cell": squeezed(mode="nearest", align_corners=None),
        "bicubic": squeezed(mode="bicubic"),
        "averaged": squeezed(end=lambda each: sum(each) / len(each)),
        "Only the first map": squeezed(end=lambda each: each[0]),
        "first map is missing": squeezed(end=lambda each: sum(each[1:])),
        "between the squeezing": squeezed(end=lambda each: sum(one.relu() for one in each)),
        "at the end": squeezed(end=lambda each: sum(each).relu()),
        "were joined": squeezed(end=lambda each: torch.cat(each, 1)),
        "Nothing was squeezed": lambda maps, weight: torch.cat([enlarged(x, maps[0]) for x in maps], 1),
        "size of the smallest": lambda maps, weight: enlarged(squeeze_first(maps, weight), maps[-1]),
        "your function stopped": lambda maps, weight: sum(
            F.conv2d(x, part) for x, part in zip(maps, weight.split([x.shape[1] for x in maps], 1))
        ),
        "equally many channels": lambda maps, weight: sum(
            enlarged(F.conv2d(x, part), maps[0]) for x, part in zip(maps, three_parts(weight, len(maps)))
        ),
    },
    "in_bands": {
        "rows at the seams": bands(0, 0),
        "lack the row above": bands(0, 1),
        "lack the row below": bands(1, 0),
        "only for looking at": bands(cut=False),
        "shorter band is missing": only_whole_bands,
        "border of the map": padded,
        "nothing to cut there": always_cut,
        "counts from the end": from_the_end,
        "your function stopped": trusting_slices,
        "One halo row of each": cut_above,
        "with the row above cut off": cut_below,
        "changed x in place": in_place,
        "f was called": twice,
        "went in at once": whole,
        "are enough": bands(2, 2),
    },
    "least_seconds": {
        "added up": lambda macs, carried, rate, bandwidth: macs / rate + carried / bandwidth,
        "shorter of the two": lambda macs, carried, rate, bandwidth: min(macs / rate, carried / bandwidth),
        "Only the products": lambda macs, carried, rate, bandwidth: macs / rate,
        "Only the bytes": lambda macs, carried, rate, bandwidth: carried / bandwidth,
        "the intensity": lambda macs, carried, rate, bandwidth: macs / carried,
        "changed places": lambda macs, carried, rate, bandwidth: max(macs / bandwidth, carried / rate),
        "That is a rate": lambda macs, carried, rate, bandwidth: min(rate, macs / carried * bandwidth),
        "upside down": lambda *numbers: 1 / least(*numbers),
        "milliseconds": lambda *numbers: 1e3 * least(*numbers),
        "counted as two": lambda macs, carried, rate, bandwidth: max(2 * macs / rate, carried / bandwidth),
    },
}


def three_parts(weight: Tensor, count: int) -> list[Tensor]:
    """The weight in equal parts, however wide the maps are; what is left over is repeated or cut."""
    widths = {3: (4, 6, 9), 2: (7, 5)}[count] if weight.shape[1] != 15 else (5, 5, 5)
    parts, equal = [], weight.shape[1] // count
    for index, width in enumerate(widths):
        part = weight[:, index * equal : index * equal + width]
        parts.append(F.pad(part, (0, 0, 0, 0, 0, width - part.shape[1])))
    return parts
