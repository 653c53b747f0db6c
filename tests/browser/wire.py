# SPDX-License-Identifier: Apache-2.0
"""What lies between a browser and an app: it holds requests back and loses answers."""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_PATIENCE: Final = 20  # seconds


class Gate:
    """Holds as many requests as it has places, until it is opened; those that come later pass by."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0
        self._changed = threading.Condition()
        self._opened = threading.Event()

    def wait_until_full(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._taken == self._places, _PATIENCE), "too few requests arrived"

    def open(self) -> None:
        self._opened.set()

    def pass_through(self) -> None:
        with self._changed:
            if self._taken == self._places:
                return
            self._taken += 1
            self._changed.notify_all()
        self._opened.wait(_PATIENCE)


class Wire:
    """A WSGI application in front of another, which may be exchanged. Routes are "METHOD /path"."""

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app
        self._gates: dict[str, Gate] = {}
        self._to_lose: Counter[str] = Counter()
        self._counting = threading.Lock()

    def hold(self, route: str, requests: int) -> Gate:
        """Hold the next `requests` of that route back, before the app sees them."""
        gate = self._gates[route] = Gate(requests)
        return gate

    def lose_answers(self, route: str, count: int) -> None:
        """Cut the line, `count` times, when the app has done its work and answers."""
        self._to_lose[route] = count

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        route = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
        gate = self._gates.get(route)
        with self._counting:
            loses = self._to_lose[route] > 0
            self._to_lose[route] -= loses
        if gate is not None:
            gate.pass_through()
        answer = self.app(environ, start_response)
        if not loses:
            return answer
        # Nothing was written yet: headers go out with the first part of the body.
        getattr(answer, "close", lambda: None)()
        environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
        return []
