# SPDX-License-Identifier: Apache-2.0
"""Pages in place of errors, those of the sessions included."""

from __future__ import annotations

from typing import Final

from flask import Flask, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from supertokens.flask import (
    SuperTokens,
    SuperTokensCrossOriginError,
    SuperTokensNotFreshError,
    SuperTokensSessionLimitError,
    SuperTokensUnauthorisedError,
)

__all__ = ["init_app"]

TEXTS: Final = {
    403: "This page is not for you. If it should be, ask an admin.",
    404: "There is nothing here, or nothing any more.",
    405: "This address does something else than what was asked of it.",
    413: "That is more than a form here may hold.",
    500: "Something went wrong on our side, and is noted. Please try again.",
}


def init_app(app: Flask, sessions: SuperTokens) -> None:
    """Have errors answered by pages."""
    app.register_error_handler(HTTPException, _any_error)
    # Session errors have JSON responses of their own, which a handler for HTTPException does not replace.
    app.register_error_handler(SuperTokensUnauthorisedError, _no_session)
    app.register_error_handler(SuperTokensCrossOriginError, _sent_from_elsewhere)
    app.register_error_handler(SuperTokensSessionLimitError, _too_many_sessions)
    app.register_error_handler(SuperTokensNotFreshError, _ask_for_the_password)
    sessions.set_token_theft_detected_error_handler(_theft)


def _any_error(error: HTTPException) -> Response:
    response = error.get_response()  # with headers such as Allow
    text = TEXTS.get(error.code or 500, "Your browser has sent something that makes no sense here.")
    response.set_data(render_template("error.html", code=error.code, name=error.name, text=text))
    return response


def _no_session(error: SuperTokensUnauthorisedError) -> Response:
    assert isinstance(
        error, HTTPException
    )  # as every session error in a view is; its response comes from the extension
    response = error.get_response()
    if response.status_code != 303:  # a redirect to the login page, which leads back afterwards
        # A redirect cannot resubmit a form. This one was overtaken, for example because a button was clicked twice.
        text = "Another request of yours was faster than this one. Please open the page again."
        response.set_data(render_template("error.html", code=401, name="Overtaken", text=text))
        response.mimetype = "text/html"
    return response


def _sent_from_elsewhere(_: SuperTokensCrossOriginError) -> ResponseReturnValue:
    text = "A page of another site has sent this form, so nothing was done."
    return render_template("error.html", code=403, name="Forbidden", text=text), 403


def _too_many_sessions(_: SuperTokensSessionLimitError) -> ResponseReturnValue:
    text = "You are logged in on as many devices as you may be. Log out on one of them first."
    return render_template("error.html", code=409, name="Conflict", text=text), 409


def _ask_for_the_password(_: SuperTokensNotFreshError) -> ResponseReturnValue:
    return redirect(url_for("settings.confirm_form", next=f"{request.script_root}{request.path}"), 303)


def _theft(_handle: str, _user_id: str) -> ResponseReturnValue:
    """Say it to whoever came second, who may be the user; the session has ended by now."""
    flash("Somebody has used a copy of your session, so it was ended. Log in, and change your password.", "warning")
    return redirect(url_for("accounts.log_in_form"), 303)
