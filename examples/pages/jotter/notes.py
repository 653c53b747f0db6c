# SPDX-License-Identifier: Apache-2.0
"""What the app is for: a start page for everybody, and the notes of a user."""

from __future__ import annotations

import time
from typing import Final

from flask import Blueprint, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jotter.database import connection
from supertokens.flask import Session, supertokens_middleware

MAX_NOTE: Final = 500  # characters

pages = Blueprint("notes", __name__)


@pages.get("/")
@supertokens_middleware(required=False)
def home() -> ResponseReturnValue:
    return render_template("home.html")


@pages.get("/notes")
@supertokens_middleware
def notes() -> ResponseReturnValue:
    session: Session = g.supertokens
    query = "SELECT text, written_at FROM notes WHERE user_id = ? ORDER BY id DESC LIMIT 50"
    found = connection().execute(query, (session.get_user_id(),)).fetchall()
    return render_template("notes.html", notes=found, max_note=MAX_NOTE)


@pages.post("/notes")
@supertokens_middleware
def add_note() -> ResponseReturnValue:
    session: Session = g.supertokens
    text = request.form.get("text", "").strip()[:MAX_NOTE]
    if text:
        with connection() as database:
            database.execute(
                "INSERT INTO notes (user_id, text, written_at) VALUES (?, ?, ?)",
                (session.get_user_id(), text, round(time.time() * 1000)),
            )
        flash("Your note is kept.")
    return redirect(url_for("notes.notes"), 303)
