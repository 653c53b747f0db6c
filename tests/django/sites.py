# SPDX-License-Identifier: Apache-2.0
"""Sites of views, called through Django's own handlers as a server calls them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from asgiref.sync import async_to_sync, iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.core.handlers.asgi import ASGIHandler
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.test import override_settings
from django.test.client import AsyncClientHandler
from django.urls import path as route
from werkzeug.test import Client

from supertokens.core import Core
from supertokens.django import SuperTokensMiddleware
from supertokens.errors import SuperTokensError
from supertokens.testing.integration import Response, run, run_async
from tests.asgi.calling import call, http_scope, reply_of

from .project import MIDDLEWARE

__all__ = ["AsgiSite", "Hook", "InASGI", "Site", "Teapot", "Views", "WsgiSite", "in_lower_case", "urls"]

Views = dict[str, Callable[..., Any]]


def urls(views: Views) -> ModuleType:
    """Return a module as ROOT_URLCONF names one: of views by path."""
    module = ModuleType("urls")
    patterns = [route(path[1:], view, name=getattr(view, "__name__", None)) for path, view in views.items()]
    module.urlpatterns = patterns  # type: ignore[attr-defined]
    return module


class Hook:
    """Middleware that looks at the session when a view has answered, as `settings.AFTER` says."""

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self.is_async = iscoroutinefunction(get_response)
        if self.is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self.is_async:
            return self.answered(request)
        response = self.get_response(request)
        after, performer = settings.AFTER
        run(after(), performer(request))
        return response

    async def answered(self, request: HttpRequest) -> Any:
        response = await self.get_response(request)
        after, performer = settings.AFTER
        await run_async(after(), performer(request))
        return response


class Teapot(SuperTokensMiddleware):
    """A project's own answers."""

    def answer(self, request: HttpRequest, error: SuperTokensError) -> HttpResponse:
        return HttpResponse(status=418)


class Answering:
    """Middleware of a project's own, which answers what views raise."""

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> Any:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse:
        return HttpResponse(status=499)


class InASGI(AsyncClientHandler):
    """The handler of a synchronous test client, with the middleware that an ASGI server runs."""

    def __call__(self, environ: dict[str, Any]) -> Any:
        headers = [
            (name[5:].lower().replace("_", "-").encode(), str(value).encode())
            for name, value in environ.items()
            if name.startswith("HTTP_")
        ]
        scope = {**http_scope(environ["REQUEST_METHOD"], environ["PATH_INFO"]), "headers": headers}
        response = async_to_sync(super().__call__)({**scope, "_body_file": environ["wsgi.input"]})
        response.wsgi_request = response.asgi_request
        return response


class Site:
    """A project of its own, with the setting `SUPERTOKENS` and `views` by path."""

    def __init__(self, core: Core, options: dict[str, Any], views: Views, **project: Any) -> None:
        self.core = core
        given = {"core": core, **options}
        self.project = {"SUPERTOKENS": given, "ROOT_URLCONF": urls(views), "MIDDLEWARE": MIDDLEWARE, **project}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Have the project be this one."""
        with override_settings(**self.project):
            yield


class WsgiSite(Site):
    """A project behind a WSGI server."""

    def __init__(self, *args: Any, **project: Any) -> None:
        super().__init__(*args, **project)
        with self.running():
            self.handler = WSGIHandler()

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], *, mount: str = "", scheme: str = "http"
    ) -> Response:
        with self.running():
            client = Client(self.handler, use_cookies=False)
            peer = {"REMOTE_ADDR": "127.0.0.1"}
            where = f"{scheme}://localhost{mount}"
            response = client.open(
                path, method=method, headers=list(headers), base_url=where, environ_base=peer, buffered=True
            )
            return Response(response.status_code, list(response.headers), response.text)


class AsgiSite(Site):
    """A project behind an ASGI server, on an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop, *args: Any, **project: Any) -> None:
        super().__init__(*args, **project)
        self.loop = loop
        with self.running():
            self.handler = ASGIHandler()

    def call(
        self, method: str, path: str, headers: Sequence[tuple[str, str]], *, mount: str = "", scheme: str = "http"
    ) -> Response:
        return self.loop.run_until_complete(self.awaited(method, path, headers, mount=mount, scheme=scheme))

    async def awaited(self, method: str, path: str, headers: Sequence[tuple[str, str]], **more: str) -> Response:
        return await self.sent(http_scope(method, path, headers, **more))

    async def sent(self, scope: Any) -> Response:
        """Return the response to the request in `scope`."""
        with self.running():
            messages = await call(self.handler, scope)
        return reply_of([in_lower_case(message) for message in messages])


def in_lower_case(message: Any) -> Any:
    """Return `message` with names of headers as ASGI wants them, which Django leaves as they are."""
    if "headers" not in message:
        return message
    return {**message, "headers": [(name.lower(), value) for name, value in message["headers"]]}
