"""Whatever hangs is ended from outside, with its name and the threads' stacks, and the run is red."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
CONFTEST = """
from tests.watchdog import Watchdog

def pytest_configure(config):
    config.pluginmanager.register(Watchdog(config, 10))
"""
# It never gives the GIL back: no other thread runs, no handler of Python's hears a signal, no exception arrives.
DEAF = "import ctypes; ctypes.PyDLL(None).sleep(1000)"
WORKER = ("-n", "1", "--max-worker-restart", "0")
HANGS = {
    "test_it.py::test_deaf": ((), f"def test_deaf(): {DEAF}"),
    "test_it.py::test_torn_down": (
        WORKER,
        f"""
import pytest
@pytest.fixture(scope="session")
def hangs():
    yield
    {DEAF}
def test_torn_down(hangs): pass
""",
    ),
    "collecting test_it.py": (WORKER, DEAF),
    "the end of the session": (
        WORKER,
        f"""
class Hangs:
    def pytest_sessionfinish(self): {DEAF}
def test_quick(request):
    request.config.pluginmanager.register(Hangs())
""",
    ),
    "the end of Python": (
        (),
        f"""
import atexit
def hang(): {DEAF}
def test_quick():
    atexit.register(hang)
""",
    ),
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, subprocess.Popen]]:
    """All of them at once: they mostly wait."""
    started = {}
    for doing, (options, source) in HANGS.items():
        folder = tmp_path_factory.mktemp("hangs")
        (folder / "conftest.py").write_text(CONFTEST)
        (folder / "test_it.py").write_text(source)
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "xdist", "--rootdir", ".", *options]
        started[doing] = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    yield started
    for process in started.values():
        process.kill()


@pytest.mark.parametrize("doing", HANGS)
def test_what_hangs_is_ended(doing: str, runs: dict[str, subprocess.Popen]) -> None:
    said, _ = runs[doing].communicate(timeout=200)
    assert runs[doing].returncode != 0
    assert f"STOOD STILL for 10 s: {doing}" in said, said
    assert "(most recent call first):" in said and "test_it.py" in said.partition("STOOD STILL")[2], said
