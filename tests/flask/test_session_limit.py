# SPDX-License-Identifier: Apache-2.0
"""How many sessions a user may have, and a log-in over the session that a browser has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import flask
import pytest

from supertokens.core import Event
from supertokens.flask import (
    SuperTokensSessionLimitError,
    create_new_session,
    get_all_session_handles_for_user,
    supertokens_middleware,
)
from supertokens.testing import FakeClock

from .conftest import Client, MakeApp, logged_in


def with_logins(app: flask.Flask) -> flask.Flask:
    @app.post("/replace")
    def replace() -> dict[str, Any]:
        user = flask.request.args.get("user", "ada")
        return {"handle": create_new_session(None, user, replace=True).get_handle()}

    @app.post("/keep")
    def keep() -> dict[str, Any]:
        return {"handle": create_new_session(None, "ada", replace=False).get_handle()}

    @app.get("/handle")
    @supertokens_middleware
    def handle() -> dict[str, Any]:
        return {"handle": flask.g.supertokens.get_handle()}

    return app


def handles(app: flask.Flask, user: str = "ada") -> list[str]:
    with app.app_context():
        return get_all_session_handles_for_user(user)


def test_of_sixteen_that_log_in_at_once_no_more_stay_than_may(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_logins(make_app(max_sessions_per_user=3))
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: Client(app, clock, {}).post("/login?user=ada").status_code, range(16)))
    assert answers == [200] * 16
    assert len(handles(app)) == 3


def test_of_sixteen_at_once_no_more_are_let_in_than_may(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_logins(make_app(max_sessions_per_user=3, session_limit_action="refuse"))
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: Client(app, clock, {}).post("/login?user=ada").status_code, range(16)))
    assert sorted(answers) == [200] * 3 + [409] * 13
    assert len(handles(app)) == 3


def test_the_session_goes_that_was_not_seen_for_longest(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_logins(make_app(max_sessions_per_user=2, access_token_blacklisting=True))
    first, second, third = (Client(app, clock, {}) for _ in range(3))
    for each in (first, second):
        each.post("/login?user=ada")
        clock.advance(minutes=1)
    first.post("/session/refresh")
    first.get("/me")
    third.post("/login?user=ada")
    assert [each.get("/me").status_code for each in (first, second, third)] == [200, 401, 200]


def test_a_refused_log_in_is_answered_with_409_changes_nothing_and_is_told(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_logins(make_app(max_sessions_per_user=1, session_limit_action="refuse"))
    client = logged_in(app, clock, refreshed=False)
    told: list[Event] = []
    app.extensions["the core"].signals.connect(told.append)
    refused = Client(app, clock, {}).post("/login?user=ada")
    assert (refused.status_code, refused.get_json()) == (
        409, {"error": "too many sessions", "message": "too many sessions"},
    )  # fmt: skip
    assert not refused.headers.getlist("Set-Cookie")
    assert [(event.kind, event.user_id, event.reason) for event in told] == [("refused", "ada", "session_limit")]
    assert client.get("/me").status_code == 200
    with app.test_request_context(), pytest.raises(SuperTokensSessionLimitError):
        create_new_session(None, "ada")
    assert Client(app, clock, {}).post("/login?user=grace").status_code == 200
    assert client.post("/replace").status_code == 200, "what it replaces does not count"
    assert len(handles(app)) == 1


def test_a_log_in_over_a_session_ends_it_where_that_is_asked_for(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_logins(make_app())
    client = Client(app, clock, {})
    first = client.post("/keep").get_json()["handle"]
    second = client.post("/keep").get_json()["handle"]
    assert handles(app) == sorted([first, second], key=handles(app).index)
    told: list[Event] = []
    app.extensions["the core"].signals.connect(told.append)
    third = client.post("/replace").get_json()["handle"]
    assert set(handles(app)) == {first, third}
    assert [(event.kind, event.handle) for event in told] == [("created", third), ("revoked", second)]
    fourth = client.post("/replace?user=grace").get_json()["handle"]
    assert (handles(app), handles(app, "grace")) == ([first], [fourth]), "another user's, too: it is one browser"


def test_pages_replace_by_default_also_when_the_access_token_has_expired(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_logins(make_app(renewal="server"))
    client = Client(app, clock, {})
    for _ in range(2):
        assert client.post("/login?user=ada").status_code == 200
        assert len(handles(app)) == 1
        clock.advance(hours=2)
    assert client.post("/keep").status_code == 200
    assert len(handles(app)) == 2


def test_neither_a_bearer_nor_a_forged_or_expired_token_is_replaced(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_logins(make_app())
    client = logged_in(app, clock, refreshed=False)
    token = client.browser.value("sAccessToken")
    others = Client(app, clock, {})
    others.post("/replace", {"Authorization": f"Bearer {token}"})
    assert len(handles(app)) == 2
    others = Client(app, clock, {})
    others.post("/replace", {"Cookie": f"sAccessToken={token[:-4]}AAAA; sRefreshToken=x"})
    assert len(handles(app)) == 3
    clock.advance(hours=2)
    others = Client(app, clock, {})
    others.post("/replace", {"Cookie": f"sAccessToken={token}"})
    assert len(handles(app)) == 4
