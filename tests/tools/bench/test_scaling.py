"""How things grow: the fit finds the exponent, a measurement is a process's own, and nonsense is refused."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from segnext_edu.files import InputError
from tools.bench import scaling
from tools.bench.scaling import Measured, exponent, exponents, in_a_process, main


@pytest.mark.parametrize("power", [0.5, 1.0, 2.0])
def test_the_exponent_of_a_power_law_is_found(power):
    pixels = [2.0**n for n in range(17, 23)]
    assert exponent(pixels, [3e-7 * count**power for count in pixels]) == pytest.approx(power)
    wavy = [3e-7 * count**power * (1.05 if n % 2 else 0.95) for n, count in enumerate(pixels)]
    assert exponent(pixels, wavy) == pytest.approx(power, abs=0.05)


def test_what_is_there_at_every_size_makes_the_line_flatter():
    pixels = [2.0**n for n in range(17, 23)]
    assert exponent(pixels, [count + 2.0**20 for count in pixels]) < 0.8


def test_each_network_has_its_own_exponents():
    rows = [Measured(name, 64, side, side**p, side) for name, p in (("a", 1), ("b", 2)) for side in (64, 128, 256)]
    found = exponents(rows)
    assert found["a"]["seconds"] == pytest.approx(1) and found["b"]["seconds"] == pytest.approx(2)
    assert found["a"]["bytes"] == found["b"]["bytes"] == pytest.approx(1)


@pytest.mark.slow
def test_a_process_measures_one_picture_whatever_its_starter_holds():
    ballast = np.ones(10**8)  # 800 MB
    row = in_a_process("nano", 640, 512, repeats=1, threads=1)
    assert (row.network, row.width, row.height) == ("nano", 640, 512)
    assert row.seconds > 0
    assert ballast[-1] == 1
    picture = 640 * 512 * 3 * 4
    assert picture < row.bytes < 100 * picture  # the maps are larger than the picture, but not without measure


def test_a_picture_too_small_to_be_seen_is_refused_in_words(monkeypatch):
    said = SimpleNamespace(returncode=0, stdout='{"seconds": 0.1, "bytes": 0}')
    monkeypatch.setattr(scaling.subprocess, "run", lambda *_, **__: said)
    with pytest.raises(InputError, match="too small"):
        in_a_process("nano", 32, 32, repeats=1, threads=1)


def test_the_table_is_written_and_computed_from_its_rows(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        scaling, "in_a_process", lambda network, width, height, *_: Measured(network, width, height, width / 99, height)
    )
    given = ["--networks", "nano", "--sizes", "64x32", "128x64", "256x128", "--out", str(tmp_path / "scaling.json")]
    assert main(given) == 0
    written = json.loads((tmp_path / "scaling.json").read_text())
    assert [(row["width"], row["height"]) for row in written["rows"]] == [(64, 32), (128, 64), (256, 128)]
    assert written["exponents"]["nano"] == pytest.approx({"seconds": 0.5, "bytes": 0.5})
    assert "threads: 1" in written["setting"]
    assert "nano: as pixels to the power 0.50 (time), 0.50 (memory)" in capsys.readouterr().out


def test_a_line_needs_two_points(tmp_path, capsys):
    assert main(["--sizes", "64x128", "128x64", "--out", str(tmp_path / "scaling.json")]) == 2
    assert "at least two sizes" in capsys.readouterr().err
    assert not any(tmp_path.iterdir())


def test_a_process_that_fails_says_which_and_why():
    with pytest.raises(InputError, match="alien at 64x64 did not end .*alien"):
        in_a_process("alien", 64, 64, 1, 1)
