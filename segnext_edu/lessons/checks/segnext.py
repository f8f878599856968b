"""The checks of notebook 07: three maps joined, two layers folded, the decoder's parameters, the authors' names."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.checkpoints import BLOCK_NAMES, official_name
from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described, number
from segnext_edu.model.mscan import Block
from segnext_edu.model.segnext import VARIANTS

__all__ = ["decoder_parameters", "fold", "gather", "official_block"]

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
            raise Wrong(f"{wrong}{_gather_stopped(str(wrong))}") from None
        raise Wrong(
            f"{wrong} The three are not of one size when you join them along dim=1. A fixed factor of 2 or 4 misses "
            "by a pixel where a side is odd: resize to the first map's size."
        ) from None
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected one tensor, but got {described(result)}. Is torch.cat missing?")
    return result


def _gather_stopped(said: str) -> str:
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


SQUARE = (5, 5, 5)  # in, between, out: here every mistake has a shape that passes
OTHERS = ((3, 7, 4), (8, 2, 5), (6, 6, 1))

Layers = tuple[Tensor, Tensor, Tensor, Tensor]


def fold(answer: Callable[..., Any]) -> None:
    check(answer, _right_weight, _right_bias, _other_widths, _learned)


def _layers(before: int, between: int, after: int) -> Layers:
    generator = torch.Generator().manual_seed(100 * before + 10 * between + after)
    shapes = (between, before), (between,), (after, between), (after,)
    first, first_bias, second, second_bias = (
        torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes
    )
    return first, first_bias, second, second_bias


def _folded(answer: Callable[..., Any], layers: Layers) -> tuple[Tensor, Tensor]:
    try:
        result = call(answer, *(x.clone() for x in layers))
    except Wrong as wrong:
        if "cannot be multiplied" not in str(wrong):
            raise
        raise Wrong(f"{wrong} In a product of matrices, the layer that acts second stands on the left.") from None
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        why = " The bias is missing: return weight, bias." if isinstance(result, Tensor) else ""
        raise Wrong(f"Expected two tensors, (weight, bias), but got {described(result)}.{why}")
    if result[0].ndim == 1 and result[1].ndim == 2:
        raise Wrong("Bias and weight came in the other order: first the weight.")
    after, before = layers[2].shape[0], layers[0].shape[1]
    for name, tensor, shape in zip(("weight", "bias"), result, ((after, before), (after,))):
        if tensor.shape != shape:
            hint = " It is the transpose of that." if tensor.shape == shape[::-1] and len(shape) == 2 else ""
            if name == "bias" and tensor.ndim == 2:
                hint = " A matrix times a vector is a vector, by `@`. Was it `*`, or did a [:, None] stay?"
            raise Wrong(f"Expected {name} of shape {shape}, but got {described(tensor)}.{hint}")
    return result[0], result[1]


def _same(came: Tensor, right: Tensor) -> bool:
    return torch.allclose(came.double(), right, atol=1e-6)


def _right_weight(answer: Callable[..., Any]) -> str:
    first, _, second, _ = layers = _layers(*SQUARE)
    came, right = _folded(answer, layers)[0], second @ first
    if not _same(came, right):
        suspects = {
            "The product is the wrong way round. The layer that acts second stands on the left: second @ first.": (
                first @ second
            ),
            "It is the transpose of what it should be.": right.T,
            "That multiplies number by number. It takes the product of the matrices, @.": first * second,
            "That is the sum of the two. One after the other is a product.": first + second,
            "That is the first layer alone.": first,
            "That is the second layer alone.": second,
        }
        why = cause(lambda wrong: _same(came, wrong), suspects)
        raise Wrong(f"The weight is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the weight"


def _right_bias(answer: Callable[..., Any]) -> str:
    _, first, weight, second = layers = _layers(*SQUARE)
    came, right = _folded(answer, layers)[1], weight @ first + second
    if not _same(came, right):
        suspects = {
            "The first layer's bias is forgotten: the second layer multiplies it, too.": second,
            "The second layer's bias is forgotten.": weight @ first,
            "The first bias goes through the second layer before the second is added: second_weight @ first_bias.": (
                first + second
            ),
            "Only the first bias goes through the second layer, the second bias does not.": weight @ (first + second),
            "The first bias must go through the *second* layer's weight.": layers[0] @ first + second,
            "The first bias has passed both layers. It comes after the first, so it passes the second alone.": (
                weight @ layers[0] @ first + second
            ),
            "The first bias was summed up. It goes through the second layer: second @ first_bias.": first.sum()
            + second,
            "The bias has passed the second layer's weight transposed.": weight.T @ first + second,
        }
        why = cause(lambda wrong: _same(came, wrong), suspects)
        raise Wrong(f"The weight is right, the bias is off by up to {(came - right).abs().max().item():.3g}.{why}")
    return "the bias"


def _learned(answer: Callable[..., Any]) -> str:
    """The notebook folds two layers' own parameters, which keep gradients."""
    first, first_bias, second, second_bias = (x.requires_grad_() for x in _layers(*SQUARE))
    _folded(answer, (first, first_bias, second, second_bias))
    return "of parameters, too"


