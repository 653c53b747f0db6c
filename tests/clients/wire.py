# SPDX-License-Identifier: Apache-2.0
"""What an SDK asks of the core: a relay in front of a service, which writes down each request."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

__all__ = ["Asked", "Wire"]

_TIMEOUT = 30.0  # seconds
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "host"}


class Asked(NamedTuple):
    """A request to the core: header names in lower case, `answer` as it came back."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    answer: bytes

    @property
    def line(self) -> str:
        return f"{self.method} {self.target}"

    @property
    def fields(self) -> Any:
        return json.loads(self.body)


class Wire:
    """Listens on a port of 127.0.0.1 and passes everything on to another; `asked` is what has come by."""

    def __init__(self, core_port: int) -> None:
        self.asked: list[Asked] = []
        wire = self

        class Relay(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                self.close_connection = True
                self.raw_requestline = self.rfile.readline(65537)
                if self.raw_requestline and self.parse_request():
                    wire._pass_on(self, core_port)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @property
    def lines(self) -> list[str]:
        return [asked.line for asked in self.asked]

    @contextmanager
    def new(self) -> Iterator[list[Asked]]:
        """What is asked inside of the block."""
        before, found = len(self.asked), list[Asked]()
        yield found
        found += self.asked[before:]

    def _pass_on(self, relay: BaseHTTPRequestHandler, port: int) -> None:
        body = relay.rfile.read(int(relay.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in relay.headers.items()}
        core = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT)
        try:
            passed = {name: value for name, value in headers.items() if name not in _HOP_BY_HOP}
            core.request(relay.command, relay.path, body or None, passed)
            reply = core.getresponse()
            answer = reply.read()
        except (OSError, http.client.HTTPException):
            # The core is gone, and so is this connection.
            return
        finally:
            core.close()
        self.asked.append(Asked(relay.command, relay.path, headers, body, answer))
        lines = [f"{name}: {value}" for name, value in reply.getheaders() if name.lower() not in _HOP_BY_HOP]
        head = "\r\n".join([f"HTTP/1.1 {reply.status} {reply.reason}", *lines, "Connection: close", "", ""])
        relay.wfile.write(head.encode("latin-1") + answer)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
