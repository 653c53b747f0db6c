# SPDX-License-Identifier: Apache-2.0
"""Several cookies of one name: left by a changed domain, or planted."""

from __future__ import annotations

import flask
import pytest
from werkzeug.test import TestResponse

from supertokens.testing import FakeClock

from .conftest import Client, MakeApp


def session_of(app: flask.Flask, clock: FakeClock, user: str = "user") -> Client:
    client = Client(app, clock, {})
    client.post(f"/login?user={user}")
    return client


def cookies(*clients: Client, names: tuple[str, ...] = ("sAccessToken",)) -> dict[str, str]:
    pairs = [f"{name}={client.browser.value(name)}" for client in clients for name in names]
    return {"Cookie": "; ".join(pairs)}


def lines(response: TestResponse) -> list[str]:
    return response.headers.getlist("Set-Cookie")


@pytest.fixture
def app(make_app: MakeApp) -> flask.Flask:
    return make_app(cookie_domain="example.com", older_cookie_domain="old.example.com")


@pytest.mark.parametrize("order", [1, -1])
def test_of_one_session_the_newest_refresh_token_is_presented_so_that_a_stale_double_is_no_theft(
    app: flask.Flask, clock: FakeClock, order: int
) -> None:
    client = session_of(app, clock)
    stale = client.browser.value("sRefreshToken")
    client.post("/session/refresh")
    client.get("/me")
    clock.advance(hours=2)
    both = [stale, client.browser.value("sRefreshToken")][::order]
    answer = client.post("/session/refresh", {"Cookie": "; ".join(f"sRefreshToken={value}" for value in both)})
    assert answer.status_code == 200
    assert client.get("/me").status_code == 200


@pytest.mark.parametrize("order", [1, -1])
def test_of_one_session_the_newest_access_token_is_presented(app: flask.Flask, clock: FakeClock, order: int) -> None:
    client = session_of(app, clock)
    stale = client.browser.value("sAccessToken")
    clock.advance(hours=2)
    client.post("/session/refresh")
    client.get("/me")
    both = [stale, client.browser.value("sAccessToken")][::order]
    assert client.get("/me", {"Cookie": "; ".join(f"sAccessToken={value}" for value in both)}).status_code == 200


def test_a_double_that_is_garbage_is_passed_over(app: flask.Flask, clock: FakeClock) -> None:
    client = session_of(app, clock)
    good = client.browser.value("sAccessToken")
    for garbage in ("garbage", "", "a.b.c", "x" * 4000):
        for header in (f"sAccessToken={garbage}; sAccessToken={good}", f"sAccessToken={good}; sAccessToken={garbage}"):
            assert client.get("/me", {"Cookie": header}).status_code == 200
    good = client.browser.value("sRefreshToken")
    assert client.post("/session/refresh", {"Cookie": f"sRefreshToken=x; sRefreshToken={good}"}).status_code == 200


def test_two_sessions_of_one_user_settle_on_the_newest_and_the_doubles_are_cleared(
    app: flask.Flask, clock: FakeClock
) -> None:
    older = session_of(app, clock)
    clock.advance(seconds=5)
    newer = session_of(app, clock)
    answer = newer.get("/me", cookies(older, newer))
    assert answer.status_code == 200
    kept = f"sAccessToken={newer.browser.value('sAccessToken')}; Domain=example.com"
    assert any(line.startswith(kept) for line in lines(answer))
    cleared = [line for line in lines(answer) if line.startswith("sAccessToken=;")]
    assert any("Domain=old.example.com" in line for line in cleared)
    assert any("Domain=" not in line for line in cleared), "the host-only one"
    assert not any("Domain=example.com" in line for line in cleared)
    refreshed = newer.post("/session/refresh", cookies(older, newer, names=("sRefreshToken",)))
    assert refreshed.status_code == 200
    [_, newest] = app.extensions["the core"].session_handles("user")
    [line] = [line for line in lines(refreshed) if line.startswith("sRefreshToken=A")]
    token = line.removeprefix("sRefreshToken=").partition(";")[0]
    assert app.extensions["the core"].authentic_refresh_token(token) == (newest, 2), "not the older one's"


@pytest.mark.parametrize("path", ["/me", "/session/refresh"])
def test_sessions_of_different_users_are_unauthorised_with_one_warning_that_names_the_cure(
    app: flask.Flask, clock: FakeClock, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    victim, attacker = session_of(app, clock, "victim"), session_of(app, clock, "attacker")
    names = ("sAccessToken",) if path == "/me" else ("sRefreshToken",)
    answer = victim.call("GET" if path == "/me" else "POST", path, cookies(victim, attacker, names=names))
    assert answer.status_code == 401
    assert {line.split("=")[0] for line in lines(answer)} == {"sAccessToken", "sRefreshToken", "sIdRefreshToken"}
    assert all("01 Jan 1970" in line for line in lines(answer))
    assert "cookie_prefix: host" in caplog.text
    assert app.extensions["the core"].session_handles("victim") != []


def test_a_stale_double_of_another_user_whose_token_has_expired_does_not_count(
    app: flask.Flask, clock: FakeClock
) -> None:
    former = session_of(app, clock, "former")
    clock.advance(hours=2)
    present = session_of(app, clock, "present")
    assert present.get("/me", cookies(former, present)).json["user"] == "present"  # type: ignore[index]


def test_a_revoked_double_of_another_user_does_not_count_on_refresh(app: flask.Flask, clock: FakeClock) -> None:
    former, present = session_of(app, clock, "former"), session_of(app, clock, "present")
    app.extensions["the core"].revoke_user("former")
    answer = present.post("/session/refresh", cookies(former, present, names=("sRefreshToken",)))
    assert answer.status_code == 200


def test_hundreds_of_doubles_cost_no_more_than_a_few(app: flask.Flask, clock: FakeClock) -> None:
    client = session_of(app, clock)
    calls = 0
    core = app.extensions["the core"]
    authentic = core.authentic_access_token

    def counted(text: str) -> object:
        nonlocal calls
        calls += 1
        return authentic(text)

    core.authentic_access_token = counted
    value = client.browser.value("sAccessToken")
    assert client.get("/me", {"Cookie": "; ".join([f"sAccessToken={value}"] * 500)}).status_code == 200
    assert calls <= 8
