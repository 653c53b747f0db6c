# SPDX-License-Identifier: Apache-2.0
"""The process that `benchmarks.compare` asks: one version of the package, used by its public names only."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import flask

from benchmarks.other_process import answer
from benchmarks.rounds import Loop
from benchmarks.wsgi import Answer, Client, browser_request, cookies_after, require_ok
from supertokens.flask import SuperTokens, create_new_session, supertokens_middleware

__all__ = ["compared_cases"]


def compared_cases(folder: Path) -> list[Loop]:
    """Return what can be asked of every version."""
    bare = flask.Flask("bare")
    bare.add_url_rule("/me", view_func=lambda: "ada", methods=["GET", "POST"])
    plain = _app(folder, "plain")
    querying = _app(folder, "querying", access_token_blacklisting=True)
    guarded = _app(folder, "guarded", enable_anti_csrf=True)
    return [
        _requests("bare, GET", bare, "GET", "/me"),
        _requests("open route, GET", plain, "GET", "/open"),
        _requests("protected, GET", plain, "GET", "/me"),
        _requests("protected, blacklisting `query`, GET", querying, "GET", "/me"),
        _requests("protected with anti-CSRF, POST", guarded, "POST", "/me"),
        _requests("log in", plain, "POST", "/login"),
        _refreshes(plain),
    ]


def _app(folder: Path, name: str, **options: Any) -> flask.Flask:
    app = flask.Flask(name)
    SuperTokens(app, database=f"sqlite:///{folder / name}.sqlite3", **options)

    @app.post("/login")
    def login() -> str:
        create_new_session(None, "ada", {"role": "editor", "team": 42}, {})
        return "ada"

    @app.route("/me", methods=["GET", "POST"])
    @supertokens_middleware
    def me() -> str:
        user_id: str = flask.g.supertokens.get_user_id()
        return user_id

    @app.post("/session/refresh")
    @supertokens_middleware
    def refresh() -> str:
        return "ada"

    @app.get("/open")
    def unprotected() -> str:
        return "ada"

    return app


def _log_in(app: flask.Flask) -> Answer:
    answered = Client(app)(browser_request("POST", "/login"))
    require_ok([answered])
    return answered


def _requests(name: str, app: flask.Flask, method: str, path: str) -> Loop:
    cookies: dict[str, str] = {}
    headers: dict[str, str] = {}
    if app.name != "bare" and path != "/login":
        answered = _log_in(app)
        cookies = {cookie: value for cookie, value in cookies_after(answered).items() if cookie != "sRefreshToken"}
        headers = {header: value for header, value in answered[1] if header.lower() == "anti-csrf"}
    environ = browser_request(method, path, cookies, headers)
    return Loop(name, Client(app), lambda count: [dict(environ) for _ in range(count)], require_ok)


def _refreshes(app: flask.Flask) -> Loop:
    """Of sessions that have just begun, so that the token's first use is no part of it."""

    def begun(count: int) -> list[dict[str, Any]]:
        return [browser_request("POST", "/session/refresh", cookies_after(_log_in(app))) for _ in range(count)]

    return Loop("refresh", Client(app), begun, require_ok)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1]) as place:
        answer(compared_cases(Path(place)))
