# SPDX-License-Identifier: Apache-2.0
"""The demo without a script: the server renews (`renewal: server`). Below /pages, with a database of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from flask import Flask, Response, current_app, g, redirect, render_template, request, url_for

from supertokens.flask import SuperTokens, create_new_session, current_session, session_renewed, supertokens_middleware

__all__ = ["MOUNT", "create_pages"]

MOUNT: Final = "/pages"
SECONDS: Final = 15
"""How long an access token lives."""


def create_pages(folder: Path, **options: Any) -> Flask:
    """Return the app, with its store in `folder`. `options` override those of the demo."""
    app = Flask(__name__, root_path=str(Path(__file__).resolve().parent), static_folder=None)
    settings: dict[str, Any] = {
        "database": folder / "pages.sqlite3",
        "renewal": "server",
        "routes": True,
        "access_token_validity": SECONDS,
        "refresh_token_validity": 10,
        "refresh_token_rotation_grace_period": 1.5,
        "login_url": "page",
    }
    SuperTokens(app, **settings | options)
    session_renewed.connect_via(app)(_note_renewal)

    @app.get("/")
    @supertokens_middleware(required=False)
    def page() -> str:
        session = current_session()
        notes = [] if session is None else session.get_session_data().get("notes", [])
        renewed = "The server has just renewed this session." if g.get("is_renewed") else "The access token is alive."
        return render_template("pages.html", seconds=SECONDS, notes=notes, renewed=renewed)

    @app.post("/login")
    def log_in() -> Any:
        create_new_session(None, request.form.get("name") or "ada")
        return redirect(url_for("page"), 303)

    @app.post("/note")
    @supertokens_middleware
    def note() -> Any:
        session = current_session()
        if session is not None:
            notes = session.get_session_data().get("notes", [])
            session.update_session_data({"notes": [*notes, request.form.get("text", "")[:200]][-10:]})
        return redirect(url_for("page"), 303)

    app.after_request(_harden)
    return app


def _note_renewal(_: Flask, **__: object) -> None:
    if current_app:
        g.is_renewed = True


def _harden(response: Response) -> Response:
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
        " frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response
