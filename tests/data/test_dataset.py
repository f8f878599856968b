import numpy as np
import pytest
import torch
from datasets import Dataset, Features
from datasets import Image as ImageFeature
from PIL import Image

from segnext_edu.data import dataset as module
from segnext_edu.data.dataset import SegmentationDataset

CPU = torch.device("cpu")


@pytest.fixture
def dataset() -> Dataset:
    numbers = np.random.default_rng(0)
    sizes = [(40, 60), (90, 50)]
    images = [Image.fromarray(numbers.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]
    masks = [Image.fromarray(numbers.integers(0, 4, size, dtype=np.uint8)) for size in sizes]
    form = Features({"image": ImageFeature(), "mask": ImageFeature()})
    return Dataset.from_dict({"image": images, "mask": masks}, features=form)


def test_a_picture_and_its_labels(dataset):
    image, labels = SegmentationDataset(dataset, CPU, largest=512)[0]
    assert image.dtype == labels.dtype == torch.uint8
    assert torch.equal(image, torch.from_numpy(np.array(dataset[0]["image"])).permute(2, 0, 1))
    mask = np.array(dataset[0]["mask"])
    assert ((labels.numpy() == 255) == (mask == 0)).all()
    assert (labels.numpy()[mask > 0] == mask[mask > 0] - 1).all()


def test_a_large_picture_is_kept_smaller_and_no_label_is_invented(dataset):
    image, labels = SegmentationDataset(dataset, CPU, largest=25)[1]
    assert image.shape == (3, 45, 25) and labels.shape == (45, 25)
    assert set(labels.unique().tolist()) <= {0, 1, 2, 255}


def test_decoded_once_while_they_fit(dataset, monkeypatch):
    kept = SegmentationDataset(dataset, CPU, largest=512)
    assert kept[0][0] is kept[0][0]
    monkeypatch.setattr(module, "KEEP_BYTES", 1)
    tight = SegmentationDataset(dataset, CPU, largest=512)
    tight[0]
    assert tight[1][0] is not tight[1][0] and torch.equal(tight[1][0], kept[1][0])
    assert len(tight) == 2
