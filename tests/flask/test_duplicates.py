# SPDX-License-Identifier: Apache-2.0
"""Several cookies of one name: left by a changed domain, or planted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import flask
import pytest
from werkzeug.test import TestResponse

from supertokens.engine import base64url
from supertokens.testing import FakeClock
from supertokens.transport import duplicates

from .conftest import Client, MakeApp


@pytest.fixture(autouse=True)
def no_warning_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_warning", duplicates._RationedWarning())


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
    assert lines(answer) == [], "nothing is deleted: no later request is served as the planter's user"
    [warning] = [record.message for record in caplog.records if "different users" in record.message]
    assert warning.index("older_cookie_domain") < warning.index("cookie_prefix: host")
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


class Calls:
    """What a core is asked about refresh tokens and sessions, by name; each may be a call over the network."""

    def __init__(self, app: flask.Flask, monkeypatch: pytest.MonkeyPatch) -> None:
        self.made: list[str] = []
        core = app.extensions["the core"]
        for name in ("authentic_refresh_token", "session", "refresh"):
            monkeypatch.setattr(core, name, self._counted(name, getattr(core, name)))

    def _counted(self, name: str, verb: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **options: Any) -> Any:
            self.made.append(name)
            return verb(*arguments, **options)

        return counted


def refresh_with(client: Client, *values: str) -> TestResponse:
    return client.post("/session/refresh", {"Cookie": "; ".join(f"sRefreshToken={value}" for value in values)})


def bits_of(token: str) -> bytearray:
    return bytearray(base64url.decode(token))


def with_serial(token: str, serial: int) -> str:
    """`token`, forged to be of another serial."""
    raw = bits_of(token)
    raw[25:33] = serial.to_bytes(8, "big")
    return base64url.encode(raw)


def no_refresh_tokens(good: str) -> list[str]:
    """Texts that nearly have the form of `good`."""
    other_version = bits_of(good)
    other_version[0] = 2
    return ["x", "", good + "A", good[:-1], good[:-1] + "B", good[:-1] + "+", "é" * len(good),
            base64url.encode(other_version)]  # fmt: skip


@pytest.mark.parametrize("anti_csrf", [False, True])
def test_what_cannot_be_a_refresh_token_costs_no_call_and_pushes_nothing_out(
    make_app: MakeApp, clock: FakeClock, anti_csrf: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(enable_anti_csrf=anti_csrf)
    client = session_of(app, clock)
    good = client.browser.value("sRefreshToken")
    assert len(good) == (119 if anti_csrf else 98)
    calls = Calls(app, monkeypatch)
    garbage = no_refresh_tokens(good) * 4
    assert refresh_with(client, *garbage, good, *garbage).status_code == 200
    assert calls.made == ["refresh"]
    calls.made.clear()
    assert refresh_with(client, *garbage).status_code == 401
    assert calls.made == ["refresh"]


def test_of_one_session_no_more_is_asked_than_whether_the_newest_token_is_authentic(
    app: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = session_of(app, clock)
    tokens = [client.browser.value("sRefreshToken")]
    for _ in range(5):
        client.post("/session/refresh")
        client.get("/me")
        tokens.append(client.browser.value("sRefreshToken"))
    calls = Calls(app, monkeypatch)
    assert refresh_with(client, *tokens, *tokens).status_code == 200
    assert calls.made == ["authentic_refresh_token", "refresh"]
    calls.made.clear()
    forged = with_serial(tokens[-1], 2**64 - 1)
    assert refresh_with(client, tokens[-1], forged).status_code == 200
    assert calls.made == ["authentic_refresh_token", "refresh"]


def test_a_forged_token_of_another_session_is_no_planted_one(
    app: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    victim, other = session_of(app, clock, "victim"), session_of(app, clock, "other")
    forged = with_serial(other.browser.value("sRefreshToken"), 7)
    calls = Calls(app, monkeypatch)
    assert refresh_with(victim, forged, victim.browser.value("sRefreshToken")).status_code == 200
    assert calls.made == ["authentic_refresh_token", "authentic_refresh_token", "refresh"]


def test_forged_tokens_cost_no_more_than_a_few_calls(
    app: flask.Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = session_of(app, clock)
    good = client.browser.value("sRefreshToken")
    calls = Calls(app, monkeypatch)
    refresh_with(client, *(with_serial(good, serial) for serial in range(100, 200)))
    assert len(calls.made) <= 9


def test_what_cannot_be_an_access_token_pushes_nothing_out(app: flask.Flask, clock: FakeClock) -> None:
    client = session_of(app, clock)
    good = client.browser.value("sAccessToken")
    values = [*(f"garbage-{number}" for number in range(20)), "a.b", "a.b.c.d", good]
    assert client.get("/me", {"Cookie": "; ".join(f"sAccessToken={value}" for value in values)}).status_code == 200


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
