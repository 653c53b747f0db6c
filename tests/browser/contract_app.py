# SPDX-License-Identifier: Apache-2.0
"""The app that the browser library's own tests expect, and its pages.

Its routes are those of docs/protocol/browsers.md#the-librarys-own-test-server.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from flask import Flask, Response, g, jsonify, request

from supertokens.core import Core
from supertokens.flask import (
    SuperTokens,
    SuperTokensUnauthorisedError,
    create_new_session,
    get_session,
    refresh_session,
    revoke_all_sessions_for_user,
    set_relevant_headers_for_options_api,
    supertokens_middleware,
    update_jwt_payload,
)

from .page import page_with
from .website_library import Version

USER: Final = "ada"

_BY_HAND: Final = ("/refresh", "/auth/session/refresh")
"""Where the app has a refresh route of its own; elsewhere it takes the ready-made one."""


def contract_app(config: dict[str, Any], core: Core, libraries: Mapping[Version, str]) -> Flask:
    """Return a Flask app with its own counters. `libraries`: the scripts that its pages load, by version."""
    app = Flask(__name__)
    by_hand = config.get("refresh_api_path") in _BY_HAND
    SuperTokens(app, core=core, routes=not by_hand, **config)
    called: Counter[str] = Counter()
    if by_hand:
        _add_routes_by_hand(app)

    @app.before_request
    def count_refreshes() -> None:
        if request.method == "POST" and request.path.endswith("/refresh"):
            called["/refresh"] += 1

    for version, library in libraries.items():
        _add_page(app, version, library)

    @app.get("/favicon.ico")
    def icon() -> tuple[str, int]:
        return "", 204

    @app.post("/login")
    def login() -> str:
        user_id: str = request.get_json()["userId"]
        return create_new_session(None, user_id).get_user_id()

    @app.post("/login-by-form")
    def login_by_form() -> Response:
        create_new_session(None, request.form["userId"])
        response = Response("welcome")
        # The library has not seen this log-in: without this cookie of its own it asks the refresh API.
        response.delete_cookie("st-last-access-token-update")
        return response

    @app.get("/")
    def user() -> str:
        called["/"] += 1
        return get_session(None, True).get_user_id()

    @app.route("/update-jwt", methods=["GET", "POST"])
    @supertokens_middleware
    def payload() -> Response:
        if request.method == "POST":
            g.supertokens.update_jwt_payload(request.get_json())
        return jsonify(g.supertokens.get_jwt_payload())

    @app.post("/update-jwt-by-handle")
    @supertokens_middleware
    def payload_by_handle() -> str:
        update_jwt_payload(g.supertokens.get_handle(), request.get_json())
        return ""

    @app.post("/logout")
    @supertokens_middleware
    def logout() -> str:
        g.supertokens.revoke_session()
        return "success"

    @app.post("/revokeAll")
    @supertokens_middleware
    def revoke_all() -> str:
        revoke_all_sessions_for_user(g.supertokens.get_user_id())
        return "success"

    @app.get("/suspended")
    @supertokens_middleware
    def suspended() -> str:
        raise SuperTokensUnauthorisedError("the account is suspended")

    @app.get("/refreshCalledTime")
    def refreshes() -> str:
        return str(called["/refresh"])

    @app.get("/getSessionCalledTime")
    def verifications() -> str:
        return str(called["/"])

    _open_to_other_origins(app)
    return app


def _add_routes_by_hand(app: Flask) -> None:
    @app.post(_BY_HAND[0])
    @app.post(_BY_HAND[1])
    def refresh() -> Response:
        response = Response("refresh success")
        refresh_session(response)
        return response

    @app.post("/auth/signout")
    @supertokens_middleware
    def signout() -> Response:
        g.supertokens.revoke_session()
        return jsonify(status="OK")


def _add_page(app: Flask, version: Version, library: str) -> None:
    @app.get(f"/{version}/index.html", endpoint=f"page-{version}")
    def page() -> str:
        return page_with(version)

    @app.get(f"/{version}/library.js", endpoint=f"library-{version}")
    def script() -> Response:
        return Response(library, mimetype="text/javascript")


def _open_to_other_origins(app: Flask) -> None:
    """Answer preflights (docs/protocol/browsers.md#cors): the app names origin and methods, the extension the rest."""

    @app.before_request
    def preflight() -> Response | None:
        if request.method != "OPTIONS":
            return None
        response = app.make_default_options_response()
        response.headers["Access-Control-Allow-Headers"] = "content-type"
        response.headers["Access-Control-Allow-Methods"] = "GET, POST"
        set_relevant_headers_for_options_api(response)
        return response

    @app.after_request
    def allow(response: Response) -> Response:
        if "Origin" in request.headers:
            response.headers["Access-Control-Allow-Origin"] = request.headers["Origin"]
            response.vary.add("Origin")
            if request.method != "OPTIONS":
                response.headers["Access-Control-Allow-Credentials"] = "true"
        return response
