"""Where there is no browser the tests that want one say so; where one is required they do not pass in silence."""

from __future__ import annotations

import shutil

import pytest

from tests.browser.conftest import find_chromium

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("required", "outcome"), [("", pytest.skip.Exception), ("required", pytest.fail.Exception)], ids=["skip", "fail"]
)
def test_without_a_browser(required: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("SEGNEXT_EDU_BROWSER", required)
    with pytest.raises(outcome, match="no Chromium found: install it"):
        find_chromium()


def test_the_one_that_is_named_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "somewhere/chromium")
    monkeypatch.delenv("CHROMIUM", raising=False)
    assert find_chromium() == "somewhere/chromium"
    monkeypatch.setenv("CHROMIUM", "elsewhere/chrome")
    assert find_chromium() == "elsewhere/chrome"
