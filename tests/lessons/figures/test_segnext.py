"""Notebook 07's figure says what it should: cells, likeness, classes, and the same for the control."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgba
from matplotlib.patches import Ellipse, Patch, Rectangle

from segnext_edu.data.palette import colours
from segnext_edu.figures import show
from segnext_edu.lessons.figures import Explorer
from segnext_edu.lessons.figures.segnext import (
    GAP,
    HEIGHT,
    MARK,
    RING,
    SHADES,
    TALL,
    TOPS,
    WIDE,
    WIDTH,
    Scene,
    Seen,
    best_classes,
    cell_of,
    describe,
    draw,
    explorer,
    look,
    similarity,
)
from segnext_edu.model.segnext import SegNeXt

CLASSES = ["sky, heavens", "road", "tree", "pole", "car"]


@pytest.mark.parametrize(("pixels", "cells"), [(320, 112), (240, 80), (240, 10), (7, 7), (100, 3)])
def test_every_pixel_has_a_cell_and_every_cell_its_share(pixels: int, cells: int) -> None:
    found = [cell_of(pixel, pixels, cells) for pixel in range(pixels)]
    assert found[0] == 0 and found[-1] == cells - 1
    assert found == sorted(found)
    sizes = np.bincount(found)
    assert sizes.max() - sizes.min() <= 1


def test_a_cell_lies_where_its_pixels_lie() -> None:
    """Pixel p covers [p, p + 1) of `pixels`; its middle or its left edge is inside the cell."""
    assert [cell_of(pixel, 8, 4) for pixel in range(8)] == [0, 0, 1, 1, 2, 2, 3, 3]


def test_similarity_is_a_cosine() -> None:
    x = torch.randn(5, 4, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    alike = similarity(x, 1, 2)
    by_hand = torch.cosine_similarity(x.flatten(1).T, x[:, 1, 2][None]).view(4, 6)
    torch.testing.assert_close(alike, by_hand)
    assert alike[1, 2] == pytest.approx(1)
    torch.testing.assert_close(similarity(3 * x, 1, 2), alike)  # length does not count
    torch.testing.assert_close(alike[3, 5], similarity(x, 3, 5)[1, 2])  # and it is mutual
    assert similarity(torch.stack([x[0], -x[0]]), 0, 0).abs().min() == pytest.approx(1)


def test_look_gives_probabilities_at_the_pictures_size() -> None:
    torch.manual_seed(0)
    seen = look(SegNeXt("nano", 5).eval(), torch.randint(0, 256, (3, 60, 90), dtype=torch.uint8), 64)
    assert [x.shape[1:] for x in seen.maps] == [(16, 24), (8, 12), (4, 6), (2, 3)]
    assert seen.probabilities.shape == (5, 60, 90)
    torch.testing.assert_close(seen.probabilities.sum(0), torch.ones(60, 90))


def seen(winner: int) -> Seen:
    generator = torch.Generator().manual_seed(winner)
    probabilities = torch.full((5, 12, 16), 0.1)
    probabilities[winner] = 0.6
    return Seen(tuple(torch.randn(8, 12 // s, 16 // s, generator=generator) for s in (1, 2, 4, 4)), probabilities)


@pytest.fixture
def scene() -> Scene:
    labels = np.zeros((12, 16), np.uint8)
    labels[6:] = 2
    return Scene(np.full((12, 16, 3), 90, np.uint8), labels, {"trained": seen(1), "untrained": seen(3)})


def test_the_classes_are_sorted(scene: Scene) -> None:
    best = best_classes(scene.seen["untrained"].probabilities, 3, 4)
    assert best[0] == (3, pytest.approx(0.6))
    assert [share for _, share in best] == sorted((share for _, share in best), reverse=True)


def test_the_words_name_truth_and_both_answers(scene: Scene) -> None:
    words = describe(scene, CLASSES, 3, 8)
    assert "(3, 8) is road" in words and "trained road (60%)" in words and "untrained pole (60%)" in words
    assert "(3, 2) is other" in describe(scene, CLASSES, 3, 2)


def test_both_networks_are_drawn_on_one_scale(scene: Scene) -> None:
    """What is like the pixel's cell to the same degree has the same colour above and below."""
    twins = Scene(scene.picture, scene.labels, {"trained": seen(1), "untrained": seen(1)})
    words = [text.get_text() for text in draw(twins, CLASSES, 5, 7).texts]
    assert sum("untrained" in text for text in words) == 5 == sum(text.startswith("trained") for text in words)
    (canvas,) = (image.get_array() for image in draw(twins, CLASSES, 5, 7).images)

    for stage in range(1, 5):
        left = stage * (WIDE + GAP)
        above, below = (np.asarray(canvas)[top : top + TALL, left : left + WIDE] for top in TOPS)
        assert np.array_equal(above, below) and len(np.unique(above.reshape(-1, 4), axis=0)) > 3


