"""The drawn scenes: the same to the bit from the same seed, and what the data card promises of them."""

from __future__ import annotations

import hashlib
import io
import re
from functools import cache

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from segnext_edu.data import class_names, load_scenes
from segnext_edu.data.palette import ADE20K_NAMES
from segnext_edu.files import repository_data
from tools.scenes.canvas import LABELS, SCALE, Canvas
from tools.scenes.mini import CLASSES, KINDS, SIZE, SPLITS, draw_scene, kind_of, rows, write_mini

MINI = repository_data() / "mini"


@cache
def stored(split: str) -> dict[str, list]:
    return pq.read_table(MINI / f"{split}.parquet").to_pydict()


@cache
def masks(split: str) -> np.ndarray:
    """Every stored mask of a split, (N, H, W)."""
    return np.stack([np.asarray(Image.open(io.BytesIO(mask["bytes"]))) for mask in stored(split)["mask"]])


def shares(split: str) -> tuple[np.ndarray, np.ndarray]:
    """For each label 0..K: its share of the split's pixels, and the share of scenes that have it."""
    counts = np.stack([np.bincount(mask.ravel(), minlength=len(CLASSES) + 1) for mask in masks(split)])
    return counts.sum(0) / counts.sum(), (counts > 0).mean(0)


@pytest.mark.parametrize("split", SPLITS)
def test_the_stored_pixels_are_drawn_again(split: str) -> None:
    seeds = SPLITS[split]
    for place in (*range(6), len(seeds) // 2, len(seeds) - 1):
        scene, row = draw_scene(seeds[place]), {name: column[place] for name, column in stored(split).items()}
        assert (np.asarray(Image.open(io.BytesIO(row["image"]["bytes"]))) == scene.image).all(), row["name"]
        assert (masks(split)[place] == scene.mask).all(), row["name"]
        assert row["classes"] == sorted({label - 1 for label in scene.mask.ravel().tolist()} - {-1})
        assert row["kind"] == kind_of(seeds[place])


def test_a_scene_hangs_on_its_seed_alone() -> None:
    first, second = draw_scene(7), draw_scene(10)
    assert (draw_scene(7).image == first.image).all()
    assert (first.image != second.image).any() and (first.mask != second.mask).any()


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_other_sizes(kind: int) -> None:
    scene = draw_scene(kind, (96, 128))
    assert scene.image.shape == (96, 128, 3) and scene.mask.shape == (96, 128)
    assert scene.image.dtype == scene.mask.dtype == np.uint8


def test_splits_and_names() -> None:
    assert not set(SPLITS["train"]) & set(SPLITS["val"])
    names = stored("train")["name"] + stored("val")["name"]
    assert len(set(names)) == len(names) == sum(map(len, SPLITS.values()))
    images = {hashlib.sha256(image["bytes"]).digest() for split in SPLITS for image in stored(split)["image"]}
    assert len(images) == len(names), "no scene twice"
    assert set(CLASSES) <= set(ADE20K_NAMES) and len(CLASSES) >= 16


@pytest.mark.parametrize("split", SPLITS)
def test_masks_are_valid(split: str) -> None:
    assert masks(split).shape == (len(SPLITS[split]), *SIZE)
    assert masks(split).max() <= len(CLASSES)


@pytest.mark.parametrize(("split", "scenes"), [("train", 0.25), ("val", 0.2)])
def test_every_class_is_seen_often_enough(split: str, scenes: float) -> None:
    pixel_share, scene_share = shares(split)
    assert pixel_share[0] < 0.005, "label 0 is rare"
    for name, pixels, seen in zip(CLASSES, pixel_share[1:], scene_share[1:], strict=True):
        assert seen >= scenes, name
        assert pixels >= 0.002, name


def runs(mask: np.ndarray, label: int) -> np.ndarray:
    """How wide a label's unbroken runs along the rows are, in pixels."""
    there = np.pad(mask == label, ((0, 0), (1, 1))).astype(np.int8)
    step = np.diff(there, axis=1)
    return np.nonzero(step == -1)[1] - np.nonzero(step == 1)[1]


@pytest.mark.parametrize("name", ["pole", "streetlight"])
def test_thin_upright_things_are_thin(name: str) -> None:
    widths = np.concatenate([runs(mask, LABELS[name]) for mask in masks("train")])
    assert 3 <= np.median(widths) <= 8
    assert (widths <= 14).mean() > 0.75
    assert (widths <= 3).mean() > 0.05, "some are 3 pixels wide"


def test_lying_things_are_thin() -> None:
    heights = np.concatenate([runs(mask.T, LABELS["fence"]) for mask in masks("train")])
    assert (heights <= 6).mean() > 0.3, "rails"


def test_sizes_reach_half_the_picture() -> None:
    largest = max(np.bincount(mask.ravel()).max() for mask in masks("train"))
    assert largest >= masks("train")[0].size / 2


def test_colour_does_not_give_the_label_away() -> None:
    """The best guess from a pixel's colour alone (in 8 levels a channel, learnt on half the scenes) is often wrong."""
    image = np.stack([np.asarray(Image.open(io.BytesIO(i["bytes"]))) for i in stored("train")["image"][:120]]) // 32
    colour = image[..., 0].astype(int) * 64 + image[..., 1] * 8 + image[..., 2]
    mask = masks("train")[:120]
    table = np.zeros((512, len(CLASSES) + 1), int)
    np.add.at(table, (colour[::2].ravel(), mask[::2].ravel()), 1)
    guess = table.argmax(1)[colour[1::2]]
    recall = [(guess == label)[mask[1::2] == label].mean() for label in range(1, len(CLASSES) + 1)]
    assert np.mean(recall) < 0.35


def test_sums_and_size() -> None:
    for line in (MINI / "SHA256SUMS").read_text().splitlines():
        digest, name = line.split("  ")
        assert hashlib.sha256((MINI / name).read_bytes()).hexdigest() == digest
    assert sum(path.stat().st_size for path in MINI.iterdir()) <= 8_000_000


def test_the_card_tells_the_truth() -> None:
    card = (MINI / "README.md").read_text(encoding="utf-8")
    pixel_share, scene_share = shares("train")
    table = re.findall(r"^\| (\d+) \| ([^|]+) \| ([\d.]+) % \| (\d+) % \|$", card, re.MULTILINE)
    assert [name for _, name, _, _ in table] == ["(other)", *CLASSES]
    for label, _, pixels, scenes in table:
        assert abs(float(pixels) / 100 - pixel_share[int(label)]) < 1e-4
        assert abs(float(scenes) / 100 - scene_share[int(label)]) < 0.006


def test_it_loads_as_every_data_set() -> None:
    scenes = load_scenes("mini", "val")
    assert tuple(class_names(scenes)) == CLASSES
    row = scenes[0]
    assert row["image"].mode == "RGB" and row["mask"].mode == "L"
    assert row["image"].size == row["mask"].size == SIZE[::-1]


def test_write_mini_writes_what_ships(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SPLITS, "train", range(3))
    monkeypatch.setitem(SPLITS, "val", range(3, 5))
    write_mini(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["SHA256SUMS", "train.parquet", "val.parquet"]
    again = pq.read_table(tmp_path / "train.parquet")
    assert again.to_pydict()["name"] == rows(range(3))["name"]
    assert again.schema == pq.read_schema(MINI / "train.parquet")


class TestCanvas:
    def test_a_polygon_covers_the_samples_whose_centre_it_holds(self) -> None:
        canvas = Canvas(4, 4)
        canvas.polygon([(1, 1), (3, 1), (3, 3), (1, 3)], (90, 90, 90), "sky")
        expected = np.zeros((4, 4), int)
        expected[1:3, 1:3] = LABELS["sky"]
        assert (canvas.mask() == expected).all()
        assert (canvas.labels > 0).sum() == 4 * SCALE * SCALE

    def test_neighbours_leave_no_gap_and_do_not_overlap(self) -> None:
        left, right = Canvas(20, 20), Canvas(20, 20)
        left.polygon([(0, 0), (13.3, 0), (4.7, 20), (0, 20)], (9, 9, 9), "sky")
        right.polygon([(13.3, 0), (20, 0), (20, 20), (4.7, 20)], (9, 9, 9), "sky")
        assert ((left.labels > 0) ^ (right.labels > 0)).all()

    def test_what_belongs_to_the_thing_below_keeps_its_label(self) -> None:
        canvas = Canvas(4, 4)
        canvas.box(0, 0, 4, 4, (200, 0, 0), "wall")
        canvas.box(0, 0, 4, 4, (0, 200, 0), opacity=0.5)
        assert (canvas.mask() == LABELS["wall"]).all()
        assert (canvas.picture() == (100, 100, 0)).all()

    def test_an_edge_is_smooth_in_the_picture_and_sharp_in_the_mask(self) -> None:
        canvas = Canvas(1, 3)
        canvas.box(0, 0, 1 + 1 / 3, 1, (252, 252, 252), "sky")
        assert canvas.picture()[0, :, 0].tolist() == [252, 84, 0]
        assert canvas.mask()[0].tolist() == [LABELS["sky"], 0, 0]
