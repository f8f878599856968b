"""A server on this machine that lies: about lengths, ranges, versions, places, and what it speaks."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from segnext_edu.data import download
from tests.fuzz.judge import Fault
from tests.fuzz.mutate import TELLING, WORDS, damaged

KEPT = ("*.part", "*.part.tag")  # what came stays, for the next call to go on
FILE = bytes(range(256)) * 8
REASONS = ("OK", "", "\x1b[31mred", "no\rsuch", "x" * 3000, "Ünknown")
PLACES = ("", "/", "http://", "http://[::1", "http://127.0.0.1:99999/", "http://127.0.0.1:1/x", "ftp://127.0.0.1/x")
PLACES += ("//", "http://\x1b[2J/", "http://127.0.0.1:{port}/again", "http:///x", "http://xn--/", "http://a..b/")


@dataclass(frozen=True)
class Case:
    answers: tuple[bytes, ...]  # one a connection; the last is for all that follow
    honest: bool  # whether the file, unharmed, is what a client could make of the answers
    begun: bytes | None  # what an earlier call left
    tag: bytes
    size: int | None


def case(rng: random.Random) -> Case:
    answers, honest = [], False
    begun = rng.choice((None, None, FILE[:100], FILE, FILE + b"x", b""))
    for _ in range(rng.choice((1, 1, 2, 3))):
        status = rng.choice((200, 200, 206, 416, 204, 301, 302, 304, 308, 404, 500, 100, 999, 0, rng.randrange(1000)))
        reason = rng.choice(REASONS) if rng.random() < 0.3 else "OK"
        start = rng.choice((0, 0, 100, 5000))
        body = FILE[start:] if status in (200, 206) else rng.choice((b"", b"<html>", FILE))
        length = rng.choice((len(body), len(body), len(body) + 5, max(0, len(body) - 5), -1, "", "x", *TELLING))
        lines = [f"HTTP/1.1 {status} {reason}", "Connection: close"]
        if rng.random() < 0.8:
            lines.append(f"Content-Length: {length}")
        if status in (206, 416) or rng.random() < 0.1:
            total = rng.choice((len(FILE), len(FILE), "*", "²", "", -1, 10**30))
            lines.append(f"Content-Range: bytes {start}-{len(FILE) - 1}/{total}")
        if 300 <= status < 400 and rng.random() < 0.9:
            lines.append(f"Location: {rng.choice(PLACES)}")
        if rng.random() < 0.4:
            lines.append(rng.choice(("ETag", "Last-Modified")) + f": {rng.choice(WORDS[:12])}")
        if rng.random() < 0.1:
            lines.append(rng.choice(("Transfer-Encoding: chunked", "Content-Encoding: gzip", "Content-Encoding: zstd")))
        content = "\r\n".join(lines).encode("utf-8", "surrogatepass") + b"\r\n\r\n" + body
        hurt = rng.random() < 0.3
        answers.append(damaged(rng, content) if hurt else content)
        honest = honest or hurt or status == 200 or (status == 206 and bool(begun))
    return Case(
        tuple(answers), honest, begun, rng.choice((b'"a"', b"", b"\xff\xfe", b'"\r\nX: y"')), rng.choice((None, 2048))
    )


class Server:
    """Answers every connection of this process with the bytes that it is told."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.answers: list[bytes] = []
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            connection, _ = self.socket.accept()
            with contextlib.suppress(OSError), connection:
                connection.settimeout(5)
                connection.recv(65536)
                answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
                connection.sendall(answer.replace(b"{port}", str(self.port).encode()))


@cache
def server() -> Server:
    known = socket.getaddrinfo

    def only_here(host: object, *arguments: object, **options: object) -> object:
        if host not in ("127.0.0.1", "::1", "localhost", b"127.0.0.1"):
            raise socket.gaierror(socket.EAI_NONAME, "no such host")
        return known(host, *arguments, **options)  # type: ignore[arg-type]

    socket.getaddrinfo = only_here  # type: ignore[assignment]
    download.PAUSE = 0.0  # pyright: ignore[reportPrivateUsage]
    return Server()


def run(case: Case, place: Path) -> None:
    here = server()
    here.answers = list(case.answers)
    if case.begun is not None:
        (place / "file.part").write_bytes(case.begun)
        (place / "file.part.tag").write_bytes(case.tag)
    path = download.fetch(f"http://127.0.0.1:{here.port}/file", "file", size=case.size)
    if not case.honest and case.begun != FILE:
        raise Fault("believed", "a file, though no answer was one")
    if case.size is not None and path.stat().st_size != case.size:
        raise Fault("believed", "a file of another size")
