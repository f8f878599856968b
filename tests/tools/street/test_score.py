"""Scores count what a set names, and say what the network could have said."""

import pytest
import torch

from segnext_edu.model.segnext import SegNeXt
from tools.street import photos
from tools.street.labels import CAMVID, CLASSES, FACADE
from tools.street.score import figures, folded, only, score


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    model = SegNeXt("nano", len(CLASSES)).eval()
    model.classes, model.card = CLASSES, {"recipe": {"short_side": 64}}
    return model


def test_a_class_that_the_set_does_not_name_is_a_miss_and_no_class_of_the_mean():
    counts = torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.long)
    for index in range(len(FACADE)):
        counts[index, index] = 10
    counts[CLASSES.index("building"), CLASSES.index("pole")] = 10
    result = figures(counts, FACADE, CLASSES)
    assert result["iou"]["building"] == 0.5 and result["miou"] == pytest.approx(7.5 / 8)
    assert result["accuracy"] == pytest.approx(80 / 90)


def test_camvids_buildings_may_be_called_window():
    counts = torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.long)
    counts[CLASSES.index("building"), CLASSES.index("window")] = 10
    counts[CLASSES.index("road"), CLASSES.index("door")] = 5
    found = folded(counts, CLASSES)
    assert found[CLASSES.index("building"), CLASSES.index("building")] == 10
    assert found[CLASSES.index("road"), CLASSES.index("building")] == 5 and found.sum() == 15
    assert not found[:, CLASSES.index("window")].any()


def test_only_silences(model):
    x = torch.randn(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    said = only(model, ["sky", "pole"])(x).argmax(1).unique().tolist()
    assert set(said) <= {CLASSES.index("sky"), CLASSES.index("pole")}
    assert torch.isfinite(model(x)).all()  # the model itself is as it was


@pytest.mark.parametrize("source", photos.SOURCES)
def test_named_is_never_less_accurate_than_strict(model, streets, source):
    result = score(model, photos.read(streets / source, photos.split(streets / source, "val")))
    assert result["photos"] == 2 and result["short_side"] == 64
    assert result["named"]["accuracy"] >= result["strict"]["accuracy"]
    assert set(result["strict"]["iou"]) <= set(FACADE if source == "labelmefacade" else CAMVID)


def test_on_camvid_a_window_is_a_building(model, streets):
    blind = only(model, ["window"])
    result = score(blind, photos.read(streets / "camvid", photos.split(streets / "camvid", "val")))
    assert result["strict"]["iou"]["building"] == result["strict"]["accuracy"] > 0
