import numpy as np
import pytest
import torch
from datasets import ClassLabel, Dataset, Features, List, Value
from datasets import Image as ImageFeature
from PIL import Image

from segnext_edu.data import dataset as module
from segnext_edu.data.dataset import SegmentationDataset
from segnext_edu.files import InputError
from segnext_edu.inference.evaluate import scored_scenes

CPU = torch.device("cpu")


@pytest.fixture
def dataset() -> Dataset:
    numbers = np.random.default_rng(0)
    sizes = [(40, 60), (90, 50)]
    images = [Image.fromarray(numbers.integers(0, 256, (*size, 3), dtype=np.uint8)) for size in sizes]
    masks = [Image.fromarray(numbers.integers(0, 4, size, dtype=np.uint8)) for size in sizes]
    return with_masks(images, masks)


def with_masks(images: list[Image.Image], masks: list[Image.Image]) -> Dataset:
    """Three classes, as `load_scenes` gives them."""
    rows = {"image": images, "mask": masks, "name": [f"scene {i}" for i in range(len(images))]}
    form = {"image": ImageFeature(), "mask": ImageFeature(), "name": Value("string")}
    classes = List(ClassLabel(names=["cat", "dog", "cow"]))
    return Dataset.from_dict(rows | {"classes": [[0]] * len(images)}, features=Features(form | {"classes": classes}))


@pytest.mark.parametrize("label", [4, 254])
def test_a_label_beyond_the_classes_is_named(label: int) -> None:
    masks = [Image.fromarray(np.full((8, 8), label, np.uint8))]
    dataset = with_masks([Image.new("RGB", (8, 8))], masks)
    with pytest.raises(InputError, match=f"the mask of scene 0 holds the label {label}, but there are 3 classes"):
        SegmentationDataset(dataset, CPU, largest=512)[0]
    with pytest.raises(InputError, match=f"the mask of scene 0 holds the label {label}"):
        next(iter(scored_scenes(dataset, ["cat"])))


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
