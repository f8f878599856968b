"""fetch, against a web server on this machine that drops, forgets, changes and lies."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from segnext_edu.data import download
from segnext_edu.data.download import fetch
from segnext_edu.files import InputError
from tests.conftest import Site, contents

CONTENT = random.Random(0).randbytes(400_000)
OTHER = random.Random(1).randbytes(400_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()

Serve = Callable[[Site], Site]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    monkeypatch.setattr(download, "PAUSE", 0.0)


def interrupted(site: Site, path: Path) -> int:
    """Let a download break off for good, as if its process had been killed; how many bytes it left."""
    site.drops, site.drop_after = 99, 150_000
    ranges, site.ranges = site.ranges, False  # every further attempt gets the same beginning again
    with pytest.raises(InputError):
        fetch(site.url, path)
    site.drops, site.ranges = 0, ranges
    site.seen.clear()
    return path.with_name(path.name + ".part").stat().st_size


def test_a_download_is_whole_and_leaves_nothing_beside_it(serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT))
    assert fetch(site.url, tmp_path / "deep" / "a.zip", len(CONTENT), SHA256) == tmp_path / "deep" / "a.zip"
    assert contents(tmp_path) == {"deep/a.zip": CONTENT}


def test_a_file_that_is_there_is_not_downloaded_again(serve: Serve, tmp_path: Path):
    site = serve(Site(OTHER))
    (tmp_path / "a.zip").write_bytes(CONTENT)
    fetch(site.url, tmp_path / "a.zip", sha256=SHA256)
    assert not site.seen
    for size, sha256 in ((1, None), (None, "0" * 64)):
        with pytest.raises(InputError, match=r"a\.zip: is here already but has"):
            fetch(site.url, tmp_path / "a.zip", size, sha256)
    assert contents(tmp_path) == {"a.zip": CONTENT}


def test_a_dropped_connection_is_taken_up_again(serve: Serve, tmp_path: Path):
    """However often, as long as each attempt brings something new."""
    site = serve(Site(CONTENT, drops=5, drop_after=70_000))
    fetch(site.url, tmp_path / "a.zip", sha256=SHA256)
    assert [status for _, status in site.seen] == [200, 206, 206, 206, 206, 206] and download.FAILURES < 5


def test_the_next_run_goes_on_where_the_last_one_stopped(serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT))
    have = interrupted(site, tmp_path / "a.zip")
    assert have > 0
    fetch(site.url, tmp_path / "a.zip", sha256=SHA256)
    assert site.seen == [(f"bytes={have}-", 206)] and contents(tmp_path) == {"a.zip": CONTENT}


def test_a_connection_that_keeps_breaking_says_what_is_kept(serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT, ranges=False, drops=99, drop_after=150_000))
    with pytest.raises(InputError, match=r"broke off\. Run again to go on; [\d,]+ bytes are kept in .*a\.zip\.part"):
        fetch(site.url, tmp_path / "a.zip")
    assert len(site.seen) == download.FAILURES and not (tmp_path / "a.zip").exists()


def test_a_server_without_ranges_sends_everything_again(serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT, ranges=False))
    interrupted(site, tmp_path / "a.zip")
    fetch(site.url, tmp_path / "a.zip", sha256=SHA256)
    assert contents(tmp_path) == {"a.zip": CONTENT}


def test_a_server_that_sends_another_stretch_than_asked_for(serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT, shift=7))
    interrupted(site, tmp_path / "a.zip")
    fetch(site.url, tmp_path / "a.zip")
    assert contents(tmp_path) == {"a.zip": CONTENT}


def test_a_file_that_changed_meanwhile_is_not_glued_to_its_old_beginning(serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT))
    interrupted(site, tmp_path / "a.zip")
    site.content, site.etag = OTHER, '"second"'
    fetch(site.url, tmp_path / "a.zip")
    assert contents(tmp_path) == {"a.zip": OTHER}


@pytest.mark.parametrize(("more", "answers"), [(b"", [416]), (b"more", [416, 200])], ids=["complete", "too long"])
def test_nothing_left_to_ask_for(more: bytes, answers: list[int], serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT))
    (tmp_path / "a.zip.part").write_bytes(CONTENT + more)
    fetch(site.url, tmp_path / "a.zip", sha256=SHA256)
    assert [status for _, status in site.seen] == answers and contents(tmp_path) == {"a.zip": CONTENT}


def test_a_server_that_keeps_the_length_to_itself(serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT, etag=None, says_length=False, drops=1, drop_after=150_000))
    with pytest.raises(InputError, match=r"has 150,000 bytes instead of 400,000\. Run again to go on"):
        fetch(site.url, tmp_path / "a.zip", len(CONTENT))
    fetch(site.url, tmp_path / "a.zip", len(CONTENT), SHA256)
    assert contents(tmp_path) == {"a.zip": CONTENT}


def test_a_server_that_lies_about_the_length(serve: Serve, tmp_path: Path):
    too_small = serve(Site(CONTENT, understates=1000))
    with pytest.raises(InputError, match="offers 399,000 bytes, but 400,000 were expected"):
        fetch(too_small.url, tmp_path / "a.zip", len(CONTENT))
    with pytest.raises(InputError, match="has the SHA-256 .* instead of .*; it was deleted"):
        fetch(too_small.url, tmp_path / "a.zip", sha256=SHA256)
    assert contents(tmp_path) == {}
    too_large = serve(Site(CONTENT, understates=-1000))
    fetch(too_large.url, tmp_path / "a.zip")  # asked for the rest, the server says that there is none
    assert contents(tmp_path) == {"a.zip": CONTENT}


def test_another_content_than_expected_is_deleted(serve: Serve, tmp_path: Path):
    site = serve(Site(OTHER))
    with pytest.raises(InputError, match="what came has the SHA-256 .*; it was deleted"):
        fetch(site.url, tmp_path / "a.zip", len(CONTENT), SHA256)
    assert contents(tmp_path) == {}


@pytest.mark.parametrize(
    ("status", "attempts"),
    [(404, 1), (403, 1), (416, 1), (204, 1), (206, 1), (304, 1), (302, 1), (999, 1), (503, download.FAILURES)],
)
def test_refusals(status: int, attempts: int, serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT, status=status))
    with pytest.raises(InputError, match=f"{site.url}: the server answered {status}"):
        fetch(site.url, tmp_path / "a.zip")
    assert len(site.seen) == attempts and contents(tmp_path) == {}


def test_a_server_that_sends_a_byte_now_and_then_is_given_up(serve: Serve, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.0)
    monkeypatch.setattr(download, "SLOWEST", 10**15)
    site = serve(Site(CONTENT))
    with pytest.raises(InputError, match="the server fell silent"):
        fetch(site.url, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists() and len(site.seen) <= 3 * download.FAILURES


@pytest.mark.parametrize("tag", [b"\xff\xfe", "\u2603".encode(), b'"first"\r\nX: y'])
def test_a_spoiled_tag_costs_nothing_but_its_meaning(tag: bytes, serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT))
    interrupted(site, tmp_path / "a.zip")
    (tmp_path / "a.zip.part.tag").write_bytes(tag)
    fetch(site.url, tmp_path / "a.zip", len(CONTENT), SHA256)
    assert contents(tmp_path) == {"a.zip": CONTENT}


@pytest.mark.parametrize("location", ["http://[broken/", f"http://{'a' * 70}.example/", "http://", "ftp://x/y"])
def test_a_redirect_to_a_broken_address_is_said(location: str, serve: Serve, tmp_path: Path):
    site = serve(Site(CONTENT, status=302, location=location))
    with pytest.raises(InputError, match=r"Check (it|the address)|Run again"):
        fetch(site.url, tmp_path / "a.zip")
    assert contents(tmp_path) == {}


def test_the_body_of_a_redirect_is_left_unread(serve: Serve, tmp_path: Path):
    """However long it says it is: it would be read into memory, and this one breaks off."""
    there = serve(Site(CONTENT))
    site = serve(Site(b"", status=302, location=there.url, understates=-(1 << 40), encoding="gzip"))
    fetch(site.url, tmp_path / "a.zip", len(CONTENT), SHA256)
    assert contents(tmp_path) == {"a.zip": CONTENT}


def test_nobody_there(serve: Serve, tmp_path: Path):
    with pytest.raises(InputError, match="no connection"):
        fetch("http://127.0.0.1:9/a.zip", tmp_path / "a.zip")
    with pytest.raises(InputError, match="not a web address"):
        fetch("ftp://127.0.0.1/a.zip", tmp_path / "a.zip")
    assert contents(tmp_path) == {}


def test_a_full_disk_leaves_nothing_behind(serve: Serve, tmp_path: Path, small_disk):
    site = serve(Site(CONTENT))
    with small_disk(100_000), pytest.raises(InputError, match=r"a\.zip: could not be written.*Free some space"):
        fetch(site.url, tmp_path / "a.zip")
    assert contents(tmp_path) == {}
