"""The comparison's numbers: intervals, pairs, curves and tables, from files that are made up here."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from segnext_edu.files import InputError, repository_data
from segnext_edu.lessons import comparison as tables
from segnext_edu.lessons.comparison import Interval, Outcome, t_interval

COUNTS = [[60, 30], [10, 100]]  # (target, prediction): IoU 60/100 and 100/140, accuracy 160/200


def content(network: str = "tiny", seed: int = 0, **changes: Any) -> dict[str, Any]:
    """What `tools.comparison.run` returns, with small numbers."""
    recipe = {"data": "streets", "variant": network, "steps": 20, "lr": 2e-3, "seed": seed}
    curve = {"step": [10, 20], "loss": [1.5, 1.0], "miou": [0.2, 0.3 + seed / 10]}
    cost = {"parameters": 4_260_000, "macs_512": 6_600_000_000}
    whole = {"network": network, "recipe": recipe, "curve": curve, "classes": ["road", "sky"], "counts": COUNTS}
    return {**whole, **cost, **changes}


def scored(share: float) -> list[list[int]]:
    """A confusion matrix with that accuracy, both classes treated alike."""
    right = round(1000 * share)
    return [[right, 1000 - right], [1000 - right, right]]


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def one(**said: Any) -> Path:
        whole = content(**said)
        path = tmp_path / f"{whole['network']}_{whole['recipe']['seed']}.json"
        path.write_text(json.dumps(whole))
        return path

    return one


def three(write: Callable[..., Path], network: str, *shares: float) -> list[Outcome]:
    return [Outcome.read(write(network=network, seed=seed, counts=scored(s))) for seed, s in enumerate(shares)]


class TestInterval:
    @pytest.mark.parametrize(
        ("values", "half"),
        [([1, 2, 3], 4.3027 / math.sqrt(3)), ([1, 2, 3, 4, 5], 2.7764 * math.sqrt(2.5 / 5)), ([0, 1], 12.7062 / 2)],
    )
    def test_as_the_tables_of_t_have_it(self, values: list[float], half: float) -> None:
        found = t_interval(values)
        assert found.mean == pytest.approx(np.mean(values)) and found.half == pytest.approx(half, rel=1e-4)

    def test_it_holds_the_truth_19_times_of_20(self) -> None:
        """With the normal distribution's 1.96 in place of t it would be 82 %."""
        samples = np.random.default_rng(0).normal(0.4, 0.02, (3000, 3))
        held = np.mean([0.4 in t_interval(row) for row in samples.tolist()])
        assert abs(held - 0.95) < 0.015

    @given(st.lists(st.floats(-1, 1), min_size=2, max_size=5), st.floats(-2, 2), st.floats(0, 3))
    def test_it_moves_and_stretches_with_the_values(self, values: list[float], shift: float, factor: float) -> None:
        before, after = t_interval(values), t_interval([factor * value + shift for value in values])
        assert after.mean == pytest.approx(factor * before.mean + shift, abs=1e-9)
        assert after.half == pytest.approx(factor * before.half, abs=1e-9)

    def test_one_run_says_nothing_about_the_scatter(self) -> None:
        assert t_interval([0.4]) == Interval(0.4, math.inf)

    def test_no_runs_have_no_mean(self) -> None:
        with pytest.raises(ValueError, match="at least one"):
            t_interval([])