def _other_widths(answer: Callable[..., Any]) -> str:
    for widths in OTHERS:
        layers = _layers(*widths)
        weight, bias = _folded(answer, layers)
        x = torch.randn(widths[0], 20, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
        two = layers[2] @ (layers[0] @ x + layers[1][:, None]) + layers[3][:, None]
        if not _same(weight.double() @ x + bias.double()[:, None], two):
            before, between, after = widths
            raise Wrong(f"Right where all widths agree, wrong for {before} → {between} → {after} channels.")
    return f"one layer does what the two did ({len(OTHERS)} other widths)"


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
            _bill_expect(answer, size.channels, size.decoder_width, classes)
        return f"{variant}, {len(CLASSES)} numbers of classes"

    return part


def _any_widths(answer: Callable[..., Any]) -> str:
    for channels, width, classes in (((1, 2, 3, 4), 32, 5), ((40, 30, 20, 10), 96, 11)):
        _bill_expect(answer, channels, width, classes)
    return "two other decoders"


def _bill_expect(answer: Callable[..., Any], channels: tuple[int, ...], width: int, classes: int) -> None:
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


def official_block(answer: Callable[..., Any]) -> None:
    check(answer, _of("the convolutions", "ffn.", "attention."), _of("the norms", "norm"), _of("the scales", "scale"))


def _names(*parts: str) -> list[str]:
    """Our names of the tensors of tiny's blocks whose own part begins so."""
    inside = [name for name in Block(4, 2).state_dict() if name.startswith(parts)]
    return [
        f"encoder.stages.{stage}.blocks.{block}.{name}"
        for stage, count in enumerate(VARIANTS["tiny"].blocks)
        for block in range(count)
        for name in inside
    ]


def _of(what: str, *parts: str) -> Callable[[Callable[..., Any]], str]:
    def part(answer: Callable[..., Any]) -> str:
        names = _names(*parts)
        for name in names:
            _names_expect(answer, name)
        return f"{what} ({len(names)} names)"

    return part


def _names_expect(answer: Callable[..., Any], name: str) -> None:
    try:
        came = call(answer, name)
    except Wrong as wrong:
        raise Wrong(f"{wrong}{_names_stopped(name, str(wrong))}") from None
    right = official_name(name)
    if not isinstance(came, str):
        raise Wrong(f"Expected a name, a str, but got {described(came)}.")
    if came != right:
        raise Wrong(f"{name} became {came}, expected {right}.{_why(name, came, right)}")


def _names_stopped(name: str, message: str) -> str:
    if "too many values to unpack" in message:
        return ' split(".") cuts at every dot; split(".", 5) cuts five times and leaves the rest in one piece.'
    if "KeyError" not in message:
        return ""
    if ".norm" in name:
        return " norm1 and norm2 have the same name in both and are not in the table: BLOCK_NAMES.get(part, part)."
    if ".scale" in name:
        return " scale1 is a tensor of the block itself: nothing follows it, so there is no .weight to cut off."
    return " The table's keys have no .weight or .bias at their end: cut it off first, and put it back."


def _why(name: str, came: str, right: str) -> str:
    stage, block, inside = re.fullmatch(r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.(.+)", name).groups()  # pyright: ignore
    module, _, leaf = inside.rpartition(".")
    head = f"backbone.block{int(stage) + 1}.{block}."
    tail = right.removeprefix(head)
    suspects = {
        "The authors count stages from 1: our stages.0 is their block1.": f"backbone.block{stage}.{block}.{tail}",
        "Only stages count from 1. Blocks count from 0, there as here.": (
            f"backbone.block{int(stage) + 1}.{int(block) + 1}.{tail}"
        ),
        "Their encoder is called backbone.": right.replace("backbone", "encoder", 1),
        "It begins with backbone.": right.removeprefix("backbone."),
        "No dot between block and the stage's number.": right.replace("backbone.block", "backbone.block.", 1),
        "The stages are missing in that name: backbone.block, the stage from 1, the block, then the part.": (
            f"backbone.{block}.{tail}"
        ),
        "The end is lost: the tensor is a .weight or a .bias (or one of a norm's counts).": right.rpartition(".")[0],
        "The authors say dwconv twice: mlp.dwconv.dwconv. (mmsegmentation 1.x says it once.)": right.replace(
            ".dwconv.dwconv.", ".dwconv."
        ),
        "The part has kept our name. Look it up in BLOCK_NAMES.": head + inside,
        "A layer scale is a tensor itself: nothing comes after layer_scale_1.": f"{right}.weight",
        "There is a dot at the end.": f"{right}.",
        "Nothing follows scale1, so there is nothing to cut off: rpartition leaves the part empty. Look the rest up "
        "whole.": f"{head}.{inside}",
        "The beginning is still ours.": name.replace(module, BLOCK_NAMES.get(module, module)),
        "There is no _ in it.": right.replace("block", "block_", 1),
        "They do not say blocks in between.": right.replace(f".{block}.", f".blocks.{block}.", 1),
    }
    if module in BLOCK_NAMES and came == head + BLOCK_NAMES[module] + leaf:
        return f" The dot before {leaf} is missing."
    return next((f" {sentence}" for sentence, suspect in suspects.items() if came == suspect != right), "")
