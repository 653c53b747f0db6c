# SPDX-License-Identifier: Apache-2.0
"""A user's devices: what a session notes of its client, the list, and the end of all the others."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import Any

import flask
import pytest
from flask.testing import EnvironBuilder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from supertokens.flask import (
    export_sessions,
    forget_clients,
    list_sessions,
    revoke_all_sessions_for_user,
    supertokens_middleware,
)
from supertokens.testing import FakeClock

from .conftest import Client, MakeApp

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"


def with_devices(app: flask.Flask) -> flask.Flask:
    @app.get("/devices")
    @supertokens_middleware
    def devices() -> list[dict[str, Any]]:
        listed = list_sessions(flask.g.supertokens.get_user_id())
        return [
            {
                "handle": each.handle,
                "seen": each.last_seen_at,
                "agent": each.user_agent,
                "address": each.address,
                "current": each.is_current,
            }
            for each in listed
        ]

    @app.post("/log-out-others")
    @supertokens_middleware
    def log_out_others() -> list[str]:
        revoked: list[str] = flask.g.supertokens.revoke_other_sessions()
        return revoked

    return app


def devices(client: Client) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.get("/devices").get_json()
    return found


def test_the_list_has_what_the_last_refresh_came_from_and_says_which_session_is_this_one(
    make_app: MakeApp, clock: FakeClock
) -> None:
    app = with_devices(make_app())
    phone, laptop = Client(app, clock, {}, "Phone"), Client(app, clock, {}, FIREFOX)
    for each in (phone, laptop):
        each.post("/login")
        clock.advance(minutes=1)
    assert [(each["agent"], each["current"]) for each in devices(laptop)] == [("Phone", False), (FIREFOX, True)]
    assert [each["current"] for each in devices(phone)] == [True, False]
    phone.agent = "Phone, updated"
    phone.post("/session/refresh")
    first = devices(laptop)[0]
    assert (first["agent"], first["seen"]) == ("Phone, updated", clock() - 120_000), "handed out, and not yet used"
    clock.advance(minutes=1)
    phone.get("/me")
    assert devices(laptop)[0]["seen"] == clock(), "its first use"
    assert {each["address"] for each in devices(laptop)} == {None}, "not unless it is asked for"


@pytest.mark.parametrize(
    ("record", "agent", "address"),
    [("none", None, None), ("user-agent", "Phone", None), ("address", "Phone", "192.0.2.7")],
)
def test_no_more_is_noted_than_the_setting_allows(
    make_app: MakeApp, clock: FakeClock, record: str, agent: str | None, address: str | None
) -> None:
    app = with_devices(make_app(record_client=record))
    client = Client(app, clock, {}, "Phone")
    client.call("POST", "/login", environ_base={"REMOTE_ADDR": "192.0.2.7"})
    [noted] = devices(client)
    assert (noted["agent"], noted["address"]) == (agent, address)


def test_a_setting_that_allows_less_forgets_with_the_next_refresh(make_app: MakeApp, clock: FakeClock) -> None:
    client = Client(with_devices(make_app(record_client="address")), clock, {}, "Phone")
    client.call("POST", "/login", environ_base={"REMOTE_ADDR": "::ffff:192.0.2.7"})
    assert devices(client)[0]["address"] == "192.0.2.7"
    client.app = with_devices(make_app(record_client="none"))
    client.post("/session/refresh")
    assert [(each["agent"], each["address"]) for each in devices(client)] == [(None, None)]


@pytest.mark.parametrize(
    "agent",
    ["x" * 65_536, "\xff\xfe\x80", "Fire\x1b[31mfox\x07", "F\u00fcr", "\u20ac" * 200, " ", "", "\x00"],
    ids=ascii,
)
def test_a_user_agent_of_any_kind_is_bounded_and_printable(make_app: MakeApp, clock: FakeClock, agent: str) -> None:
    sent = agent.encode().decode("latin-1")  # as WSGI hands it on
    client = Client(with_devices(make_app()), clock, {}, "first")
    client.call("POST", "/login", environ_base={"HTTP_USER_AGENT": sent}, headers={"User-Agent": sent})
    noted = devices(client)[0]["agent"]
    assert noted is None or (0 < len(noted.encode()) <= 256 and noted.isprintable())


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    agent=st.binary(max_size=400) | st.integers(0, 65_536).map(lambda size: b"\xc3\xbc" * (size // 2)),
    address=st.none() | st.text(max_size=50) | st.ip_addresses().map(str)
    | st.sampled_from(["", "unix:", "@", "127.0.0.1:80", "::ffff:192.0.2.7", "fe80::1%eth0", "1" * 10_000]),
)  # fmt: skip
def test_whatever_a_server_hands_on_of_a_client_is_bounded_printable_and_an_address_or_none(
    make_app: MakeApp, clock: FakeClock, agent: bytes, address: str | None
) -> None:
    """WSGI hands bytes on as Latin-1, invalid UTF-8 and control bytes too (PEP 3333); a socket's path is no address."""
    app = make_app(record_client="address")
    core = app.extensions["the core"]
    core.revoke_user("user")
    environ = {"HTTP_USER_AGENT": agent.decode("latin-1"), "REMOTE_ADDR": address}
    environ = {name: value for name, value in environ.items() if value is not None}
    builder = EnvironBuilder(app, "/login", method="POST", environ_overrides=environ)
    whole = builder.get_environ()
    if address is None:
        whole.pop("REMOTE_ADDR", None)
    status, *_ = app.test_client(use_cookies=False).run_wsgi_app(whole, buffered=True)[1:]
    assert status == "200 OK"
    [noted] = [each.client for each in core.sessions("user")]
    assert noted.user_agent is None or (0 < len(noted.user_agent.encode()) <= 256 and noted.user_agent.isprintable())
    assert noted.address is None or ip_address(noted.address)
    with app.app_context():
        json.dumps(export_sessions("user"))


