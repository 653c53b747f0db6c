# SPDX-License-Identifier: Apache-2.0
"""Calls of ASGI applications as a server makes them, with nothing between."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from supertokens.asgi.requests import ASGIApp, Message, Receive, Scope, Send
from supertokens.testing.integration import Response

__all__ = ["call", "http_scope", "reply_of", "responding"]


def http_scope(
    method: str = "GET",
    path: str = "/",
    headers: Sequence[tuple[str, str]] = (),
    *,
    mount: str = "",
    scheme: str = "http",
    **more: Any,
) -> Scope:
    """Return the scope of a request from 127.0.0.1, as uvicorn makes it."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": mount + path,
        "raw_path": (mount + path).encode(),
        "root_path": mount,
        "query_string": query.encode(),
        "headers": [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
        **more,
    }


async def call(app: ASGIApp, scope: Scope, body: bytes = b"", sent: list[Message] | None = None) -> list[Message]:
    """Return all messages that the application sends; in `sent` they are also if it raises an error in the end.

    A browser that has sent its request waits for the answer.
    """
    sent = [] if sent is None else sent
    arrived = [{"type": "http.request", "body": body, "more_body": False}]
    done = asyncio.Event()

    async def receive() -> Message:
        if arrived:
            return arrived.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)
        if message["type"] == "http.response.body" and not message.get("more_body"):
            done.set()

    await app(scope, receive, send)
    return sent


def reply_of(messages: list[Message]) -> Response:
    """Return the response that `messages` are, whose headers are all in lower case, as ASGI wants them."""
    start = messages[0]
    assert start["type"] == "http.response.start"
    assert all(name == name.lower() for name, _ in start["headers"])
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in start["headers"]]
    return Response(start["status"], headers, b"".join(each.get("body", b"") for each in messages[1:]).decode())


def responding(view: Callable[[Scope], Awaitable[str]]) -> ASGIApp:
    """Return an application that answers every request with the text that `view` makes."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        text = await view(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": text.encode()})

    return app
