"""The atlas's paper: words lie where they are put, in their colour, and the second time as the first."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from segnext_edu.explain.atlas.sheet import INK, Sheet, lettered


def written(sheet: Sheet) -> np.ndarray:
    """What matplotlib makes of the sheet when it writes all words onto it: (h, w, 3)."""
    height, width = sheet.canvas.shape[:2]
    figure = Figure((width / 100, height / 100), dpi=100)
    figure.figimage(sheet.canvas, origin="upper")
    for x, y, text, style in sheet.texts:
        figure.text(x / width, 1 - y / height, text, **style)
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3]


@pytest.fixture
def sheet() -> Sheet:
    sheet = Sheet(300, 120)
    rng = np.random.default_rng(0)
    sheet.paste(rng.integers(0, 256, (60, 200, 3), np.uint8), 40, 30)
    sheet.write(150, 18, "a title, × 2", 13, ha="center", va="center")
    sheet.write(60.3, 70.6, "over noise", va="bottom")
    sheet.write(290, 110, "at the end", 9.5, ha="right", va="center", color="#D55E00")
    return sheet


def test_words_are_matplotlibs(sheet: Sheet) -> None:
    ours, theirs = np.asarray(sheet.picture()).astype(int), written(sheet).astype(int)
    assert ours.shape == (120, 300, 3)
    assert abs(ours - theirs).max() <= 3  # of 255: rounding
    assert (abs(ours - sheet.canvas) > 100).sum() > 200


def test_words_seen_before_look_the_same_and_the_paper_stays_clean(sheet: Sheet) -> None:
    blank, first = sheet.canvas.copy(), sheet.picture().tobytes()
    assert sheet.picture().tobytes() == first and np.array_equal(sheet.canvas, blank)
    lettered.cache_clear()
    assert sheet.picture().tobytes() == first


@pytest.mark.parametrize("x, text", [(-500, "outside"), (50, ""), (50, " "), (-3, "half outside"), (295, "cut off")])
def test_words_beyond_the_edge_or_none_at_all_are_no_error(x: float, text: str) -> None:
    sheet = Sheet(300, 40)
    sheet.write(x, 20, text, color=INK)
    assert sheet.picture().size == (300, 40)
