"""Exercises 5.3 and 5.4: stochastic depth, and how often which block is dropped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number

SHAPES = ((100, 2, 2, 3), (80, 3, 1, 4))
RATES = (0.3, 0.1)
SIZES = (((3, 3, 5, 2), 0.1), ((1, 2, 3, 2), 0.4), ((3, 5, 27, 3), 0.3), ((2, 2), 0.6))  # blocks a stage, the largest


def stochastic_depth(answer: Callable[..., Any]) -> None:
    check(answer, _quiet_when_not_training, _whole_samples, _as_often_as_asked, _scaled_up)


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


def drop_rates(answer: Callable[..., Any]) -> None:
    check(answer, _one_a_block, _straight_line)


def _rates(answer: Callable[..., Any], blocks: tuple[int, ...], most: float) -> list[list[float]]:
    result = call(answer, blocks, most)
    counts = list(blocks)
    if (
        isinstance(result, list | tuple | Tensor | np.ndarray)
        and len(result) == sum(blocks)
        and sum(blocks) != len(blocks)
    ):
        raise Wrong(f"Your list is flat. Cut it up by stage: lists of {counts} numbers.")
    a_stage = list | tuple | Tensor | np.ndarray
    if not isinstance(result, list | tuple) or not all(isinstance(stage, a_stage) for stage in result):
        raise Wrong(f"Expected a list of lists, one a stage, but got {described(result)}.")
    if [len(stage) for stage in result] != counts:
        lengths = [len(stage) for stage in result]
        why = " That is the example's answer: use blocks and largest." if lengths == [1, 2] else ""
        why = why or (" `chunk` cuts equal pieces; split(blocks) cuts these." if len(set(lengths[:-1])) == 1 else "")
        raise Wrong(f"blocks = {blocks}, but your lists have {lengths} numbers.{why}")
    return [[number(rate, "a rate") for rate in stage] for stage in result]


def _one_a_block(answer: Callable[..., Any]) -> str:
    for blocks, most in SIZES:
        _rates(answer, blocks, most)
    return "one rate a block"


def _straight_line(answer: Callable[..., Any]) -> str:
    for blocks, most in SIZES:
        _expect_line(sum(_rates(answer, blocks, most), []), blocks, most)
    return "a straight line over all blocks, from 0 to the largest"


def _expect_line(came: list[float], blocks: tuple[int, ...], most: float) -> None:
    if not _close(came, [most * index / (len(came) - 1) for index in range(len(came))]):
        why = cause(lambda wrong: _close(came, wrong), _rate_mistakes(blocks, most))
        raise Wrong(f"blocks = {blocks}, largest = {most}: from {came[0]:.3f} to {came[-1]:.3f}.{why}")


def _close(ours: list[float], theirs: list[float]) -> bool:
    return all(abs(a - b) < 1e-6 for a, b in zip(ours, theirs, strict=True))


def _rate_mistakes(blocks: tuple[int, ...], most: float) -> dict[str, list[float]]:
    total, stages = sum(blocks), len(blocks)
    return {
        "It starts anew in each stage. One line runs through all of them.": [
            most * index / max(1, count - 1) for count in blocks for index in range(count)
        ],
        "Each stage begins at 0 again: the index must count on over all blocks.": [
            most * index / (total - 1) for count in blocks for index in range(count)
        ],
        "The first block is dropped as well: start from 0.": [most * (index + 1) / total for index in range(total)],
        "It stops one step short of the largest rate: n blocks have n − 1 steps between them.": [
            most * index / total for index in range(total)
        ],
        "All blocks have the same rate. The early ones are what all others build on: start from 0.": [most] * total,
        "All blocks have half of the largest rate. That is the line's mean; here each has a rate of its own.": (
            [most / 2] * total
        ),
        "A rate a stage. It should grow from block to block.": [
            most * stage / (stages - 1) for stage, count in enumerate(blocks) for _ in range(count)
        ],
        "The line falls. It is the late blocks that are dropped most.": [
            most * (total - 1 - index) / (total - 1) for index in range(total)
        ],
        "Those are the chances to survive. The rate is the chance to be dropped.": [
            1 - most * index / (total - 1) for index in range(total)
        ],
        "It runs up to 1. The largest rate is `largest`.": [index / (total - 1) for index in range(total)],
    }
