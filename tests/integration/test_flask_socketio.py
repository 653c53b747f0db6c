# SPDX-License-Identifier: Apache-2.0
"""Flask-SocketIO wraps `app.wsgi_app`, hands on a copy of the environment, and keeps that for the life of a socket."""

from __future__ import annotations

import logging
from typing import Any

import flask
import pytest
from flask_socketio import SocketIO

from supertokens.core import EmbeddedCore
from supertokens.flask import (
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
    create_new_session,
    get_session,
)
from supertokens.testing import FakeClock

from .conftest import Attach
from .views import add_views
from .visitor import OURS, Visitor, deleted, set_cookies

REFUSALS = (SuperTokensUnauthorisedError, SuperTokensTryRefreshTokenError, RuntimeError)


@pytest.fixture(params=["before", "after"])
def order(request: pytest.FixtureRequest) -> str:
    """Whether sockets are attached before or after sessions: after, a handshake does not pass our wrapper."""
    return str(request.param)


@pytest.fixture
def app(order: str, attach: Attach) -> flask.Flask:
    """An app whose sockets answer an event with what came of it."""
    made = flask.Flask("an_app")
    if order == "before":
        sockets = SocketIO(made, async_mode="threading", async_handlers=False)
    attach(made)
    if order == "after":
        sockets = SocketIO(made, async_mode="threading", async_handlers=False)
    add_views(made)

    @sockets.on_error_default
    def say(error: Exception) -> str:
        return next(kind.__name__ for kind in REFUSALS if isinstance(error, kind))

    @sockets.on("who")
    def who() -> str:
        return get_session(None, False).get_user_id()

    @sockets.on("promote")
    def promote() -> Any:
        session = get_session(None, False)
        session.update_jwt_payload({"role": "admin"})
        return session.get_jwt_payload()

    @sockets.on("log in")
    def log_in() -> str:
        return create_new_session(None, "mallory").get_user_id()

    @sockets.on("log out")
    def log_out() -> str:
        get_session(None, False).revoke_session()
        return "logged out"

    return made


class Socket:
    """A socket over long polling (Engine.IO 4), which needs nothing but requests."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        opened = visitor.get("/socket.io/?EIO=4&transport=polling")
        assert opened.status_code == 200, opened.text
        self.handshake = opened
        self._path = f"/socket.io/?EIO=4&transport=polling&sid={flask.json.loads(opened.text[1:])['sid']}"
        self._send("40")
        assert self._receive().startswith("40")

    def emit(self, event: str) -> Any:
        """Return what the handler of `event` returns."""
        self._send("420" + flask.json.dumps([event]))
        received = self._receive()
        assert received.startswith("430"), received
        [answer] = flask.json.loads(received[3:])
        return answer

    def _send(self, packet: str) -> None:
        sent = self._visitor.post(self._path, data=packet, content_type="text/plain")
        assert sent.status_code == 200, sent.text

    def _receive(self) -> str:
        return self._visitor.get(self._path).text


def test_a_session_begins_is_renewed_and_ends_beside_sockets(app: flask.Flask, visitor: Visitor) -> None:
    assert set(set_cookies(visitor.log_in("ada"))) == set(OURS)
    visitor.refresh()
    first_use = visitor.get("/me")
    assert first_use.get_json()["user"] == "ada"
    assert list(set_cookies(first_use)) == ["sAccessToken"]
    assert deleted(visitor.post("/logout")) == set(OURS)


def test_a_socket_has_the_session_of_its_handshake(app: flask.Flask, visitor: Visitor, clock: FakeClock) -> None:
    assert Socket(visitor).emit("who") == "SuperTokensUnauthorisedError"
    visitor.log_in("ada")
    socket = Socket(visitor)
    assert socket.emit("who") == "ada"
    clock.advance(hours=2)
    assert socket.emit("who") == "SuperTokensTryRefreshTokenError"


@pytest.mark.parametrize("order", ["before"], indirect=True)
def test_what_would_need_a_new_cookie_is_refused_on_a_socket_before_anything_is_written(
    app: flask.Flask, visitor: Visitor, core: EmbeddedCore
) -> None:
    visitor.log_in("ada")
    socket = Socket(visitor)
    assert socket.emit("promote") == "RuntimeError"
    assert socket.emit("log in") == "RuntimeError"
    [handle] = core.session_handles("ada")
    assert core.session(handle).jwt_payload == {"role": "reader"}
    assert core.session_handles("mallory") == []


@pytest.mark.parametrize("order", ["after"], indirect=True)
def test_where_nothing_will_be_answered_a_change_is_seen_by_the_session_and_in_the_store(
    app: flask.Flask, visitor: Visitor, core: EmbeddedCore
) -> None:
    visitor.log_in("ada")
    assert Socket(visitor).emit("promote") == {"role": "admin"}
    [handle] = core.session_handles("ada")
    assert core.session(handle).jwt_payload == {"role": "admin"}


def test_a_log_out_on_a_socket_ends_the_session(app: flask.Flask, visitor: Visitor, core: EmbeddedCore) -> None:
    visitor.log_in("ada")
    assert Socket(visitor).emit("log out") == "logged out"
    assert core.session_handles("ada") == []


@pytest.mark.parametrize("order", ["before"], indirect=True)
def test_a_log_out_that_comes_too_late_to_clear_the_cookies_is_said(
    app: flask.Flask, visitor: Visitor, caplog: pytest.LogCaptureFixture
) -> None:
    visitor.log_in("ada")
    socket = Socket(visitor)
    with caplog.at_level(logging.WARNING, "supertokens"):
        socket.emit("log out")
    [record] = caplog.records
    assert (record.name, record.levelname) == ("supertokens", "WARNING")
    assert "cookie" in record.getMessage()
