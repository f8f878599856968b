"""Notebook 01's browser of scenes: its shares add up, its words are true, and what is picked out stands out."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from segnext_edu.data import class_names, load_scenes, reduce_zero_label
from segnext_edu.lessons.figures import scenes as figures
from segnext_edu.lessons.figures.scenes import ALL, EVERY, LINEAR, LOG, THIS, Album


@pytest.fixture(scope="module")
def album() -> Album:
    return figures.open_album(load_scenes("mini", "val"))


def test_class_shares_leave_ignored_pixels_out() -> None:
    labels = torch.tensor([[0, 0, 255, 2], [255, 255, 2, 0]])
    assert figures.class_shares(labels, 4).tolist() == pytest.approx([0.6, 0, 0.4, 0])


def test_class_shares_take_any_shape_and_small_numbers() -> None:
    labels = torch.randint(0, 5, (2, 7, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    shares = figures.class_shares(labels, 6)
    assert shares.shape == (6,) and shares.sum().item() == pytest.approx(1)
    torch.testing.assert_close(shares, figures.class_shares(labels.long().flatten(), 6))


def test_the_album_has_counted_every_scene(album: Album) -> None:
    assert album.shares.shape == (64, 23)
    torch.testing.assert_close(album.shares.sum(1), torch.ones(64))
    mask = reduce_zero_label(np.array(album.scenes[11]["mask"]))
    for k in range(23):
        assert album.shares[11, k].item() == pytest.approx((mask == k).sum() / (mask != 255).sum())
    assert set(album.kinds) == {"street", "room", "landscape"}


def test_bars_are_sorted_and_hold_every_class_once(album: Album) -> None:
    for sort_by, shares in ((THIS, album.shares[5]), (EVERY, album.average)):
        rows = figures.order(album, 5, sort_by)
        assert sorted(rows) == list(range(23))
        assert shares[rows].tolist() == sorted(shares.tolist(), reverse=True)
    absent = [k for k in figures.order(album, 5, THIS) if album.shares[5, k] == 0]
    assert album.average[absent].tolist() == sorted(album.average[absent].tolist(), reverse=True)


def test_the_headline_counts_classes(album: Album) -> None:
    present = (album.shares[3] > 0).sum()
    top = album.shares[3].topk(3)
    said = figures.headline(album, 3, ALL)
    assert f"{present} of 23 classes" in said and f"{top.values.sum():.0%}" in said and album.kinds[3] in said
    assert all(album.names[k] in said for k in top.indices)


def test_the_headline_follows_one_class(album: Album) -> None:
    k = album.names.index("person")  # often there, and often tiny
    with_one, without = album.shares[:, k].argmax().item(), album.shares[:, k].argmin().item()
    count = (album.shares[:, k] > 0).sum()
    assert f"person: {album.shares[with_one, k]:.1%} of scene {with_one}" in figures.headline(album, with_one, "person")
    assert f"person: not in scene {without}" in figures.headline(album, without, "person")
    assert f"seen in {count} of 64 scenes" in figures.headline(album, without, "person")


def test_only_what_is_away_fades() -> None:
    picture = torch.randint(0, 256, (6, 9, 3), generator=torch.Generator().manual_seed(0)).numpy().astype(np.uint8)
    away = np.zeros((6, 9), dtype=bool)
    away[:, 4:] = True
    faded = figures.faded(picture, away)
    assert faded.dtype == np.uint8 and (faded[:, :4] == picture[:, :4]).all()
    assert (faded[:, 4:] >= 200).all() and (np.ptp(faded[:, 4:], axis=-1) == 0).all()


def test_stripes_lie_where_no_class_has_a_name_and_nowhere_else() -> None:
    label_map = np.full((20, 31, 3), (200, 30, 60), dtype=np.uint8)
    unnamed = np.zeros((20, 31), dtype=bool)
    unnamed[4:12, 9:] = True
    hatched = figures.hatched(label_map, unnamed)
    assert hatched.dtype == np.uint8 and (hatched[~unnamed] == label_map[~unnamed]).all()
    assert len(np.unique(hatched[unnamed], axis=0)) == 2  # dark and light


def shown(album: Album, **changed) -> tuple[list[float], list[str], list[np.ndarray]]:
    """The bars' lengths from above, all texts beside them, and both pictures of one drawing."""
    how = {"scene": 5, "highlight": ALL, "sort_by": THIS, "scale": LOG} | changed
    figure = figures.draw(album, **how)
    (axis,) = figure.axes
    lengths = [bar.get_width() for bar in axis.patches]
    return lengths, [text.get_text() for text in axis.texts], [np.asarray(image.get_array()) for image in figure.images]


