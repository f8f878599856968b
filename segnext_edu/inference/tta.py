"""Several looks at one picture, and one answer: other sizes, mirrored, whole or through tiles.

The paper's multi-scale scores average the probabilities of twelve looks: six sizes, each also mirrored, as
mmsegmentation does it. Here they are averaged a band of rows at a time, so that memory does not hold the probabilities
of all classes for all the pixels of a large photograph.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from segnext_edu.files import InputError
from segnext_edu.inference.sliding_window import GRID, Tiles
from segnext_edu.model.segnext import resize

AT_ONCE = 2**26  # scores that are held together, of all classes for a band of rows: 256 MiB


@dataclass(frozen=True)
class Look:
    """How a model looks at a picture before it decides.

    scales: factors on the short side, one look each. flip: each look once more, left and right exchanged.
    tiles: how the resized picture is cut; None shows it whole.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    tiles: Tiles | None = None


ONCE = Look()
MULTI_SCALE = Look(scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75), flip=True)  # the paper's


def look_from(args: argparse.Namespace) -> Look:
    """The look that the options ask for. Raises InputError where they cannot be followed."""
    look = MULTI_SCALE if args.multi_scale else ONCE
    if args.tile is None:
        if args.overlap is not None:
            raise InputError("--overlap is what tiles share; say how large they are with --tile, such as --tile 512")
        return look
    quarter = min(math.ceil(args.tile / 4 / GRID), args.tile // 2 // GRID) * GRID
    return replace(look, tiles=Tiles(args.tile, quarter if args.overlap is None else args.overlap))


def short_side_from(args: argparse.Namespace, trained_at: int) -> int | None:
    """The short side to resize to, in pixels; None leaves a picture as it is. Raises InputError."""
    if args.short_side is None:
        return trained_at
    if args.short_side == "own":
        return None
    if not args.short_side.isdecimal() or int(args.short_side) < GRID:
        raise InputError(f"--short-side {args.short_side}: expected a number of pixels, at least {GRID}, or own")
    return int(args.short_side)


def most_likely(views: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """The class with the largest mean probability at every pixel.

    Args:
        views: logits (1, K, h, w) of each look, of whatever size. size: the picture's (H, W).

    Returns: (H, W), long, 0..K-1.
    """
    height, width = size
    labels = torch.empty(height, width, dtype=torch.long, device=views[0].device)
    rows = max(1, AT_ONCE // (views[0].shape[1] * width))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        scores = resized_rows(views[0], size, top, bottom)  # (1, K, rows, W)
        if len(views) > 1:  # one look needs no probabilities: the largest logit has the largest
            scores = scores.softmax(1)
            for view in views[1:]:
                scores += resized_rows(view, size, top, bottom).softmax(1)
        labels[top:bottom] = scores[0].argmax(0)
    return labels


def resized_rows(x: Tensor, size: Sequence[int], top: int, bottom: int) -> Tensor:
    """Rows top..bottom-1 of `resize(x, size)`, without the others: (B, C, h, w) → (B, C, bottom - top, W)."""
    height, width = size
    if bottom - top == height:
        return resize(x, size)
    y = (torch.arange(top, bottom, device=x.device) + 0.5) * (x.shape[2] / height) - 0.5  # in x's rows
    y = y.clamp(min=0)
    above = y.long()
    below = (above + 1).clamp(max=x.shape[2] - 1)
    band = torch.lerp(x[:, :, above], x[:, :, below], (y - above)[:, None].to(x.dtype))  # (B, C, rows, w)
    return resize(band, (bottom - top, width))  # (B, C, rows, W)
