# SPDX-License-Identifier: Apache-2.0
"""An application that real servers serve: plain ASGI, and a socket that says who opened it."""

from __future__ import annotations

import os

from supertokens.asgi import SuperTokens, create_new_session, verify_session
from supertokens.asgi.requests import Receive, Scope, Send


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await _live(receive, send)
    elif scope["type"] == "websocket":
        session = await verify_session(scope)
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "text": session.get_user_id()})
        await send({"type": "websocket.close", "code": 1000})
    else:
        text = "in"
        if scope["path"] == "/login":
            await create_new_session(scope, "ada", {"role": "admin"})
        elif scope["path"] == "/me":
            text = (await verify_session(scope)).get_user_id()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": text.encode()})


async def _live(receive: Receive, send: Send) -> None:
    while True:
        kind = (await receive())["type"]
        await send({"type": f"{kind}.complete"})
        if kind == "lifespan.shutdown":
            return


application = SuperTokens(app, routes=True, database=os.environ["DATABASE_OF_THE_TEST"], access_token_validity=3600)


async def without_lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Do as an application that knows nothing but requests."""
    if scope["type"] == "lifespan":
        raise NotImplementedError(scope["type"])
    await application(scope, receive, send)