def test_bars_are_as_long_as_the_shares(album: Album) -> None:
    lengths, texts, _ = shown(album, scale=LINEAR)
    shares = album.shares[5].sort(descending=True).values.numpy()
    np.testing.assert_allclose(np.array(lengths) / lengths[0], shares / shares[0], atol=1e-6)
    assert f"{shares[0]:.1%}" in texts and set(album.names) <= set(texts)
    logarithmic, _, _ = shown(album, scale=LOG)
    assert logarithmic == sorted(logarithmic, reverse=True)
    present = shares >= figures.LEAST
    steps = np.diff(np.array(logarithmic)[present]) / np.diff(np.log10(shares[present]))
    np.testing.assert_allclose(steps, 0.25, atol=1e-5)  # four decades from 0.01 % to 100 %


def test_map_and_bars_share_their_colours(album: Album) -> None:
    figure = figures.draw(album, scene=5, highlight=ALL, sort_by=THIS, scale=LOG)
    rows = figures.order(album, 5, THIS)
    bars = [tuple(np.round(np.array(bar.get_facecolor()[:3]) * 255).astype(int)) for bar in figure.axes[0].patches]
    assert bars == [tuple(album.palette[k]) for k in rows]
    on_map = {tuple(pixel) for pixel in np.asarray(figure.images[1].get_array()).reshape(-1, 3)}
    assert on_map == {bars[row] for row, k in enumerate(rows) if album.shares[5, k] > 0}


def test_what_has_no_name_is_hatched_on_the_map(album: Album) -> None:
    def grey(pixels: np.ndarray) -> float:
        return (np.ptp(pixels.astype(int), axis=-1) == 0).mean()  # no class is grey, stripes are

    unnamed = [(np.array(mask) == 0).mean() for mask in album.scenes["mask"]]
    for scene in (int(np.argmax(unnamed)), int(np.argmin(unnamed))):
        _, _, (_, label_map) = shown(album, scene=scene)
        assert grey(label_map) == pytest.approx(unnamed[scene], abs=0.001)


def test_the_numbers_stand_in_one_column_beyond_the_bars(album: Album) -> None:
    (axis,) = figures.draw(album, scene=5, highlight=ALL, sort_by=THIS, scale=LOG).axes
    numbers = [text for text in axis.texts if text.get_text().endswith("%")]
    assert len(numbers) == (album.shares[5] > 0).sum() and {text.get_ha() for text in numbers} == {"right"}
    (end,) = {text.get_position()[0] for text in numbers}
    assert end > max(bar.get_width() for bar in axis.patches)


def test_a_class_that_is_picked_out_keeps_its_colour(album: Album) -> None:
    k = album.names.index("sky")
    scene = album.shares[:, k].argmax().item()
    _, _, (_, label_map) = shown(album, scene=scene, highlight="sky")
    coloured = label_map[np.ptp(label_map.astype(int), axis=-1) > 0]
    assert (coloured == album.palette[k]).all()
    share = len(coloured) / label_map[..., 0].size
    assert share == pytest.approx((album.shares[scene, k]).item(), abs=0.02)


def test_the_words_say_what_the_title_says(album: Album) -> None:
    said = figures.describe(album, scene=7, highlight="person", sort_by=THIS, scale=LOG)
    assert figures.headline(album, 7, "person") in said


def test_scenes_of_ones_own_can_be_browsed() -> None:
    few = load_scenes("mini", "val").select([0, 1, 2]).remove_columns("kind")
    explorer = figures.explorer(few)
    assert explorer.controls["scene"].max == 2 and "a scene" in explorer.picture.alt
    assert len(explorer.controls["highlight"].options) == 1 + len(class_names(few))
    explorer.close()
