# SPDX-License-Identifier: Apache-2.0
"""The ready-made routes: the refresh API, sign-out, and the keys that verify access tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask

from supertokens.config import Config
from supertokens.flask.requests import current_app, requests_of
from supertokens.transport import SEE_OTHER, Answer, ReadyRoute, ready_routes

__all__ = ["add_routes"]


def add_routes(app: flask.Flask, config: Config) -> None:
    """Add the ready-made routes to `app`, at the paths in `config`."""
    for route in ready_routes(config):
        app.add_url_rule(route.path, route.name, _view(route), methods=[route.method])


def _view(route: ReadyRoute) -> Callable[[], Any]:
    def view() -> Any:
        result = route.act(requests_of(current_app()).current())
        if isinstance(result, Answer):
            return flask.Response(result.body, result.status, result.headers)
        return {"status": "OK"} if result is None else flask.redirect(result, SEE_OTHER)

    return view
