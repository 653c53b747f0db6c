# SPDX-License-Identifier: Apache-2.0
"""The views that the apps of these tests have in common."""

from __future__ import annotations

from typing import Any

import flask

from supertokens.flask import create_new_session, refresh_session, supertokens_middleware


def add_views(app: flask.Flask) -> None:
    """Add `/login?user=…`, `/me`, `/session/refresh` and `/logout`."""

    @app.post("/login")
    def login() -> dict[str, str]:
        user = flask.request.args["user"]
        create_new_session(None, user, {"role": "reader"})
        return {"user": user}

    @app.route("/me", methods=["GET", "POST"])
    @supertokens_middleware
    def me() -> dict[str, Any]:
        return {"user": flask.g.supertokens.get_user_id(), "payload": flask.g.supertokens.get_jwt_payload()}

    @app.post("/session/refresh")
    def refresh() -> dict[str, Any]:
        refresh_session(None)
        return {}

    @app.post("/logout")
    @supertokens_middleware
    def logout() -> dict[str, Any]:
        flask.g.supertokens.revoke_session()
        return {}
