"""Exercise 1.2: one window and one flip, for a picture and its mask, and what people cut out in its place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, cause, described
from segnext_edu.lessons.checks.table import Exercise

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


def _cut(x: Tensor, window: Window, fill: float) -> Tensor:
    """The window of one tensor (..., H, W), filled up beyond the lower and right edges, and mirrored."""
    top, left, side, flip = window
    inside = x[..., top : top + side, left : left + side]
    square = F.pad(inside, (0, side - inside.shape[-1], 0, side - inside.shape[-2]), value=fill)
    return square.flip(-1) if flip else square


def _right_pair(image: Tensor, mask: Tensor, window: Window) -> Pair:
    return _cut(image, window, 0), _cut(mask, window, 255)


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
    image, mask = _right_pair(image, mask, window.unflipped)
    return image.flip(-2), mask.flip(-2)


def _flip_zero(image: Tensor, mask: Tensor, window: Window) -> Pair:
    """flip(0) for both: the picture's channels, the mask's rows."""
    image, mask = _right_pair(image, mask, window.unflipped)
    return image.flip(0), mask.flip(0)


def _transposed(image: Tensor, mask: Tensor, window: Window) -> Pair:
    image, mask = _right_pair(image, mask, window)
    return image.mT, mask.mT


def _flip_first(image: Tensor, mask: Tensor, window: Window) -> Pair:
    if window.flip:
        image, mask = image.flip(-1), mask.flip(-1)
    return _right_pair(image, mask, window.unflipped)


def _filled_last(image: Tensor, mask: Tensor, window: Window) -> Pair:
    """What there is of the window is mirrored, and filled up afterwards, on the wrong side."""
    inside = (..., slice(window.top, window.top + window.side), slice(window.left, window.left + window.side))
    at_the_corner = window.at_the_corner.unflipped
    return _right_pair(image[inside].flip(-1), mask[inside].flip(-1), at_the_corner)


def _pushed_back(image: Tensor, mask: Tensor, window: Window) -> Pair:
    top, left = (
        min(start, max(0, length - window.side)) for start, length in zip((window.top, window.left), mask.shape)
    )
    return _right_pair(image, mask, window._replace(top=top, left=left))


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
        _cut(image, window, 0).flip(-2),
        _cut(mask, window, 255).flip(-2),
    ),
    "Beyond the picture the mask says -1. What is to be ignored is 255 here.": lambda image, mask, window: (
        _cut(image, window, 0),
        _cut(mask, window, -1),
    ),
    "It is upside down: left and right are the last dimension.": _upside_down,
    "The mask is upside down. It has no channels: its last dimension is the width.": (
        lambda image, mask, window: (_cut(image, window, 0), _upside_down(image, mask, window)[1])
    ),
    "The picture's channels are turned round: flip(0) is red ↔ blue there.": (
        lambda image, mask, window: (_flip_zero(image, mask, window)[0], _cut(mask, window, 255))
    ),
    "flip(0) turns the picture's channels round and the mask upside down. The width is the last dimension: flip(-1).": (
        _flip_zero
    ),
    "You flipped before cutting: then `left` counts from the other side. Cut first.": _flip_first,
    "Both are transposed: rows became columns.": _transposed,
    "Beyond the picture the mask says 0, and that is the first class. It should say 255.": (
        lambda image, mask, window: (_cut(image, window, 0), _cut(mask, window, 0))
    ),
    "Beyond the picture, the picture was filled with 255. That is the mask's filling; here it is 0.": (
        lambda image, mask, window: (_cut(image, window, 255), _cut(mask, window, 255))
    ),
    "The window was pushed back into the picture: that is another window. Fill it up.": _pushed_back,
    "The filling stands at the left and above; it belongs beyond the right and lower edges.": _filled_before,
}


INSIDE = (((11, 17), Window(2, 5, 6)), ((9, 8), Window(1, 0, 7)), ((20, 13), Window(7, 4, 9)))  # (H, W), window
OVER_THE_EDGE = (((11, 17), Window(6, 5, 9)), ((9, 8), Window(1, 3, 7)), ((10, 13), Window(4, 8, 11)))


def _scene(size: tuple[int, int], window: Window, flip: bool = False) -> tuple[Any, ...]:
    height, width = size
    generator = torch.Generator().manual_seed(height * width)
    image = 0.05 + 0.9 * torch.rand(3, height, width, generator=generator)
    mask = torch.randint(0, 150, (height, width), generator=generator)
    return image, mask, *window._replace(flip=flip)


def _right(image: Tensor, mask: Tensor, *window: Any) -> Pair:
    return _right_pair(image, mask, Window(*window))


def _mistakes(image: Tensor, mask: Tensor, *window: Any) -> dict[str, Pair]:
    asked = Window(*window)
    suspects: dict[str, Pair] = {}
    for sentence, windows in OTHER_WINDOWS.items():
        of_image, of_mask = windows(asked)
        suspects[sentence] = _cut(image, of_image, 0), _cut(mask, of_mask, 255)
    return suspects | {sentence: wrong(image, mask, asked) for sentence, wrong in OTHER_MISTAKES.items()}


def _case(mask: Tensor, window: tuple[Any, ...]) -> str:
    return "a {} × {} picture, top {}, left {}, side {}, flip {}".format(*mask.shape, *window)


def _two_tensors(result: Any, right: Pair, image: Tensor, mask: Tensor, *window: Any) -> Pair:
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise Wrong(f"Expected two tensors, (image, mask), but got {described(result)}.")
    for name, part, wanted in zip(("image", "mask"), result, right):
        if part.shape != wanted.shape:
            why = _why_this_shape(part, mask.shape, Window(*window))
            shapes = f"should be {tuple(wanted.shape)}, but is {tuple(part.shape)}"
            raise Wrong(f"For {_case(mask, window)}: the {name} {shapes}.{why}")
    if result[1].is_floating_point() and torch.equal(result[1].to(right[1]), right[1]):
        raise Wrong(f"The mask came back as {described(result[1])}. Its numbers are names: keep them whole.")
    return result[0], result[1]


def _why_this_shape(part: Tensor, size: Sequence[int], window: Window) -> str:
    (height, width), (top, left, side, _) = size, window
    if tuple(part.shape[-2:]) == (side, side):
        return " An axis of length 1 is left over in front: take [0]."
    inside_h, inside_w = min(side, height - top), min(side, width - left)
    if tuple(part.shape[-2:]) == (inside_h + side - inside_w, inside_w + side - inside_h) != (inside_h, inside_w):
        return " F.pad counts from the last axis: first left and right, then above and below. Yours are swapped."
    if part.ndim == 3 and part.shape[-1] == width and part.shape[1] == inside_w:
        return " The picture's first axis is the channels: x[..., rows, columns] cuts the last two."
    suspects = {
        "The window hangs over the edge: fill it up, the picture with 0, the mask with 255.": (
            inside_h,
            inside_w,
        ),
        "Nothing was cut off.": tuple(size),
        "One too many: the window is [top : top + side].": (side + 1, side + 1),
        "A slice ends at top + side, not at side.": (max(0, min(side, height) - top), max(0, min(side, width) - left)),
    }
    return cause(lambda shape: tuple(part.shape[-2:]) == shape, suspects)


def _wrong_parts(came: Pair, right: Pair, image: Tensor, mask: Tensor, *window: Any) -> str:
    parts = [name for name, a, b in zip(("image", "mask"), came, right) if not torch.equal(a.to(b), b)]
    return f"For {_case(mask, window)}: wrong numbers in the {' and the '.join(parts)}."


crop_flip = Exercise(
    _right,
    {
        "one window for both": INSIDE,
        "mirrored together": [(*case, True) for case in INSIDE],
        "0 and 255 beyond the picture": [(*case, flip) for case in OVER_THE_EDGE for flip in (False, True)],
    },
    _mistakes,
    given=_scene,
    read=_two_tensors,
    say=_wrong_parts,
    tolerance=0,
    changed="Your function changed the picture or the mask in place. Other crops still need them.",
    kept="its arguments stay as they were",
)
