# SPDX-License-Identifier: Apache-2.0
"""Django's test clients, but like browsers: they drop deleted cookies, and a login creates one of our sessions."""

from __future__ import annotations

from http.cookies import SimpleCookie
from typing import Any

from asgiref.sync import sync_to_async
from django import test
from django.http import HttpRequest, HttpResponse

from supertokens.core import EmbeddedCore
from supertokens.core.everybody import revoke_everybody
from supertokens.django.auth import log_in
from supertokens.django.middleware import SuperTokensMiddleware
from supertokens.django.sessions import sessions_of_project

__all__ = ["AsyncClient", "Client", "forget_sessions"]


class Client(test.Client):
    """`django.test.Client`, for `client_class` of a test case."""

    def request(self, **request: Any) -> Any:
        """Return the response to `request`, and store its cookies as a browser does."""
        response = super().request(**request)
        _drop_deleted(self.cookies)
        return response

    def _login(self, user: Any, backend: str | None = None) -> None:
        super()._login(user, backend)  # type: ignore[misc]
        _log_in(self.cookies, user, backend)


class AsyncClient(test.AsyncClient):
    """`django.test.AsyncClient`, for `async_client_class` of a test case."""

    async def request(self, **request: Any) -> Any:
        """Return the response to `request`, and store its cookies as a browser does."""
        response = await super().request(**request)
        _drop_deleted(self.cookies)
        return response

    def _login(self, user: Any, backend: str | None = None) -> None:
        super()._login(user, backend)  # type: ignore[misc]
        _log_in(self.cookies, user, backend)

    async def _alogin(self, user: Any, backend: str | None = None) -> None:
        await super()._alogin(user, backend)  # type: ignore[misc]
        await sync_to_async(_log_in)(self.cookies, user, backend)


def forget_sessions() -> None:
    """Revoke all sessions: for `setUp`, since a test case rolls back only the project's own database.

    Raise TypeError if a core service keeps them, since it may have sessions of other apps too.
    """
    core = sessions_of_project().current().core
    if not isinstance(core, EmbeddedCore):
        raise TypeError("the sessions are kept by a service: end those of the tests' own users there")
    now = core.clock() + 1
    sum(revoke_everybody(core.store, now))


def _drop_deleted(cookies: SimpleCookie) -> None:
    for key in [key for key, morsel in cookies.items() if str(morsel["max-age"]) == "0"]:
        del cookies[key]


def _log_in(cookies: SimpleCookie, user: Any, backend: str | None) -> None:
    def view(request: HttpRequest) -> HttpResponse:
        log_in(request, user, backend=backend)
        return HttpResponse()

    cookies.update(SuperTokensMiddleware(view)(test.RequestFactory().post("/")).cookies)
    _drop_deleted(cookies)
