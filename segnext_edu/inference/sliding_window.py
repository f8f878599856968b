"""Tiles: a photograph too large for one look is seen through overlapping windows, and the windows' logits are blended.

The network never holds more than one window's maps, so its memory is bounded by the window and not by the photograph.
The price: no window knows what the others see. SegNeXt's global context, the NMF's bases, is a window's own.

A window's rim is where it knows least, since it sees only one side of what lies there. So its say fades linearly
towards the rim, while the next window's grows, and all say together one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segnext_edu.files import InputError

GRID = 32  # windows begin and end at multiples of it: there every stride of the network has a whole pixel


@dataclass(frozen=True)
class Tiles:
    """How a photograph is cut: square windows of `side` pixels that share at least `overlap` with the next one.

    Raises InputError unless both are multiples of 32 and 0 ≤ overlap ≤ side / 2.
    """

    side: int
    overlap: int

    def __post_init__(self) -> None:
        if self.side < GRID or self.side % GRID:
            raise InputError(
                f"a tile of {self.side} pixels: expected a multiple of {GRID}, such as 512, for every stride of the "
                "network to fit"
            )
        if self.overlap % GRID or not 0 <= self.overlap <= self.side // 2:
            raise InputError(
                f"tiles of {self.side} pixels that overlap by {self.overlap}: expected a multiple of {GRID} "
                f"from 0 to {self.side // 2}, half a tile"
            )


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where windows begin along a side: the first at 0, the last so that it ends with the side.

    Neighbours overlap by `overlap`, the last two by that or more. One window where it covers everything.
    """
    if length <= side:
        return [0]
    return [*range(0, length - side, side - overlap), length - side]


def blend_weights(length: int, side: int, overlap: int) -> Tensor:
    """What each window has to say at each of its places: (windows, min(side, length)), positive.

    At every place of the side, the windows that cover it say 1 together. In two dimensions, where the weights of rows
    and columns are multiplied, this remains so.
    """
    side = min(side, length)
    place = torch.arange(side)
    fading = torch.minimum(place + 1, side - place).clamp(max=overlap + 1).float()  # (side,): 1 at the rim
    begins = starts(length, side, overlap)
    total = torch.zeros(length)
    for begin in begins:
        total[begin : begin + side] += fading
    return torch.stack([fading / total[begin : begin + side] for begin in begins])  # (windows, side)


def tiled(network: Callable[[Tensor], Tensor], images: Tensor, tiles: Tiles) -> Tensor:
    """The logits of images that are seen a window at a time.

    Args:
        network: images (B, 3, h, w) → logits (B, K, h/s, w/s), where the stride s divides 32.

    Shapes: images (B, 3, H, W), H and W multiples of 32 → (B, K, H/s, W/s).
    """
    rows, columns = (starts(length, tiles.side, tiles.overlap) for length in images.shape[2:])
    blended, row_weights, column_weights = None, torch.empty(0), torch.empty(0)
    for row, top in enumerate(rows):
        for column, left in enumerate(columns):
            window = images[:, :, top : top + tiles.side, left : left + tiles.side]  # (B, 3, h, w)
            logits = network(window)  # (B, K, h/s, w/s)
            stride = window.shape[2] // logits.shape[2]
            if blended is None:
                height, width = (length // stride for length in images.shape[2:])
                blended = logits.new_zeros(*logits.shape[:2], height, width)  # (B, K, H/s, W/s)
                row_weights, column_weights = (
                    blend_weights(length, tiles.side // stride, tiles.overlap // stride).to(logits)
                    for length in (height, width)
                )
            weight = row_weights[row][:, None] * column_weights[column]  # (h/s, w/s)
            y, x = top // stride, left // stride
            blended[:, :, y : y + weight.shape[0], x : x + weight.shape[1]] += weight * logits
    assert blended is not None  # there is always a window
    return blended
