# SPDX-License-Identifier: Apache-2.0
"""The application that is measured, without sessions and with ours: the same routes, and the same answers."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, Final

import flask

from benchmarks.wsgi import Answer, Client, browser_request, cookies_after, require_ok
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.access_token import AccessToken, TokenVersion, mint
from supertokens.engine.refresh_token import lineage_hash
from supertokens.engine.session import new_handle
from supertokens.flask import SuperTokens, create_new_session, supertokens_middleware
from supertokens.topology import open_embedded_core

__all__ = [
    "PAYLOAD", "USER_ID", "LoggedIn", "OpenCore", "bare_app", "cores_in", "minted_token", "open_benchmark_core",
    "sessions_app",
]  # fmt: skip

USER_ID: Final = "3f0c9b64-7d31-4c59-9f6c-0d6d3b8e5a17"
PAYLOAD: Final = {"role": "editor", "team": 42}


def bare_app() -> flask.Flask:
    """Nobody is asked who they are."""
    app = flask.Flask("bare")

    @app.route("/me", methods=["GET", "POST"])
    def me() -> str:
        return USER_ID

    return app


def sessions_app(core: EmbeddedCore | None = None, **options: Any) -> flask.Flask:
    """The same behind our sessions: `/login`, `/logout`, `/me`, `/session/refresh`, and `/open`, for everybody."""
    app = flask.Flask("sessions")
    SuperTokens(app, core=core, **options)

    @app.post("/login")
    def login() -> str:
        create_new_session(None, USER_ID, PAYLOAD, {})
        return USER_ID

    @app.post("/logout")
    @supertokens_middleware
    def logout() -> str:
        flask.g.supertokens.revoke_session()
        return USER_ID

    @app.route("/me", methods=["GET", "POST"])
    @supertokens_middleware
    def me() -> str:
        user_id: str = flask.g.supertokens.get_user_id()
        return user_id

    @app.post("/session/refresh")
    @supertokens_middleware
    def refresh() -> str:
        return USER_ID

    @app.get("/open")
    def unprotected() -> str:
        return USER_ID

    return app


def open_benchmark_core(folder: Path, name: str, **options: Any) -> EmbeddedCore:
    """A core of its own, with keys of its own, on the default store with its defaults: SQLite, synchronous=FULL."""
    return open_embedded_core(Config(**options), folder / f"{name}.sqlite3")


OpenCore = Callable[..., EmbeddedCore]
"""Opens a core on a database of a name, with options."""


def cores_in(folder: Path, stack: ExitStack) -> OpenCore:
    """Return what opens cores as `open_benchmark_core` does; `stack` closes them."""
    return lambda name, **options: stack.enter_context(closing(open_benchmark_core(folder, name, **options)))


def minted_token(core: EmbeddedCore, version: TokenVersion = "5") -> str:
    """An access token that `core` accepts and has not seen, of a session that no store knows."""
    now = time.time_ns() // 1_000_000
    handle = new_handle(os.urandom(16))
    token = AccessToken(
        version=version,
        handle=handle,
        user_id=USER_ID,
        refresh_token_hash=lineage_hash(1, handle),
        parent_refresh_token_hash=None,
        anti_csrf_token="A" * 22 if version == "2" else None,
        jwt_payload=PAYLOAD,
        created_at=now,
        expires_at=now + 3_600_000,
        regenerated_at=now,
    )
    return mint(token, core.keys.ring_for_signing(now).signing_key(now))


class LoggedIn:
    """A browser that has logged in to an application of `sessions_app`, and keeps what it is told."""

    def __init__(self, app: flask.Flask) -> None:
        self._client = Client(app)
        answer = self._client(browser_request("POST", "/login"))
        require_ok([answer])
        self.cookies = cookies_after(answer)
        self.anti_csrf = dict(answer[1]).get("anti-csrf")

    def request(self, method: str, path: str) -> dict[str, Any]:
        """A request with the cookies that belong to `path`, and the anti-CSRF value if there is one."""
        refreshes = path == "/session/refresh"
        cookies = {name: value for name, value in self.cookies.items() if refreshes or name != "sRefreshToken"}
        return browser_request(method, path, cookies, {"anti-csrf": self.anti_csrf} if self.anti_csrf else None)

    def take(self, answer: Answer) -> None:
        self.cookies = cookies_after(answer, self.cookies)

    def use(self) -> None:
        """A request with what the browser has now."""
        answer = self._client(self.request("GET", "/me"))
        require_ok([answer])
        self.take(answer)
