"""Where shapes agree and numbers do not, a notebook shows what is expected beside what came, and others nothing."""

from __future__ import annotations

from types import SimpleNamespace

import IPython
import IPython.display
import numpy as np
import pytest
import torch

from segnext_edu.lessons.checks import beside
from segnext_edu.lessons.checks.table import Exercise

SHAPE = (2, 3, 5, 8)
RIGHT = torch.rand(SHAPE, generator=torch.Generator().manual_seed(0))


def test_the_map_that_differs_most_is_shown() -> None:
    came = RIGHT.clone()
    came[0, 0, 0, 0] += 0.1
    one = beside.expected_and_yours(came, RIGHT)
    assert one is not None and one.alt == "Two maps of 5 × 8: the expected one, and yours."
    came[1, 2] += 1
    assert (worse := beside.expected_and_yours(came, RIGHT)) and worse.png != one.png
    came[1, 1] += 0.5  # not the worst: the picture stays
    assert (same := beside.expected_and_yours(came, RIGHT)) and same.png == worse.png
    assert beside.expected_and_yours(torch.full(SHAPE, torch.nan), RIGHT) is not None


def test_of_several_tensors_the_first_that_differ_are() -> None:
    several = beside.expected_and_yours((RIGHT, RIGHT[0] + 1), (RIGHT, RIGHT[0]))
    alone = beside.expected_and_yours(RIGHT[0] + 1, RIGHT[0])
    assert several and alone and several.png == alone.png


@pytest.mark.parametrize(
    ("came", "right"),
    [(RIGHT, RIGHT), (RIGHT[0], RIGHT), (torch.ones(5), torch.zeros(5)), (1.0, 2.0), (np.ones((3, 3)), RIGHT)],
)
def test_without_a_map_there_is_nothing_to_see(came: object, right: object) -> None:
    assert beside.expected_and_yours(came, right) is None


def test_a_check_shows_it_in_a_notebook_only(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> None:
    double = Exercise(lambda x: 2 * x, {"twice": [(RIGHT,)]}, {})
    shown: list = []
    monkeypatch.setattr(IPython.display, "display", shown.append)
    double(lambda x: 3 * x)
    assert not shown
    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace(kernel=None))
    double(lambda x: 3 * x)
    double(lambda x: x.sum())  # the shape is wrong
    double(lambda x: x + x)
    assert len(shown) == 1
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✗", "✗", "✗", "✓"]
