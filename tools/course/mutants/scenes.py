"""Answers to the exercises of notebook 01: right ones, and misconceptions by the words that must name them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F

from segnext_edu import data
from segnext_edu.data import augment


def by_where(mask):
    return torch.where((mask == 0) | (mask == 255), 255, mask.long() - 1)


def by_table(mask):
    table = torch.arange(-1, 255)
    table[0] = table[255] = 255
    return table[mask.long()]


def in_three_steps(mask):
    """As mmsegmentation does it: right in uint8 and in any other type."""
    mask = mask.clone()
    mask[mask == 0] = 255
    mask -= 1
    mask[mask == 254] = 255
    return mask


def reduce_in_place(mask):
    mask[:] = by_where(mask)
    return mask


def seen_after_subtracting(mask):
    reduced = mask.long() - 1
    reduced[reduced == 0] = 255
    return reduced


def cut(x, top, left, side, flip, fill):
    x = x[..., top : top + side, left : left + side]
    x = F.pad(x, (0, side - x.shape[-1], 0, side - x.shape[-2]), value=fill)
    return x.flip(-1) if flip else x


def crop_flip(image, mask, top, left, side, flip):
    return cut(image, top, left, side, flip, 0), cut(mask, top, left, side, flip, 255)


def crop_flip_on_a_canvas(image, mask, top, left, side, flip):
    canvas, names = torch.zeros(3, side, side), torch.full((side, side), 255)
    window = mask[top : top + side, left : left + side]
    height, width = window.shape
    names[:height, :width] = window
    canvas[:, :height, :width] = image[:, top : top + side, left : left + side]
    if flip:
        return [torch.flip(canvas, [2]), names[:, torch.arange(side - 1, -1, -1)]]
    return [canvas, names]


def crop_flip_padded_first(image, mask, top, left, side, flip):
    image, mask = F.pad(image, (0, side, 0, side)), F.pad(mask, (0, side, 0, side), value=255)
    return crop_flip(image, mask, top, left, side, flip)


def parts(of_image: Callable, of_mask: Callable) -> Callable:
    """A crop whose two halves are made by different functions of (x, top, left, side, flip)."""
    return lambda image, mask, *how: (of_image(image, *how), of_mask(mask, *how))


def right_image(x, top, left, side, flip):
    return cut(x, top, left, side, flip, 0)


def right_mask(x, top, left, side, flip):
    return cut(x, top, left, side, flip, 255)


def flipped_first(image, mask, top, left, side, flip):
    if flip:
        image, mask = image.flip(-1), mask.flip(-1)
    return crop_flip(image, mask, top, left, side, False)


def pushed_back(image, mask, top, left, side, flip):
    height, width = mask.shape
    return crop_flip(image, mask, min(top, max(0, height - side)), min(left, max(0, width - side)), side, flip)


def unpadded(image, mask, top, left, side, flip):
    window = (..., slice(top, top + side), slice(left, left + side))
    return (image[window].flip(-1), mask[window].flip(-1)) if flip else (image[window], mask[window])


def padded_the_other_way(image, mask, top, left, side, flip):
    def one(x, fill):
        x = x[..., top : top + side, left : left + side]
        x = F.pad(x, (0, side - x.shape[-2], 0, side - x.shape[-1]), value=fill)
        return x.flip(-1) if flip else x

    return one(image, 0), one(mask, 255)


def filled_last(image, mask, top, left, side, flip):
    image, mask = unpadded(image, mask, top, left, side, flip)
    return crop_flip(image, mask, 0, 0, side, False)


def padded_before(image, mask, top, left, side, flip):
    def one(x, fill):
        x = x[..., top : top + side, left : left + side]
        x = F.pad(x, (side - x.shape[-1], 0, side - x.shape[-2], 0), value=fill)
        return x.flip(-1) if flip else x

    return one(image, 0), one(mask, 255)


def crop_in_place(image, mask, *how):
    pair = [part.clone() for part in crop_flip(image, mask, *how)]
    image.zero_()
    return pair


def by_loop(windows):
    for index, window in enumerate(windows):
        _, counts = window[window > 0].unique(return_counts=True)
        if len(counts) and counts.max() <= 0.75 * counts.sum():
            return index
    return len(windows) - 1


def shares(windows, drop=1, of="labelled"):
    counts = F.one_hot(windows, 8).sum(1)  # (n, 8)
    total = counts[:, 1:].sum(1) if of == "labelled" else counts.sum(1)
    return counts[:, drop:].amax(1) / total


def first_true(found, otherwise=None):
    found = found.tolist()
    return found.index(True) if True in found else len(found) - 1 if otherwise is None else otherwise


def two_classes(windows):
    return first_true(torch.tensor([len(window[window > 0].unique()) > 1 for window in windows]))


def labelled_share_or_nothing(windows):
    counts = F.one_hot(windows, 8).sum(1)[:, 1:]
    return first_true(counts.amax(1) <= 0.75 * counts.sum(1))


RIGHT = {
    "reduce_zero_label": [data.reduce_zero_label, by_where, by_table, in_three_steps],
    "crop_flip": [crop_flip, crop_flip_on_a_canvas, crop_flip_padded_first],
    "first_varied": [augment.first_varied, by_loop, lambda windows: np.int64(by_loop(windows))],
}
WRONG = {
    "reduce_zero_label": {
        "Nothing takes care of 0 and 255|0 - 1 is -1": lambda mask: mask - 1,
        "0 became -1; expected 255. Here 0 - 1 is -1": lambda mask: torch.where(mask == 255, mask, mask - 1),
        "255 was ignored already": lambda mask: torch.where(mask == 0, 255, mask - 1),
        "moved down with the rest": lambda mask: torch.where(mask == 0, 255, mask) - 1,
        "clamped at 0": lambda mask: (mask.long() - 1).clamp(min=0),
        "have not moved": lambda mask: torch.where(mask == 0, 255, mask),
        "looked for 0 after": seen_after_subtracting,
        "moved the labels up": lambda mask: mask.long() + 1,
        "in place": reduce_in_place,
        "Boolean value .* join conditions by | and &": lambda mask: torch.where(
            mask == 0 or mask == 255, 255, mask - 1
        ),
        "too small for 255": lambda mask: by_where(mask.to(torch.int8).fill_(255)),
        "a NumPy array of shape": lambda mask: by_where(mask).numpy(),
        "a tuple of 2 \\(a tensor": lambda mask: (by_where(mask), mask),
        "keep it whole": lambda mask: by_where(mask).float(),
        "Expected a tensor of shape": lambda mask: by_where(mask).flatten(),
        "Is a `return` missing": lambda mask: None,
    },
    "crop_flip": {
        "left its mask": parts(right_image, lambda x, t, w, s, f: right_mask(x, t, w, s, False)),
        "left its picture": parts(lambda x, t, w, s, f: right_image(x, t, w, s, False), right_mask),
        "Neither": lambda i, m, t, w, s, f: crop_flip(i, m, t, w, s, False),
        "without being asked": lambda i, m, t, w, s, f: crop_flip(i, m, t, w, s, True),
        "^✗ .* It is upside down": lambda i, m, t, w, s, f: tuple(
            x.flip(-2) if f else x for x in crop_flip(i, m, t, w, s, False)
        ),
        "mask is upside down": parts(
            right_image, lambda x, t, w, s, f: right_mask(x, t, w, s, False).flip(0) if f else right_mask(x, t, w, s, f)
        ),
        "red ↔ blue": parts(
            lambda x, t, w, s, f: right_image(x, t, w, s, False).flip(0) if f else right_image(x, t, w, s, f),
            right_mask,
        ),
        "flip\\(0\\) turns the picture's": lambda i, m, t, w, s, f: tuple(
            x.flip(0) if f else x for x in crop_flip(i, m, t, w, s, False)
        ),
        "`top` and `left` are swapped: rows": lambda i, m, t, w, s, f: crop_flip(i, m, w, t, s, f),
        "picture's window is right; in the mask's": parts(right_image, lambda x, t, w, s, f: right_mask(x, w, t, s, f)),
        "mask's window is right; in the picture's": parts(lambda x, t, w, s, f: right_image(x, w, t, s, f), right_mask),
        "mask was cut at its upper left": parts(right_image, lambda x, t, w, s, f: right_mask(x, 0, 0, s, f)),
        "Both were cut at the upper left": lambda i, m, t, w, s, f: crop_flip(i, m, 0, 0, s, f),
        "flipped before cutting": flipped_first,
        "transposed": lambda *given: tuple(x.mT for x in crop_flip(*given)),
        "that is the first class": parts(right_image, right_image),
        "the mask's filling": parts(right_mask, right_mask),
        "pushed back": pushed_back,
        "fill it up, the picture with 0": unpadded,
        "left and above": padded_before,
        "Yours are swapped": padded_the_other_way,
        "is the channels": lambda i, m, t, w, s, f: (i[t : t + s, w : w + s], m[t : t + s, w : w + s]),
        "left over in front": parts(right_image, lambda x, *how: right_mask(x, *how)[None]),
        "mirrored before filling up": filled_last,
        "upside down as well": lambda i, m, t, w, s, f: tuple(
            x.flip(-1, -2) if f else x for x in crop_flip(i, m, t, w, s, False)
        ),
        "the mask says -1": parts(right_image, lambda x, t, w, s, f: cut(x, t, w, s, f, -1)),
        "read backwards by ::-1": lambda i, m, t, w, s, f: (right_image(i, t, w, s, False)[..., ::-1], m),
        "Nothing was cut off": lambda image, mask, *_: (image, mask),
        "One too many": lambda i, m, t, w, s, f: crop_flip(i, m, t, w, s + 1, f),
        "ends at top \\+ side": lambda i, m, t, w, s, f: (i[:, t:s, w:s], m[t:s, w:s]),
        "keep them whole": lambda *given: (crop_flip(*given)[0], crop_flip(*given)[1].float()),
        "in place": crop_in_place,
        "Expected two tensors": lambda *given: crop_flip(*given)[0],
    },
    "first_varied": {
        "always the first window": lambda windows: 0,
        "always the last window": lambda windows: len(windows) - 1,
        "most varied": lambda windows: shares(windows).nan_to_num(1).argmin(),
        "took the last window that fits": lambda windows: (
            len(windows) - 1 - first_true((shares(windows) <= 0.75).flip(0), otherwise=0)
        ),
        "wrong way round": lambda windows: first_true(shares(windows).nan_to_num(1) > 0.75),
        "at most is <=": lambda windows: first_true(shares(windows) < 0.75),
        "divided by all the pixels. The": lambda windows: first_true(
            (shares(windows, of="all") <= 0.75) & (windows > 0).any(1)
        ),
        "hardly a label": lambda windows: first_true(shares(windows, of="all") <= 0.75),
        "counted as if it were a class": lambda windows: first_true(shares(windows, drop=0, of="all") <= 0.75),
        "counted as a class when": lambda windows: first_true(shares(windows, drop=0) <= 0.75),
        "without a single label": labelled_share_or_nothing,
        "nothing but False is 0\\.": lambda windows: (shares(windows) <= 0.75).int().argmax(),
        "n - 1, not -1": lambda windows: first_true(shares(windows) <= 0.75, otherwise=-1),
        "asked for two classes": two_classes,
        "not 50 %": lambda windows: first_true(shares(windows) <= 0.5),
        "counted from 0": lambda windows: by_loop(windows) + 1,
        "Only the first window was looked at": lambda windows: 0 if by_loop(windows) == 0 else len(windows) - 1,
        "255 is a class like any other": lambda windows: by_loop(windows.where(windows != 255, 0)),
        "larger labels than one_hot": lambda windows: F.one_hot(windows, 4).sum() and by_loop(windows),
        "the window itself": lambda windows: windows[by_loop(windows)],
        "Only the first of them": lambda windows: [by_loop(windows), len(windows) - 1],
        "first that fits\\?": lambda windows: shares(windows) <= 0.75,
        "a whole number, but got": shares,
    },
}
