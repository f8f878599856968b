"""Test-time augmentation (TTA): one image is predicted at several sizes and mirrored, and the answers are averaged.

The paper's multi-scale scores average the probabilities of six sizes, each also mirrored, as mmsegmentation does it.
Here they are averaged a band of rows at a time, so that memory does not hold the probabilities of all classes for all
the pixels of a large photograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from segnext_edu.model.segnext import resize

AT_ONCE = 2**26  # scores that are held together, of all classes for a band of rows: 256 MiB


@dataclass(frozen=True)
class TTA:
    """Which views of an image are predicted.

    scales: factors on the short side. flip: each scale once more, with left and right exchanged.
    """

    scales: tuple[float, ...] = (1.0,)
    flip: bool = False


NO_TTA = TTA()
MULTI_SCALE = TTA(scales=(0.5, 0.75, 1.0, 1.25, 1.5, 1.75), flip=True)  # the paper's


def most_likely(views: Sequence[Tensor], size: Sequence[int]) -> Tensor:
    """The class with the largest mean probability at every pixel.

    Args:
        views: logits (1, K, h, w) of each view, of whatever size. size: the image's (H, W).

    Returns: (H, W), long, 0..K-1.
    """
    height, width = size
    labels = torch.empty(height, width, dtype=torch.long, device=views[0].device)
    rows = max(1, AT_ONCE // (views[0].shape[1] * width))
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        scores = resized_rows(views[0], size, top, bottom)  # (1, K, rows, W)
        if len(views) > 1:  # one view needs no probabilities: the largest logit has the largest
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
