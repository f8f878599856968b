"""Counting by hand where that is possible, and a verdict that turns where the two times cross."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from segnext_edu.cost import count_macs
from segnext_edu.inference.optimize import optimize
from segnext_edu.model.segnext import SegNeXt
from tools.bench.setting import Stride8
from tools.bench.traffic import Card, Work, count_work


def test_one_convolution_by_hand() -> None:
    """Reads 3 · 8 · 10 values, 5 · 3 · 9 weights and 5 biases, writes 5 · 8 · 10 values."""
    work = count_work(nn.Conv2d(3, 5, 3, padding=1), (1, 3, 8, 10))
    assert work == Work(matrix=5 * 80 * 27, single=0, moved=4 * (240 + 135 + 5 + 400))


def test_half_the_bytes_for_half_the_precision() -> None:
    convolution = nn.Conv2d(3, 5, 3, padding=1).bfloat16()
    assert count_work(convolution, (1, 3, 8, 10), torch.bfloat16).moved == 2 * (240 + 135 + 5 + 400)


def test_depthwise_multiply_adds_stand_apart() -> None:
    layers = nn.Sequential(nn.Conv2d(4, 4, 5, padding=2, groups=4, bias=False), nn.Conv2d(4, 6, 1, bias=False))
    assert count_work(layers, (2, 4, 8, 8)) == Work(
        matrix=2 * 6 * 64 * 4, single=2 * 4 * 64 * 25, moved=4 * (2 * (512 + 512) + 100 + 24 + (768 - 512))
    )


def test_in_place_reads_two_and_writes_one_and_a_view_is_free() -> None:
    class Sum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            y = torch.empty_like(x)
            return torch.add(x, x[:, :1], out=y).transpose(1, 2).add_(x.transpose(1, 2)).flatten()

    assert count_work(Sum(), (2, 3, 4)).moved == 4 * ((24 + 8 + 24) + (24 + 24 + 24) + (24 + 24))


def test_multiply_adds_are_those_of_the_other_counter() -> None:
    model = Stride8(SegNeXt("tiny").eval())
    work = count_work(model, (2, 3, 64, 96))
    assert work.multiply_adds == count_macs(model, (2, 3, 64, 96))
    assert 0 < work.single < work.matrix


def test_the_optimised_model_is_counted_too() -> None:
    """It runs in inference mode, where convolutions come in another guise. The maps that it squeezes are smaller."""
    model = SegNeXt("tiny").eval()
    plain = count_work(Stride8(model), (1, 3, 64, 64))
    fast = count_work(Stride8(optimize(model)), (1, 3, 64, 64))
    assert 0.7 * plain.matrix < fast.matrix < plain.matrix
    assert 0.5 * plain.moved < fast.moved < plain.moved


@pytest.mark.parametrize(("matrix", "bound"), [(99, "memory"), (101, "multiprocessors")])
def test_the_longer_time_is_the_floor(matrix: int, bound: str) -> None:
    """At 10 bytes and 20 multiply-adds per second, 50 bytes take 5 s, as 100 multiply-adds do."""
    said = Card(bandwidth=10, matrix=20, single=5).verdict(Work(matrix, 0, 50))
    assert said["bound"] == bound
    assert said["floor"] == max(5, matrix / 20)
    assert said["ridge"] == pytest.approx(2) and said["intensity"] == matrix / 50


def test_the_ridge_is_where_both_take_equally_long_whatever_the_mixture() -> None:
    card = Card(bandwidth=10, matrix=20, single=5)
    work = Work(matrix=60, single=10, moved=50)  # 3 s + 2 s, and 5 s
    said = card.verdict(work)
    assert card.needs(work) == {"memory": 5, "multiprocessors": 5}
    assert said["ridge"] == pytest.approx(said["intensity"])
    assert (said["multiply_adds"], said["depthwise_and_other"], said["bytes"]) == (70, 10, 50)
