# SPDX-License-Identifier: Apache-2.0
"""The ready-made routes: the refresh API, sign-out, and the keys that verify access tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from supertokens.config import Config
from supertokens.transport import verbs
from supertokens.transport.navigation import is_navigation
from supertokens.transport.refusals import Answer, json_answer, redirect_answer
from supertokens.transport.request import Request
from supertokens.transport.request_session import RequestSession

__all__ = ["ReadyRoute", "answer_of_route", "may_be_ready_route", "ready_route_for", "ready_routes"]

_KEY_SET: Final = "/jwt/jwks.json"


class ReadyRoute(NamedTuple):
    """A route, with the `name` that frameworks know it by.

    `act` does the work, and returns the response, or where the browser is redirected; None: the response is
    {"status": "OK"}.
    """

    name: str
    path: str
    act: Callable[[RequestSession], Answer | str | None]
    method: str = "POST"


def ready_routes(config: Config) -> tuple[ReadyRoute, ...]:
    """Return the routes at the paths that `config` says: the refresh API, and the others below `api_base_path`."""
    base = (config.api_base_path or "").rstrip("/")
    return (
        ReadyRoute("supertokens.refresh", config.refresh_api_path, _refresh),
        ReadyRoute("supertokens.sign_out", f"{base}/signout", _sign_out),
        ReadyRoute("supertokens.key_set", base + _KEY_SET, _key_set, "GET"),
    )


def ready_route_for(request: Request, routes: tuple[ReadyRoute, ...]) -> ReadyRoute | None:
    """Return the one of `routes` that `request` is for, or None."""
    return next((route for route in routes if route.method == request.method and request.is_for(route.path)), None)


def may_be_ready_route(method: str, path: str) -> bool:
    """Return whether `ready_route_for` has to look at a request. For nearly all that only read, it has not."""
    return method == "POST" or _KEY_SET in path


def answer_of_route(result: Answer | str | None) -> Answer:
    """Return the response of a ready-made route whose `act` has returned `result`."""
    if isinstance(result, Answer):
        return result
    return json_answer(200, {"status": "OK"}) if result is None else redirect_answer(result)


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


def _key_set(owner: RequestSession) -> Answer:
    """Return the public keys (RFC 7517), with which other programs verify access tokens."""
    keys, max_age_s = owner.edge.core.published_keys()
    owner.is_asked = False  # caches may hand it to everybody
    return json_answer(200, {"keys": keys}, {"cache-control": f"max-age={max_age_s}, must-revalidate"})
