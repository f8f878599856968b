"""What the tests of every notebook's checks share."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from segnext_edu.lessons import checks


@pytest.fixture
def verdict(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture) -> Callable[[str, Callable], str]:
    """verdict(exercise, answer): what the check of this notebook (test_nb03 tests checks.strip_conv) prints."""
    module = getattr(checks, request.module.__name__.rpartition("test_")[2])

    def of(exercise: str, answer: Callable) -> str:
        getattr(module, exercise)(answer)
        return capsys.readouterr().out.strip()

    return of
