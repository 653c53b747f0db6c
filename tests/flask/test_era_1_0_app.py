# SPDX-License-Identifier: Apache-2.0
"""An application written for the 1.0 series of the older package: only its import lines have changed.

What it relies on: the response as first argument, positional, under either name; three handlers; the decorator in its
three forms; `g.supertokens`; errors caught by name; CORS set by hand.
"""

from __future__ import annotations

from typing import Any

import flask
import pytest
from flask import Flask, Response, g, jsonify, make_response, request

import supertokens.flask
from supertokens.core import system_clock

# from supertokens_flask.exceptions import (…)
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)

# from supertokens_flask import (…)                        was the line above these in the application
from supertokens.flask import (
    SuperTokens,
    create_new_session,
    get_session,
    get_session_data,
    refresh_session,
    revoke_all_sessions_for_user,
    set_relevant_headers_for_options_api,
    supertokens_middleware,
    update_session_data,
)
from supertokens.testing import FakeClock

from .conftest import LEGACY, Client


def make_app() -> Flask:
    app = Flask(__name__)
    app.testing = True
    app.config["SUPERTOKENS_COOKIE_SECURE"] = False
    app.config["SUPERTOKENS_REFRESH_TOKEN_PATH"] = "/refresh"
    supertokens = SuperTokens(app)

    def unauthorised(err: Exception) -> Response:
        res = make_response("please log in", 440)
        res.headers["Access-Control-Allow-Origin"] = "http://localhost:8080"
        return res

    def try_refresh(err: Exception) -> tuple[str, int]:
        return "try refresh", 440

    def theft(session_handle: str, user_id: str) -> Response:
        revoke_all_sessions_for_user(user_id)
        return make_response(jsonify({"theft": user_id}), 440)

    supertokens.set_unauthorised_error_handler(unauthorised)
    supertokens.set_try_refresh_token_error_handler(try_refresh)
    supertokens.set_token_theft_detected_error_handler(theft)

    @app.route("/login", methods=["OPTIONS"])
    def options() -> Response:
        res = make_response("")
        set_relevant_headers_for_options_api(res)
        return res

    @app.route("/login", methods=["POST"])
    def login() -> Response:
        user_id = request.get_json()["userId"]
        res = make_response(user_id)
        session = create_new_session(res, user_id, {"role": "user"}, {"visits": 0})
        assert session.get_handle()
        return res

    @app.route("/home", methods=["GET"])
    @supertokens_middleware
    def home() -> Response:
        session = g.supertokens
        update_session_data(session.get_handle(), {"visits": get_session_data(session.get_handle())["visits"] + 1})
        return jsonify(session.get_session_data())

    @app.route("/by-hand", methods=["GET"])
    def by_hand() -> Any:
        res = make_response("")
        try:
            session = get_session(res, False)
        except SuperTokensTryRefreshTokenError:
            return "by hand: try refresh", 440
        except SuperTokensUnauthorisedError:
            return "by hand: unauthorised", 440
        except SuperTokensGeneralError:
            return "by hand: general", 500
        res.set_data(session.get_user_id())
        return res

    @app.route("/refresh", methods=["POST"])
    @supertokens_middleware()
    def refresh() -> str:
        return ""

    @app.route("/refresh-by-hand", methods=["POST"])
    def refresh_by_hand() -> Any:
        res = make_response("")
        try:
            refresh_session(res)
        except SuperTokensUnauthorisedError:
            return "gone", 440
        except SuperTokensTokenTheftError as err:
            return f"theft {err.user_id}", 440
        return res

    @app.route("/payload", methods=["POST"])
    @supertokens_middleware(False)
    def payload() -> Response:
        g.supertokens.update_jwt_payload({"role": "admin"})
        return jsonify(g.supertokens.get_jwt_payload())

    @app.route("/logout", methods=["POST"])
    @supertokens_middleware(True)
    def logout() -> str:
        g.supertokens.revoke_session()
        return ""

    return app


@pytest.fixture
def client() -> Client:
    return Client(make_app(), FakeClock(system_clock()), LEGACY)


def test_a_1_0_era_app_runs_with_nothing_changed_but_its_import_lines(client: Client) -> None:
    assert client.call("OPTIONS", "/login").headers["Access-Control-Allow-Headers"].startswith("anti-csrf, ")
    assert client.post("/login", json={"userId": "me"}).text == "me"
    assert [client.get("/home").json, client.get("/home").json] == [{"visits": 1}, {"visits": 2}]
    assert client.get("/by-hand").text == "me"
    assert client.post("/refresh").status_code == 200
    assert client.get("/home").json == {"visits": 3}
    assert client.post("/payload").json == {"role": "admin"}
    assert client.post("/logout").status_code == 200
    assert client.browser.jar == {}
    answer = client.get("/home")
    assert (answer.status_code, answer.text) == (440, "please log in")
    assert answer.headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert "id-refresh-token" not in answer.headers, "no cookie came, so nothing is said of a session"
    assert client.get("/by-hand").text == "by hand: unauthorised"


def test_its_theft_handler_gets_handle_and_user_in_the_old_order(client: Client) -> None:
    client.post("/login", json={"userId": "me"})
    thief = Client(client.app, FakeClock(system_clock()), LEGACY, agent="curl")
    stolen = client.browser.cookie_header("/refresh")
    client.post("/refresh")
    client.get("/home")
    assert thief.post("/refresh", {"Cookie": stolen}).json == {"theft": "me"}
    assert client.post("/refresh").status_code == 440


def test_the_parameter_of_the_response_is_called_res_as_documented(client: Client) -> None:
    with client.app.test_request_context():
        session = create_new_session(res=flask.Response(), user_id="me", jwt_payload=None, session_data=None)
        assert session.get_user_id() == "me"


def test_the_errors_of_the_older_package_are_found_under_the_name_that_it_has_for_them() -> None:
    from supertokens.flask import exceptions  # from supertokens_flask import exceptions

    for name in ("General", "Unauthorised", "TryRefreshToken", "TokenTheft"):
        error = getattr(exceptions, f"SuperTokens{name}Error")
        assert issubclass(error, exceptions.SuperTokensError)
        assert error is getattr(supertokens.flask, error.__name__)
