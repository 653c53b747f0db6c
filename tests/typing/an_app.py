# SPDX-License-Identifier: Apache-2.0
# pyright: strict
"""An app as a user writes it: nothing in it is wrong, and type checkers in their strict modes find nothing."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Flask, Response, jsonify, make_response
from flask.views import MethodView

from supertokens import Core
from supertokens.flask import (
    Session,
    SuperTokens,
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
    check_origin,
    create_new_session,
    current_session,
    get_all_session_handles_for_user,
    get_jwt_payload,
    get_session,
    get_session_data,
    next_url,
    refresh_session,
    revoke_all_sessions_for_user,
    revoke_multiple_sessions,
    revoke_session,
    set_relevant_headers_for_options_api,
    supertokens_middleware,
    update_jwt_payload,
    update_session_data,
)

sessions = SuperTokens(
    access_token_validity=900,
    refresh_token_validity=60,
    refresh_token_rotation_grace_period=10,
    refresh_token_rotation_grace_binding="user-agent",
    access_token_blacklisting=True,
    enable_anti_csrf=True,
    cookie_domain="example.com",
    cookie_secure=True,
    cookie_same_site="lax",
    session_expired_status_code=401,
    database="sqlite:////var/lib/shop/sessions.sqlite3",
)
blueprint = Blueprint("shop", __name__)


def create_app(core: Core | None = None) -> Flask:
    app = Flask(__name__)
    sessions.init_app(app, core=core)
    app.register_blueprint(blueprint)
    return app


def log_in_first(error: SuperTokensUnauthorisedError) -> tuple[dict[str, str], int]:
    return {"message": str(error)}, 401


def warn_the_user(session_handle: str, user_id: str) -> Response:
    return make_response(f"{session_handle.upper()} of {user_id.upper()}", 401)


def refresh_first(error: SuperTokensTryRefreshTokenError) -> str:
    return str(error)


sessions.set_unauthorised_error_handler(log_in_first)
sessions.set_token_theft_detected_error_handler(warn_the_user)
sessions.set_try_refresh_token_error_handler(refresh_first)


@blueprint.post("/login")
def login() -> Response:
    response = jsonify({})
    session: Session = create_new_session(response, "ada", {"role": "admin"}, {"cart": []})
    session.update_session_data({"cart": [session.get_user_id()]})
    return response


@blueprint.get("/bare")
@supertokens_middleware
def bare() -> str:
    session = current_session()
    if session is None:
        return "nobody"
    return session.get_user_id()


@blueprint.get("/public")
@supertokens_middleware(required=False)
def public() -> str:
    session = get_session(None, False, required=False)
    return "stranger" if session is None else session.get_user_id()


@blueprint.post("/sign-in")
def sign_in() -> Response:
    check_origin()
    create_new_session(None, "ada")
    return make_response("", 303, {"Location": next_url("/")})


@blueprint.get("/order/<int:number>")
@supertokens_middleware()
def order(number: int, *, detailed: bool = False) -> dict[str, Any]:
    return {"number": number, "detailed": detailed}


@blueprint.get("/export/<int:number>")
@supertokens_middleware(True)
def export(number: int) -> str:
    return str(number)


@blueprint.get("/async")
@supertokens_middleware(anti_csrf_check=False)
async def asynchronous() -> str:
    return "later"


class Cart(MethodView):
    @supertokens_middleware
    def get(self, number: int) -> str:
        return str(number)


# The decorator leaves a view's arguments and what it returns as they are.
same_number: str = export(7)
same_order: dict[str, Any] = order(7, detailed=True)
same_cart: str = Cart().get(7)


@blueprint.post("/session/refresh")
def refresh() -> dict[str, str]:
    return {"handle": refresh_session(None).get_handle()}


@blueprint.post("/logout")
def logout() -> Response:
    response = make_response("")
    set_relevant_headers_for_options_api(response)
    try:
        get_session(response, True).revoke_session()
    except SuperTokensTokenTheftError as theft:
        revoke_session(theft.session_handle)
    except SuperTokensError:
        pass
    return response


def close_account(user_id: str) -> list[str]:
    handles: list[str] = get_all_session_handles_for_user(user_id)
    for handle in handles:
        update_session_data(handle, {**get_session_data(handle), "closed": True})
        update_jwt_payload(handle, {**get_jwt_payload(handle), "closed": True})
    return revoke_multiple_sessions(handles) + revoke_all_sessions_for_user(user_id)
