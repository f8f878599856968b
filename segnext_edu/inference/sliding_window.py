"""Sliding-window inference: overlapping windows of a large photograph are predicted, and their logits are blended.

The network never holds more than one window's feature maps, so memory is bounded by the window and not by the
photograph. The price is context: no window knows what the others see, and the NMF's bases are computed per window.

Near its border a window knows least, because it sees only one side of what is there. Its weight therefore falls
linearly towards the border, while the next window's weight rises, and all weights sum to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from segnext_edu.files import InputError

GRID = 32  # windows start and end at multiples of the largest stride


@dataclass(frozen=True)
class SlidingWindow:
    """Square windows of `side` pixels; neighbours share at least `overlap` pixels.

    Raises InputError unless both are multiples of 32 and 0 ≤ overlap ≤ side / 2.
    """

    side: int
    overlap: int

    def __post_init__(self) -> None:
        if self.side < GRID or self.side % GRID:
            raise InputError(
                f"a window of {self.side} pixels: expected a multiple of {GRID}, such as 512, for every stride of the "
                "network to fit"
            )
        if self.overlap % GRID or not 0 <= self.overlap <= self.side // 2:
            raise InputError(
                f"windows of {self.side} pixels that overlap by {self.overlap}: expected a multiple of {GRID} "
                f"from 0 to {self.side // 2}, half a window"
            )


def starts(length: int, side: int, overlap: int) -> list[int]:
    """Where windows start along one side of the image: the first at 0, the last so that it ends at the border.

    Neighbours overlap by `overlap`, the last two by that or more. One window if it covers everything.
    """
    if length <= side:
        return [0]
    return [*range(0, length - side, side - overlap), length - side]


def blend_weights(length: int, side: int, overlap: int) -> Tensor:
    """The weight of each window at each of its positions: (windows, min(side, length)), positive.

    At every position, the weights of the windows that cover it sum to 1. In two dimensions, where the weights of rows
    and columns are multiplied, they still do.
    """
    side = min(side, length)
    index = torch.arange(side)
    fading = torch.minimum(index + 1, side - index).clamp(max=overlap + 1).float()  # (side,): 1 at the border
    begins = starts(length, side, overlap)
    total = torch.zeros(length)
    for begin in begins:
        total[begin : begin + side] += fading
    return torch.stack([fading / total[begin : begin + side] for begin in begins])  # (windows, side)


def slide(network: Callable[[Tensor], Tensor], images: Tensor, window: SlidingWindow) -> Tensor:
    """The logits of images, predicted one window at a time and blended.

    Args:
        network: images (B, 3, h, w) → logits (B, K, h/s, w/s), where the stride s divides 32.

    Shapes: images (B, 3, H, W), H and W multiples of 32 → (B, K, H/s, W/s).
    """
    rows, columns = (starts(length, window.side, window.overlap) for length in images.shape[2:])
    blended, row_weights, column_weights = None, torch.empty(0), torch.empty(0)
    for row, top in enumerate(rows):
        for column, left in enumerate(columns):
            crop = images[:, :, top : top + window.side, left : left + window.side]  # (B, 3, h, w)
            logits = network(crop)  # (B, K, h/s, w/s)
            stride = crop.shape[2] // logits.shape[2]
            if blended is None:
                height, width = (length // stride for length in images.shape[2:])
                blended = logits.new_zeros(*logits.shape[:2], height, width)  # (B, K, H/s, W/s)
                row_weights, column_weights = (
                    blend_weights(length, window.side // stride, window.overlap // stride).to(logits)
                    for length in (height, width)
                )
            weight = row_weights[row][:, None] * column_weights[column]  # (h/s, w/s)
            y, x = top // stride, left // stride
            blended[:, :, y : y + weight.shape[0], x : x + weight.shape[1]] += weight * logits
    assert blended is not None  # there is always a window
    return blended
