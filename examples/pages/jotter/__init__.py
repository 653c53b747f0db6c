# SPDX-License-Identifier: Apache-2.0
"""Jotter: notes behind a login. Flask pages with sessions, and no JavaScript."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, Unpack

from flask import Flask, Response

from jotter import accounts, admin, database, errors, notes, settings
from supertokens import Core
from supertokens.config import Options
from supertokens.flask import SuperTokens, current_session

__all__ = ["SESSIONS", "create_app"]

DAY_S: Final = 86_400
SESSIONS: Final[Options] = {
    "renewal": "server",  # expired tokens are renewed before the view runs: pages need no script
    "login_url": "accounts.log_in_form",  # navigations without a session go there, and back after the login
    "access_token_blacklisting": True,  # logging out a device takes effect at once, at the cost of one read per request
    "refresh_token_validity": 30 * 1440,  # minutes: 30 days without use
    "short_session_validity": DAY_S // 2,  # the same without "keep me logged in", in seconds
    "session_max_lifetime": 90 * DAY_S,  # however much the session is used
    "max_sessions_per_user": 20,  # a login beyond that ends the session that has been unused for longest
}


def create_app(folder: Path | None = None, *, core: Core | None = None, **options: Unpack[Options]) -> Flask:
    """Return the app, with its databases in `folder`; None: in JOTTER_FOLDER, or the instance folder. Sessions are in
    the database that SUPERTOKENS_DATABASE, or JOTTER_SUPERTOKENS_DATABASE, names, if one of them is set.

    `core` and `options` are those of `SuperTokens`, for tests.
    """
    app = Flask(__name__)
    app.config.from_prefixed_env("JOTTER")  # such as JOTTER_SUPERTOKENS_COOKIE_SECURE=true
    home = folder or Path(str(app.config.get("FOLDER") or app.instance_path))
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    app.config.from_mapping(
        DATABASE=home / "jotter.sqlite3",
        MAX_CONTENT_LENGTH=32 * 1024,  # bytes; every form here is smaller
        # Flask's own cookie only holds flash messages, not the login.
        SECRET_KEY=app.config["SECRET_KEY"] or _secret_key(home),
        SESSION_COOKIE_NAME="flash",
        SESSION_COOKIE_SAMESITE="Lax",
    )
    where: Options = {"database": home / "sessions.sqlite3"}
    if "SUPERTOKENS_DATABASE" in {*os.environ, *app.config}:
        where = {}  # arguments would override the settings
    sessions = SuperTokens(app, core=core, **(SESSIONS | where | options))
    database.init_app(app)
    errors.init_app(app, sessions)
    for module in (accounts, admin, notes, settings):
        app.register_blueprint(module.pages)
    app.add_template_filter(_moment, "moment")
    app.after_request(_harden)
    return app


def _secret_key(folder: Path) -> bytes:
    """Return the key that signs flash messages, which is made once, for all processes."""
    file = folder / "secret_key"
    if not file.exists():
        with NamedTemporaryFile(dir=folder) as draft:
            draft.write(secrets.token_bytes(32))
            draft.flush()
            with suppress(FileExistsError):  # another process was faster
                os.link(draft.name, file)  # in one step, so that nobody reads half a key
    return file.read_bytes()


def _moment(ms: int) -> str:
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%-d %b %Y, %H:%M} UTC"


def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    # Not `no-referrer`: browsers would send forms with `Origin: null`, and the login could not lead back to the page.
    response.headers["Referrer-Policy"] = "same-origin"
    if current_session() is not None:
        response.headers["Cache-Control"] = "no-store"  # the back button shows nothing after the logout
    return response
