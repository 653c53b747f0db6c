# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium: access tokens expire, and nobody notices (docs/protocol/browsers.md)."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode

import pytest

from supertokens.core import system_clock

from .contract_app import USER
from .deployment import ON_DOMAIN, Deploy
from .window import Answer, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]


def test_a_call_with_a_live_access_token_refreshes_nothing(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()

    assert tab.call() == Answer(200, USER)
    assert (tab.verifications, tab.refreshes) == (1, 0)
    assert tab.session_exists


def test_an_expired_call_hits_the_api_twice_and_refreshes_once(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    server.let_access_tokens_expire()

    assert tab.call() == Answer(200, USER)
    assert (tab.verifications, tab.refreshes) == (2, 1)


def test_parallel_calls_after_expiry_refresh_exactly_once_and_all_succeed(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    server.let_access_tokens_expire()

    assert tab.start(times=20).answers() == [Answer(200, USER)] * 20
    assert tab.refreshes == 1


@pytest.mark.parametrize("grace", [2, 0])
def test_a_session_outlives_many_access_tokens(deploy: Deploy, window: Window, grace: int) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=grace, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    [handle] = server.sessions()

    for times in range(1, 5):
        server.let_access_tokens_expire()
        assert tab.call() == Answer(200, USER)
        assert tab.refreshes == times
    assert server.sessions() == [handle]


def test_with_the_clock_on_the_wall_too(deploy: Deploy, window: Window) -> None:
    server = deploy(clock=system_clock, access_token_validity=1, refresh_token_rotation_grace_period=0.5, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    token = window.cookie("sAccessToken") or ""
    expires = json.loads(urlsafe_b64decode(token.split(".")[1] + "==="))["exp"]
    tab.page.wait_for_function("expires => Date.now() > expires * 1000", arg=expires)

    assert tab.start(times=5).answers() == [Answer(200, USER)] * 5
    assert tab.refreshes == 1


def test_a_call_without_a_session_is_refused_and_refreshes_nothing(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())

    answer = tab.call()
    assert answer.status == 401
    assert "unauthorised" in answer.text
    assert (tab.verifications, tab.refreshes) == (1, 0)
    assert not tab.session_exists


def test_an_unknown_route_is_no_matter_of_sessions(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    window.expect_in_console("Failed to load resource: the server responded with a status of 404 ")
    tab = window.tab(server.origin())
    tab.login()
    server.let_access_tokens_expire()

    assert tab.call("/unknown").status == 404
    assert tab.refreshes == 0
    assert tab.session_exists


@pytest.mark.parametrize("later", [1, 3600], ids=["within the grace period", "an hour later"])
@pytest.mark.parametrize("grace", [2, 0])
def test_lost_refresh_answers_log_nobody_out(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, later: int, grace: int
) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=grace, **ON_DOMAIN)
    window.expect_in_console("Failed to load resource: net::ERR_EMPTY_RESPONSE")
    tab = window.tab(server.origin())
    tab.login()
    held = window.cookie("sRefreshToken")
    server.let_access_tokens_expire()

    server.wire.lose_answers("POST /refresh", 2)
    for times in (1, 2):
        assert tab.call().status == 0
        assert tab.refreshes == times  # the server did its part
        assert window.cookie("sRefreshToken") == held
        assert tab.session_exists
        server.clock.advance(seconds=later)
    assert tab.call() == Answer(200, USER)
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == 4
    assert "theft" not in caplog.text
