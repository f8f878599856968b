"""The kernel's table: the right maps, what one pass must move, and a line for each."""

from __future__ import annotations

import pytest
import torch

from segnext_edu.model.msca import MSCA
from segnext_edu.model.segnext import SegNeXt
from tools.bench import gate


def test_branches_are_what_the_gate_mixes() -> None:
    msca, x = MSCA(6), torch.randn(2, 6, 9, 11, generator=torch.Generator().manual_seed(0))
    assert torch.equal(msca.mix(gate.Branches(msca)(x)), msca.gate(x))


def test_shapes_are_those_that_enter_the_attention() -> None:
    """At a size that no stage divides without a rest."""
    seen = []
    model = SegNeXt("tiny").eval()
    for stage in model.encoder.stages:
        stage.blocks[0].attention.msca.register_forward_pre_hook(lambda msca, given: seen.append(tuple(given[0].shape)))
    with torch.inference_mode():
        model.encode(torch.zeros(2, 3, 66, 101))
    assert gate.shapes("tiny", 2, width=101, height=66) == seen


def test_one_pass_moves_features_answer_and_weights_once() -> None:
    values, weights = 2 * 4 * 6 * 10, 4 * (103 + 7)
    work, moved = gate.fused_work((2, 4, 6, 10))
    assert (work.matrix, work.single, work.moved) == (0, 103 * values, 2 * (2 * values + weights))
    assert moved == 2 * ((7 * 2 + 3 * 3) * values + weights)  # seven convolutions, three sums


def test_a_line_compares_with_the_module() -> None:
    seconds = {"module": 8e-5, "compiled": 4e-5, "kernel": None, "copy": 1e-5}
    row = {"shape": (1, 32, 128, 64), "seconds": seconds, "floor": 9e-6, "bound": "memory"}
    assert " ".join(gate.line(row).split()) == "1 × 32 × 128 × 64 80.0 ( 1.00) 40.0 ( 2.00) – 10.0 ( 8.00) 9.0 memory"
    assert len(gate.header()) == len(gate.line(row)) + len("bound by") - len("memory")


def test_a_line_without_the_module_has_times_only() -> None:
    seconds = {"module": None, "compiled": None, "kernel": 2e-5, "copy": 1e-5}
    row = {"shape": (1, 32, 128, 64), "seconds": seconds, "floor": 9e-6, "bound": "memory"}
    assert gate.line(row).split()[7:] == ["–", "–", "20.0", "10.0", "9.0", "memory"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that PyTorch can use")
def test_on_a_gpu_all_ways_agree() -> None:
    from tools.bench.traffic import Card

    row = gate.measure((2, 32, 20, 30), 1, Card(1e12, 1e14, 1e13))
    assert all(seconds and seconds > 0 for seconds in row["seconds"].values()), row["missing"]
    assert max(row["differs"].values()) < 2e-2
