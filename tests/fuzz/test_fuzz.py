"""A short attack, the same every time, on what withstands it; `make fuzz` goes on for as long as it is told to."""

from __future__ import annotations

from pathlib import Path

import pytest

from segnext_edu.files import InputError
from tests.fuzz.__main__ import State, attack
from tests.fuzz.families import masks
from tests.fuzz.judge import Fault, draw, family, judge

WITHSTANDS = {"writes": 1}  # family → cases


@pytest.mark.slow
@pytest.mark.parametrize(("name", "cases"), WITHSTANDS.items())
def test_bad_input_gets_its_line(name: str, cases: int, tmp_path: Path) -> None:
    state = State(tmp_path / "fuzz.json", seed=0)
    attack(state, [name], seconds=300, cases=cases, workers=1)
    assert state.of(name)["next"] == cases
    assert state.of(name)["faults"] == {}


def outcome(monkeypatch: pytest.MonkeyPatch, run: object) -> str:
    """The kind of fault that the judge finds in what a family's `run` does."""
    monkeypatch.setattr(masks, "run", run)
    verdict = judge(masks, 0, 0)
    return verdict.kind if verdict else "well"


def raises(error: BaseException) -> object:
    def run(case: object, place: Path) -> None:
        raise error

    return run


def leaves(case: object, place: Path) -> None:
    (place / "out").mkdir()
    (place / "out" / "half").write_text("half")
    raise InputError("half.png: no picture")


def test_the_judge_tells_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    assert outcome(monkeypatch, lambda case, place: None) == "well"
    assert outcome(monkeypatch, raises(InputError("x.png: not a picture; expected a JPEG"))) == "well"
    assert outcome(monkeypatch, raises(KeyError("classes"))) == "traceback"
    assert outcome(monkeypatch, lambda case, place: print("\x1b[2J")) == "message"
    assert outcome(monkeypatch, raises(Fault("believed", "JPEG data"))) == "believed"
    assert outcome(monkeypatch, raises(MemoryError())) == "memory"
    assert outcome(monkeypatch, leaves) == "left-over"


def test_a_case_is_the_same_every_time() -> None:
    for name in ("masks", "folders", "zips"):
        assert draw(family(name), 1, 7) == draw(family(name), 1, 7) != draw(family(name), 1, 8)