def test_the_pixels_own_cell_has_the_colour_of_one(scene: Scene) -> None:

    canvas = np.asarray(draw(scene, CLASSES, 5, 7).images[0].get_array())
    for stage in range(1, 5):
        y, x = TOPS[0] + int(7.5 / 12 * TALL), stage * (WIDE + GAP) + int(5.5 / 16 * WIDE)
        assert np.array_equal(canvas[y, x, :3], SHADES[255])


def test_the_colours_turn_at_zero() -> None:
    """A cell with nothing in common with the pixel's is white, its opposite as dark as its like."""
    like, nothing, opposite = SHADES[255].astype(int), SHADES[128].astype(int), SHADES[0].astype(int)
    assert nothing.min() > 240 and max(like.max(), opposite.max()) < 100
    assert like.argmax() == 1 != opposite.argmax()


def marks(scene: Scene, kind: type[Patch], x: int = 5, y: int = 7) -> list[tuple[float, ...]]:
    """Where the marks of a kind lie: left, top, width and height in pixels from the upper left."""
    found = [artist for artist in draw(scene, CLASSES, x, y).get_children() if type(artist) is kind]
    boxes = [artist.get_window_extent() for artist in found if artist.get_edgecolor() == to_rgba(MARK)]
    return [(box.x0, HEIGHT - box.y1, box.width, box.height) for box in boxes]


def test_the_mark_is_the_cell_where_it_can_be_seen(scene: Scene) -> None:
    """Rows 6-7 and columns 4-5 are the cell of pixel (5, 7) at half the size."""
    assert (2 * (WIDE + GAP) + 4 / 16 * WIDE, TOPS[0] + 6 / 12 * TALL, WIDE / 8, TALL / 6) in [
        pytest.approx(box) for box in marks(scene, Rectangle)
    ]
    assert not marks(scene, Ellipse)


def test_a_cell_too_small_to_see_gets_a_ring(scene: Scene) -> None:
    maps = torch.randn(8, 60, 80), *scene.seen["trained"].maps[1:]
    fine = Scene(scene.picture, scene.labels, {"trained": replace(scene.seen["trained"], maps=maps)})
    boxes = marks(fine, Ellipse)
    assert len(boxes) == 2  # in the picture and in stage 1
    for left, top, width, height in boxes:
        assert (width, height) == pytest.approx((2 * RING, 2 * RING))
        assert (left % (WIDE + GAP) + RING) / WIDE * 16 == pytest.approx(5, abs=0.3)
        assert (top - TOPS[0] + RING) / TALL * 12 == pytest.approx(7, abs=0.3)


def test_no_word_leaves_its_column(scene: Scene) -> None:
    """Not even the longest of the shipped classes, in bold and certain."""
    classes = ["windowpane", "streetlight", "a", "b", "c"]
    certain = Seen(seen(0).maps, torch.tensor([1.0, 0, 0, 0, 0]).view(5, 1, 1).expand(5, 12, 16))
    labels = np.ones((12, 16), np.uint8)
    figure = draw(Scene(scene.picture, labels, {"trained": certain, "untrained": certain}), classes, 3, 3)
    renderer = FigureCanvasAgg(figure).get_renderer()
    places = [text.get_window_extent(renderer) for text in figure.texts]
    assert "windowpane 100%" in [text.get_text() for text in figure.texts]
    assert max(box.x1 for box in places) <= WIDTH
    assert sum(one.overlaps(other) for one in places for other in places) == len(places)  # each itself


def test_the_truth_is_painted_in_its_colours(scene: Scene) -> None:

    canvas = np.asarray(draw(scene, CLASSES, 5, 7).images[0].get_array())
    assert canvas[TOPS[1] + 5, 5, :3].tolist() == [0, 0, 0]  # other
    assert canvas[TOPS[1] + TALL - 5, WIDE - 5, :3].tolist() == colours(CLASSES)[1].tolist()


def test_the_same_pixel_gives_the_same_picture(scene: Scene) -> None:
    one, two = (show(draw(scene, CLASSES, 2, 3), "a") for _ in range(2))
    assert one == two != show(draw(scene, CLASSES, 12, 3), "a")


@pytest.fixture
def figure() -> Iterator[Explorer]:
    figure = explorer()
    yield figure
    figure.close()


def test_it_opens_on_the_sidewalk_and_the_trained_network_knows(figure: Explorer) -> None:
    assert "is sidewalk" in figure.picture.alt and "trained sidewalk" in figure.picture.alt


def test_the_corners_can_be_reached(figure: Explorer) -> None:
    for x, y in ((0, 0), (319, 239)):
        figure.controls["x"].value, figure.controls["y"].value = x, y
        assert f"({x}, {y})" in figure.picture.alt
        assert figure.image.layout.display is None
