# SPDX-License-Identifier: Apache-2.0
"""What users do about their own account: their devices, and their password."""

from __future__ import annotations

from typing import Final

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from jotter import users
from supertokens.devices import describe_client
from supertokens.flask import (
    Session,
    list_sessions,
    next_url,
    require_fresh,
    revoke_session,
    supertokens_middleware,
)

FRESH_S: Final = 300
"""How long ago the password may have been shown by whoever opens the form for another one."""
FORM_S: Final = 900
"""The same for sending it: nobody is asked again because they took their time."""
MAX_TRIES: Final = 5
"""How many passwords may be tried in one session before it ends."""

pages = Blueprint("settings", __name__)


@pages.get("/devices")
@supertokens_middleware
def devices() -> ResponseReturnValue:
    session: Session = g.supertokens
    found = sorted(list_sessions(session.get_user_id()), key=lambda each: (not each.is_current, -each.last_seen_at))
    return render_template("devices.html", devices=found, describe_client=describe_client)


@pages.post("/devices/<handle>/log-out")
@supertokens_middleware
def log_out_device(handle: str) -> ResponseReturnValue:
    session: Session = g.supertokens
    if handle not in {each.handle for each in list_sessions(session.get_user_id())}:
        abort(404)  # it has ended, or belongs to another user: `revoke_session` would end it all the same
    revoke_session(handle)
    flash("That device is logged out.")
    return redirect(url_for("settings.devices"), 303)


@pages.post("/devices/log-out-others")
@supertokens_middleware
def log_out_other_devices() -> ResponseReturnValue:
    session: Session = g.supertokens
    flash(_logged_out(len(session.revoke_other_sessions())))
    return redirect(url_for("settings.devices"), 303)


@pages.get("/password")
@supertokens_middleware
def password_form() -> ResponseReturnValue:
    require_fresh(FRESH_S)
    return render_template("password.html")


@pages.post("/password")
@supertokens_middleware
def change_password() -> ResponseReturnValue:
    require_fresh(FORM_S)
    session: Session = g.supertokens
    password = request.form.get("password", "")
    problem = users.password_problem(password)
    if problem is not None:
        return render_template("password.html", problem=problem), 422
    session.renew()  # first: copies of this browser's cookies become useless
    users.change_password(session.get_user_id(), password)
    ended = session.revoke_other_sessions()  # last: this includes logins with the old password up to now
    flash(f"Your password is changed. {_logged_out(len(ended))}")
    return redirect(url_for("settings.devices"), 303)


@pages.get("/confirm")
@supertokens_middleware
def confirm_form() -> ResponseReturnValue:
    return render_template("confirm.html")


@pages.post("/confirm")
@supertokens_middleware
def confirm() -> ResponseReturnValue:
    session: Session = g.supertokens
    # Counted before the password is checked, so that simultaneous guesses are all counted.
    session.update_session_data(lambda data: data | {"tries": data.get("tries", 0) + 1})
    if session.get_session_data()["tries"] > MAX_TRIES:
        session.revoke_session()  # someone who found the browser unlocked cannot go on guessing
        flash("Too many wrong passwords. Please log in again.", "warning")
        return redirect(url_for("accounts.log_in_form"), 303)
    if not users.is_password_of(session.get_user_id(), request.form.get("password", "")):
        return render_template("confirm.html", failed=True), 403
    session.confirm()
    session.update_session_data(lambda data: data | {"tries": 0})
    return redirect(next_url(), 303)


def _logged_out(number: int) -> str:
    if number == 0:
        return "No other device was logged in."
    return "1 other device is logged out." if number == 1 else f"{number} other devices are logged out."
