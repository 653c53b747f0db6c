# SPDX-License-Identifier: Apache-2.0
"""The ready-made routes: the refresh API, and sign-out."""

from __future__ import annotations

from typing import Any

import flask

from supertokens.config import Config
from supertokens.flask.requests import current_app, requests_of
from supertokens.transport import is_navigation, verbs

__all__ = ["add_routes"]


def add_routes(app: flask.Flask, config: Config) -> None:
    """Give `app` a POST route for `refresh_api_path` and one for sign-out, below `api_base_path`."""
    base = (config.api_base_path or "").rstrip("/")
    app.add_url_rule(config.refresh_api_path, "supertokens.refresh", _refresh, methods=["POST"])
    app.add_url_rule(f"{base}/signout", "supertokens.sign_out", _sign_out, methods=["POST"])


def _refresh() -> Any:
    verbs.refresh(requests_of(current_app()).current())
    return {"status": "OK"}


def _sign_out() -> Any:
    owner = requests_of(current_app()).current()
    verbs.require_sign_out_allowed(owner)
    request = owner.request
    verbs.sign_out(owner)
    if is_navigation(request):
        return flask.redirect(request.target.mount or "/", 303)
    return {"status": "OK"}
