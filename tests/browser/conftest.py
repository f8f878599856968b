"""A headless Chromium that watches what it is shown: what goes wrong in it, and what it asks the network for.

Where there is none these tests are skipped; where SEGNEXT_EDU_BROWSER is "required", as in CI, they fail.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

HERE = ("127.0.0.1", "localhost", "")  # "" is that of data:, blob: and file: addresses
ROOT = Path(__file__).parents[2]
PATIENCE = 120_000  # milliseconds: on a busy machine a browser is slow


def find_chromium() -> str:
    """The browser's path; skips or fails where there is none."""
    named = os.environ.get("CHROMIUM")
    found = named or next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found:
        return found
    reason = "no Chromium found: install it (apt-get install chromium), or say in CHROMIUM where it is"
    if os.environ.get("SEGNEXT_EDU_BROWSER") == "required":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = find_chromium()
    with sync_playwright() as playwright:
        # As root Chromium runs without its sandbox or not at all; what is opened here is our own.
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@dataclass
class Watched:
    """A page, and what happened on it: errors, and addresses on other machines."""

    page: Page
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(PATIENCE)
        self.page.on("console", lambda message: message.type == "error" and self.errors.append(message.text))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", lambda request: self._asked(request.url))
        self.page.on("websocket", lambda socket: self._asked(socket.url))

    def _asked(self, address: str) -> None:
        self.requests.append(address)
        if (urlsplit(address).hostname or "") not in HERE:
            self.elsewhere.append(address)


@pytest.fixture
def watched(browser: Browser) -> Iterator[Watched]:
    """A fresh page, wide enough for everything."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    yield Watched(context.new_page())
    context.close()


@contextmanager
def jupyterlab(home: Path, *flags: str) -> Iterator[tuple[str, str]]:
    """A JupyterLab as `make lab` opens it, which knows nothing of this machine's settings: its address and token.

    What it knows lies in `home`, the user's settings in `home/settings`.
    """
    token = "only-for-this-test"
    places = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "JUPYTERLAB_SETTINGS_DIR": home / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": home / "workspaces",
        "IPYTHONDIR": home / "ipython",
    }
    command = [
        *(sys.executable, "-m", "tools.lab", "--no-browser", f"--IdentityProvider.token={token}"),
        *("--ServerApp.port=0", "--ServerApp.ip=127.0.0.1", *flags),
    ]
    environment = {**os.environ, **{name: str(path) for name, path in places.items()}, "CUDA_VISIBLE_DEVICES": ""}
    with (home / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        yield wait_for(home / "runtime", server, home / "log", token), token
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()


def wait_for(runtime: Path, server: subprocess.Popen, log: Path, token: str) -> str:
    """The address at which a server answers, on a port of its own choice; fails with its log where none does."""
    end = time.monotonic() + PATIENCE / 1000
    while server.poll() is None and time.monotonic() < end:
        try:
            address = json.loads((runtime / f"jpserver-{server.pid}.json").read_text("utf-8"))["url"].rstrip("/")
            urllib.request.urlopen(f"{address}/api?token={token}", timeout=5).close()
            return address
        except (OSError, ValueError):  # not there yet, half written, or not yet listening
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text(errors='replace')[-2000:]}")