class TestRead:
    def test_what_is_in_a_file(self, write: Callable[..., Path]) -> None:
        outcome = Outcome.read(write(seed=2))
        assert (outcome.network, outcome.seed, outcome.classes) == ("tiny", 2, ("road", "sky"))
        assert outcome.mious == (0.2, 0.5) and outcome.macs == 6_600_000_000
        assert outcome.accuracy == pytest.approx(160 / 200)
        assert outcome.miou == pytest.approx((60 / 100 + 100 / 140) / 2)

    @pytest.mark.parametrize(
        ("changes", "says"),
        [
            ({"curve": {}}, "KeyError: 'step'"),
            ({"counts": [[1, 2]]}, "does not fit"),
            ({"counts": "many"}, "not a file of the comparison"),
            ({"curve": {"step": [1, 2], "loss": [1.0], "miou": [0.1, 0.2]}}, "does not fit"),
        ],
    )
    def test_what_is_no_such_file(self, changes: dict, says: str, write: Callable[..., Path]) -> None:
        with pytest.raises(InputError, match=says):
            Outcome.read(write(**changes))

    def test_a_broken_or_missing_file_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "cut.json").write_text('{"network": "ti')
        for name in ("cut.json", "gone.json"):
            with pytest.raises(InputError, match=name):
                Outcome.read(tmp_path / name)

    def test_the_best_comes_first_and_seeds_in_order(self, write: Callable[..., Path], tmp_path: Path) -> None:
        three(write, "tiny", 0.5, 0.6, 0.7)
        three(write, "unet", 0.8, 0.9)
        found = tables.read_outcomes(tmp_path)
        assert list(found) == ["unet", "tiny"]
        assert [outcome.seed for outcome in found["tiny"]] == [0, 1, 2]

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no JSON"):
            tables.read_outcomes(tmp_path)

    def test_runs_by_two_recipes_are_not_compared(self, write: Callable[..., Path], tmp_path: Path) -> None:
        write()
        write(network="unet", recipe={**content("unet")["recipe"], "lr": 1e-3})
        with pytest.raises(InputError, match="lr 0.001.*lr 0.002|lr 0.002.*lr 0.001|with lr"):
            tables.read_outcomes(tmp_path)

    def test_runs_on_other_classes_are_not_compared(self, write: Callable[..., Path], tmp_path: Path) -> None:
        write()
        write(network="unet", classes=["sky", "road"])
        with pytest.raises(InputError, match="other classes"):
            tables.read_outcomes(tmp_path)

    def test_a_seed_counts_once(self, write: Callable[..., Path], tmp_path: Path) -> None:
        path = write()
        path.with_name("again.json").write_text(path.read_text())
        with pytest.raises(InputError, match="seed 0 twice"):
            tables.read_outcomes(tmp_path)


class TestPairs:
    def test_what_a_seed_does_to_both_cancels(self, write: Callable[..., Path]) -> None:
        ours, theirs = three(write, "tiny", 0.5, 0.6, 0.9), three(write, "unet", 0.3, 0.4, 0.7)
        difference = tables.paired_difference(ours, theirs, lambda outcome: outcome.accuracy)
        assert difference.mean == pytest.approx(0.2, abs=1e-6) and difference.half < 1e-6

    def test_it_turns_its_sign_with_the_order(self, write: Callable[..., Path]) -> None:
        ours, theirs = three(write, "tiny", 0.5, 0.6, 0.9), three(write, "unet", 0.7, 0.5, 0.8)
        there, back = tables.paired_difference(ours, theirs), tables.paired_difference(theirs, ours)
        assert there.mean == pytest.approx(-back.mean) and there.half == pytest.approx(back.half)

    def test_seeds_without_a_partner_are_left_out(self, write: Callable[..., Path]) -> None:
        ours, theirs = three(write, "tiny", 0.5, 0.6, 0.9), three(write, "unet", 0.5, 0.6)
        assert tables.paired_difference(ours, theirs) == Interval(0.0, 0.0)
        with pytest.raises(ValueError, match="at least one"):
            tables.paired_difference(ours[2:], theirs)

    @pytest.mark.parametrize(
        ("interval", "says"),
        [
            (Interval(0.02, 0.03), "do not say which is better"),
            (Interval(0.02, 0.01), "a is ahead of b"),
            (Interval(-0.02, 0.01), "b is ahead of a"),
            (Interval(0.02, math.inf), "do not say"),
        ],
    )
    def test_the_sentence_fits_the_interval(self, interval: Interval, says: str) -> None:
        assert says in tables.verdict(interval, "a", "b")


