# SPDX-License-Identifier: Apache-2.0
"""Apps under test, as users of the library have them."""

from __future__ import annotations

from typing import Annotated, Any

import flask
from fastapi import Depends, FastAPI, Request

import supertokens.fastapi
from supertokens.core import Core
from supertokens.fastapi import Session, require_session
from supertokens.flask import SuperTokens, create_new_session, refresh_session, supertokens_middleware

__all__ = ["fastapi_app", "flask_app"]


def flask_app(core: Core | None = None, **options: Any) -> flask.Flask:
    """Return an app with a log-in, a protected view and a refresh API."""
    app = flask.Flask("an_app")
    app.testing = True
    SuperTokens(app, core=core, **options)

    @app.post("/login")
    def login() -> dict[str, Any]:
        form = flask.request.get_json(silent=True) or flask.request.form
        create_new_session(None, form.get("user", "ada"), {"role": "admin"})
        return {}

    @app.route("/me", methods=["GET", "POST"])
    @supertokens_middleware
    def me() -> dict[str, Any]:
        session = flask.g.supertokens
        return {"user": session.get_user_id(), "payload": session.get_jwt_payload()}

    @app.post("/session/refresh")
    def refresh() -> dict[str, Any]:
        refresh_session(None)
        return {}

    return app


def fastapi_app(core: Core | None = None, **options: Any) -> FastAPI:
    """Return the same in FastAPI."""
    app = FastAPI()
    supertokens.fastapi.SuperTokens(app, core=core, **options)

    @app.post("/login")
    async def login(request: Request) -> dict[str, Any]:
        await supertokens.fastapi.create_new_session(request, "ada", {"role": "admin"})
        return {}

    @app.api_route("/me", methods=["GET", "POST"])
    async def me(session: Annotated[Session, Depends(require_session())]) -> dict[str, Any]:
        return {"user": session.get_user_id(), "payload": session.get_jwt_payload()}

    @app.post("/session/refresh")
    async def refresh(request: Request) -> dict[str, Any]:
        await supertokens.fastapi.refresh_session(request)
        return {}

    return app
