"""Exercise 7.3: how many numbers the decoder learns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, number
from segnext_edu.model.segnext import VARIANTS

CLASSES = (150, 19, 7)


def decoder_parameters(answer: Callable[..., Any]) -> None:
    check(answer, _counted("tiny"), _counted("base"), _any_widths)


def _right(channels: tuple[int, ...], width: int, classes: int) -> int:
    convolutions = width * (sum(channels[1:]) + 3 * width + classes)
    return convolutions + 7 * width + classes  # three norms with two numbers a channel, ham_in's bias, classify's


def _counted(variant: str) -> Callable[[Callable[..., Any]], str]:
    def part(answer: Callable[..., Any]) -> str:
        size = VARIANTS[variant]
        for classes in CLASSES:
            _expect(answer, size.channels, size.decoder_width, classes)
        return f"{variant}, {len(CLASSES)} numbers of classes"

    return part


def _any_widths(answer: Callable[..., Any]) -> str:
    for channels, width, classes in (((1, 2, 3, 4), 32, 5), ((40, 30, 20, 10), 96, 11)):
        _expect(answer, channels, width, classes)
    return "two other decoders"


def _expect(answer: Callable[..., Any], channels: tuple[int, ...], width: int, classes: int) -> None:
    came = number(call(answer, channels, width, classes), "the number of parameters")
    right = _right(channels, width, classes)
    if came != right:
        why = cause(lambda wrong: came == wrong, _mistakes(right, channels, width, classes))
        raise Wrong(
            f"{came:,.0f}, expected {right:,} for stages of {channels} channels, D = {width}, K = {classes}.{why}"
        )


def _mistakes(right: int, channels: tuple[int, ...], width: int, classes: int) -> dict[str, float]:
    square = width * width
    return {
        "Stage 1 is in it. The decoder reads stages 2 to 4.": right + channels[0] * width,
        "The three norms are missing: a scale and a shift for each channel.": right - 6 * width,
        "A GroupNorm learns a scale and a shift for each *channel*; the 32 groups only share the mean and the "
        "deviation.": right - 6 * width + 6 * 32,
        "Squeeze reads stages 2 to 4: not the last one alone, nor stages 1 to 3.": (
            right - (channels[1] + channels[2]) * width
        ),
        "Those are stages 1 to 3. The decoder reads stages 2 to 4.": right + (channels[0] - channels[3]) * width,
        "ham_in is missing, with its bias.": right - square - width,
        "A 1 × 1 convolution has in · out weights; those of a 3 × 3 are nine times as many.": right
        + 8 * sum(channels[1:]) * width,
        "The classifier reads what align writes, D channels, not the stages' channels.": right
        + (sum(channels[1:]) - width) * classes,
        "It is the same for every decoder. Write channels, width and classes in the place of numbers.": _right(
            VARIANTS["tiny"].channels, VARIANTS["tiny"].decoder_width, CLASSES[0]
        )
        * (right != _right(VARIANTS["tiny"].channels, VARIANTS["tiny"].decoder_width, CLASSES[0])),
        "Of each norm one of the two is missing: it learns a scale and a shift a channel.": right - 3 * width,
        "There are three norms: after squeeze, after ham_out, after align. You counted two.": right - 2 * width,
        "The bias of ham_in is missing.": right - width,
        "The classifier's bias is missing, one number a class.": right - classes,
        "Both biases are missing: ham_in's and the classifier's.": right - width - classes,
        "The biases and the norms are missing.": right - 7 * width - classes,
        "One of the layers from D to D is missing (ham_in, ham_out, align).": right - square,
        "One of the layers from D to D is missing, with its norm.": right - square - 2 * width,
        "There is no bias before a norm: squeeze, ham_out and align have none.": right + 3 * width,
        "One bias too many. squeeze, ham_out and align have none: the shift of the norm that follows does its work.": (
            right + width
        ),
        "The NMF's 16 bases are drawn, not learned: they are no parameters.": right + 16 * width,
        "The NMF's 64 bases are drawn, not learned: they are no parameters.": right + 64 * width,
    }
