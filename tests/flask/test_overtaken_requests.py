# SPDX-License-Identifier: Apache-2.0
"""Requests that were sent with the tokens of before, and are answered after the session was given others.

What such an answer clears, the browser loses: it has the new cookies by then. Both topologies, each kind of client.
"""

from __future__ import annotations

from typing import Any

import flask
import pytest

from supertokens.flask import create_new_session, current_session, supertokens_middleware
from supertokens.testing import FakeClock

from .conftest import HEADER_MODE, LEGACY, MODERN, Client, MakeApp, deleted, set_cookies

GRACE = 10  # seconds
DIALECTS = {"plain": {}, "legacy": LEGACY, "modern": MODERN}
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Accept": "text/html"}


def bank(app: flask.Flask) -> flask.Flask:
    @app.post("/renew")
    @supertokens_middleware
    def renew() -> str:
        flask.g.supertokens.renew()
        return "renewed"

    @app.post("/act/<what>")
    @supertokens_middleware
    def act(what: str) -> str:
        session = flask.g.supertokens
        acts: dict[str, Any] = {
            "renew": session.renew,
            "confirm": session.confirm,
            "fresh": lambda: session.require_fresh(300),
            "others": session.revoke_other_sessions,
            "data": session.get_session_data,
            "replace data": lambda: session.update_session_data({"n": 1}),
            "change data": lambda: session.update_session_data(lambda data: data | {"n": 1}),
            "payload": lambda: session.update_jwt_payload({"n": 1}),
        }
        acts[what]()
        return "done"

    @app.post("/log-in-again")
    def log_in_again() -> str:
        create_new_session(None, "user", replace=True)
        return "in"

    @app.get("/maybe")
    @supertokens_middleware(required=False)
    def maybe() -> str:
        session = current_session()
        return "nobody" if session is None else session.get_user_id()

    return app


def sent_before(client: Client) -> Client:
    """Return the same browser as it was when it sent a request that has not been answered yet."""
    earlier = Client(client.app, client.browser._clock, client.dialect, client.agent)
    earlier.browser.jar.update(client.browser.jar)
    return earlier


def logged_in(app: flask.Flask, clock: FakeClock, dialect: dict[str, str], *, marked: bool) -> Client:
    client = Client(app, clock, dialect)
    client.post("/login")
    if marked:
        client.post("/session/refresh")
    return client


def is_logged_in(client: Client) -> bool:
    return client.get("/me").status_code == client.post("/session/refresh").status_code == 200


ACTS = ("renew", "confirm", "fresh", "others", "data", "replace data", "change data", "payload")


@pytest.mark.parametrize(
    ("dialect", "path", "marked", "options"),
    [
        *((dialect, "/me", True, {}) for dialect in DIALECTS),
        *((dialect, "/me", False, {"access_token_blacklisting": True}) for dialect in DIALECTS),
        *((dialect, "/session/refresh", False, {}) for dialect in DIALECTS),
        *(("plain", f"/act/{act}", False, {}) for act in ACTS),
    ],
)
def test_an_answer_that_a_renewal_overtook_leaves_the_new_session_alone(
    make_app: MakeApp, clock: FakeClock, dialect: str, path: str, marked: bool, options: dict[str, Any]
) -> None:
    client = logged_in(bank(make_app(**options)), clock, DIALECTS[dialect], marked=marked)
    before = sent_before(client)
    assert client.post("/renew").status_code == 200
    clock.advance(seconds=GRACE)
    late = before.post(path)
    assert (late.status_code, late.get_json()["message"]) == (401, "unauthorised")
    assert not late.headers.getlist("Set-Cookie")
    assert not {"front-token", "id-refresh-token"} & {name.lower() for name, _ in late.headers}
    client.browser.take(late.headers)
    assert is_logged_in(client)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_after_the_grace_period_tokens_of_before_are_those_of_a_session_that_has_ended(
    make_app: MakeApp, clock: FakeClock, dialect: str
) -> None:
    """A jar that went back in time has them for good: its browser must get rid of them, and be sent to log in."""
    client = logged_in(bank(make_app()), clock, DIALECTS[dialect], marked=True)
    before = sent_before(client)
    client.post("/renew")
    clock.advance(seconds=GRACE + 0.001)
    for path in ("/me", "/session/refresh"):
        late = sent_before(before).post(path)
        assert late.status_code == 401
        assert {"sAccessToken", "sRefreshToken"} <= deleted(late)


def test_once_the_renewed_session_is_refreshed_no_answer_is_taken_for_one_that_was_overtaken(
    make_app: MakeApp, clock: FakeClock
) -> None:
    client = logged_in(bank(make_app()), clock, {}, marked=True)
    before = sent_before(client)
    client.post("/renew")
    client.post("/session/refresh")
    assert {"sAccessToken", "sRefreshToken"} <= deleted(before.get("/me"))


@pytest.mark.parametrize("end", ["/logout", "revoke"])
def test_the_end_of_the_renewed_session_is_no_renewal(make_app: MakeApp, clock: FakeClock, end: str) -> None:
    app = bank(make_app())
    client = logged_in(app, clock, {}, marked=True)
    before = sent_before(client)
    client.post("/renew")
    if end == "revoke":
        app.extensions["the core"].revoke_user("user")
    else:
        client.post(end)
    assert {"sAccessToken", "sRefreshToken"} <= deleted(before.get("/me"))