def test_all_others_are_logged_out_and_this_one_is_not(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_devices(make_app(access_token_blacklisting=True))
    clients = [Client(app, clock, {}, f"Device {number}") for number in range(3)]
    for each in clients:
        each.post("/login")
    other_user = Client(app, clock, {})
    other_user.post("/login?user=grace")
    handles = [each["handle"] for each in devices(clients[1])]
    revoked = clients[1].post("/log-out-others").get_json()
    assert len(revoked) == 2
    assert set(revoked) < set(handles)
    assert [each.get("/me").status_code for each in clients] == [401, 200, 401]
    assert other_user.get("/me").status_code == 200
    assert clients[1].post("/log-out-others").get_json() == []


def test_a_list_goes_on_behind_a_cursor(make_app: MakeApp, clock: FakeClock) -> None:
    app = with_devices(make_app())
    for _ in range(5):
        Client(app, clock, {}).post("/login")
        clock.advance(seconds=1)
    with app.app_context():
        whole = list_sessions("user")
        first = list_sessions("user", limit=2)
        rest = list_sessions("user", after=first[-1].cursor)
        assert [*first, *rest] == whole
        assert len(whole) == 5
        assert not any(each.is_current for each in whole)


def test_what_is_noted_of_a_user_goes_with_the_sessions_and_is_shown_in_no_repr(
    make_app: MakeApp, clock: FakeClock
) -> None:
    app = with_devices(make_app(record_client="address"))
    Client(app, clock, {}, "Secret Browser").call("POST", "/login", environ_base={"REMOTE_ADDR": "192.0.2.77"})
    with app.app_context():
        [session] = list_sessions("user")
        assert (session.user_agent, session.address) == ("Secret Browser", "192.0.2.77")
        core = app.extensions["the core"]
        for each in (session, *core.sessions("user")):
            assert "Secret" not in repr(each)
            assert "192.0.2.77" not in repr(each)
        revoke_all_sessions_for_user("user")
        assert list_sessions("user") == []


def test_a_user_is_given_what_is_stored_and_clients_are_forgotten_without_a_log_out(
    make_app: MakeApp, clock: FakeClock
) -> None:
    app = with_devices(make_app(record_client="address"))
    phone, other = Client(app, clock, {}, "Phone"), Client(app, clock, {}, "Laptop")
    phone.call("POST", "/login", environ_base={"REMOTE_ADDR": "192.0.2.77"})
    other.post("/login?user=grace")
    with app.app_context():
        [exported] = export_sessions("user")
        assert (exported["user_agent"], exported["address"]) == ("Phone", "192.0.2.77")
        assert (exported["jwt_payload"], exported["session_data"]) == ({"role": "admin"}, {"cart": []})
        assert export_sessions("nobody") == []
        assert forget_clients("user") == [exported["handle"]]
        assert export_sessions("user") == [exported | {"user_agent": None, "address": None}]
        assert export_sessions("grace")[0]["user_agent"] == "Laptop"
    assert [(each["agent"], each["address"]) for each in devices(phone)] == [(None, None)]
    assert phone.post("/session/refresh").status_code == 200
    assert devices(phone)[0]["agent"] == "Phone", "which the setting still lets sessions note"


def test_a_session_that_has_ended_ends_no_other(make_app: MakeApp, clock: FakeClock) -> None:
    """Its access token lives out its minutes: the holder of a stolen one must not log the owner out everywhere."""
    app = with_devices(make_app())
    thief, owner = Client(app, clock, {}), Client(app, clock, {})
    thief.post("/login")
    owner.post("/login")
    [stolen] = [each["handle"] for each in devices(thief) if each["current"]]
    app.extensions["the core"].revoke_sessions([stolen])
    assert thief.get("/me").status_code == 200
    assert thief.post("/log-out-others").status_code == 401
    assert owner.post("/session/refresh").status_code == 200
