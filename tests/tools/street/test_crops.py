"""Crops: label and image stay together, rare classes come often, and pasting changes both alike."""

import dataclasses

import numpy as np
import pytest
import torch

from segnext_edu.data import IGNORE
from tools.street import crops, photos
from tools.street.labels import ROWS

HOW = crops.Cropping(batch=4, crop=48, short_side=64)


@pytest.fixture(scope="module")
def taken(streets):
    return [
        photo for name in photos.SOURCES for photo in photos.read(streets / name, photos.split(streets / name, "train"))
    ]


@pytest.fixture(scope="module")
def finder(taken):
    return photos.Finder(taken)


def test_label_and_picture_stay_together(taken, finder):
    grey = {}  # row → the grey that its stripes have in the photographs
    for photo in taken:
        for row in photo.rows.unique().tolist():
            grey[row] = photo.image[0][photo.rows == row].float().median().item() / 255
    rng = np.random.default_rng(0)
    off = []
    for _ in range(40):
        image, rows, inside = crops.cut(taken, finder, HOW, rng)
        assert image.shape == (3, 48, 48) and rows.shape == inside.shape == (48, 48)
        assert (rows[inside == 0] == IGNORE).all() and inside.any()
        expected = torch.tensor([grey.get(row, 0) for row in range(IGNORE + 1)])[rows.long()]
        off.append((image[0] - expected).abs()[rows != IGNORE])
    assert (torch.cat(off) < 0.05).float().mean() > 0.8  # the rest lies at the edges of stripes


def test_balanced_crops_show_what_is_looked_for(taken, finder):
    rare = ROWS.index(("camvid", "bicyclist"))
    looking = dataclasses.replace(HOW, balanced=1.0, facade=0.0)
    sought = photos.Finder(taken)
    sought.share = np.where(np.arange(len(ROWS)) == rare, 1e-6, 1e6)
    rng = np.random.default_rng(1)
    assert all((crops.cut(taken, sought, looking, rng)[1] == rare).any() for _ in range(20))


def test_a_seed_is_a_batch(taken, finder):
    images, rows = crops.batch(taken, finder, HOW, 3)
    again, other = crops.batch(taken, finder, HOW, 3), crops.batch(taken, finder, HOW, 4)
    assert images.shape == (4, 3, 48, 48) and rows.dtype == torch.long
    assert torch.equal(images, again[0]) and torch.equal(rows, again[1]) and not torch.equal(images, other[0])
    assert set(rows.unique().tolist()) <= {*range(len(ROWS)), IGNORE}


def test_pasting_takes_half_the_rows_of_the_next_crop_with_their_pixels():
    rows = torch.tensor([[[0, 0, 0, 0]], [[1, 2, 3, IGNORE]]], dtype=torch.uint8)
    pixels = torch.stack([torch.zeros(3, 1, 4), torch.ones(3, 1, 4)])
    mixed, labels = crops.mix(pixels, rows, 1.0, np.random.default_rng(0))
    pasted = labels[0] != 0
    assert pasted.sum() == 2 and torch.equal(labels[0][pasted], rows[1][pasted])
    assert torch.equal(mixed[0, 0] == 1, pasted)
    assert not (labels[1] == IGNORE).any() or labels[1][0, 3] == IGNORE  # only a row is pasted, never "not labelled"
    assert torch.equal(crops.mix(pixels, rows, 0.0, np.random.default_rng(0))[1], rows)
