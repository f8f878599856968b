"""Exercise 1.2: one window and one flip, for a picture and its mask."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from segnext_edu.lessons.checks.exercise import Wrong, call, cause, check, described
from segnext_edu.lessons.checks.scenes_window import OTHER_MISTAKES, OTHER_WINDOWS, Pair, Window, cut, right_pair

INSIDE = (((11, 17), Window(2, 5, 6)), ((9, 8), Window(1, 0, 7)), ((20, 13), Window(7, 4, 9)))  # (H, W), window
OVER_THE_EDGE = (((11, 17), Window(6, 5, 9)), ((9, 8), Window(1, 3, 7)), ((10, 13), Window(4, 8, 11)))


def crop_flip(answer: Callable[..., Any]) -> None:
    check(answer, _same_window, _flips_both, _fills_up, _leaves_its_arguments)


def _scene(height: int, width: int) -> Pair:
    generator = torch.Generator().manual_seed(height * width)
    image = 0.05 + 0.9 * torch.rand(3, height, width, generator=generator)
    return image, torch.randint(0, 150, (height, width), generator=generator)


def _equal(came: Any, wanted: Pair) -> bool:
    return all(torch.equal(a.to(b), b) for a, b in zip(came, wanted))


def _expect_pair(answer: Callable[..., Any], size: tuple[int, int], window: Window) -> None:
    image, mask = _scene(*size)
    result = call(answer, image.clone(), mask.clone(), *window)
    if not isinstance(result, tuple | list) or len(result) != 2 or not all(isinstance(x, Tensor) for x in result):
        raise Wrong(f"Expected two tensors, (image, mask), but got {described(result)}.")
    case = "a {} × {} picture, top {}, left {}, side {}, flip {}".format(*size, *window)
    side = window.side
    for name, part, shape in zip(("image", "mask"), result, ((3, side, side), (side, side))):
        if part.shape != shape:
            why = _why_this_shape(part, size, window)
            raise Wrong(f"For {case}: the {name} should be {shape}, but is {tuple(part.shape)}.{why}")
    right = right_pair(image, mask, window)
    if not _equal(result, right):
        suspects: dict[str, Pair] = {}
        for sentence, (of_image, of_mask) in ((text, windows(window)) for text, windows in OTHER_WINDOWS.items()):
            suspects[sentence] = cut(image, of_image, 0), cut(mask, of_mask, 255)
        suspects |= {sentence: wrong(image, mask, window) for sentence, wrong in OTHER_MISTAKES.items()}
        why = cause(lambda pair: _equal(result, pair), suspects)
        parts = [name for name, a, b in zip(("image", "mask"), result, right) if not torch.equal(a.to(b), b)]
        raise Wrong(f"For {case}: wrong numbers in the {' and the '.join(parts)}.{why}")
    if result[1].is_floating_point():
        raise Wrong(f"The mask came back as {described(result[1])}. Its numbers are names: keep them whole.")


def _why_this_shape(part: Tensor, size: tuple[int, int], window: Window) -> str:
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
        "Nothing was cut off.": size,
        "One too many: the window is [top : top + side].": (side + 1, side + 1),
        "A slice ends at top + side, not at side.": (max(0, min(side, height) - top), max(0, min(side, width) - left)),
    }
    return cause(lambda shape: tuple(part.shape[-2:]) == shape, suspects)


def _same_window(answer: Callable[..., Any]) -> str:
    for size, window in INSIDE:
        _expect_pair(answer, size, window)
    return "one window for both"


def _flips_both(answer: Callable[..., Any]) -> str:
    for size, window in INSIDE:
        _expect_pair(answer, size, window._replace(flip=True))
    return "mirrored together"


def _fills_up(answer: Callable[..., Any]) -> str:
    for size, window in OVER_THE_EDGE:
        for flip in (False, True):
            _expect_pair(answer, size, window._replace(flip=flip))
    return "0 and 255 beyond the picture"


def _leaves_its_arguments(answer: Callable[..., Any]) -> str:
    image, mask = _scene(11, 17)
    kept = image.clone(), mask.clone()
    call(answer, image, mask, 6, 5, 9, True)
    if not torch.equal(image, kept[0]) or not torch.equal(mask, kept[1]):
        raise Wrong("Your function changed the picture or the mask in place. Other crops still need them.")
    return "its arguments stay as they were"