def test_a_curve_is_an_interval_at_each_scored_step(write: Callable[..., Path]) -> None:
    steps, points = tables.curve(three(write, "tiny", 0.5, 0.6, 0.7))
    assert steps == [10, 20] and points[0] == Interval(pytest.approx(0.2), pytest.approx(0))
    assert points[1] == t_interval([0.3, 0.4, 0.5])


def test_the_iou_of_each_class(write: Callable[..., Path]) -> None:
    found = tables.class_ious([Outcome.read(write()), Outcome.read(write(seed=1, counts=[[90, 0], [0, 110]]))])
    assert found == {"road": t_interval([60 / 100, 1.0]), "sky": t_interval([100 / 140, 1.0])}


def test_the_confusion_is_shared_out_by_target(write: Callable[..., Path]) -> None:
    one, other = Outcome.read(write()), Outcome.read(write(seed=1, counts=[[0, 10], [0, 90]]))
    shares = tables.confusion([one, other])
    assert torch.allclose(shares.sum(1), torch.ones(2, dtype=torch.float64))
    assert shares[0].tolist() == pytest.approx([60 / 100, 40 / 100])


class TestTable:
    def test_each_network_has_its_line(self, write: Callable[..., Path], tmp_path: Path) -> None:
        three(write, "tiny", 0.5, 0.6, 0.7)
        three(write, "unet", 0.8, 0.9, 0.99)
        head, first, second = tables.table(tables.read_outcomes(tmp_path), "tiny").splitlines()
        assert "mIoU minus tiny" in head and first.startswith("unet") and second.startswith("tiny")
        assert first.split()[1:3] == ["4.26", "6.60"]
        assert str(t_interval([0.5, 0.6, 0.7])) in second  # the accuracy
        assert "+0.388 ± 0.135" in first and first.endswith("*") and "*" not in second
        assert "·" in second  # no difference to itself

    def test_speed_is_a_multiple_of_the_base(self, write: Callable[..., Path], tmp_path: Path) -> None:
        three(write, "tiny", 0.5, 0.6, 0.7)
        three(write, "unet", 0.8, 0.9, 0.99)
        speeds = {"training": {"tiny": 8.0, "unet": 2.0}, "prediction": {"tiny": 3.0}}
        text = tables.table(tables.read_outcomes(tmp_path), "tiny", speeds)
        lines = {line.split()[0]: line.split()[-2:] for line in text.splitlines()}
        assert lines == {"M": ["training", "prediction"], "tiny": ["1.00×", "1.00×"], "unet": ["0.25×", "·"]}
        assert len({len(line) for line in text.splitlines()}) == 1  # one column below the other


class TestSpeeds:
    def test_by_what_was_timed_and_network(self, tmp_path: Path) -> None:
        rows = [{"network": "tiny", "training": 9.0, "prediction": 4, "step_gib": None}]
        (tmp_path / "speed.json").write_text(json.dumps({"setting": {}, "rows": rows}))
        assert tables.read_speeds(tmp_path / "speed.json") == {"training": {"tiny": 9.0}, "prediction": {"tiny": 4.0}}

    @pytest.mark.parametrize("text", [None, "{", "[]", '{"rows": [{"network": "tiny"}]}'])
    def test_what_holds_no_speeds(self, text: str | None, tmp_path: Path) -> None:
        if text is not None:
            (tmp_path / "speed.json").write_text(text)
        with pytest.raises(InputError, match="speed.json: no speeds"):
            tables.read_speeds(tmp_path / "speed.json")


def test_the_shipped_runs_are_one_comparison() -> None:
    outcomes = tables.read_outcomes(repository_data() / "runs" / "street")
    seeds = {name: sorted(run.seed for run in runs) for name, runs in outcomes.items()}
    assert seeds == dict.fromkeys(("tiny", "tiny-plain", "segformer-b0", "unet", "nano"), [0, 1, 2])
    every = [run for runs in outcomes.values() for run in runs]
    assert len({int(run.counts.sum()) for run in every}) == 1  # all were judged by the same pixels
    for run in every:
        assert run.steps[-1] == run.recipe["steps"] and run.mious[-1] == pytest.approx(run.miou, abs=1e-6)
