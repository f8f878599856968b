"""One label space for LabelMeFacade and CamVid, and a loss that knows what each of them does not label.

What one set calls building holds what the other calls window, door or pole. So a pixel's label is not a class but a row
of `ROWS`: a set's name for it, which stands for every class that may lie under that name.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.data import IGNORE

FACADE = ("building", "car", "door", "pavement", "road", "sky", "vegetation", "window")
ONLY_CAMVID = ("pole", "fence", "sign", "person", "bicyclist")
CLASSES = FACADE + ONLY_CAMVID
RENAMED = {"tree": "vegetation", "pedestrian": "person"}  # CamVid's names → ours
CAMVID = ("sky", "building", "pole", "road", "pavement", "vegetation", "sign", "fence", "car", "person", "bicyclist")
INSIDE_BUILDING = ("window", "door")  # what CamVid calls building, too

ROWS = [("labelmefacade", name) for name in FACADE] + [("camvid", name) for name in CAMVID]


def row_of(source: str, name: str) -> int:
    """The row for what `source` calls `name`, under its own name or ours."""
    return ROWS.index((source, RENAMED.get(name, name)))


def meanings(hidden: float, shares: Tensor) -> Tensor:
    """How likely a pixel of each class is to be labelled with each row, in the row's set: (rows, K).

    A class's column sums to no more than 1 over the rows of a set. That matters: where a hidden class is forgiven under
    every name alike, a network answers "sign" wherever it wavers between window and building, and learns neither.

    Args:
        hidden: the probability that LabelMeFacade gives a pole (fence, …) one of its own names, and does not leave it
            unlabelled. 0 takes every label at its word. CamVid's buildings always count their windows and doors.
        shares: (rows,) of the labelled pixels: what hides a pole is building as often as anything is building.
    """
    table = torch.zeros(len(ROWS), len(CLASSES))
    facade = shares[: len(FACADE)] / shares[: len(FACADE)].sum()
    for row, (source, name) in enumerate(ROWS):
        if source == "labelmefacade":
            table[row, len(FACADE) :] = hidden * facade[row]
        elif name == "building":
            table[row, [CLASSES.index(part) for part in INSIDE_BUILDING]] = 1.0
        table[row, CLASSES.index(name)] = 1.0
    return table


def row_weights(shares: Tensor, rare: float, most: float = 5.0) -> Tensor:
    """How much a pixel of each row counts in the loss, (rows,): share to the power -rare, 1 on average, `most` at most.

    A class that is not there counts nothing. shares: (rows,) of the labelled pixels.
    """
    weights = torch.where(shares > 0, shares.clamp(min=1e-9) ** -rare, 0)
    return (weights / (weights * shares).sum()).clamp(max=most)


def partial_loss(logits: Tensor, rows: Tensor, log_meanings: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean of -log Σₖ meaning[row, k]·p(k) over the labelled pixels: cross-entropy where a row is one class.

    Shapes: logits (B, K, H, W), rows (B, H, W) with 255 where there is none, log_meanings (rows, K), weights (rows,)
    → ().
    """
    pixels = logits.float().permute(0, 2, 3, 1).flatten(0, 2)  # (B·H·W, K)
    rows = rows.flatten()
    known = rows != IGNORE
    rows = rows[known]  # (N,)
    logp = F.log_softmax(pixels[known], dim=1)  # (N, K)
    right = torch.logsumexp(logp + log_meanings[rows], dim=1)  # (N,)
    return -(weights[rows] * right).sum() / weights[rows].sum().clamp(min=1e-9)
