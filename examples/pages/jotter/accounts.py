# SPDX-License-Identifier: Apache-2.0
"""Sign-up, login and logout."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jotter import users
from jotter.users import NameTakenError, User
from supertokens.flask import (
    check_origin,
    create_new_session,
    current_session,
    next_url,
    sign_out,
    supertokens_middleware,
)

pages = Blueprint("accounts", __name__)


@pages.get("/sign-up")
@supertokens_middleware(required=False)
def sign_up_form() -> ResponseReturnValue:
    if current_session() is not None:
        return redirect(next_url(), 303)
    return render_template("sign_up.html", problems={})


@pages.post("/sign-up")
def sign_up() -> ResponseReturnValue:
    check_origin()
    name, password = request.form.get("name", ""), request.form.get("password", "")
    problems = {"name": users.name_problem(name), "password": users.password_problem(password)}
    if any(problems.values()):
        return render_template("sign_up.html", problems=problems), 422
    try:
        user = users.add(name, password)
    except NameTakenError:
        # Names are public here. If yours are e-mail addresses, respond the same in both cases, and send an e-mail.
        return render_template("sign_up.html", problems={"name": "This name is taken."}), 409
    _begin_session(user, remember=False)
    flash(f"Welcome, {user.name}.")
    return redirect(next_url(), 303)


@pages.get("/login")
@supertokens_middleware(required=False)
def log_in_form() -> ResponseReturnValue:
    if current_session() is not None:
        return redirect(next_url(), 303)
    return render_template("log_in.html")


# Each attempt costs a hash of 64 MiB. Limit attempts by address and by name before they get here: see README.md.
@pages.post("/login")
def log_in() -> ResponseReturnValue:
    check_origin()  # otherwise, a page on another site could log its visitors in as somebody else
    user = users.with_password(request.form.get("name", ""), request.form.get("password", ""))
    if user is None or not _begin_session(user, remember="remember" in request.form):
        return render_template("log_in.html", failed=True), 403
    return redirect(next_url(), 303)


@pages.post("/logout")
def log_out() -> ResponseReturnValue:
    check_origin()
    sign_out()  # needs no valid session: logging out always works
    flash("You are logged out.")
    return redirect(url_for("notes.home"), 303)


def _begin_session(user: User, *, remember: bool) -> bool:
    """Begin a session; return False, without one, if password or role have changed since they were looked at.

    That change has ended, or changed, all sessions that it found, and this one was not among them.
    """
    session = create_new_session(None, user.id, user.payload, remember=remember)
    if users.version(user.id) == user.version:
        return True
    session.revoke_session()
    return False
