# SPDX-License-Identifier: Apache-2.0
"""From an app or a framework's test client to a `Client`.

Test clients are recognized by their attributes: no framework is imported here.
"""

from __future__ import annotations

import sys
from http.cookies import SimpleCookie
from inspect import iscoroutinefunction
from typing import Any, Protocol
from urllib.parse import urlsplit

from supertokens.testing.clients import AsgiClient, Client, WsgiClient, asgi_scope
from supertokens.testing.jar import Way, cookie_of_line, is_trustworthy
from supertokens.testing.messages import Request, Response

__all__ = [
    "DjangoTestClient",
    "FlaskTestClient",
    "FrameworkClient",
    "StarletteTestClient",
    "client_of",
    "framework_client",
]


class FrameworkClient(Client, Protocol):
    """A framework's test client, which has its own cookies."""

    peer: str
    """The address from which its requests come."""

    def keep(self, headers: list[tuple[str, str]]) -> None:
        """Put the cookies that `headers` set into the client's own jar. Raise ValueError if it would not send them."""


class FlaskTestClient(WsgiClient):
    """`app.test_client()` of Flask, or another client of Werkzeug around an app."""

    peer = "127.0.0.1"

    def __init__(self, client: Any) -> None:
        config = getattr(client.application, "config", {})
        scheme, server = config.get("PREFERRED_URL_SCHEME") or "http", config.get("SERVER_NAME") or "localhost"
        super().__init__(client.application, f"{scheme}://{server}")
        self._client = client

    def keep(self, headers: list[tuple[str, str]]) -> None:
        """Put the cookies that `headers` set into the client's own jar."""
        for line in _set_cookie_lines(headers):
            cookie = cookie_of_line(line, None, 0, Way())
            if cookie is not None and cookie.expires_at > 0:
                self._client.set_cookie(
                    cookie.name,
                    cookie.value,
                    domain=cookie.domain or self.url.partition("://")[2].partition(":")[0],
                    origin_only=cookie.domain is None,
                    path=cookie.path,
                    secure=cookie.secure,
                    httponly=cookie.http_only,
                    samesite=cookie.same_site or None,
                )


class StarletteTestClient:
    """`TestClient(app)` of Starlette and FastAPI."""

    def __init__(self, client: Any) -> None:
        self.app: object = client.app
        self.url = str(client.base_url).rstrip("/")
        self.peer = "testclient"
        self._client = client

    def answer(self, request: Request) -> Response:
        """Return the app's response to `request`; the client's own cookies are not used, and stay unchanged."""
        kept, self._client.cookies = self._client.cookies, {}
        try:
            sent = self._client.request(
                request.method, request.url, headers=request.headers, content=request.body, follow_redirects=False
            )
        finally:
            self._client.cookies = kept
        return Response(sent.status_code, list(sent.headers.multi_items()), sent.text)

    def keep(self, headers: list[tuple[str, str]]) -> None:
        """Put the cookies that `headers` set into the client's own jar."""
        if not is_trustworthy(self.url) and any("; Secure" in line for line in _set_cookie_lines(headers)):
            raise ValueError(
                f"the session's cookies are Secure, and this client uses {self.url}: TestClient(app, 'https://testserver')"
            )
        asked = self._client.build_request("POST", self.url)
        response_type = sys.modules[type(asked).__module__.partition(".")[0]].Response
        self._client.cookies.extract_cookies(response_type(200, headers=headers, request=asked))


class DjangoTestClient:
    """`Client` or `AsyncClient` of `django.test`, or of `supertokens.django.test`. It uses https, unless `url` says
    otherwise.
    """

    peer = "127.0.0.1"

    def __init__(self, client: Any) -> None:
        self.app: object = client.handler
        self.url = "https://testserver"
        self._client = client

    def answer(self, request: Request) -> Response:
        """Return the project's response to `request`; the client's own cookies are not used, and stay unchanged.

        Raise RuntimeError for an `AsyncClient` on an event loop, which would be blocked.
        """
        if iscoroutinefunction(self._client.request):
            # Not in a thread of its own, where it would have other database connections than the test.
            answer: Response = sys.modules["asgiref.sync"].async_to_sync(self._awaited)(request)
            return answer
        parts = urlsplit(request.url)
        environ = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in request.headers}
        kind = environ.pop("HTTP_CONTENT_TYPE", "application/octet-stream")
        kept, self._client.cookies = self._client.cookies, SimpleCookie()
        try:
            sent = self._client.generic(
                request.method,
                f"{parts.path or '/'}?{parts.query}",
                request.body,
                content_type=kind,
                secure=parts.scheme == "https",
                **{"HTTP_HOST": parts.netloc, "HTTP_COOKIE": "", **environ},
            )
        finally:
            self._client.cookies = kept
        return _response_of_django(sent, b"".join(sent.streaming_content) if sent.streaming else sent.content)

    async def _awaited(self, request: Request) -> Response:
        # Not by the client's own method, which adds a Cookie header.
        body = sys.modules["django.test.client"].FakePayload(request.body)
        sent = await self._client.handler({**asgi_scope(request), "_body_file": body})
        if not sent.streaming:
            return _response_of_django(sent, sent.content)
        pieces = sent.streaming_content
        whole = [piece async for piece in pieces] if sent.is_async else list(pieces)
        return _response_of_django(sent, b"".join(whole))

    def keep(self, headers: list[tuple[str, str]]) -> None:
        """Put the cookies that `headers` set into the client's own jar."""
        for line in _set_cookie_lines(headers):
            cookie = SimpleCookie(line)
            self._client.cookies.update({name: each for name, each in cookie.items() if each.value})


def client_of(app: object) -> Client:
    """Return a `Client` for `app`: a `Client`, a framework's test client, or an app (ASGI if its call is a coroutine).

    Raise TypeError for anything else.

    >>> client_of(app.test_client()).url
    'http://localhost'
    """
    known = framework_client(app)
    if known is not None:
        return known
    if isinstance(app, Client):
        return app
    if callable(app):
        is_asgi = iscoroutinefunction(app) or iscoroutinefunction(type(app).__call__)
        return AsgiClient(app) if is_asgi else WsgiClient(app)
    raise TypeError(f"{type(app).__name__} is neither an application nor a test client of Flask, Starlette or Django")


def framework_client(client: object) -> FrameworkClient | None:
    """Return the adapter for `client` if it is a framework's test client, or None.

    >>> framework_client(app.test_client()).url
    'http://localhost'
    """
    if hasattr(client, "application") and hasattr(client, "set_cookie"):
        return FlaskTestClient(client)
    if hasattr(client, "app") and hasattr(client, "build_request"):
        return StarletteTestClient(client)
    if hasattr(client, "handler") and hasattr(client, "generic"):
        return DjangoTestClient(client)
    return None


def _response_of_django(sent: Any, body: bytes) -> Response:
    lines = [("Set-Cookie", morsel.OutputString()) for morsel in sent.cookies.values()]
    return Response(sent.status_code, [*sent.items(), *lines], body.decode("utf-8", "replace"))


def _set_cookie_lines(headers: list[tuple[str, str]]) -> list[str]:
    return [value for name, value in headers if name.lower() == "set-cookie"]
