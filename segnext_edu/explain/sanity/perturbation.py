"""Deletion and insertion: take away what a map marks, the strongest first, and watch the network's answer.

The idea is that of RISE (Petsiuk, Das and Saenko, BMVC 2018), for a network that labels every pixel. Deletion starts
from the image and covers it; insertion starts from what covers it, and uncovers it. A good map makes the score fall
early in the one and rise early in the other.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.model.segnext import SegNeXt

SHARES = (0.0, 0.1, 0.2, 0.4, 0.7, 1.0)  # of the cells, at which a curve is measured
CELL = 8  # the side of a cell in pixels: the network answers at stride 8
LARGEST = 0.25  # share of the image that the class we ask about may hold

Score = Callable[[Tensor], Tensor]  # images (n, 3, H, W) → (n, …)


def top_cells(saliency: Tensor, share: float) -> Tensor:
    """The cells that a map ranks highest, this share of them: (h, w) → (h, w) of bool.

    Cells of the same value, such as Grad-CAM's zeros, come in an order drawn once; in reading order they would
    prefer the sky.
    """
    values = saliency.flatten()
    drawn = torch.randperm(len(values), generator=torch.Generator().manual_seed(0))
    ranked = drawn[values[drawn].argsort(descending=True, stable=True)]  # (h·w,)
    mask = torch.zeros(len(values), dtype=torch.bool)
    mask[ranked[: round(share * len(values))]] = True
    return mask.view_as(saliency)


def perturbed(before: Tensor, after: Tensor, saliency: Tensor, share: float) -> Tensor:
    """Put one image in the place of another, in the cells that a map ranks highest: (3, H, W), (h, w) → (3, H, W)."""
    mask = top_cells(saliency, share)[None, None].float()  # (1, 1, h, w)
    pixels = F.interpolate(mask, size=before.shape[1:], mode="nearest-exact")[0] > 0  # (1, H, W)
    return torch.where(pixels, after, before)


@torch.inference_mode()
def curve(score: Score, before: Tensor, after: Tensor, saliency: Tensor, shares: Sequence[float] = SHARES) -> Tensor:
    """The score while one image takes another's place: (3, H, W) twice, and a map (h, w) → (shares, …).

    From the image to its cover it is deletion; from the cover to the image, insertion.
    """
    steps = [perturbed(before, after, saliency, share) for share in shares]
    return torch.cat([score(step[None]) for step in steps])  # one by one: on a CPU, together is no faster


def auc(values: Tensor, shares: Sequence[float] = SHARES) -> Tensor:
    """The area under a curve over the shares from 0 to 1, which is its mean height: (shares, …) → (…)."""
    return torch.trapezoid(values, torch.tensor(shares), dim=0)


def shuffled(image: Tensor) -> Tensor:
    """The image's own cells in another order, drawn once: the same colours and textures, and no scene.

    A cover must not answer for what it hides. A grey one does: laid on a wall it is called a wall.

    Shapes: (3, H, W) → (3, H, W), H and W multiples of 8.
    """
    cells = F.unfold(image[None], CELL, stride=CELL)  # (1, 3·8·8, h·w)
    order = torch.randperm(cells.shape[2], generator=torch.Generator().manual_seed(0))
    return F.fold(cells[:, :, order], image.shape[1:], CELL, stride=CELL)[0]  # (3, H, W)


def class_to_ask(labels: Tensor, largest: float = LARGEST) -> int | None:
    """The commonest label among those that hold at most this share of an image; None where there is none.

    Whoever covers half of the wall has not yet covered anything that matters to the wall.

    Shapes: labels (h, w) of 0..K-1.
    """
    counts = labels.flatten().bincount()
    counts[counts > largest * labels.numel()] = 0
    return int(counts.argmax()) if counts.any() else None


def class_scores(model: SegNeXt, image: Tensor, label: int) -> Score:
    """What to watch while an image (3, H, W) is being covered: a function (n, 3, H, W) → (n, 2).

    The first number is the mean probability of the label where the network saw it in the whole image; the second,
    the share of all places that keep their label. Both are 1 for a whole image and a network without doubts.
    """
    with torch.inference_mode():
        labels = model.decode(model.encode(image[None])).argmax(1)  # (1, h, w)

    def score(images: Tensor) -> Tensor:
        logits = model.decode(model.encode(images))  # (n, K, h, w)
        sure = logits.softmax(1)[:, label][:, labels[0] == label].mean(1)  # (n,)
        return torch.stack([sure, (logits.argmax(1) == labels).float().mean((1, 2))], dim=1)  # (n, 2)

    return score
