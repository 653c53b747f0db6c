# SPDX-License-Identifier: Apache-2.0
"""Firefox by WebDriver BiDi (w3.org/TR/webdriver-bidi): it speaks that by itself, on a WebSocket, without a driver."""

from __future__ import annotations

import json
import re
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final

from websockets.sync.client import ClientConnection, connect

__all__ = ["BidiConnection", "BidiError", "firefox"]

_LISTENING: Final = re.compile(rb"WebDriver BiDi listening on (ws://\S+)")
_START_WITHIN_S: Final = 60
_ANSWER_WITHIN_S: Final = 40
_NO_SCRIPTS: Final = 'user_pref("javascript.enabled", false);\n'


class BidiError(Exception):
    """The browser refused a command; `kind` is the error code of the protocol."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind


class BidiConnection:
    """Commands to a browser, one at a time, and the events that it sends in between."""

    def __init__(self, socket: ClientConnection) -> None:
        self.on_event: Callable[[str, dict[str, Any]], None] = lambda method, params: None
        self._socket = socket
        self._numbers = count(1)

    def call(self, method: str, **params: Any) -> Any:
        """Return the result of a command. Raise BidiError if it is refused, TimeoutError if nothing comes back."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        until = time.monotonic() + _ANSWER_WITHIN_S
        while True:
            message = self._receive(until - time.monotonic())
            if message.get("id") != number:
                continue
            if message["type"] == "error":
                raise BidiError(message["error"], message["message"])
            return message["result"]

    def listen(self, seconds: float, until: Callable[[], bool] = lambda: False) -> bool:
        """Hear events for some seconds, or until something is so; return whether it is."""
        end = time.monotonic() + seconds
        while not until():
            try:
                self._receive(end - time.monotonic())
            except TimeoutError:
                return until()
        return True

    def _receive(self, timeout: float) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=max(timeout, 0)))
        if message["type"] == "event":
            self.on_event(message["method"], message["params"])
        return message


@contextmanager
def firefox(executable: str, folder: Path) -> Iterator[BidiConnection]:
    """Run a headless Firefox with a fresh profile in `folder`, in which no page's script runs."""
    folder.mkdir()
    (folder / "user.js").write_text(_NO_SCRIPTS)
    words = [executable, "--headless", "--no-remote", "--profile", str(folder), "--remote-debugging-port", "0"]
    log = folder / "firefox.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*words, "about:blank"], stdout=output, stderr=output)
    try:
        with connect(f"{_address(process, log)}/session", max_size=None) as socket:
            connection = BidiConnection(socket)
            connection.call("session.new", capabilities={})
            yield connection
            connection.call("session.end")
    finally:
        process.terminate()
        process.wait()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + _START_WITHIN_S
    while (found := _LISTENING.search(log.read_bytes())) is None:
        assert process.poll() is None, f"Firefox did not start:\n{log.read_text()}"
        assert time.monotonic() < until, f"Firefox does not listen:\n{log.read_text()}"
        select.select([], [], [], 0.05)
    return found[1].decode()
