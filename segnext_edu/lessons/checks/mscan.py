"""The checks of notebook 05: the sizes of the four maps, the block, stochastic depth, and how often it drops which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number
from segnext_edu.lessons.checks.mscan_block import block
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.model.mscan import StochasticDepth

__all__ = ["block", "drop_rates", "map_sizes", "stochastic_depth"]

EVEN = ((512, 512), (256, 384), (96, 32))
ODD = ((375, 500), (33, 65), (97, 40), (240, 321), (1023, 37))

Sizes = list[tuple[float, float]]


def _list_of_tuples(answer: Callable[..., Any]) -> str:
    """A notebook that compares with such a list finds nothing else equal to it, whatever the numbers are."""
    result = call(answer, *ODD[0])
    if not isinstance(result, list) or not all(isinstance(pair, tuple) for pair in result):
        raise Wrong(f"The numbers are right, but came as {result}. A list of tuples is wanted: [(h, w), …]")
    return "as a list of pairs"


def _sizes(height: int, width: int, side: Callable[[int, int], float], strides: tuple[int, ...]) -> Sizes:
    return [(side(height, stride), side(width, stride)) for stride in strides]


def _right_sizes(height: int, width: int) -> Sizes:
    return _sizes(height, width, _up, (4, 8, 16, 32))


def _up(side: int, stride: int) -> int:
    return -(-side // stride)


def _unpadded(side: int, stride: int) -> int:
    while stride > 1:  # a 3 × 3 kernel with stride 2 that hangs over nowhere
        side, stride = (side - 1) // 2, stride // 2
    return side


def _pairs(result: Any, *_: Any) -> Sizes:
    if not isinstance(result, tuple | list):
        raise Wrong(f"Expected a list of four (height, width), but got {described(result)}.")
    if not all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in result):
        raise Wrong(f"Each map should be a pair, (height, width), but the list is {described(result)}.")
    return [(number(h, "a height"), number(w, "a width")) for h, w in result]


def _listed(sizes: Sizes) -> str:
    return ", ".join(f"{height:g} × {width:g}" for height, width in sizes)


def _size_mistakes(height: int, width: int) -> dict[str, Sizes]:
    strides = (4, 8, 16, 32)
    down = _sizes(height, width, lambda side, stride: side // stride, strides)
    right = _right_sizes(height, width)
    return {
        "It is the same for every picture. Write height and width in the place of the example's.": _right_sizes(
            *EVEN[0]
        ),
        "You rounded down. The kernel hangs over the border by one, so a last pixel that is left over still gets an "
        "answer: round up.": down,
        "You rounded to the nearest number. A rest, however small, is one more row: round up.": _sizes(
            height, width, lambda side, stride: int(side / stride + 0.5), strides
        ),
        "Python's round() goes to the nearest number (and from 62.5 to 62). A rest is one more row: round up.": _sizes(
            height, width, lambda side, stride: round(side / stride), strides
        ),
        "The height is in it twice.": [(h, h) for h, _ in right],
        "The width is in it twice.": [(w, w) for _, w in right],
        "You did not round: half a pixel is none. Round up.": _sizes(
            height, width, lambda side, stride: side / stride, strides
        ),
        "The stem has two convolutions with stride 2, not one: the first map is at stride 4.": _sizes(
            height, width, _up, (2, 4, 8, 16)
        ),
        "The first map is missing, and there is one too many: stage 1 ends at stride 4.": _sizes(
            height, width, _up, (8, 16, 32, 64)
        ),
        "The stem quarters the sides; the steps after it only halve them.": _sizes(
            height, width, _up, (4, 16, 64, 256)
        ),
        "Four stages, four maps: the picture itself is none of them.": _sizes(height, width, _up, (1, 4, 8, 16, 32)),
        "Stage 1 is missing: it is at stride 4.": _sizes(height, width, _up, (8, 16, 32)),
        "Stages 2, 3 and 4 are missing.": right[:1],
        "Height and width are swapped: (H, W), as in a tensor's shape.": [(w, h) for h, w in right],
        "The last stage came first.": right[::-1],
        "Always one more is too many: where nothing is left over, nothing is added.": [(h + 1, w + 1) for h, w in down],
        "You forgot the padding: with padding=1 the border's pixels get an answer as well.": _sizes(
            height, width, _unpadded, strides
        ),
        "You filled the picture up to a multiple of 32 first. The encoder does not: each step rounds for itself.": [
            (32 * _up(height, 32) // stride, 32 * _up(width, 32) // stride) for stride in strides
        ],
    }


map_sizes = Exercise(
    _right_sizes,
    {"multiples of 32": EVEN, "odd sizes, rounded up": ODD},
    _size_mistakes,
    read=_pairs,
    say=lambda came, right, height, width: (
        f"A picture of {height} × {width}: your maps are {_listed(came)}, but come as {_listed(right)}."
    ),
    tolerance=0,
    parts=(_list_of_tuples,),
)


SHAPES = ((100, 2, 2, 3), (80, 3, 1, 4))
RATES = (0.3, 0.1)


def stochastic_depth(answer: Callable[..., Any]) -> Any:
    parts = _quiet_when_not_training, _whole_samples, _as_often_as_asked, _scaled_up
    return check(answer, *parts, ours=lambda x, rate, training: StochasticDepth(rate).train(training)(x))


def _batch(shape: tuple[int, ...]) -> Tensor:
    generator = torch.Generator().manual_seed(shape[0])
    return torch.rand(*shape, generator=generator, dtype=torch.float64) + 1  # so that no number is 0 to begin with


def _branch(answer: Callable[..., Any], x: Tensor, rate: float, training: bool) -> Tensor:
    given = x.clone()
    result = call(answer, given, rate, training)
    if not isinstance(result, Tensor) or result.shape != x.shape:
        fewer = isinstance(result, Tensor) and result.shape[1:] == x.shape[1:] and len(result) < len(x)
        why = " The dropped samples are gone. They become 0, and stay in the batch." if fewer else ""
        raise Wrong(f"Expected a tensor of shape {tuple(x.shape)}, but got {described(result)}.{why}")
    if not given.equal(x):
        raise Wrong("Your function changed x in place. Whoever called it still needs it.")
    if result.dtype != x.dtype:
        raise Wrong(f"x was float64, but your answer is {described(result)}: the precision was lost.")
    return result


def _quiet_when_not_training(answer: Callable[..., Any]) -> str:
    x = _batch(SHAPES[0])
    for rate, training in ((0.3, False), (0.1, False), (0.0, True)):
        result = _branch(answer, x, rate, training)
        if not result.equal(x):
            when = "Outside training" if not training else "With rate 0, in training,"
            drawn = not result.equal(_branch(answer, x, rate, training))
            suspects = {
                "Even so something is dropped. torch.rand draws from 0 to 1, and rand >= rate keeps; randn also draws "
                "numbers below 0.": training and bool((result == 0).any()),
                "It is multiplied with random numbers. They are only there to decide: compare them with the rate.": (
                    training and drawn and result.isfinite().all()
                ),
                "It still drops: ask `training` before anything else.": bool((result == 0).any()),
                "It is scaled down by 1 − rate. The survivors were scaled up in training, so nothing is left to make "
                "up for.": torch.allclose(result, x * (1 - rate)),
                "It is scaled up as in training, although nothing is dropped.": torch.allclose(result, x / (1 - rate)),
                "It is not a number: was there a division by the rate?": not result.isfinite().all(),
            }
            raise Wrong(f"{when} x should come back as it is.{cause(bool, suspects)}")
    return "outside training, and at rate 0, nothing happens"


def _whole_samples(answer: Callable[..., Any]) -> str:
    for shape, rate in zip(SHAPES, RATES):
        gone = _branch(answer, _batch(shape), rate, True) == 0  # (B, C, H, W)
        torn = gone.flatten(1).any(1) & ~gone.flatten(1).all(1)
        if torn.any():
            suspects = {
                "Whole channels are dropped, as by `nn.Dropout2d`: draw one number for each sample, not for "
                "each of its channels.": (gone == gone[:, :, :1, :1]).all(),
                "Pixels are dropped, in all channels at once: draw one number for each sample.": (
                    (gone == gone[:, :1]).all()
                ),
                "Single numbers are dropped: that is `nn.Dropout`. Draw one number for each sample, of shape "
                "(B, 1, 1, 1).": True,
            }
            raise Wrong(f"{torn.sum()} of {shape[0]} samples are torn: partly 0, partly not.{cause(bool, suspects)}")
    return "a sample is dropped as a whole or not at all"


def _as_often_as_asked(answer: Callable[..., Any]) -> str:
    torch.manual_seed(0)  # a right answer has the same luck each time; check() gives the notebook its generator back
    for shape, rate in zip(SHAPES, RATES):
        gone = [(_branch(answer, _batch(shape), rate, True) == 0).flatten(1).all(1) for _ in range(40)]  # 40 × (B,)
        shares = [share.double().mean().item() for share in gone]
        mean = sum(shares) / len(shares)
        if not any(shares):
            raise Wrong(f"In training at rate {rate}, nothing was dropped in {len(gone)} calls.")
        if set(shares) <= {0, 1}:
            raise Wrong(
                "All samples of a batch share one fate, all dropped or all kept. Draw one number for each of them."
            )
        if all(share.equal(gone[0]) for share in gone):
            raise Wrong(
                "Each call drops the same samples. Is a seed set inside your function? Or are they always the first? "
                "Draw anew each time."
            )
        if abs(mean - rate) > 0.03:
            inverted = " That is 1 − rate: `rate` is the probability to be dropped, not to be kept."
            why = inverted if abs(mean - 1 + rate) < 0.03 else ""
            raise Wrong(f"At rate {rate}, {mean:.0%} of the samples were dropped.{why}")
    return "as often as the rate says"


def _scaled_up(answer: Callable[..., Any]) -> str:
    for shape, rate in zip(SHAPES, RATES):
        _expect_scale(answer, _batch(shape), rate)
    return "the survivors make up for it"


def _expect_scale(answer: Callable[..., Any], x: Tensor, rate: float) -> None:
    result = _branch(answer, x, rate, True)
    kept = (result != 0).flatten(1).all(1)
    if not torch.allclose(result[kept], x[kept] / (1 - rate)):
        factor = (result[kept] / x[kept]).mean().item()
        suspects = {
            "The survivors must make up for the dropped ones, or the mean falls: divide by 1 − rate.": 1.0,
            "You divided by the rate. What survives is a share of 1 − rate: divide by that.": 1 / rate,
            "You multiplied by 1 − rate where you should divide.": 1 - rate,
            "The factor is in twice.": 1 / (1 - rate) ** 2,
            "1 + rate is near, but the mean of the batch is only kept by 1 / (1 − rate).": 1 + rate,
        }
        why = cause(lambda wrong: abs(factor - wrong) < 1e-6, suspects)
        raise Wrong(f"At rate {rate} the survivors are {factor:.3f} times what they were.{why}")


def _flat(result: Any, right: list[float], depths: tuple[int, ...], most: float) -> list[float]:
    counts = list(depths)
    if (
        isinstance(result, list | tuple | Tensor | np.ndarray)
        and len(result) == sum(depths)
        and sum(depths) != len(depths)
    ):
        raise Wrong(f"Your list is flat. Cut it up by stage: lists of {counts} numbers.")
    a_stage = list | tuple | Tensor | np.ndarray
    if not isinstance(result, list | tuple) or not all(isinstance(stage, a_stage) for stage in result):
        raise Wrong(f"Expected a list of lists, one per stage, but got {described(result)}.")
    if [len(stage) for stage in result] != counts:
        lengths = [len(stage) for stage in result]
        why = " That is the example's answer: use depths and largest." if lengths == [1, 2] else ""
        why = why or (" `chunk` cuts equal pieces; split(depths) cuts these." if len(set(lengths[:-1])) == 1 else "")
        raise Wrong(f"depths = {depths}, but your lists have {lengths} numbers.{why}")
    return [number(rate, "a rate") for stage in result for rate in stage]


def _rate_mistakes(depths: tuple[int, ...], most: float) -> dict[str, list[float]]:
    total, stages = sum(depths), len(depths)
    return {
        "It starts anew in each stage. One line runs through all of them.": [
            most * index / max(1, count - 1) for count in depths for index in range(count)
        ],
        "Each stage begins at 0 again: the index must count on over all blocks.": [
            most * index / (total - 1) for count in depths for index in range(count)
        ],
        "The first block is dropped as well: start from 0.": [most * (index + 1) / total for index in range(total)],
        "It stops one step short of the largest rate: n blocks have n − 1 steps between them.": [
            most * index / total for index in range(total)
        ],
        "All blocks have the same rate. The early ones are what all others build on: start from 0.": [most] * total,
        "All blocks have half of the largest rate. That is the line's mean; here each has a rate of its own.": (
            [most / 2] * total
        ),
        "A rate per stage. It should grow from block to block.": [
            most * stage / (stages - 1) for stage, count in enumerate(depths) for _ in range(count)
        ],
        "The line falls. It is the late blocks that are dropped most.": [
            most * (total - 1 - index) / (total - 1) for index in range(total)
        ],
        "Those are the chances to survive. The rate is the chance to be dropped.": [
            1 - most * index / (total - 1) for index in range(total)
        ],
        "It runs up to 1. The largest rate is `largest`.": [index / (total - 1) for index in range(total)],
    }


def _rates_by_stage(depths: tuple[int, ...], largest: float) -> list[list[float]]:
    line = iter(largest * index / (sum(depths) - 1) for index in range(sum(depths)))
    return [[next(line) for _ in range(count)] for count in depths]


drop_rates = Exercise(
    lambda depths, most: [most * index / (sum(depths) - 1) for index in range(sum(depths))],
    {
        "a straight line over all blocks, from 0 to the largest": (
            ((3, 3, 5, 2), 0.1),  # blocks per stage, the largest
            ((1, 2, 3, 2), 0.4),
            ((3, 5, 27, 3), 0.3),
            ((2, 2), 0.6),
        )
    },
    _rate_mistakes,
    _rates_by_stage,
    read=_flat,
    say=lambda came, right, depths, most: f"depths = {depths}, largest = {most}: from {came[0]:.3f} to {came[-1]:.3f}.",
    shape="one rate per block",
)
