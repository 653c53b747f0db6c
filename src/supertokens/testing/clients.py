# SPDX-License-Identifier: Apache-2.0
"""The clients that call an app for a browser: through WSGI, ASGI, and frameworks' test clients."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from io import BytesIO
from typing import Any, Protocol, Self, runtime_checkable
from urllib.parse import unquote_to_bytes, urlsplit

from supertokens.testing.messages import Request, Response

__all__ = ["AsgiClient", "Client", "WsgiClient", "asgi_scope", "wsgi_environ"]

_PEER = "127.0.0.1"


@runtime_checkable
class Client(Protocol):
    """What a `Browser` needs from an app under test. Implement it for another framework, or for a remote app.

    >>> class Staging:
    ...     app, url = None, "https://staging.example.com"
    ...     def answer(self, request): ...
    """

    @property
    def app(self) -> object:
        """Return the app that has the sessions, or None."""

    @property
    def url(self) -> str:
        """Return scheme and host of the app."""

    def answer(self, request: Request) -> Response:
        """Return the app's response to `request`, sent with exactly its headers; keep no cookie.

        An error without a handler may be raised.
        """


class WsgiClient:
    """Calls a WSGI application (PEP 3333), such as a Flask app, from 127.0.0.1.

    >>> WsgiClient(app).answer(Request("GET", "http://localhost/me", [])).status
    401
    """

    def __init__(self, app: Callable[..., Iterable[bytes]], url: str = "http://localhost") -> None:
        self.app: object = app
        self.url = url
        self._call = app

    def answer(self, request: Request) -> Response:
        """Return the application's response to `request`, with its complete body."""
        status, headers, body = 0, list[tuple[str, str]](), list[bytes]()

        def start_response(line: str, fields: list[tuple[str, str]], _: object = None) -> Callable[[bytes], object]:
            nonlocal status, headers
            status, headers = int(line.partition(" ")[0]), list(fields)
            return body.append

        pieces = self._call(wsgi_environ(request), start_response)
        try:
            body.extend(pieces)
        finally:
            close = getattr(pieces, "close", None)
            if close is not None:
                close()
        return Response(status, headers, b"".join(body).decode("utf-8", "replace"))


class AsgiClient:
    """Calls an ASGI application, such as a FastAPI app, from 127.0.0.1, on its own event loop, in a thread.

    As a context manager it also runs the application's lifespan. Tests may be synchronous or asynchronous.

    >>> with AsgiClient(asgi_app) as client:
    ...     client.answer(Request("GET", "http://localhost/me", [])).status
    401
    """

    def __init__(self, app: Callable[..., Awaitable[None]], url: str = "http://localhost") -> None:
        self.app: object = app
        self.url = url
        self._call = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._lifespan: _Lifespan | None = None

    def answer(self, request: Request) -> Response:
        """Return the application's response to `request`, with its complete body."""
        return asyncio.run_coroutine_threadsafe(_answered(self._call, request), self._running()).result()

    def close(self) -> None:
        """Stop the event loop. A later request starts another."""
        if self._loop is not None:
            self._finalizer()
            self._loop = None

    def __enter__(self) -> Self:
        self._lifespan = _Lifespan(self._call)
        try:
            asyncio.run_coroutine_threadsafe(self._lifespan.start(), self._running()).result()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._lifespan is not None:
                asyncio.run_coroutine_threadsafe(self._lifespan.stop(), self._running()).result()
        finally:
            self._lifespan = None
            self.close()

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_run, args=(loop,), name="an ASGI app under test", daemon=True)
            thread.start()
            self._finalizer = weakref.finalize(self, _stop, loop, thread)
        return self._loop


def wsgi_environ(request: Request) -> dict[str, Any]:
    """Return the environment of `request` for a WSGI application."""
    parts = urlsplit(request.url)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(parts.path or "/").decode("latin-1"),
        "QUERY_STRING": parts.query,
        "SERVER_NAME": parts.hostname or "localhost",
        "SERVER_PORT": str(_port(request.url)),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": _PEER,
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": BytesIO(request.body),
        "wsgi.errors": _Nowhere(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers:
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value
    return environ


def asgi_scope(request: Request) -> MutableMapping[str, Any]:
    """Return the scope of `request` for an ASGI application."""
    parts = urlsplit(request.url)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    if not any(name == b"host" for name, _ in headers):
        headers.insert(0, (b"host", parts.netloc.encode("latin-1")))
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": parts.scheme,
        "path": unquote_to_bytes(parts.path or "/").decode("utf-8", "replace"),
        "raw_path": (parts.path or "/").encode("latin-1"),
        "root_path": "",
        "query_string": parts.query.encode("latin-1"),
        "headers": [*headers, (b"content-length", str(len(request.body)).encode())],
        "client": (_PEER, 50000),
        "server": (parts.hostname or "localhost", _port(request.url)),
    }


async def _answered(app: Callable[..., Awaitable[None]], request: Request) -> Response:
    status, headers, body = 0, list[tuple[str, str]](), list[bytes]()
    arrived = [{"type": "http.request", "body": request.body, "more_body": False}]
    done = asyncio.Event()

    async def receive() -> dict[str, Any]:
        if arrived:
            return arrived.pop()
        await done.wait()
        return {"type": "http.disconnect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        nonlocal status, headers
        if message["type"] == "http.response.start":
            status = message["status"]
            fields = message.get("headers") or ()
            headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]
        elif message["type"] == "http.response.body":
            body.append(message.get("body", b""))
            if not message.get("more_body"):
                done.set()

    await app(asgi_scope(request), receive, send)
    return Response(status, headers, b"".join(body).decode("utf-8", "replace"))


class _Lifespan:
    """The lifespan of an ASGI application: `start`, and later `stop`."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self._app = app
        self._to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._from_app: asyncio.Queue[MutableMapping[str, Any] | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())
        await self._ask("startup")

    async def stop(self) -> None:
        await self._ask("shutdown")
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        try:
            await self._app({"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}, self._to_app.get, self._told)
        finally:
            self._from_app.put_nowait(None)

    async def _told(self, message: MutableMapping[str, Any]) -> None:
        self._from_app.put_nowait(message)

    async def _ask(self, what: str) -> None:
        self._to_app.put_nowait({"type": f"lifespan.{what}"})
        said = await self._from_app.get()
        if said is None and self._task is not None:
            await self._task  # raises what the application has raised
        elif said is not None and said["type"].endswith(".failed"):
            await self._give_up()
            raise RuntimeError(f"the {what} of the application failed: {said.get('message', '')}")

    async def _give_up(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])


class _Nowhere:
    """Discards what an application writes to `wsgi.errors`, which tests do not examine."""

    def write(self, text: str) -> int:
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Drop `lines`."""

    def flush(self) -> None:
        """Do nothing: nothing is kept."""


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "https" else 80)


def _run(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
    finally:
        loop.close()


def _stop(loop: asyncio.AbstractEventLoop, thread: threading.Thread) -> None:
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