def test_without_a_grace_period_there_is_none_for_this_either(make_app: MakeApp, clock: FakeClock) -> None:
    client = logged_in(bank(make_app(refresh_token_rotation_grace_period=0)), clock, {}, marked=True)
    before = sent_before(client)
    client.post("/renew")
    assert {"sAccessToken", "sRefreshToken"} <= deleted(before.get("/me"))


def test_a_client_in_header_mode_keeps_its_tokens(make_app: MakeApp, clock: FakeClock) -> None:
    app = bank(make_app())
    answer = Client(app, clock, HEADER_MODE).post("/login")
    bearer = {**HEADER_MODE, "Authorization": f"Bearer {answer.headers['st-refresh-token']}"}
    access = {**HEADER_MODE, "Authorization": f"Bearer {answer.headers['st-access-token']}"}
    client = Client(app, clock, {})
    assert client.post("/renew", access).headers["st-access-token"]
    late = client.post("/session/refresh", bearer)
    assert late.status_code == 401
    assert not {"front-token", "st-access-token", "st-refresh-token"} & {name.lower() for name, _ in late.headers}


@pytest.mark.parametrize("blacklisting", [False, True])
@pytest.mark.parametrize("what", ["dead", "absent", "marked"])
def test_a_page_that_a_renewal_overtook_is_asked_for_again(
    make_app: MakeApp, clock: FakeClock, what: str, blacklisting: bool
) -> None:
    app = bank(make_app(renewal="server", login_url="/login", access_token_blacklisting=blacklisting))
    client = logged_in(app, clock, {}, marked=False)
    if what == "absent":
        client.browser.jar = {key: each for key, each in client.browser.jar.items() if each.name != "sAccessToken"}
    else:
        clock.advance(hours=1)
    if what == "marked":
        client.get("/me")
    before = sent_before(client)
    assert client.post("/renew").status_code == 200
    clock.advance(seconds=GRACE)
    page = sent_before(before).get("/me?page=2", NAVIGATION)
    assert (page.status_code, page.headers["Location"]) == (303, "/me?page=2&supertokens-again=1")
    for late in (
        page, sent_before(before).get("/me"), sent_before(before).post("/me"),
        sent_before(before).get("/maybe"), sent_before(before).post("/act/renew"),
    ):  # fmt: skip
        assert not late.headers.getlist("Set-Cookie")
        client.browser.take(late.headers)
    assert client.get("/me?page=2&supertokens-again=1", NAVIGATION).status_code == 200
    clock.advance(hours=2)
    assert client.get("/me").status_code == 200, "it renews, and goes on"


def test_a_second_click_ends_neither_the_renewed_session_nor_its_cookies(make_app: MakeApp, clock: FakeClock) -> None:
    """Both requests had passed their check when the first one renewed: 'others' must not mean the renewed one."""
    app = bank(make_app())
    client = logged_in(app, clock, {}, marked=False)
    before = sent_before(client)
    client.post("/renew")
    for act in ("others", "renew", "fresh"):
        client.browser.take(before.post(f"/act/{act}").headers)
    assert is_logged_in(client)
    assert len(app.extensions["the core"].session_handles("user")) == 1


@pytest.mark.embedded_only
def test_the_refusal_is_told_as_one_of_this_request_only(make_app: MakeApp, clock: FakeClock) -> None:
    app = bank(make_app(renewal="server"))
    client = logged_in(app, clock, {}, marked=False)
    clock.advance(hours=1)
    before, told = sent_before(client), []
    client.post("/renew")
    app.extensions["the core"].signals.connect(lambda event: told.append((event.kind, event.reason)))
    before.get("/me")
    assert told == [("refused", "replaced")]


@pytest.mark.parametrize("options", [{}, {"renewal": "server"}], ids=["client", "server"])
def test_an_answer_that_a_log_in_over_the_session_overtook_undoes_it_as_the_documentation_says(
    make_app: MakeApp, clock: FakeClock, options: dict[str, Any]
) -> None:
    """docs/how-it-works.md, "not covered": the user logs in again. A living, unmarked access token does no harm."""
    client = logged_in(bank(make_app(**options)), clock, {}, marked=True)
    if options:
        client = logged_in(client.app, clock, {}, marked=False)
        clock.advance(hours=1)
    before = sent_before(client)
    assert set_cookies(client.post("/log-in-again"))
    client.browser.take(before.get("/me").headers)
    assert client.get("/me").status_code == 401

    client = logged_in(client.app, clock, {}, marked=False)
    before = sent_before(client)
    client.post("/log-in-again")
    client.browser.take(before.get("/me").headers)
    assert client.get("/me").status_code == 200


def test_a_handle_is_never_given_twice(make_app: MakeApp, clock: FakeClock) -> None:
    """Its tokens are derived of it: a handle that came again would bring tokens of before back to life."""
    app = bank(make_app())
    core, seen = app.extensions["the core"], set()
    client = logged_in(app, clock, {}, marked=False)
    for path in ("/renew", "/renew", "/log-in-again", "/log-in-again", "/renew", "/logout"):
        [handle] = core.session_handles("user")
        assert handle not in seen
        seen.add(handle)
        before = sent_before(client)
        client.post(path)
        for late in ("/renew", "/act/renew", "/session/refresh"):
            sent_before(before).post(late)
            assert set(core.session_handles("user")).isdisjoint(seen)
