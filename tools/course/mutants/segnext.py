"""Answers to the exercises of notebook 07: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

from segnext_edu.cost import count_parameters
from segnext_edu.model.segnext import LightHam
from segnext_edu.official_names import BLOCK_NAMES, official_name


def join(maps: list, size: Any = None, mode: str = "bilinear", **options: Any) -> torch.Tensor:
    size = size or maps[0].shape[2:]
    return torch.cat([F.interpolate(x, size=tuple(size), mode=mode, **options) for x in maps], 1)


def join_by_upsample(maps):
    grow = nn.Upsample(tuple(maps[0].shape[2:]), mode="bilinear")
    return torch.cat((maps[0], grow(maps[1]), grow(maps[2])), dim=-3)


def join_by_factor(maps):
    return torch.cat(
        [maps[0], *(F.interpolate(x, scale_factor=2 * i, mode="bilinear") for i, x in enumerate(maps) if i)], 1
    )


def folded(a, b, c, d):
    return c @ a, c @ b + d


def folded_by_probing(a, b, c, d):
    """Without a formula: what the two layers do to nothing, and to each channel alone."""
    both = lambda x: c @ (a @ x + b[:, None]) + d[:, None]  # noqa: E731
    bias = both(torch.zeros(a.shape[1], 1).to(a))[:, 0]
    return [both(torch.eye(a.shape[1]).to(a)) - bias[:, None], bias]


def bill(channels, d, k, squares=3, norms=6, biases=1, first=1):
    return d * (sum(channels[first:]) + squares * d + k) + (norms + biases) * d + k


def bill_by_building(channels, d, k):
    return count_parameters(LightHam(channels[1:], d, 16, k))


def renamed(name, shift=1, step=0, root="backbone.block", table=BLOCK_NAMES, keep=True):
    _, _, stage, _, block, inside = name.split(".", 5)
    module, _, leaf = inside.rpartition(".")
    if inside in BLOCK_NAMES:
        return f"{root}{int(stage) + shift}.{int(block) + step}.{table.get(inside, inside)}"
    return f"{root}{int(stage) + shift}.{int(block) + step}.{table.get(module, module)}" + (f".{leaf}" if keep else "")


def renamed_by_replacing(name):
    stage = int(name.split(".")[2])
    name = name.replace(f"encoder.stages.{stage}.blocks.", f"backbone.block{stage + 1}.")
    for ours, theirs in BLOCK_NAMES.items():
        name = name.replace(f".{ours}", f".{theirs}")
    return name


def renamed_carelessly(name):
    _, _, stage, _, block, inside = name.split(".", 5)
    module, leaf = inside.rsplit(".", 1) if "." in inside else (inside, "weight")
    return f"backbone.block{int(stage) + 1}.{block}.{BLOCK_NAMES.get(module, module)}.{leaf}"


def looked_up(cut: bool) -> Callable[[str], str]:
    def rename(name):
        _, _, stage, _, block, inside = name.split(".", 5)
        module, _, leaf = inside.rpartition(".") if cut else (inside, "", "")
        return f"backbone.block{int(stage) + 1}.{block}.{BLOCK_NAMES[module]}.{leaf}"

    return rename


def counted(change: Callable[[tuple, int, int], float]) -> Callable[[tuple, int, int], float]:
    return lambda c, d, k: bill(c, d, k) + change(c, d, k)


def cut_everywhere(name):
    _, _, stage, _, block, part, leaf = name.split(".")
    return f"backbone.block{int(stage) + 1}.{block}.{part}.{leaf}"


def half_replaced(name):
    for ours, theirs in BLOCK_NAMES.items():
        name = name.replace(f".{ours}", f".{theirs}")
    return name


def four_maps(maps):
    _, b, c, d = maps
    return join([b, c, d])


ONCE = {**BLOCK_NAMES, "ffn.dwconv": "mlp.dwconv"}
RIGHT = {
    "gather": [lambda maps: join(maps, align_corners=False), join_by_upsample],
    "fold": [folded, folded_by_probing],
    "decoder_parameters": [bill, bill_by_building, lambda c, d, k: float(bill(c, d, k))],
    "official_block": [renamed, official_name, renamed_by_replacing],
}
WRONG: dict[str, dict[str, Callable]] = {
    "gather": {
        "align_corners=True. It pins": lambda maps: join(maps, align_corners=True),
        "order is turned round": lambda maps: torch.cat(
            [F.interpolate(x, maps[0].shape[2:], mode="bilinear") for x in maps[::-1]], 1
        ),
        "last map's size": lambda maps: join(maps, maps[-1].shape[2:]),
        '"nearest":': lambda maps: join(maps, mode="nearest"),
        "nearest-exact": lambda maps: join(maps, mode="nearest-exact"),
        "That is bicubic: it overshoots": lambda maps: join(maps, mode="bicubic"),
        "bicubic with align_corners": lambda maps: join(maps, mode="bicubic", align_corners=True),
        "A fixed factor": join_by_factor,
        "Height and width are swapped": lambda maps: join(maps, maps[0].shape[:1:-1]),
        "The first map is missing": lambda maps: join(maps[1:], maps[0].shape[2:]),
        "The last map is missing": lambda maps: join(maps[:-1]),
        "torch.cat missing": lambda maps: maps,
        "stages 2, 3 and 4 already": lambda maps: join(maps[1:]),
        "was resized twice": lambda maps: join([maps[0], join(maps[1:])]),
        "Three maps come in": four_maps,
        "only joined": lambda maps: sum(join([maps[0], x])[:, maps[0].shape[1] :] for x in maps),
        "the batch, unless it is told": lambda maps: torch.cat([join([maps[0], x])[:, 3:] for x in maps]),
        'pictures it is "bilinear"': lambda maps: join(maps, mode="linear"),
        "detach\\(\\) or a no_grad": lambda maps: join(maps).detach(),
        "Not all three": lambda maps: join([maps[0], maps[1].detach(), maps[2]]),
        "off by up to": lambda maps: 2 * join(maps),
        "Not answered yet": lambda maps: (_ for _ in ()).throw(NotImplementedError),
    },
    "fold": {
        "wrong way round": lambda a, b, c, d: (a @ c, c @ b + d),
        "transpose of what": lambda a, b, c, d: ((c @ a).T, c @ b + d),
        "number by number": lambda a, b, c, d: (a * c, c @ b + d),
        "sum of the two": lambda a, b, c, d: (a + c, c @ b + d),
        "first layer alone": lambda a, b, c, d: (a, b),
        "second layer alone": lambda a, b, c, d: (c, d),
        "first layer's bias is forgotten": lambda a, b, c, d: (c @ a, d),
        "second layer's bias is forgotten": lambda a, b, c, d: (c @ a, c @ b),
        "goes through the second layer before": lambda a, b, c, d: (c @ a, b + d),
        "Only the first bias goes": lambda a, b, c, d: (c @ a, c @ (b + d)),
        "\\*second\\* layer's weight": lambda a, b, c, d: (c @ a, a @ b + d),
        "weight transposed": lambda a, b, c, d: (c @ a, c.T @ b + d),
        "Expected two tensors": lambda a, b, c, d: c @ a,
        "has passed both layers": lambda a, b, c, d: (c @ a, c @ a @ b + d),
        "first bias was summed up": lambda a, b, c, d: (c @ a, b.sum() + d),
        "The bias is missing": lambda a, b, c, d: c @ a,
        "in the other order: first the weight": lambda a, b, c, d: (c @ b + d, c @ a),
        "Was it `\\*`": lambda a, b, c, d: (c @ a, c * b + d),
        "Expected bias of shape": lambda a, b, c, d: (c @ a, (c @ b + d)[:, None]),
        "NumPy knows nothing of gradients": lambda a, b, c, d: tuple(
            map(torch.from_numpy, folded(a.numpy(), b.numpy(), c.numpy(), d.numpy()))
        ),
        "Right where all widths agree": lambda a, b, c, d: (c @ a, c @ b + d) if len(b) == 5 else (c @ a, d),
        "stands on the left": lambda a, b, c, d: (c @ a if len(b) == 5 else a @ c, c @ b + d),
    },
    "decoder_parameters": {
        "Stage 1 is in it": lambda c, d, k: bill(c, d, k, first=0),
        "three norms are missing": lambda c, d, k: bill(c, d, k, norms=0),
        "for each \\*channel\\*": counted(lambda c, d, k: 6 * 32 - 6 * d),
        "one of the two is missing": lambda c, d, k: bill(c, d, k, norms=3),
        "You counted two": lambda c, d, k: bill(c, d, k, norms=4),
        "bias of ham_in": lambda c, d, k: bill(c, d, k, biases=0),
        "classifier's bias is missing, one": counted(lambda c, d, k: -k),
        "Both biases": counted(lambda c, d, k: -d - k),
        "biases and the norms": counted(lambda c, d, k: -7 * d - k),
        "D to D is missing \\(": lambda c, d, k: bill(c, d, k, squares=2),
        "D to D is missing, with": lambda c, d, k: bill(c, d, k, squares=2, norms=4),
        "no bias before a norm": lambda c, d, k: bill(c, d, k, biases=4),
        "One bias too many": lambda c, d, k: bill(c, d, k, biases=2),
        "not the last one alone": lambda c, d, k: bill(c, d, k, first=3),
        "ham_in is missing, with": counted(lambda c, d, k: -d * d - d),
        "nine times as many": counted(lambda c, d, k: 8 * sum(c[1:]) * d),
        "D channels, not the stages": counted(lambda c, d, k: (sum(c[1:]) - d) * k),
        "same for every decoder": lambda c, d, k: bill((32, 64, 160, 256), 256, 150),
        "16 bases are drawn": counted(lambda c, d, k: 16 * d),
        "64 bases are drawn": counted(lambda c, d, k: 64 * d),
        "a number, but got": lambda c, d, k: "many",
    },
    "official_block": {
        "count stages from 1": lambda name: renamed(name, shift=0),
        "Blocks count from 0": lambda name: renamed(name, step=1),
        "called backbone": lambda name: renamed(name, root="encoder.block"),
        "begins with backbone": lambda name: renamed(name, root="block"),
        "No dot between": lambda name: renamed(name, root="backbone.block."),
        "The end is lost": lambda name: renamed(name, keep=False),
        "dwconv twice": lambda name: renamed(name, table=ONCE),
        "kept our name": lambda name: renamed(name, table={}),
        "leaves the part empty": lambda name: renamed(name).replace("layer_scale_", ".layer_scale_"),
        "beginning is still ours": half_replaced,
        "no _ in it": lambda name: renamed(name, root="backbone.block_"),
        "do not say blocks": lambda name: re.sub(r"(block\d)", r"\1.blocks", renamed(name)),
        "cuts five times": cut_everywhere,
        "int\\(…\\) makes": lambda name: name.split(".")[2] + 1,
        "nothing comes after layer_scale_1": renamed_carelessly,
        "BLOCK_NAMES.get": looked_up(cut=True),
        "cut it off first": looked_up(cut=False),
        "Is a `return` missing": lambda name: None,
        "Expected a name": lambda name: name.split("."),
    },
}
