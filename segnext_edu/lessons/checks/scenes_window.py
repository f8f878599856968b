"""Exercise 1.2: the window itself, and what people cut out in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor

Pair = tuple[Tensor, Tensor]


class Window(NamedTuple):
    """What the exercise is told: where the square begins, its side, and whether it is mirrored."""

    top: int
    left: int
    side: int
    flip: bool = False

    @property
    def transposed(self) -> Window:
        return self._replace(top=self.left, left=self.top)

    @property
    def at_the_corner(self) -> Window:
        return self._replace(top=0, left=0)

    @property
    def unflipped(self) -> Window:
        return self._replace(flip=False)


def cut(x: Tensor, window: Window, fill: float) -> Tensor:
    """The window of one tensor (..., H, W), filled up beyond the lower and right edges, and mirrored."""
    top, left, side, flip = window
    inside = x[..., top : top + side, left : left + side]
    square = F.pad(inside, (0, side - inside.shape[-1], 0, side - inside.shape[-2]), value=fill)
    return square.flip(-1) if flip else square


def right_pair(image: Tensor, mask: Tensor, window: Window) -> Pair:
    return cut(image, window, 0), cut(mask, window, 255)


# The picture's window and the mask's, where the two have parted or both are elsewhere.
OTHER_WINDOWS: dict[str, Callable[[Window], tuple[Window, Window]]] = {
    "You mirrored the picture and left its mask as it was.": lambda w: (w, w.unflipped),
    "You mirrored the mask and left its picture as it was.": lambda w: (w.unflipped, w),
    "Neither is mirrored.": lambda w: (w.unflipped, w.unflipped),
    "You mirrored without being asked to.": lambda w: (w._replace(flip=True), w._replace(flip=True)),
    "`top` and `left` are swapped: rows come first.": lambda w: (w.transposed, w.transposed),
    "The picture's window is right; in the mask's, `top` and `left` are swapped.": lambda w: (w, w.transposed),
    "The mask's window is right; in the picture's, `top` and `left` are swapped.": lambda w: (w.transposed, w),
    "The mask was cut at its upper left corner, not at (top, left).": lambda w: (w, w.at_the_corner),
    "Both were cut at the upper left corner, not at (top, left).": lambda w: (w.at_the_corner, w.at_the_corner),
}


def _upside_down(image: Tensor, mask: Tensor, window: Window) -> Pair:
    image, mask = right_pair(image, mask, window.unflipped)
    return image.flip(-2), mask.flip(-2)


def _flip_zero(image: Tensor, mask: Tensor, window: Window) -> Pair:
    """flip(0) for both: the picture's channels, the mask's rows."""
    image, mask = right_pair(image, mask, window.unflipped)
    return image.flip(0), mask.flip(0)


def _transposed(image: Tensor, mask: Tensor, window: Window) -> Pair:
    image, mask = right_pair(image, mask, window)
    return image.mT, mask.mT


def _flip_first(image: Tensor, mask: Tensor, window: Window) -> Pair:
    if window.flip:
        image, mask = image.flip(-1), mask.flip(-1)
    return right_pair(image, mask, window.unflipped)


def _filled_last(image: Tensor, mask: Tensor, window: Window) -> Pair:
    """What there is of the window is mirrored, and filled up afterwards, on the wrong side."""
    inside = (..., slice(window.top, window.top + window.side), slice(window.left, window.left + window.side))
    at_the_corner = window.at_the_corner.unflipped
    return right_pair(image[inside].flip(-1), mask[inside].flip(-1), at_the_corner)


def _pushed_back(image: Tensor, mask: Tensor, window: Window) -> Pair:
    top, left = (
        min(start, max(0, length - window.side)) for start, length in zip((window.top, window.left), mask.shape)
    )
    return right_pair(image, mask, window._replace(top=top, left=left))


def _filled_before(image: Tensor, mask: Tensor, window: Window) -> Pair:
    """What is missing is filled up at the left and above."""

    def one(x: Tensor, fill: float) -> Tensor:
        inside = x[..., window.top : window.top + window.side, window.left : window.left + window.side]
        square = F.pad(inside, (window.side - inside.shape[-1], 0, window.side - inside.shape[-2], 0), value=fill)
        return square.flip(-1) if window.flip else square

    return one(image, 0), one(mask, 255)


OTHER_MISTAKES: dict[str, Callable[[Tensor, Tensor, Window], Pair]] = {
    "You mirrored before filling up, so the filling is on the wrong side. Fill first.": _filled_last,
    "It is upside down as well: mirror the last dimension only, flip(-1).": lambda image, mask, window: (
        cut(image, window, 0).flip(-2),
        cut(mask, window, 255).flip(-2),
    ),
    "Beyond the picture the mask says -1. What is to be ignored is 255 here.": lambda image, mask, window: (
        cut(image, window, 0),
        cut(mask, window, -1),
    ),
    "It is upside down: left and right are the last dimension.": _upside_down,
    "The mask is upside down. It has no channels: its last dimension is the width.": (
        lambda image, mask, window: (cut(image, window, 0), _upside_down(image, mask, window)[1])
    ),
    "The picture's channels are turned round: flip(0) is red ↔ blue there.": (
        lambda image, mask, window: (_flip_zero(image, mask, window)[0], cut(mask, window, 255))
    ),
    "flip(0) turns the picture's channels round and the mask upside down. The width is the last dimension: flip(-1).": (
        _flip_zero
    ),
    "You flipped before cutting: then `left` counts from the other side. Cut first.": _flip_first,
    "Both are transposed: rows became columns.": _transposed,
    "Beyond the picture the mask says 0, and that is the first class. It should say 255.": (
        lambda image, mask, window: (cut(image, window, 0), cut(mask, window, 0))
    ),
    "Beyond the picture, the picture was filled with 255. That is the mask's filling; here it is 0.": (
        lambda image, mask, window: (cut(image, window, 255), cut(mask, window, 255))
    ),
    "The window was pushed back into the picture: that is another window. Fill it up.": _pushed_back,
    "The filling stands at the left and above; it belongs beyond the right and lower edges.": _filled_before,
}
