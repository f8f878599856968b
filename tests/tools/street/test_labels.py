"""What a set's name for a pixel means, and what the loss makes of it."""

import math

import pytest
import torch

from segnext_edu.training.recipe import segmentation_loss
from tools.street.labels import CLASSES, FACADE, ROWS, meanings, partial_loss, row_of, row_weights

SHARES = torch.full((len(ROWS),), 1 / len(ROWS))
SAME = torch.ones(len(ROWS))


def loss_of(said: str, source: str, name: str, hidden: float = 1.0) -> float:
    """The loss of a network that is sure of one class, where a set says another."""
    logits = torch.full((1, len(CLASSES), 2, 2), -30.0)
    logits[:, CLASSES.index(said)] = 30.0
    rows = torch.full((1, 2, 2), row_of(source, name))
    return partial_loss(logits, rows, meanings(hidden, SHARES).log(), SAME).item()


def test_other_names_of_the_same_class():
    assert row_of("camvid", "tree") == ROWS.index(("camvid", "vegetation"))
    assert row_of("camvid", "pedestrian") == ROWS.index(("camvid", "person"))
    assert row_of("camvid", "building") != row_of("labelmefacade", "building")


def test_camvid_never_labels_windows():
    assert loss_of("window", "camvid", "building") == pytest.approx(0, abs=1e-5)
    assert loss_of("window", "labelmefacade", "building") > 50  # and this one does
    assert loss_of("pole", "camvid", "building") > 50


def test_what_hides_a_pole_is_a_distribution():
    assert loss_of("pole", "labelmefacade", "building") == pytest.approx(math.log(8), abs=1e-4)
    assert loss_of("pole", "labelmefacade", "building", hidden=0.5) == pytest.approx(math.log(16), abs=1e-4)
    assert loss_of("pole", "labelmefacade", "building", hidden=0.0) > 50
    shares = torch.rand(len(ROWS), generator=torch.Generator().manual_seed(0))
    table = meanings(0.7, shares)[: len(FACADE), len(FACADE) :]
    torch.testing.assert_close(table.sum(0), torch.full((5,), 0.7))
    torch.testing.assert_close(table[:, 0] / 0.7, shares[:8] / shares[:8].sum())


def test_rare_rows_count_more_and_the_mean_is_weighted():
    shares = torch.tensor([0.64, 0.32, 0.04, 0.0])
    weights = row_weights(shares, 0.5)
    assert weights[2] / weights[0] == pytest.approx(4) and weights[3] == 0
    assert (weights * shares).sum() == pytest.approx(1)
    assert row_weights(torch.tensor([0.9999, 0.0001]), 1.0).max() == 5
    torch.testing.assert_close(row_weights(SHARES, 0.0), SAME)
    logits = torch.zeros(1, len(CLASSES), 1, 2)
    logits[0, CLASSES.index("sky"), 0, 0] = 50
    rows = torch.tensor([[[row_of("camvid", "sky"), row_of("camvid", "pole")]]])
    weights = SAME.clone()
    weights[row_of("camvid", "pole")] = 3
    loss = partial_loss(logits, rows, meanings(1.0, SHARES).log(), weights)
    assert loss.item() == pytest.approx(0.75 * math.log(13), abs=1e-4)


def test_where_a_row_means_one_class_it_is_the_packages_loss():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, len(CLASSES), 5, 7, generator=generator, requires_grad=True)
    names = ["sky", "pole", "car", "person"]
    picks = torch.randint(0, len(names), (2, 5, 7), generator=generator)
    rows = torch.tensor([row_of("camvid", name) for name in names])[picks]
    masks = torch.tensor([CLASSES.index(name) for name in names])[picks]
    rows[0, 0] = masks[0, 0] = 255
    ours, theirs = partial_loss(logits, rows, meanings(1.0, SHARES).log(), SAME), segmentation_loss(logits, masks)
    torch.testing.assert_close(ours, theirs)
    for a, b in zip(torch.autograd.grad(ours, logits), torch.autograd.grad(theirs, logits)):
        torch.testing.assert_close(a, b)


def test_a_batch_without_labels_costs_nothing():
    logits = torch.randn(1, len(CLASSES), 4, 4, requires_grad=True)
    loss = partial_loss(logits, torch.full((1, 4, 4), 255), meanings(0.5, SHARES).log(), SAME)
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()
