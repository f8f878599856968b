"""How good is a segmentation? Everything is read off one confusion matrix. Notebook 02 builds this class."""

from __future__ import annotations

import torch
from torch import Tensor

from segnext_edu.data import IGNORE


class ConfusionMatrix:
    """Counts, over any number of images, how often a pixel of class i was called class j.

    The counts stay on the device of the first prediction, so that scoring never waits for a transfer.

    Args:
        num_classes: K. Targets are 0..K-1, or 255 where a pixel has no label: such pixels do not count.
    """

    def __init__(self, num_classes: int):
        self.num_classes = num_classes
        self.counts = torch.zeros(num_classes, num_classes, dtype=torch.long)  # (target, prediction)

    def update(self, pred: Tensor, target: Tensor) -> None:
        """Count a batch. pred: labels of any integer type; target: the same shape, same device.

        Raises ValueError when the shapes differ or a label lies outside 0..K-1 (255 in the target excepted).
        """
        if pred.shape != target.shape:
            raise ValueError(
                f"prediction and target must have one shape, but came as {tuple(pred.shape)} and {tuple(target.shape)}"
            )
        counted = target != IGNORE
        true, said = target[counted].long(), pred[counted].long()
        if true.numel() and not 0 <= min(true.min(), said.min()) <= max(true.max(), said.max()) < self.num_classes:
            raise ValueError(
                f"labels must lie in 0..{self.num_classes - 1}, but targets lie in {true.min()}..{true.max()} "
                f"and predictions in {said.min()}..{said.max()}"
            )
        cells = torch.bincount(true * self.num_classes + said, minlength=self.num_classes**2)
        self.counts = self.counts.to(cells.device) + cells.view_as(self.counts)

    def per_class_iou(self) -> Tensor:
        """Intersection over union, (K,): TP / (TP + FP + FN); NaN for a class that neither occurs nor was predicted."""
        counts = self.counts.cpu()  # Apple's GPUs have no float64
        hits = counts.diag().double()
        union = counts.sum(0) + counts.sum(1) - counts.diag()
        return hits / union  # 0 / 0 is NaN

    def miou(self) -> float:
        """The mean of `per_class_iou` over the classes that occur (in a target or a prediction)."""
        return self.per_class_iou().nanmean().item()

    def pixel_accuracy(self) -> float:
        """The share of labelled pixels that were called right."""
        return (self.counts.diag().sum() / self.counts.sum()).item()
