"""Notebook 02's figure: what erosion, a shift and a swap do to a mask, and to the measures."""

from __future__ import annotations

import pytest
import torch
from matplotlib.figure import Figure
from torch import Tensor

from segnext_edu.data import IGNORE
from segnext_edu.lessons.figures import Explorer
from segnext_edu.lessons.figures import metrics as figures

CLASSES = ["sky", "road, route", "pole"]


@pytest.fixture
def truth() -> Tensor:
    """Sky above road, a pole three pixels wide; (20, 24)."""
    labels = torch.zeros(20, 24, dtype=torch.long)
    labels[12:] = 1
    labels[4:16, 10:13] = 2
    return labels


def test_an_unspoiled_mask_scores_1_in_everything(truth: Tensor) -> None:
    pred = figures.spoil(truth)
    assert pred.equal(truth)
    accuracy, miou, iou = figures.scores(pred, truth, len(CLASSES))
    assert accuracy == miou == 1 and iou.tolist() == [1, 1, 1]
    assert "100.0% of all pixels are right" in figures.draw(truth, CLASSES).get_suptitle()


@pytest.mark.parametrize("how", [{"label": 2, "rings": 1}, {"shift": 3}, {"swap": (0, 2)}], ids=str)
def test_every_way_of_spoiling_lowers_accuracy_and_miou(how: dict, truth: Tensor) -> None:
    accuracy, miou, _ = figures.scores(figures.spoil(truth, **how), truth, len(CLASSES))
    assert accuracy < 1 and miou < 1


def test_each_ring_takes_one_pixel_off_every_side(truth: Tensor) -> None:
    sizes = [int((figures.erode(truth, 2, rings) == 2).sum()) for rings in (0, 1, 2)]
    assert sizes == [12 * 3, 10 * 1, 0]


def test_what_is_eroded_goes_to_its_neighbours_and_nothing_else_changes(truth: Tensor) -> None:
    gone = figures.erode(truth, 2, 5)
    assert gone[truth != 2].equal(truth[truth != 2])
    assert set(gone[truth == 2].tolist()) == {0, 1}


def test_a_class_without_neighbours_cannot_shrink() -> None:
    alone = torch.full((4, 5), 2)
    assert figures.erode(alone, 2, 3).equal(alone)


def test_a_shift_moves_to_the_right_and_repeats_the_left_column(truth: Tensor) -> None:
    moved = figures.spoil(truth, shift=4)
    assert moved[:, 4:].equal(truth[:, :-4])
    assert moved[:, :4].equal(truth[:, :1].expand(-1, 4))


def test_a_swap_robs_two_classes_and_leaves_the_third_alone(truth: Tensor) -> None:
    swapped = figures.spoil(truth, swap=(0, 2))
    assert figures.spoil(swapped, swap=(0, 2)).equal(truth)
    assert figures.scores(swapped, truth, 3)[2].tolist() == [0, 1, 0]


def test_thin_things_pay_more_for_the_same_shift(truth: Tensor) -> None:
    iou = figures.scores(figures.spoil(truth, shift=2), truth, 3)[2]
    assert iou[2] < 0.5 * iou[:2].min()


def test_wrong_pixels_are_red_and_no_others(truth: Tensor) -> None:
    pred = figures.spoil(truth, shift=3)
    truth[:2] = IGNORE
    red = torch.from_numpy(figures.errors(pred, truth, CLASSES) == [channel / 255 for channel in figures.RED]).all(-1)
    assert red.equal((pred != truth) & (truth != IGNORE))


def rows(figure: Figure) -> dict[str, float]:
    """What the bars say, by name."""
    axis = figure.axes[2]
    names = [text.get_text() for text in axis.texts[::2]]
    return dict(zip(names, (bar.get_width() for bar in axis.patches), strict=True))


def test_the_bars_are_the_scores_the_largest_class_first(truth: Tensor) -> None:
    how = {"label": 2, "rings": 1, "shift": 1}
    accuracy, miou, iou = figures.scores(figures.spoil(truth, **how), truth, 3)
    drawn = rows(figures.draw(truth, CLASSES, **how))
    assert list(drawn) == ["accuracy", "mIoU", "sky", "road", "pole"]
    assert list(drawn.values()) == pytest.approx([accuracy, miou, *iou.tolist()])


def test_the_words_say_the_same(truth: Tensor) -> None:
    how = {"label": 2, "rings": 1}
    accuracy, miou, iou = figures.scores(figures.spoil(truth, **how), truth, 3)
    said = figures.describe(truth, CLASSES, **how)
    assert f"accuracy {accuracy:.3f}, mIoU {miou:.3f}" in said and f"pole with {iou[2]:.3f}" in said


def test_the_street_has_all_that_the_controls_name() -> None:
    explorer: Explorer = figures.explorer()
    assert explorer.controls["label"].label == "streetlight"
    assert list(explorer.controls["swap"].options) == ["nothing", "person ↔ streetlight", "road ↔ sky"]
    explorer.controls["rings"].value = 0
    assert "accuracy 1.000, mIoU 1.000" in explorer.picture.alt
    explorer.close()
