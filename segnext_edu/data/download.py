"""Large files over http(s): resumed where they broke off, checked before they get their name."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from segnext_edu.files import InputError

if TYPE_CHECKING:
    from requests import RequestException, Response

FAILURES = 4  # in a row, without a single new byte
PAUSE = 1.0  # seconds after the first failure; doubles with each further one
SLOWEST = 1024  # bytes per second, over PATIENCE seconds; below it a connection counts as broken
PATIENCE = 60.0


def fetch(url: str, path: str | Path, size: int | None = None, sha256: str | None = None) -> Path:
    """Download `url` to `path`, unless it is there already, and return `path`.

    The bytes gather in `path`.part; `path`.part.tag keeps the server's word for this version of the file, so that the
    next call goes on where this one was cut off, or starts again if the file has changed meanwhile. `path` appears only
    once its length, `size` (bytes) and `sha256` (hex) are right. Raises InputError.
    """
    import requests
    from urllib3.exceptions import LocationValueError

    path = Path(path)
    if path.exists():
        if fault := _fault(path, size, sha256):
            raise InputError(f"{path}: is here already but {fault}. Move or delete it, then run again.")
        return path
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url}: not a web address; expected http://… or https://….")
    part, tag = path.with_name(f"{path.name}.part"), path.with_name(f"{path.name}.part.tag")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _persist(url, part, tag, size)
        if fault := _fault(part, size, sha256):
            if size is not None and part.stat().st_size < size:
                raise InputError(f"{url}: {fault}. Run again to go on; what came is kept in {part}.")
            _remove(part, tag)
            raise InputError(f"{url}: what came {fault}; it was deleted. Run again, or find out what changed there.")
        os.replace(part, path)
    except requests.RequestException as error:  # ahead of OSError, because it is one
        kept = f"{part.stat().st_size:,} bytes are kept in {part}" if part.exists() else "nothing has come yet"
        raise InputError(f"{url}: {_reason(error)}. Run again to go on; {kept}.") from error
    except InputError:
        raise
    except (ValueError, LocationValueError) as error:  # from an address that the server sends us on to
        raise InputError(f"{url}: leads to an address that cannot be understood ({error}). Check it.") from error
    except OSError as error:
        _remove(part, tag)
        raise InputError(
            f"{path}: could not be written ({error.strerror or error}). Free some space or choose another place; "
            "nothing was left behind."
        ) from error
    tag.unlink(missing_ok=True)
    return path


def _persist(url: str, part: Path, tag: Path, size: int | None) -> None:
    """Receive until the file is complete; give up after FAILURES attempts in a row that brought nothing new."""
    from requests.exceptions import ChunkedEncodingError, ConnectionError, RetryError, Timeout

    longest, failures = 0, 0
    while True:
        try:
            return _receive(url, part, tag, size)
        except (ConnectionError, Timeout, ChunkedEncodingError, RetryError):
            length = part.stat().st_size if part.exists() else 0
            failures = 1 if length > longest else failures + 1
            longest = max(longest, length)
            if failures == FAILURES:
                raise
            time.sleep(PAUSE * 2 ** (failures - 1))


def _receive(url: str, part: Path, tag: Path, size: int | None) -> None:
    """One request: the rest of the file where part of it is here and the server agrees, otherwise all of it."""
    import requests
    from tqdm import tqdm

    have = part.stat().st_size if part.exists() else 0
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if version := _kept_version(tag):
            headers["If-Range"] = version  # "the rest, if it is still this version; otherwise all of it"
    hooks = {"response": _leave_redirects_body}
    with requests.get(url, headers=headers, stream=True, timeout=(10, 60), hooks=hooks) as answer:
        start, total = _stretch(answer)
        if have and (answer.status_code == 416 or start not in (0, have)):
            if total == have:
                return
            part.unlink()  # longer than the server's file, or a stretch we did not ask for: start again
            return _receive(url, part, tag, size)
        if answer.status_code != 200 and not (answer.status_code == 206 and have):
            says = f"the server answered {answer.status_code} {answer.reason}"
            if 500 <= answer.status_code < 600:
                raise requests.exceptions.RetryError(says)
            raise InputError(f"{url}: {says}. Check the address.")
        if size and total and total != size:
            _remove(part, tag)
            raise InputError(f"{url}: offers {total:,} bytes, but {size:,} were expected. Is it another version?")
        tag.write_text(_version(answer), "utf-8")
        with (
            open(part, "ab" if start else "wb") as file,
            tqdm(desc=part.stem, initial=start, total=total, unit="B", unit_scale=True, disable=None) as bar,
        ):
            for chunk in _chunks(answer):
                file.write(chunk)
                bar.update(len(chunk))
    if total is not None and part.stat().st_size < total:
        raise requests.exceptions.ConnectionError("the answer ended early")


def _leave_redirects_body(answer: Response, **_: object) -> None:
    """requests would read it whole, however long it is."""
    if answer.is_redirect:
        answer.close()


def _chunks(answer: Response) -> Iterator[bytes]:
    """The answer's bytes as they come. Raises ConnectionError where it breaks off, Timeout where it is too slow."""
    import requests
    from urllib3.exceptions import HTTPError

    since, came = time.monotonic(), 0
    while True:
        try:
            chunk = answer.raw.read1(1 << 16)
        except (HTTPError, OSError) as error:
            raise requests.exceptions.ConnectionError(str(error)) from error
        if not chunk:
            return
        came += len(chunk)
        if (passed := time.monotonic() - since) > PATIENCE:
            if came < SLOWEST * passed:
                raise requests.exceptions.Timeout(f"less than {SLOWEST} bytes per second came")
            since, came = time.monotonic(), 0
        yield chunk


def _stretch(answer: Response) -> tuple[int, int | None]:
    """Where the bytes of this answer start, and the length of the whole file where the server tells it."""
    if answer.status_code in (206, 416):  # Content-Range: bytes 100-199/200, or bytes */200
        span, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
        start = span.partition("-")[0]
        return int(start) if start.isdecimal() else -1, int(total) if total.isdecimal() else None
    length = answer.headers.get("Content-Length", "")
    return 0, int(length) if length.isdecimal() else None


def _version(answer: Response) -> str:
    """What If-Range may carry: a strong ETag, else the date of the last change, else nothing."""
    etag = answer.headers.get("ETag", "")
    return etag if etag.startswith('"') else answer.headers.get("Last-Modified", "")


def _kept_version(tag: Path) -> str:
    """What `_version` said when the part that is here came; nothing where that is lost, or no header can carry it."""
    try:
        version = tag.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return version if version.isascii() and version.isprintable() else ""


def _fault(file: Path, size: int | None, sha256: str | None) -> str:
    """What is wrong with a file, in words; nothing if it is as expected."""
    length = file.stat().st_size
    if size is not None and length != size:
        return f"has {length:,} bytes instead of {size:,}"
    if sha256 is not None:
        with open(file, "rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != sha256.lower():
            return f"has the SHA-256 {digest} instead of {sha256}"
    return ""


def _reason(error: RequestException) -> str:
    from requests.exceptions import ChunkedEncodingError, ConnectionError, Timeout

    if isinstance(error, Timeout):
        return "the server fell silent"
    # Here requests quotes a chain of causes over several hundred characters.
    return "no connection, or it broke off" if isinstance(error, ConnectionError | ChunkedEncodingError) else str(error)


def _remove(*files: Path) -> None:
    for file in files:
        file.unlink(missing_ok=True)
