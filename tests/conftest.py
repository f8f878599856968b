"""What several tests build on: small folders and zips of scenes, a web server on this machine, a disk that fills up."""

from __future__ import annotations

import io
import os
import resource
import signal
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from hypothesis import settings
from PIL import Image

from tests.watchdog import Watchdog

# What `make test` asks is the same every time; `make fuzz` asks something else every time, and far more.
settings.register_profile("test", derandomize=True, database=None, deadline=None)
settings.register_profile("fuzz", max_examples=1000, database=None, deadline=None, print_blob=True)
settings.load_profile("test")


GPU_TABLE = pytest.StashKey[list[tuple[str, ...]]]()  # what `pytest -m gpu` has measured


def pytest_configure(config: pytest.Config) -> None:
    config.stash[GPU_TABLE] = []
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets what it starts with & ignore Ctrl+C
    config.pluginmanager.register(Watchdog(config))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name != "test_gpu.py")  # the longest first, or all wait for it


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash[GPU_TABLE]:
        terminalreporter.section("on this GPU")
        for what, speed, memory in rows:
            terminalreporter.write_line(f"{what:<60}{speed:>18}{memory:>12}")


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder in the user's place."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGNEXT_EDU_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder with ADEChallengeData2016/ and labelmefacade/: real photographs, not part of the project."""
    if folder := os.environ.get("SEGNEXT_EDU_REAL_DATA"):
        return Path(folder)
    pytest.skip("set SEGNEXT_EDU_REAL_DATA to the folder that holds ADEChallengeData2016/ and labelmefacade/")


def photo(seed: int, size: tuple[int, int] = (48, 32)) -> bytes:
    """A JPEG of colourful noise, (width, height) = size."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return _encoded(Image.fromarray(pixels), "JPEG")


def mask(labels: int, seed: int, size: tuple[int, int] = (48, 32)) -> bytes:
    """A PNG of labels 0..labels-1 in vertical stripes, the same set for every seed but not the same order."""
    stripes = np.random.default_rng(seed).permutation(labels).astype(np.uint8)
    return _encoded(Image.fromarray(np.tile(np.resize(stripes, size[0]), (size[1], 1))), "PNG")


def _encoded(image: Image.Image, form: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form)
    return buffer.getvalue()


@pytest.fixture
def own_folder(tmp_path: Path) -> Path:
    """A folder of one's own: five pairs a…e, three classes; train.txt lists a, b, c and val.txt d, e."""
    folder = tmp_path / "mine"
    for place in ("images", "annotations"):
        (folder / place).mkdir(parents=True)
    for seed, name in enumerate("abcde"):
        (folder / "images" / f"{name}.jpg").write_bytes(photo(seed))
        (folder / "annotations" / f"{name}.png").write_bytes(mask(4, seed))
    (folder / "classes.txt").write_text("cat\ndog\ncow\n")
    (folder / "train.txt").write_text("a\nb\nc\n")
    (folder / "val.txt").write_text("d\ne\n")
    return folder


SCENES = ("kitchen", "kitchen", "kitchen", "kitchen", "street", "street", "beach", "attic")  # of the pictures, in turn


@pytest.fixture
def official_folder(tmp_path: Path) -> Path:
    """ADEChallengeData2016/ as the official zip unpacks: 8 training and 3 validation pairs."""
    folder = tmp_path / "ADEChallengeData2016"
    scenes = []
    for split, short, count in (("training", "train", 8), ("validation", "val", 3)):
        for place in ("images", "annotations"):
            (folder / place / split).mkdir(parents=True)
        for number in range(count):
            name = f"ADE_{short}_{number + 1:08}"
            (folder / "images" / split / f"{name}.jpg").write_bytes(photo(number))
            (folder / "annotations" / split / f"{name}.png").write_bytes(mask(16, number))
            scenes.append(f"{name} {SCENES[number]}\n")
    (folder / "sceneCategories.txt").write_text("".join(scenes))
    return folder


@pytest.fixture
def official_zip(official_folder: Path) -> Path:
    """The same as a zip, with the folders' own entries and the litter that macOS adds."""
    path = official_folder.parent / "ADEChallengeData2016.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(official_folder.rglob("*")):
            archive.write(file, file.relative_to(official_folder.parent))
        archive.writestr("__MACOSX/ADEChallengeData2016/images/training/._ADE_train_00000001.jpg", b"litter")
        archive.writestr("ADEChallengeData2016/images/training/._ADE_train_00000001.jpg", b"litter")
    return path


@dataclass
class Site:
    """One file on a web server of this machine, and how badly the server behaves."""

    content: bytes
    etag: str | None = '"first"'
    ranges: bool = True  # False: a Range is ignored and everything is sent
    drops: int = 0  # so many answers more break off …
    drop_after: int = 0  # … after so many bytes
    shift: int = 0  # a Range is answered with one that starts so much later
    understates: int = 0  # Content-Length is too small by so much
    says_length: bool = True
    status: int = 200
    location: str | None = None  # of a redirect
    encoding: str | None = None  # what a redirect's body says it is packed with
    url: str = ""
    seen: list[tuple[str | None, int]] = field(default_factory=list)  # (Range asked for, status answered)


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        site, start, asked = self.site, 0, self.headers.get("Range")
        unchanged = self.headers.get("If-Range") in (None, site.etag)
        status, length = site.status, len(site.content)
        if asked and site.ranges and unchanged and status == 200:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            status = 206 if start < length else 416
            start += site.shift
        site.seen.append((asked, status))
        self.send_response(status)
        if status == 416:
            self.send_header("Content-Range", f"bytes */{length}")
        elif status == 206:
            self.send_header("Content-Range", f"bytes {start}-{length - 1}/{length}")
        if site.etag:
            self.send_header("ETag", site.etag)
        if site.location:
            self.send_header("Location", site.location)
        if site.encoding:
            self.send_header("Content-Encoding", site.encoding)
        body = site.content[start:] if status in (200, 206) else b"<html>"
        if site.says_length:
            self.send_header("Content-Length", str(len(body) - site.understates))
        self.end_headers()
        if site.drops and body:
            site.drops -= 1
            body = body[: site.drop_after]
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Site], Site]]:
    """serve(Site(content)) puts it on a loopback address and fills in its url."""
    servers = []

    def start(site: Site) -> Site:
        handler = type("Handler", (_Handler,), {"site": site})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        site.url = f"http://127.0.0.1:{server.server_address[1]}/files/ADEChallengeData2016.zip"
        return site

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def small_disk() -> Callable[[int], AbstractContextManager[None]]:
    """with small_disk(n): no file can grow beyond n bytes; the system refuses further writing as a full disk would."""

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder: nothing may have been added, lost or changed."""
    return {str(file.relative_to(folder)): file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file()}
