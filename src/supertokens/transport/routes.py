# SPDX-License-Identifier: Apache-2.0
"""The ready-made routes: the refresh API, and sign-out."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from supertokens.config import Config
from supertokens.transport import verbs
from supertokens.transport.navigation import is_navigation
from supertokens.transport.refusals import Answer, json_answer, redirect_answer
from supertokens.transport.request import Request
from supertokens.transport.request_session import RequestSession

__all__ = ["ReadyRoute", "answer_of_route", "ready_route_for", "ready_routes"]


class ReadyRoute(NamedTuple):
    """A route for POST, with the `name` that frameworks know it by.

    `act` does the work, and returns where the browser is redirected; None: the response is {"status": "OK"}.
    """

    name: str
    path: str
    act: Callable[[RequestSession], str | None]


def ready_routes(config: Config) -> tuple[ReadyRoute, ...]:
    """Return the routes at the paths that `config` says: the refresh API, and sign-out below `api_base_path`."""
    base = (config.api_base_path or "").rstrip("/")
    return (
        ReadyRoute("supertokens.refresh", config.refresh_api_path, _refresh),
        ReadyRoute("supertokens.sign_out", f"{base}/signout", _sign_out),
    )


def ready_route_for(request: Request, routes: tuple[ReadyRoute, ...]) -> ReadyRoute | None:
    """Return the one of `routes` that the POST `request` is for, or None."""
    return next((route for route in routes if request.is_for(route.path)), None)


def answer_of_route(location: str | None) -> Answer:
    """Return the response of a ready-made route whose `act` has returned `location`."""
    return json_answer(200, {"status": "OK"}) if location is None else redirect_answer(location)


def _refresh(owner: RequestSession) -> None:
    verbs.refresh(owner)


def _sign_out(owner: RequestSession) -> str | None:
    """End all sessions in the request of `owner`, unless a page on another site may have sent it.

    Return where a page's form is redirected.
    """
    request = owner.request
    verbs.require_sign_out_allowed(owner)
    verbs.sign_out(owner)
    return (request.target.mount or "/") if is_navigation(request) else None
