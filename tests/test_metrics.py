import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.classification import MulticlassAccuracy, MulticlassJaccardIndex

from segnext_edu.metrics import ConfusionMatrix


def scored(pred, target, classes):
    matrix = ConfusionMatrix(classes)
    matrix.update(pred, target)
    return matrix


@given(seed=st.integers(0, 10**6), classes=st.integers(2, 12), ignored=st.floats(0, 0.9))
def test_agrees_with_torchmetrics(seed, classes, ignored):
    generator = torch.Generator().manual_seed(seed)
    few = max(2, classes - seed % 3)  # so that some classes occur neither here nor there
    pred = torch.randint(0, few, (2, 9, 11), generator=generator)
    target = torch.randint(0, few, (2, 9, 11), generator=generator)
    target[torch.rand(target.shape, generator=generator) < ignored] = 255
    target[0, 0, 0] = 0
    ours = scored(pred, target, classes)
    theirs = MulticlassJaccardIndex(classes, ignore_index=255)
    assert ours.miou() == pytest.approx(theirs(pred, target).item(), abs=1e-6)
    accuracy = MulticlassAccuracy(classes, ignore_index=255, average="micro")
    assert ours.pixel_accuracy() == pytest.approx(accuracy(pred, target).item(), abs=1e-6)


@given(seed=st.integers(0, 10**6))
def test_it_adds_up_over_images_and_does_not_average_them(seed):
    generator = torch.Generator().manual_seed(seed)
    pred = torch.randint(0, 4, (6, 5, 7), generator=generator)
    target = torch.randint(0, 4, (6, 5, 7), generator=generator)
    one_by_one = ConfusionMatrix(4)
    for p, t in zip(pred, target):
        one_by_one.update(p, t)
    assert torch.equal(one_by_one.counts, scored(pred, target, 4).counts)


def test_by_hand():
    matrix = scored(torch.tensor([0, 0, 1, 1, 2]), torch.tensor([0, 1, 1, 255, 1]), 4)
    assert matrix.counts.tolist() == [[1, 0, 0, 0], [1, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    iou = matrix.per_class_iou().tolist()
    assert iou[:3] == pytest.approx([1 / 2, 1 / 3, 0])  # class 2 was predicted and never right
    assert math.isnan(iou[3])  # class 3 occurs nowhere, and does not count
    assert matrix.miou() == pytest.approx((1 / 2 + 1 / 3 + 0) / 3)
    assert matrix.pixel_accuracy() == pytest.approx(2 / 4)


def test_perfect_and_empty():
    labels = torch.tensor([[0, 1], [1, 255]])
    assert scored(labels.clamp(max=1), labels, 3).miou() == 1
    assert math.isnan(ConfusionMatrix(3).miou())


@pytest.mark.parametrize("pred, target", [([0, 5], [0, 1]), ([0, 1], [0, 3]), ([-1, 1], [0, 1])])
def test_labels_out_of_range_are_refused_in_words(pred, target):
    with pytest.raises(ValueError, match="labels must lie in 0..2"):
        scored(torch.tensor(pred), torch.tensor(target), 3)


def test_shapes_that_differ_are_refused_in_words():
    with pytest.raises(ValueError, match="one shape"):
        scored(torch.zeros(2, 3), torch.zeros(3, 2), 3)
