# SPDX-License-Identifier: Apache-2.0
"""A way to a server that can be cut, delayed, half closed and silenced, and that counts how often it is gone."""

from __future__ import annotations

import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

Watch = Callable[[bytes], bool]


READY = b"Z\0\0\0\5"
"""How the server's last message begins."""


def executes(data: bytes) -> bool:
    """Return whether messages to a server say that it is to execute, and not just prepare, a statement.

    PostgreSQL, "Frontend/Backend Protocol", section "Message Formats": a type, and a length that counts itself.
    """
    while data:
        if data[:1] in (b"E", b"Q"):
            return True
        data = data[1 + int.from_bytes(data[1:5], "big") :]
    return False


@dataclass(eq=False)
class _Way:
    client: socket.socket
    server: socket.socket
    asked: bool = False
    held: list[bytes] = field(default_factory=list)

    def close(self) -> None:
        for end in (self.client, self.server):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """Listens on `port` of the loopback, and connects to `target` there.

    `round_trips`: how often something was sent to the server after it had answered. `delay_s`: by how much each answer
    is late. `silent`: nothing passes, as if both hosts had lost the network between them. `cut_when`: asked of what is
    sent to the server; the way is cut before that arrives, or, with `cut_answers`, before the answer does.
    `cut_before_ready`: of an answer, all arrives but that the server is ready again, and so has committed.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.round_trips = 0
        self.delay_s = 0.0
        self.silent = False
        self.refuses = False
        self.cut_when: Watch | None = None
        self.cut_answers = False
        self.cut_before_ready = False
        self.cuts = 0
        self._doomed: set[_Way] = set()
        self._ways: set[_Way] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._ended = False
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self) -> None:
        """Close every way there is."""
        for way in list(self._ways):
            way.close()

    def half_close(self) -> None:
        """Tell the clients that the server says no more, and go on listening to them."""
        for way in list(self._ways):
            with suppress(OSError):
                way.client.shutdown(socket.SHUT_WR)

    def end(self) -> None:
        self._ended = True
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self._thread.join(5)

    def _accept(self) -> None:
        while not self._ended:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                if self.refuses:
                    raise ConnectionRefusedError
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                client.close()
                continue
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            way = _Way(client, server)
            self._ways.add(way)
            threading.Thread(target=self._carry, args=(way,), daemon=True).start()

    def _carry(self, way: _Way) -> None:
        with selectors.DefaultSelector() as ready:
            ready.register(way.client, selectors.EVENT_READ)
            ready.register(way.server, selectors.EVENT_READ)
            try:
                while True:
                    if self.silent:
                        time.sleep(0.005)
                        if self._ended:
                            break
                        continue
                    for key, _ in ready.select(0.05):
                        if not self.silent and not self._pass_on(way, key.fileobj is way.client):
                            return
            except (OSError, ValueError):
                pass  # it was closed from outside
            finally:
                self._ways.discard(way)
                way.close()

    def _pass_on(self, way: _Way, asks: bool) -> bool:
        data = (way.client if asks else way.server).recv(1 << 16)
        if not data:
            return False
        if asks:
            if not way.asked:
                self.round_trips += 1
            way.asked = True
            if self.cut_when is not None and self.cut_when(data):
                self.cuts += 1
                if not self.cut_answers:
                    return False
                self._doomed.add(way)
            way.server.sendall(data)
            return True
        way.asked = False
        if way in self._doomed:
            self._doomed.discard(way)
            if self.cut_before_ready:
                way.client.sendall(data[: data.rindex(READY)])
            return False
        if self.delay_s:
            time.sleep(self.delay_s)
        way.client.sendall(data)
        return True
