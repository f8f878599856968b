"""Kernels that prefer what we know that they prefer."""

import math

import pytest
import torch

from segnext_edu import SegNeXt
from segnext_edu.explain.sanity.bars import ANGLES, SIDE, bar, gains, images_with_bars, leaning, preference, strips


def test_bars_lie_at_0_and_stand_at_90_degrees():
    lying, upright = bar(0, 6, 0, side=40), bar(90, 6, 0, side=40)
    torch.testing.assert_close(lying, upright.T)
    assert (lying[:, 0] == lying[:, -1]).all() and lying.sum(0).tolist() == pytest.approx([6] * 40)
    rising = bar(45, 6, 0, side=40)
    assert rising[35, 4] == 1 and rising[4, 35] == 1 and rising[4, 4] == 0  # it leans as / does
    torch.testing.assert_close(bar(135, 6, 0, side=40), rising.flip(1))
    assert bar(0, 6, 10, side=40).sum(1).argmax() > 25


def test_all_bars_of_a_draw_are_alike_but_for_the_angle():
    images = images_with_bars(torch.Generator().manual_seed(3))
    assert images.shape == (len(ANGLES) + 1, 3, SIDE, SIDE)
    assert (images[-1] == images[-1, :, :1, :1]).all()
    marked = (images[:-1] != images[-1]).any(1).float().mean((1, 2))
    assert marked.min() > 0.01 and marked[0] == pytest.approx(marked[2].item(), rel=1e-3)


@pytest.fixture(scope="module")
def model() -> SegNeXt:
    """Rows and columns are means over their length; only stage 1's are tampered with by the tests."""
    torch.manual_seed(0)
    model = SegNeXt("nano", 3).eval()
    with torch.no_grad():
        for _, length, pair in strips(model):
            for kernel in (pair.horizontal, pair.vertical):
                kernel.weight.fill_(1 / length)
    return model


def test_a_mean_along_a_row_prefers_what_lies(model: SegNeXt):
    table = gains(model, images_with_bars(torch.Generator().manual_seed(0)))
    for layer, length, _ in strips(model):
        row, column, pair = (table[layer, length, part] for part in ("horizontal", "vertical", "pair"))
        assert row.shape == (4,)
        torch.testing.assert_close(row * column, pair)
    row, column = table[(1, 0), 21, "horizontal"], table[(1, 0), 21, "vertical"]
    assert preference(row[0], row[2]) > 0.2 and preference(column[0], column[2]) < -0.2
    assert row[0] > row[1] and row[0] > row[3]
    assert not any(module._forward_hooks for module in model.modules())


def test_what_a_part_cannot_tell_apart_it_does_not_prefer():
    gain = torch.full((4,), 0.7)
    assert preference(gain[0], gain[2]) == 0 and leaning(gain) == 0
    assert leaning(torch.tensor([1.0, 0, 1, 0])) == 1 and leaning(torch.tensor([0.0, 1, 0, 1])) == -1
    assert preference(torch.tensor(3.0), torch.tensor(1.0)) == 0.5 and math.isclose(ANGLES[2], 90)
