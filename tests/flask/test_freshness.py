# SPDX-License-Identifier: Apache-2.0
"""A log-in that is recent enough for what is asked, and a session under a new handle; in both topologies."""

from __future__ import annotations

from typing import Any

import flask
import pytest

from supertokens.core import Event
from supertokens.flask import (
    SuperTokensNotFreshError,
    SuperTokensUnauthorisedError,
    create_new_session,
    get_session,
    require_fresh,
    revoke_session,
    supertokens_middleware,
)
from supertokens.testing import FakeClock

from .conftest import LEGACY, MODERN, Client, MakeApp, logged_in, set_cookies

NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


def bank(app: flask.Flask) -> flask.Flask:
    @app.route("/pay", methods=["GET", "POST"])
    @supertokens_middleware
    def pay() -> str:
        require_fresh(300)
        return "paid"

    @app.post("/confirm")
    @supertokens_middleware
    def confirm() -> str:
        flask.g.supertokens.confirm()
        return "confirmed"

    @app.post("/renew")
    @supertokens_middleware
    def renew() -> dict[str, Any]:
        session = flask.g.supertokens
        before = session.get_handle()
        session.renew()
        again = get_session(None, False)
        return {
            "before": before,
            "after": session.get_handle(),
            "same": again.get_handle() == session.get_handle(),
            "payload": session.get_jwt_payload(),
            "data": session.get_session_data(),
        }

    @app.get("/unprotected")
    def unprotected() -> str:
        require_fresh(300)
        return "paid"

    return app


def test_a_log_in_is_fresh_for_so_long_and_no_longer(make_app: MakeApp, clock: FakeClock) -> None:
    client = logged_in(bank(make_app()), clock, refreshed=False)
    clock.advance(seconds=299.999)
    assert client.get("/pay").status_code == 200
    clock.advance(seconds=0.001)
    stale = client.get("/pay")
    assert (stale.status_code, stale.get_json()["message"]) == (403, "login too long ago")
    assert not stale.headers.getlist("Set-Cookie"), "the session itself is fine"
    assert client.get("/me").status_code == 200


def test_neither_a_refresh_nor_a_renewal_makes_a_log_in_fresh_and_a_confirmation_does(
    make_app: MakeApp, clock: FakeClock
) -> None:
    client = logged_in(bank(make_app()), clock)
    clock.advance(minutes=6)
    client.post("/session/refresh")
    assert client.post("/renew").status_code == 200
    assert client.get("/pay").status_code == 403
    assert client.post("/confirm").status_code == 200
    assert client.get("/pay").status_code == 200
    clock.advance(minutes=4)
    assert client.post("/renew").status_code == 200, "which keeps it"
    assert client.get("/pay").status_code == 200
    clock.advance(minutes=1)
    assert client.get("/pay").status_code == 403


def test_a_navigation_is_sent_to_log_in_and_comes_back_fresh(make_app: MakeApp, clock: FakeClock) -> None:
    app = bank(make_app(renewal="server", login_url="/login"))
    client = Client(app, clock, {})
    client.post("/login")
    clock.advance(minutes=6)
    sent = client.get("/pay", NAVIGATION)
    assert (sent.status_code, sent.headers["Location"]) == (303, "/login?next=%2Fpay")
    client.post("/login")
    assert client.get("/pay", NAVIGATION).status_code == 200


def test_a_clock_that_was_set_back_makes_nothing_fresh_for_long(make_app: MakeApp, clock: FakeClock) -> None:
    client = logged_in(bank(make_app()), clock, refreshed=False)
    clock.advance(seconds=-30)
    assert client.get("/pay").status_code == 200
    clock.advance(seconds=-31)
    with client.app.test_request_context():
        session = create_new_session(None, "user")
        clock.advance(seconds=-61)
        with pytest.raises(SuperTokensNotFreshError):
            session.require_fresh(300)


@pytest.mark.embedded_only
def test_a_view_without_protection_is_a_mistake_of_the_application(make_app: MakeApp, clock: FakeClock) -> None:
    app = bank(make_app())
    app.testing = True
    with pytest.raises(RuntimeError, match="protect the view"):
        logged_in(app, clock).get("/unprotected")


@pytest.mark.parametrize("dialect", [{}, LEGACY, MODERN], ids=["plain", "legacy", "modern"])
def test_a_renewed_session_has_a_new_handle_and_tokens_and_the_same_content(
    make_app: MakeApp, clock: FakeClock, dialect: dict[str, str]
) -> None:
    app = bank(make_app(access_token_blacklisting=True, enable_anti_csrf=False))
    client, copied = Client(app, clock, dialect), Client(app, clock, dialect)
    client.post("/login")
    copied.browser.take(
        [("Set-Cookie", line) for line in client.post("/session/refresh").headers.getlist("Set-Cookie")]
    )
    client.get("/me")
    told: list[Event] = []
    app.extensions["the core"].signals.connect(told.append)
    response = client.post("/renew")
    renewed = response.get_json()
    assert renewed["before"] != renewed["after"]
    assert renewed["same"]
    assert (renewed["payload"], renewed["data"]) == ({"role": "admin"}, {"cart": []})
    assert {"sAccessToken", "sRefreshToken"} <= set_cookies(response).keys()
    assert [(event.kind, event.handle) for event in told] == [
        ("created", renewed["after"]),
        ("revoked", renewed["before"]),
    ]
    assert copied.get("/me").status_code == 401, "who has copied the tokens is left behind"
    assert copied.post("/session/refresh").status_code == 401
    assert client.get("/me").status_code == 200
    assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").status_code == 200


def test_a_renewal_counts_as_use(make_app: MakeApp, clock: FakeClock) -> None:
    app = bank(make_app())
    client = logged_in(app, clock, refreshed=False)
    clock.advance(minutes=50)
    handle = client.post("/renew").get_json()["after"]
    assert app.extensions["the core"].session(handle).expires_at == clock() + 144_000 * 60_000


def test_a_renewal_does_not_move_the_absolute_end(make_app: MakeApp, clock: FakeClock) -> None:
    app = bank(make_app(session_max_lifetime=7200))
    client = logged_in(app, clock, refreshed=False)
    clock.advance(minutes=50)
    assert client.post("/renew").status_code == 200
    clock.advance(minutes=70)
    assert client.post("/session/refresh").status_code == 401


def test_a_session_that_has_ended_is_neither_renewed_nor_confirmed_nor_fresh(make_app: MakeApp) -> None:
    app = make_app()
    for verb in ("renew", "confirm"):
        with app.test_request_context():
            session = create_new_session(None, "user")
            revoke_session(session.get_handle())
            with pytest.raises((SuperTokensUnauthorisedError, RuntimeError)):
                getattr(session, verb)()
    with app.test_request_context():
        session = create_new_session(None, "user")
        app.extensions["the core"].revoke_sessions([session.get_handle()])
        with pytest.raises(SuperTokensUnauthorisedError):
            session.renew()
        with pytest.raises(SuperTokensUnauthorisedError):
            session.require_fresh(300)
