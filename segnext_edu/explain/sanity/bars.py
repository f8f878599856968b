"""Do the strips prefer horizontal and vertical things? One bar, turned, and how much of it each strip passes on.

A strip pair is a horizontal strip (1 × k) and then a vertical one (k × 1). We show the encoder an image with a bar and
the same image without, and measure how far apart its maps are: before the pair, between the two, and after it.
What a part *gains* is that distance behind it over that before it, so what earlier layers prefer cancels out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from segnext_edu.data.images import normalise
from segnext_edu.explain.record import Layer, attentions
from segnext_edu.model.msca import STRIPS
from segnext_edu.model.segnext import SegNeXt
from segnext_edu.model.strip_conv import StripConv

SIDE = 192  # of the images, pixels
ANGLES = (0, 45, 90, 135)  # degrees: horizontal, diagonal, vertical, the other diagonal

Part = tuple[Layer, int, str]  # where, which strip length, and "horizontal", "vertical" or "pair"


def bar(angle: float, thickness: float, shift: float, side: int = SIDE) -> Tensor:
    """How much of each pixel a bar across the image covers: (side, side), 0 to 1.

    angle: degrees from horizontal. thickness: pixels. shift: of its middle line from the image's middle, pixels.
    """
    place = torch.arange(side) - (side - 1) / 2
    turn = math.radians(angle)
    away = place[:, None] * math.cos(turn) + place * math.sin(turn) - shift  # (side, side), from the middle line
    return (thickness / 2 + 0.5 - away.abs()).clamp(0, 1)


def images_with_bars(generator: torch.Generator, angles: tuple[float, ...] = ANGLES) -> Tensor:
    """One bar at every angle, and the plain image last: (angles + 1, 3, SIDE, SIDE), normalised.

    Thickness (4 to 16 pixels), place, and the two colours are drawn.
    """
    thickness, shift, *colours = torch.rand(8, generator=generator).tolist()
    bars = [bar(angle, 4 + 12 * thickness, 32 * shift - 16) for angle in angles]
    covers = torch.stack([*bars, torch.zeros(SIDE, SIDE)])[:, None]  # (angles + 1, 1, SIDE, SIDE)
    front, back = torch.tensor(colours).view(2, 3, 1, 1)
    return normalise(covers * front + (1 - covers) * back)


def strips(model: SegNeXt) -> Iterator[tuple[Layer, int, StripConv]]:
    """Every strip pair of a model, with its place and its length."""
    for layer, msca in attentions(model):
        yield from ((layer, length, cast(StripConv, pair)) for length, pair in zip(STRIPS, msca.strips))


@torch.inference_mode()
def gains(model: SegNeXt, images: Tensor) -> dict[Part, Tensor]:
    """How much of every bar each strip and each pair passes on; images as `images_with_bars` has them → (angles,)."""
    apart: dict[nn.Module, tuple[Tensor, Tensor]] = {}

    def distance(maps: Tensor) -> Tensor:
        return (maps[:-1] - maps[-1]).flatten(1).norm(dim=1)  # (angles,)

    def keep(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        apart[module] = distance(inputs[0]), distance(output)

    kernels = [kernel for _, _, pair in strips(model) for kernel in (pair.horizontal, pair.vertical)]
    hooks = [kernel.register_forward_hook(keep) for kernel in kernels]
    try:
        model.encode(images)
    finally:
        for hook in hooks:
            hook.remove()
    table: dict[Part, Tensor] = {}
    for layer, length, pair in strips(model):
        (before, between), (_, after) = apart[pair.horizontal], apart[pair.vertical]
        for part, gain in (("horizontal", between / before), ("vertical", after / between), ("pair", after / before)):
            table[layer, length, part] = gain
    return table


def preference(horizontal: Tensor, vertical: Tensor) -> Tensor:
    """-1: only vertical bars; 0: both alike; 1: only horizontal ones."""
    return (horizontal - vertical) / (horizontal + vertical)


def leaning(gain: Tensor) -> Tensor:
    """Of gains at ANGLES: -1: only diagonal bars; 1: only horizontal and vertical ones."""
    straight, aslant = gain[0] + gain[2], gain[1] + gain[3]
    return (straight - aslant) / (straight + aslant)
