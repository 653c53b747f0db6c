# SPDX-License-Identifier: Apache-2.0
"""`SuperTokensMiddleware`: a session for each request, its changes on the response, responses to session errors."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from supertokens.asgi.threads import SuperTokensBusyError
from supertokens.django.requests import CURRENT, DjangoRequest
from supertokens.django.responses import ANSWERED_ERRORS, answer_for, as_response, put_on
from supertokens.django.sessions import Sessions, sessions_of_project
from supertokens.errors import SuperTokensError
from supertokens.transport import ReadyRoute, answer_of_route, from_wsgi, may_be_ready_route, ready_route_for

__all__ = ["SuperTokensMiddleware"]


class SuperTokensMiddleware:
    """Django middleware, synchronous and asynchronous. Put it before everything that uses sessions.

    Override `answer` to change the responses to errors. Raise ImproperlyConfigured if the settings are invalid.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        self._project = sessions_of_project()
        self._project.current()  # so that invalid settings stop the server at startup, not at the first request
        self._is_async = iscoroutinefunction(get_response)
        if self._is_async:
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        if self._is_async:
            return self._answered(request)
        sessions = self._project.made or self._project.current()
        state = sessions.begin(request)
        token = CURRENT.set(request)
        try:
            if sessions.routes and (route := _route_for(request, sessions)) is not None:
                response = self._routed(request, state, route)
            else:
                response = self.get_response(request)
        finally:
            CURRENT.reset(token)
        put_on(response, state)
        return response

    async def _answered(self, request: HttpRequest) -> HttpResponseBase:
        sessions = self._project.made or self._project.current()
        state = sessions.begin(request)
        token = CURRENT.set(request)
        try:
            if sessions.routes and (route := _route_for(request, sessions)) is not None:
                state.awaiting(request)
                response: HttpResponseBase = await self._arouted(request, state, route)
            else:
                response = await self.get_response(request)
        finally:
            CURRENT.reset(token)
        if state.is_free and not state.owner.may_wait_at_headers:
            put_on(response, state)
        else:
            await state.in_thread(partial(put_on, response, state), is_bounded=False)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """Return the response to `exception`, raised by the view for `request`, if it is a session error."""
        return self.answer(request, exception) if isinstance(exception, ANSWERED_ERRORS) else None

    def answer(self, request: HttpRequest, error: SuperTokensError) -> HttpResponseBase:
        """Return the response to `error`: for a navigation of `request` a redirect to the login, otherwise JSON."""
        return answer_for(request, error)

    def _routed(self, request: HttpRequest, state: DjangoRequest, route: ReadyRoute) -> HttpResponseBase:
        try:
            return as_response(answer_of_route(route.act(state.asked_for(request))))
        except ANSWERED_ERRORS as error:
            return self.answer(request, error)

    async def _arouted(self, request: HttpRequest, state: DjangoRequest, route: ReadyRoute) -> HttpResponseBase:
        try:
            return await state.in_thread(partial(self._routed, request, state, route))
        except SuperTokensBusyError as error:
            return self.answer(request, error)


def _route_for(request: HttpRequest, sessions: Sessions) -> ReadyRoute | None:
    may_be_one = may_be_ready_route(request.method or "", request.path_info)
    return ready_route_for(from_wsgi(request.META), sessions.routes) if may_be_one else None
