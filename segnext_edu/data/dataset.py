"""The images of a dataset as tensors on the training device, decoded once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from segnext_edu.data import reduce_zero_label
from segnext_edu.data.images import to_tensor

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
        labels = reduce_zero_label(torch.from_numpy(np.array(scene["mask"])))  # (H, W)
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
