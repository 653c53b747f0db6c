# SPDX-License-Identifier: Apache-2.0
"""Handshakes of WebSockets: any page may send one with the visitor's cookies, and their answer may carry headers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from supertokens.asgi import SuperTokens, create_new_session, get_session, sign_out, verify_session
from supertokens.asgi.requests import ASGIApp, Message, Receive, Scope, Send
from supertokens.core import Core
from supertokens.testing import FakeClock

from .calling import http_scope
from .conftest import Around
from .test_event_loop import a_marked_token

DENIALS = {"extensions": {"websocket.http.response": {}}}


def handshake(cookie: str = "", headers: Sequence[tuple[str, str]] = (), **more: Any) -> Scope:
    sent = [("host", "localhost"), ("upgrade", "websocket"), ("cookie", cookie), *headers]
    scope = {**http_scope("GET", "/socket", sent, scheme="ws"), "type": "websocket", "subprotocols": [], **more}
    del scope["method"]
    return scope


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Say who it is that has opened the socket."""
    session = await verify_session(scope)
    assert (await receive())["type"] == "websocket.connect"
    await send({"type": "websocket.accept", "headers": [(b"x-own", b"1")]})
    await send({"type": "websocket.send", "text": session.get_user_id()})
    await send({"type": "websocket.close", "code": 1000})


def messages_of(sessions: SuperTokens, scope: Scope) -> list[Message]:
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    async def main() -> None:
        try:
            await sessions(scope, receive, send)
        finally:
            await sessions.close()

    asyncio.run(main())
    return sent


def set_cookies(message: Message) -> list[bytes]:
    return [value.partition(b"=")[0] for name, value in message["headers"] if name == b"set-cookie"]


def cookie_of(core: Core, user: str = "ada") -> str:
    return f"sAccessToken={core.create_session(user, {}, {}, anti_csrf=False).access_token.text}"


def test_a_handshake_has_the_session_and_its_answer_the_changes(around: Around) -> None:
    sessions = around(echo)
    accept, text, closed = messages_of(sessions, handshake(f"sAccessToken={a_marked_token(sessions.core)}"))
    assert accept["type"] == "websocket.accept"
    assert set_cookies(accept) == [b"sAccessToken"]
    assert (b"x-own", b"1") in accept["headers"]
    assert text["text"] == "ada"
    assert closed["code"] == 1000


@pytest.mark.parametrize("more", [{}, DENIALS])
def test_a_handshake_without_a_session_is_refused(around: Around, more: dict[str, Any]) -> None:
    sent = messages_of(around(echo), handshake("sAccessToken=old", **more))
    if more:
        assert [message["type"] for message in sent] == [
            "websocket.http.response.start",
            "websocket.http.response.body",
        ]
        assert sent[0]["status"] == 401
        assert b"try refresh token" in sent[1]["body"]
    else:
        assert sent == [{"type": "websocket.close", "code": 1008, "reason": ""}]


def test_a_page_of_another_site_opens_no_socket_where_the_origin_decides(around: Around) -> None:
    for headers, passes in (
        ([("origin", "http://localhost")], True),
        ([("origin", "https://evil.example")], False),
        ([("origin", "null")], False),
        ([("sec-fetch-site", "same-site")], False),
        ([], True),
    ):
        sessions = around(echo, anti_csrf="origin")
        first, *_ = messages_of(sessions, handshake(cookie_of(sessions.core), headers, **DENIALS))
        assert first["type"] == ("websocket.accept" if passes else "websocket.http.response.start"), headers
        if not passes:
            assert first["status"] == 403
            assert set_cookies(first) == []


def test_a_renewal_in_a_handshake_goes_out_with_its_answer(around: Around, clock: FakeClock) -> None:
    sessions = around(echo, renewal="server")
    issued = sessions.core.create_session("ada", {}, {}, anti_csrf=False)
    clock.advance(hours=2)
    cookie = f"sAccessToken={issued.access_token.text}; sRefreshToken={issued.refresh_token.text}"
    accept, text, _ = messages_of(sessions, handshake(cookie))
    assert sorted(set_cookies(accept)) == [b"sAccessToken", b"sRefreshToken"]
    assert text["text"] == "ada"


def open_and(act: Any) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await act(scope)
        await send({"type": "websocket.close", "code": 1000})

    return app


def test_an_open_socket_begins_no_session_and_can_end_one(around: Around, caplog: pytest.LogCaptureFixture) -> None:
    async def begin(scope: Scope) -> None:
        with pytest.raises(RuntimeError, match="headers have been sent"):
            await create_new_session(scope, "ada")

    sessions = around(open_and(begin))
    messages_of(sessions, handshake())
    assert sessions.core.session_handles("ada") == []
    sessions = around(open_and(sign_out))
    messages_of(sessions, handshake(cookie_of(sessions.core)))
    assert sessions.core.session_handles("ada") == []
    assert "the browser still has its cookies" in caplog.text


def test_an_open_socket_whose_session_is_over_is_closed(around: Around) -> None:
    sessions = around(open_and(lambda scope: get_session(scope, False)))
    sent = messages_of(sessions, handshake("sAccessToken=old"))
    assert [message["type"] for message in sent] == ["websocket.accept", "websocket.close"]
    assert sent[1]["code"] == 1008
