# SPDX-License-Identifier: Apache-2.0
"""A host on 127.0.0.1 that answers what a test tells it to, down to the bytes; or not at all."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple, Self

__all__ = ["CLOSED_PORT_URL", "Fault", "FaultyHost", "Request", "reply"]

VERSIONS = ["2.3", "4.0", "5.0", "5.4", "5.6"]


class Fault(Enum):
    HANG = "reads the request and says nothing"
    RESET = "reads the request and resets the connection"
    CLOSE = "reads the request and closes the connection"
    HALF = "promises more than it sends"
    DRIP_HEADERS = "sends its headers byte by byte, without end"
    DRIP_BODY = "sends its body byte by byte, without end"
    DRIP_AND_HANG = "sends its body byte by byte for a second, and then nothing"
    FLOOD = "sends a body without end"


class Request(NamedTuple):
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    peer: int

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def fields(self) -> Any:
        return json.loads(self.body)


Answer = bytes | Fault


def reply(value: object, status: int = 200, headers: str = "", *, close: bool = False) -> bytes:
    """A whole HTTP reply with `value` as its body, in JSON unless it is bytes."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    end = "Connection: close\r\n" if close else ""
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{headers}{end}\r\n".encode() + body


class FaultyHost:
    """`answer` says what happens to a request; the versions are answered by the host itself.

    `requests`: what came in, but for questions about versions. `asked_for_versions`: how often that happened.
    """

    def __init__(self, answer: Callable[[Request], Answer] | Answer, port: int = 0) -> None:
        self.answer = answer if callable(answer) else lambda _: answer
        self.requests: list[Request] = []
        self.asked_for_versions = 0
        self.versions: Answer | Callable[[], Answer] = reply({"versions": VERSIONS})
        self.closed = threading.Semaphore(0)
        """Released whenever this side has closed a connection."""
        self._ending = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *exception: object) -> None:
        self._ending.set()
        for each in (self._listening, *self._open):
            # Closing alone does not wake up a thread that waits for it.
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(10)

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self._ending.is_set():
            try:
                connection, (_, peer) = self._listening.accept()
            except OSError:
                return
            self._open.append(connection)
            self._start(self._serve, connection, peer)

    def _serve(self, connection: socket.socket, peer: int) -> None:
        try:
            with connection, connection.makefile("rb") as lines:
                while (request := _read(lines, peer)) is not None:
                    if not self._respond(connection, request):
                        break
        except OSError:
            pass  # the other side has gone, which is what it is for
        self.closed.release()

    def _respond(self, connection: socket.socket, request: Request) -> bool:
        """Whether the connection goes on."""
        if request.path == "/apiversion":
            self.asked_for_versions += 1
            answer = self.versions() if callable(self.versions) else self.versions
        else:
            self.requests.append(request)
            answer = self.answer(request)
        if isinstance(answer, bytes):
            connection.sendall(answer)
            return b"Connection: close" not in answer
        self._misbehave(connection, answer)
        return False

    def _misbehave(self, connection: socket.socket, fault: Fault) -> None:
        if fault is Fault.HANG:
            self._ending.wait(60)
        elif fault is Fault.RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif fault is Fault.HALF:
            connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"status":')
        elif fault is Fault.DRIP_HEADERS:
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            self._drip(connection, b"x")
        elif fault is Fault.DRIP_BODY:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            self._drip(connection, b" ")
        elif fault is Fault.DRIP_AND_HANG:
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
            self._drip(connection, b" ", drops=50)
            self._ending.wait(60)
        elif fault is Fault.FLOOD:
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while not self._ending.is_set():
                connection.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")

    def _drip(self, connection: socket.socket, drop: bytes, drops: int | None = None) -> None:
        for _ in itertools.count() if drops is None else range(drops):
            if self._ending.wait(0.02):
                break
            connection.sendall(drop)


def _read(lines: Any, peer: int) -> Request | None:
    start = lines.readline().decode("latin-1").split()
    if len(start) != 3:
        return None
    headers = {}
    while (line := lines.readline().strip()) != b"":
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.lower()] = value.strip()
    return Request(start[0], start[1], headers, lines.read(int(headers.get("content-length", "0"))), peer)


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


CLOSED_PORT_URL = f"http://127.0.0.1:{_closed_port()}"
"""Where nobody listens."""
