# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
from typing import Any, NoReturn

import flask
import pytest


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An example that reaches for the network, or starts a server, fails."""

    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise AssertionError("an example in the documentation must need neither network nor server")

    for name in ("connect", "connect_ex", "bind", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(flask.Flask, "run", refuse)
