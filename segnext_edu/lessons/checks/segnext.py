"""The checks of notebook 07: three maps joined, the decoder's parameters, the authors' names; the fold is beside it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, described
from segnext_edu.lessons.checks.segnext_fold import fold
from segnext_edu.lessons.checks.table import Exercise
from segnext_edu.model.mscan import Block
from segnext_edu.model.segnext import VARIANTS
from segnext_edu.official_names import BLOCK_NAMES, official_name

__all__ = ["decoder_parameters", "fold", "gather", "official_block"]

CHANNELS = (3, 4, 5)


def _pyramid(batch: int, height: int, width: int) -> tuple[list[Tensor]]:
    """Three maps, each half as large as the one before, rounded up, as the encoder's are."""
    generator = torch.Generator().manual_seed(height * width)
    sizes = [(-(-height // step), -(-width // step)) for step in (1, 2, 4)]
    maps = [
        torch.randn(batch, channels, *size, generator=generator, dtype=torch.float64)
        for channels, size in zip(CHANNELS, sizes)
    ]
    return (maps,)


def _joined(maps: list[Tensor], mode: str = "bilinear", **options: Any) -> Tensor:
    size = tuple(maps[0].shape[2:])
    return torch.cat([F.interpolate(x, size=size, mode=mode, **options) for x in maps], dim=1)


def _one_map(result: Any, right: Tensor, maps: list[Tensor]) -> Tensor:
    if not isinstance(result, Tensor):
        raise Wrong(f"Expected one tensor, but got {described(result)}. Is torch.cat missing?")
    (batch, _, height, width), channels = maps[0].shape, sum(CHANNELS)
    if not isinstance(result, Tensor):
        return " Is torch.cat missing?"
    shapes = {
        "Everything has the last map's size. The small maps must grow to the first one's, or its detail is lost.": (
            (batch, channels, *maps[-1].shape[2:])
        ),
        "Height and width are swapped.": (batch, channels, width, height),
        "The first map is missing.": (batch, channels - CHANNELS[0], height, width),
        "The first of the three is missing, and so is its size. They are stages 2, 3 and 4 already.": (
            (batch, channels - CHANNELS[0], *maps[1].shape[2:])
        ),
        "The last map is missing.": (batch, channels - CHANNELS[-1], height, width),
    }
    if result.shape != right.shape:
        sizes = ", ".join(str(tuple(x.shape)) for x in maps)
        why = cause(result.shape.__eq__, shapes)
        raise Wrong(f"From {sizes} came {described(result)}, expected {tuple(right.shape)}.{why}")
    return result.detach()


def _gather_mistakes(maps: list[Tensor]) -> dict[str, Tensor]:
    by_way_of_the_second = _joined([maps[0], _joined(maps[1:])])[:, CHANNELS[0] :]
    return {
        "That is align_corners=True. It pins the corner pixels and shifts everything between them; the authors' "
        "weights know the other.": _joined(maps, align_corners=True),
        "The order is turned round: stage 2 first, then 3, then 4. The weights that come next are sorted so.": (
            torch.cat(_joined(maps).split(CHANNELS, dim=1)[::-1], dim=1)
        ),
        'That is mode="nearest": blocks with hard edges. Bilinear blends.': _joined(maps, "nearest"),
        'That is mode="nearest-exact": blocks with hard edges. Bilinear blends.': _joined(maps, "nearest-exact"),
        "The last map was resized twice, by way of the second one's size. Resize each once, to the first one's.": (
            torch.cat([maps[0], by_way_of_the_second], dim=1)
        ),
        "That is bicubic: it overshoots at edges. Bilinear does not.": _joined(maps, "bicubic"),
        "That is bicubic with align_corners=True. Both are wrong here.": _joined(maps, "bicubic", align_corners=True),
    }


STOPPED = {
    "except in dimension 1": (
        "The three are not of one size when you join them along dim=1. A fixed factor of 2 or 4 misses by a pixel "
        "where a side is odd: resize to the first map's size."
    ),
    "expected 4, got 3": "Three maps come in: those of stages 2, 3 and 4.",
    "non-singleton dimension 1": "The maps have different numbers of channels: they cannot be added, only joined.",
}


def _learns(answer: Callable[..., Any]) -> str:
    maps = [x.requires_grad_() for x in _pyramid(2, 9, 13)[0]]
    result = call(answer, maps)
    if not result.requires_grad:
        raise Wrong("No gradient flows back to the maps: is there a detach() or a no_grad()?")
    gradients = torch.autograd.grad(result.sum(), maps, allow_unused=True)
    if any(gradient is None for gradient in gradients):
        raise Wrong("Not all three maps are reached by the gradient: is there a detach()?")
    return "gradients reach all three"


gather = Exercise(
    _joined,
    {"bilinear, in order": [(2, 9, 13), (1, 10, 7), (3, 16, 24)]},  # batch, height and width of the finest map
    _gather_mistakes,
    given=_pyramid,
    read=_one_map,
    retell=lambda said, _: said + cause(said.__contains__, {why: words for words, why in STOPPED.items()}),
    shape="one map of the finest one's size (3 pyramids, odd sides too)",
    parts=[_learns],
)


def _bill(channels: tuple[int, ...], width: int, classes: int) -> int:
    convolutions = width * (sum(channels[1:]) + 3 * width + classes)
    return convolutions + 7 * width + classes  # three norms with two numbers per channel, ham_in's bias, classify's


def _of_variant(name: str, *classes: int) -> list[tuple[tuple[int, ...], int, int]]:
    return [(VARIANTS[name].channels, VARIANTS[name].decoder_width, some) for some in classes]


def _bill_mistakes(channels: tuple[int, ...], width: int, classes: int) -> dict[str, float]:
    right, square, stages = _bill(channels, width, classes), width * width, sum(channels[1:])
    tiny = _bill(*_of_variant("tiny", 150)[0])
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
        + 8 * stages * width,
        "The classifier reads what align writes, D channels, not the stages' channels.": (
            right + (stages - width) * classes
        ),
        "It is the same for every decoder. Write channels, width and classes in the place of numbers.": (
            tiny * (right != tiny)
        ),
        "Of each norm one of the two is missing: it learns a scale and a shift a channel.": right - 3 * width,
        "There are three norms: after squeeze, after ham_out, after align. You counted two.": right - 2 * width,
        "The bias of ham_in is missing.": right - width,
        "The classifier's bias is missing, one number per class.": right - classes,
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


decoder_parameters = Exercise(
    _bill,
    {
        "tiny, 3 numbers of classes": _of_variant("tiny", 150, 19, 7),
        "base, 3 numbers of classes": _of_variant("base", 150, 19, 7),
        "two other decoders": [((1, 2, 3, 4), 32, 5), ((40, 30, 20, 10), 96, 11)],
    },
    _bill_mistakes,
    expected="the number of parameters",
    tolerance=0,
    say=lambda came, right, channels, width, classes: (
        f"{came:,.0f}, expected {right:,} for stages of {channels} channels, D = {width}, K = {classes}."
    ),
)


def _names(what: str, *parts: str) -> dict[str, list[tuple[str]]]:
    """Our names of the tensors of tiny's blocks whose own part begins so, under what they prove."""
    inside = [name for name in Block(4, 2).state_dict() if name.startswith(parts)]
    names = [
        (f"encoder.stages.{stage}.blocks.{block}.{name}",)
        for stage, count in enumerate(VARIANTS["tiny"].depths)
        for block in range(count)
        for name in inside
    ]
    return {f"{what} ({len(names)} names)": names}


def _a_name(result: Any, *_: Any) -> str:
    if not isinstance(result, str):
        raise Wrong(f"Expected a name, a str, but got {described(result)}.")
    return result


def _name_stopped(said: str, _: str) -> str:
    if "too many values to unpack" in said:
        return said + ' split(".") cuts at every dot; split(".", 5) cuts five times and leaves the rest in one piece.'
    if "KeyError" not in said:
        return said
    if ".norm" in said:
        said += " norm1 and norm2 have the same name in both and are not in the table: BLOCK_NAMES.get(part, part)."
        return said
    if ".scale" in said:
        return (
            said
            + " layer_scale_1 is a tensor of the block itself: nothing follows it, so there is no .weight to cut off."
        )
    return said + " The table's keys have no .weight or .bias at their end: cut it off first, and put it back."


def _name_mistakes(name: str) -> dict[str, str]:
    stage, block, inside = re.fullmatch(r"encoder\.stages\.(\d+)\.blocks\.(\d+)\.(.+)", name).groups()  # pyright: ignore
    module, _, leaf = inside.rpartition(".")
    right, head = official_name(name), f"backbone.block{int(stage) + 1}.{block}."
    tail = right.removeprefix(head)
    return {
        f"The dot before {leaf} is missing.": f"{head}{BLOCK_NAMES.get(module)}{leaf}",
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
        "Nothing follows layer_scale_1, so there is nothing to cut off: rpartition leaves the part empty. Look the "
        "rest up whole.": f"{head}.{inside}",
        "The beginning is still ours.": name.replace(module, BLOCK_NAMES.get(module, module)),
        "There is no _ in it.": right.replace("block", "block_", 1),
        "They do not say blocks in between.": right.replace(f".{block}.", f".blocks.{block}.", 1),
    }


official_block = Exercise(
    official_name,
    _names("the convolutions", "ffn.", "attention.")
    | _names("the norms", "norm")
    | _names("the scales", "layer_scale"),
    _name_mistakes,
    read=_a_name,
    retell=_name_stopped,
    say=lambda came, right, name: f"{name} became {came}, expected {right}.",
)
