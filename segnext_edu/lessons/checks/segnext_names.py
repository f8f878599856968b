"""Exercise 7.4: what the authors call a tensor of a block."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from segnext_edu.checkpoints import BLOCK_NAMES, official_name
from segnext_edu.lessons.checks.exercise import Wrong, call, check, described
from segnext_edu.model.mscan import Block
from segnext_edu.model.segnext import VARIANTS


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
            _expect(answer, name)
        return f"{what} ({len(names)} names)"

    return part


def _expect(answer: Callable[..., Any], name: str) -> None:
    try:
        came = call(answer, name)
    except Wrong as wrong:
        raise Wrong(f"{wrong}{_stopped(name, str(wrong))}") from None
    right = official_name(name)
    if not isinstance(came, str):
        raise Wrong(f"Expected a name, a str, but got {described(came)}.")
    if came != right:
        raise Wrong(f"{name} became {came}, expected {right}.{_why(name, came, right)}")


def _stopped(name: str, message: str) -> str:
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
