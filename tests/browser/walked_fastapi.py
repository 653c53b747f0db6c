# SPDX-License-Identifier: Apache-2.0
"""The walked app in FastAPI, served by uvicorn: the same pages, forms and notes as `walked_app` has in Flask."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.requests import ClientDisconnect

from supertokens.fastapi import (
    Session,
    SuperTokens,
    create_new_session,
    get_session,
    next_url,
    require_session,
)

from .browsing import SPENT_HEADER
from .walked_app import LOG_IN_FORM, PIXEL, Journal, gallery_of, note_event, page_of

if TYPE_CHECKING:
    from supertokens.asgi.requests import ASGIApp, Message, Receive, Scope, Send
    from supertokens.core import EmbeddedCore

__all__ = ["serve", "walked_api"]

Known = Annotated[Session, Depends(require_session())]


class Watched:
    """Counts the requests that are under way, says in each response how long it took, and notes those refused.

    Requests that ask for the count are left out.
    """

    def __init__(self, application: ASGIApp, journal: Journal) -> None:
        self._application = application
        self._journal = journal
        self.count = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] == "/under-way":
            await self._application(scope, receive, send)
            return
        began = time.monotonic()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                spent = str(round((time.monotonic() - began) * 1000)).encode()
                message = {**message, "headers": [*message["headers"], (SPENT_HEADER.encode(), spent)]}
                status = message["status"]
                if status in (401, 403) or status >= 500:
                    self._journal.note("status", status, scope["method"], scope["path"])
            await send(message)

        self.count += 1
        try:
            await self._application(scope, receive, sending)
        finally:
            self.count -= 1


def walked_api(core: EmbeddedCore, journal: Journal, keys: Mapping[str, Any]) -> ASGIApp:
    """Return the app, whose every page has links to all of them and two forms; `keys` as for `core_in`."""
    app = FastAPI(openapi_url=None, default_response_class=HTMLResponse)
    SuperTokens(app, core=core, login_url="/login", routes=True, cookie_secure=False, **keys)
    core.signals.connect(lambda event: note_event(journal, event))
    _add_pages(app)
    _add_forms(app, journal)
    watched = Watched(app, journal)

    @app.get("/under-way")
    async def count() -> Response:
        return PlainTextResponse(str(watched.count))

    @app.exception_handler(ClientDisconnect)
    async def half_a_form(request: Request, error: ClientDisconnect) -> Response:
        return Response(status_code=400)  # nobody is there to read it

    return watched


def _add_pages(app: FastAPI) -> None:
    @app.get("/")
    async def home(session: Annotated[Session | None, Depends(require_session(required=False))]) -> str:
        return page_of(f"Hello, {'stranger' if session is None else session.get_user_id()}")

    @app.get("/page")
    async def page(session: Known) -> str:
        return page_of(f"A page of {session.get_user_id()}")

    @app.get("/gallery")
    async def gallery() -> str:
        return gallery_of()

    @app.get("/image")
    async def image(session: Known) -> Response:
        return Response(PIXEL, media_type="image/svg+xml")

    @app.get("/slow")
    async def slow(session: Known, pause: float) -> str:
        await asyncio.sleep(pause)
        return page_of(f"A slow page of {session.get_user_id()}")

    @app.get("/late")
    async def late(request: Request, pause: float) -> str:
        await asyncio.sleep(pause)
        session = await get_session(request, False)
        return page_of(f"A page that asked {session.get_user_id()} late")


def _add_forms(app: FastAPI, journal: Journal) -> None:
    @app.get("/login")
    async def ask_who() -> str:
        return LOG_IN_FORM

    @app.post("/login")
    async def log_in(request: Request) -> Response:
        form = await request.form()
        await create_new_session(request, str(form["user"]))
        return RedirectResponse(next_url(request), 303)

    @app.post("/notes")
    async def keep_note(request: Request, session: Known) -> Response:
        return await kept(request, session)

    @app.post("/files")
    async def keep_file(request: Request, session: Known) -> Response:
        return await kept(request, session)

    @app.get("/kept")
    async def show_kept(session: Known, id: str) -> str:  # noqa: A002 - as the form has it
        return page_of(f"{session.get_user_id()} has kept {id}")

    async def kept(request: Request, session: Session) -> Response:
        async with request.form() as form:
            file = form.get("file")
            size = 0 if file is None or isinstance(file, str) else len(await file.read())
            journal.note("counted", form["id"], size, session.get_user_id())
            await asyncio.sleep(float(str(form["pause"])))
            return RedirectResponse(f"/kept?id={form['id']}", 303)


def serve(app: ASGIApp, listening: socket.socket) -> None:
    """Serve `app` on a socket that listens, until the process ends."""
    config = uvicorn.Config(app, log_level="warning", lifespan="off")  # type: ignore[arg-type]
    uvicorn.Server(config).run(sockets=[listening])
