"""The images of a dataset as tensors on the training device, decoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.data import IGNORE, class_names, reduce_zero_label
from segnext_edu.data.images import to_tensor
from segnext_edu.files import InputError

if TYPE_CHECKING:
    from datasets import Dataset

KEEP_BYTES = 4 * 2**30  # of decoded images that are cached; the rest of a larger dataset is decoded anew each time


class SegmentationDataset:
    """A map-style dataset: item i is a uint8 image (3, H, W) and its labels (H, W), uint8, 0..K-1 and 255, on `device`.

    Args:
        largest: images with a longer short side, in pixels, are cached at this size; training never samples finer.
    """

    def __init__(self, dataset: Dataset, device: torch.device, largest: int):
        self.dataset = dataset
        self.classes = class_names(dataset)
        self.device = device
        self.largest = largest
        self.kept: dict[int, tuple[Tensor, Tensor]] = {}
        self.bytes = 0

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        if index in self.kept:
            return self.kept[index]
        scene = self.dataset[index]
        image = to_tensor(scene["image"])  # (3, H, W)
        labels = labels_of(scene, len(self.classes))  # (H, W)
        factor = self.largest / min(labels.shape)
        if factor < 1:
            size = [round(side * factor) for side in labels.shape]
            image = F.interpolate(image[None], size=size, mode="bilinear", antialias=True)[0]
            labels = F.interpolate(labels[None, None], size=size, mode="nearest-exact")[0, 0]
        pair = image.to(self.device), labels.to(self.device)
        if self.bytes < KEEP_BYTES:
            self.bytes += image.numel() + labels.numel()
            self.kept[index] = pair
        return pair


def labels_of(scene: Any, num_classes: int) -> Tensor:
    """The labels of a dataset's row: (H, W), uint8, 0..K-1, and 255 where there is none.

    Raises InputError for a label above K: folders and zips are checked as they are read, parquet files are not.
    """
    labels = reduce_zero_label(torch.from_numpy(np.array(scene["mask"])))
    wrong = labels[(labels >= num_classes) & (labels != IGNORE)]
    if len(wrong):
        raise InputError(
            f"the mask of {scene['name']} holds the label {int(wrong.max()) + 1}, but there are {num_classes} classes "
            f"(0 = other, 1 to {num_classes}); make this dataset again"
        )
    return labels
