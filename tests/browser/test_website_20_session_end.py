# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium, in both modes: sign-out, revocation, expiry and theft end a session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, BY_HAND, Deploy, Deployment, Elsewhere
from .window import Answer, Mode, Website20Tab, Window, both_modes

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]

REFRESH: Final = "/auth/session/refresh"


def assert_logged_out(tab: Website20Tab, window: Window) -> None:
    assert not tab.session_exists
    assert window.cookies == {"st-last-access-token-update"}  # by which the library knows that there is no session
    refreshes = tab.refreshes
    assert tab.call().status == 401
    assert tab.refreshes == refreshes


def refresh_token(window: Window, mode: Mode) -> str:
    token = window.cookie("sRefreshToken" if mode == "cookie" else "st-refresh-token")
    assert token
    return token


def refresh_elsewhere(server: Deployment, mode: Mode, token: str) -> Elsewhere:
    if mode == "header":
        return server.ask_with_bearer("POST", REFRESH, token)
    return server.post_from_elsewhere(REFRESH, {"sRefreshToken": token}, "a thief")


@both_modes
@pytest.mark.parametrize(
    ("anti_csrf", "routes"),
    [(False, {}), (True, {}), (True, BY_HAND)],
    ids=["", "with anti-CSRF", "with anti-CSRF and routes by hand"],
)
def test_the_library_signs_out_and_leaves_nothing_behind(
    deploy: Deploy, window: Window, mode: Mode, anti_csrf: bool, routes: Mapping[str, Any]
) -> None:
    server = deploy(**{**AT_AUTH, **routes}, enable_anti_csrf=anti_csrf)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    assert (tab.anti_csrf is not None) == (anti_csrf and mode == "cookie")
    before = tab.refreshes
    tab.events()

    tab.sign_out()
    assert tab.events() == ["SIGN_OUT"]
    assert tab.refreshes == before
    assert server.sessions() == []
    assert_logged_out(tab, window)
    tab.login()
    assert tab.call() == Answer(200, USER)


@both_modes
@pytest.mark.parametrize("routes", [{}, BY_HAND], ids=["ready-made", "by hand"])
def test_the_library_signs_out_with_an_expired_access_token(
    deploy: Deploy, window: Window, mode: Mode, routes: Mapping[str, Any]
) -> None:
    server = deploy(**{**AT_AUTH, **routes}, enable_anti_csrf=True)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    server.let_access_tokens_expire()

    tab.sign_out()
    assert tab.refreshes == before + (1 if routes else 0)  # the ready-made route needs no living access token
    assert server.sessions() == []
    assert_logged_out(tab, window)


@both_modes
def test_a_sign_out_after_a_revocation_is_quiet(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH, access_token_blacklisting=True)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    server.core.revoke_user(USER)
    before = tab.refreshes
    tab.events()

    tab.sign_out()
    assert tab.events() == ["SIGN_OUT"]
    assert tab.refreshes == before
    assert_logged_out(tab, window)


@both_modes
def test_with_blacklisting_the_call_after_a_revocation_is_unauthorised(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH, access_token_blacklisting=True, enable_anti_csrf=True)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    server.core.revoke_user(USER)
    before = tab.refreshes

    answer = tab.call()
    assert answer.status == 401
    assert "unauthorised" in answer.text
    assert tab.refreshes == before
    assert_logged_out(tab, window)


@both_modes
def test_without_blacklisting_a_revoked_session_ends_with_its_access_token(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    server.core.revoke_user(USER)
    before = tab.refreshes

    assert tab.call() == Answer(200, USER)
    server.let_access_tokens_expire()
    assert [answer.status for answer in tab.start(times=3).answers()] == [401] * 3
    assert tab.refreshes == before + 1
    assert_logged_out(tab, window)


@both_modes
def test_a_session_that_has_expired_ends_in_a_login(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH, refresh_token_validity=60)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    server.clock.advance(minutes=61)

    assert [answer.status for answer in tab.start(times=3).answers()] == [401] * 3
    assert tab.refreshes == before + 1
    assert_logged_out(tab, window)
    tab.login()
    assert tab.call() == Answer(200, USER)


@both_modes
def test_a_replaced_refresh_token_that_comes_from_another_client_is_theft(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    stolen = refresh_token(window, mode)
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)  # refreshes, and uses the child
    [handle] = server.sessions()

    answer = refresh_elsewhere(server, mode, stolen)
    assert answer.status == 401
    assert "token theft detected" in answer.text
    assert answer.cookies == {}
    assert answer.headers.get("st-refresh-token") in (None, "")
    assert server.sessions() == []
    assert caplog.messages.count(f"token theft detected in session {handle}") == 1

    server.let_access_tokens_expire()
    assert tab.call().status == 401
    assert_logged_out(tab, window)


@both_modes
def test_a_thief_who_is_faster_than_the_browser_is_caught_when_the_browser_comes(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    loot = refresh_token(window, mode)
    for _ in range(2):
        answer = refresh_elsewhere(server, mode, loot)
        assert answer.status == 200
        loot = answer.cookies["sRefreshToken"] if mode == "cookie" else answer.headers["st-refresh-token"]
    [handle] = server.sessions()

    server.let_access_tokens_expire()
    refused = tab.call()
    assert refused.status == 401
    assert f"token theft detected in session {handle}" in caplog.messages
    assert tab.refreshes == before + 3
    assert_logged_out(tab, window)
    assert refresh_elsewhere(server, mode, loot).status == 401


@both_modes
def test_an_unauthorised_error_that_a_view_raises_ends_the_session_without_a_loop(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes

    assert tab.call("/suspended").status == 401
    assert tab.refreshes == before
    assert_logged_out(tab, window)
