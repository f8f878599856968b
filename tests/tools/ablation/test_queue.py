"""The queue: every variant from one seed before the next seed, resumed where it stopped, one small file per run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from segnext_edu.files import InputError
from tools.ablation import __main__ as command
from tools.ablation import queue
from tools.ablation.variants import PAPER, VARIANTS


def test_all_variants_from_one_seed_come_before_the_next(tmp_path: Path) -> None:
    order = list(queue.missing("drawn", tmp_path))
    assert [seed for _, seed in order] == sorted(seed for _, seed in order)
    assert len(order) == 5 * len(VARIANTS) == len({queue.file_of(tmp_path, *each) for each in order})
    queue.file_of(tmp_path, PAPER, 0).touch()
    assert list(queue.missing("drawn", tmp_path)) == order[1:]


@pytest.mark.slow
def test_a_run_leaves_one_small_file(tmp_path: Path, own_folder: Path, monkeypatch, capsys) -> None:
    monkeypatch.setitem(
        queue.RECIPES, "photographs", {"steps": 2, "batch": 2, "crop": 32, "short_side": 32, "lr": 1e-3}
    )
    monkeypatch.setitem(queue.SEEDS, "photographs", 2)
    places = ["--out", str(tmp_path / "out"), "--work", str(tmp_path / "work")]
    run = ["run", "photographs", "--data", str(own_folder), "--variants", "no 1 × 1", *places]
    assert command.main(run) == 0
    files = sorted((tmp_path / "out" / "photographs").iterdir())
    assert [file.name for file in files] == ["no_1_x_1-0.json", "no_1_x_1-1.json"]
    result = json.loads(files[0].read_text())
    assert result["variant"] == "no 1 × 1" and result["recipe"]["data"] == own_folder.name
    assert len(result["counts"]) == 3 and result["step"] == [2] and result["miou"][0] >= 0
    assert not any((tmp_path / "work" / "photographs").iterdir())
    assert capsys.readouterr().out.endswith("0 runs are missing\n")


def test_photographs_have_to_be_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="name their folder with --data"):
        command.main.__wrapped__(["run", "photographs", "--out", str(tmp_path)])
