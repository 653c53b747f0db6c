# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium: logout, revocation, expiry and theft end a session, and leave nothing."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import ON_DOMAIN, Deploy
from .window import Answer, Website4Tab, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]


def assert_logged_out(tab: Website4Tab, window: Window) -> None:
    assert not tab.session_exists
    assert window.cookies == set()  # among them sIRTFrontend, the library's own
    assert tab.anti_csrf is None
    refreshes = tab.refreshes
    assert tab.call().status == 401
    assert tab.refreshes == refreshes


@pytest.mark.parametrize("anti_csrf", [False, True], ids=["", "with anti-CSRF"])
@pytest.mark.parametrize("expired", [False, True], ids=["", "with an expired access token"])
def test_a_logout_leaves_nothing_behind(deploy: Deploy, window: Window, anti_csrf: bool, expired: bool) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=2, enable_anti_csrf=anti_csrf, **ON_DOMAIN
    )
    tab = window.tab(server.origin())
    tab.login()
    assert window.cookies == {"sAccessToken", "sRefreshToken", "sIdRefreshToken", "sIRTFrontend"}
    assert (tab.anti_csrf is not None) == anti_csrf
    if expired:
        server.let_access_tokens_expire()

    assert tab.call("/logout", "POST") == Answer(200, "success")
    assert_logged_out(tab, window)
    assert server.sessions() == []
    tab.login()
    assert tab.call() == Answer(200, USER)


def test_with_blacklisting_the_call_after_a_revocation_is_unauthorised(deploy: Deploy, window: Window) -> None:
    server = deploy(
        access_token_validity=3,
        refresh_token_rotation_grace_period=2,
        access_token_blacklisting=True,
        enable_anti_csrf=True,
        **ON_DOMAIN,
    )
    tab = window.tab(server.origin())
    tab.login()
    server.core.revoke_user(USER)

    answer = tab.call()
    assert answer.status == 401
    assert "unauthorised" in answer.text
    assert tab.refreshes == 0
    assert_logged_out(tab, window)


def test_without_blacklisting_a_revoked_session_ends_with_its_access_token(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    server.core.revoke_user(USER)

    assert tab.call() == Answer(200, USER)
    server.let_access_tokens_expire()
    assert tab.call().status == 401
    assert tab.refreshes == 1
    assert_logged_out(tab, window)


def test_a_user_who_revokes_all_own_sessions_is_logged_out_here_at_once(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    server.core.create_session(USER, {}, {}, anti_csrf=False)

    assert tab.call("/revokeAll", "POST").ok
    assert server.sessions() == []
    assert_logged_out(tab, window)


def test_a_session_that_has_expired_ends_in_a_login(deploy: Deploy, window: Window) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=2, refresh_token_validity=60, **ON_DOMAIN
    )
    tab = window.tab(server.origin())
    tab.login()
    server.clock.advance(minutes=61)

    assert [answer.status for answer in tab.start(times=3).answers()] == [401] * 3
    assert tab.refreshes == 1
    assert_logged_out(tab, window)
    tab.login()
    assert tab.call() == Answer(200, USER)


@pytest.mark.parametrize("grace", [2, 0])
def test_a_replaced_refresh_token_that_comes_from_another_client_is_theft(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, grace: int
) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=grace, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    stolen = window.cookie("sRefreshToken")
    assert stolen is not None
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)  # refreshes, and uses the child
    [handle] = server.sessions()

    answer = server.post_from_elsewhere("/refresh", {"sRefreshToken": stolen}, "a thief")
    assert answer.status == 401
    assert "token theft detected" in answer.text
    assert answer.cookies == {}
    assert server.sessions() == []
    assert caplog.messages.count(f"token theft detected in session {handle}") == 1

    server.let_access_tokens_expire()
    assert tab.call().status == 401
    assert_logged_out(tab, window)


@pytest.mark.parametrize("grace", [2, 0])
def test_a_thief_who_is_faster_than_the_browser_is_caught_when_the_browser_comes(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, grace: int
) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=grace, enable_anti_csrf=True, **ON_DOMAIN
    )
    tab = window.tab(server.origin())
    tab.login()
    loot = {"sRefreshToken": window.cookie("sRefreshToken") or ""}
    for _ in range(2):
        answer = server.post_from_elsewhere("/refresh", loot, "a thief")
        assert answer.status == 200
        loot = {"sRefreshToken": answer.cookies["sRefreshToken"]}
    [handle] = server.sessions()

    server.let_access_tokens_expire()
    assert tab.call().status == 401
    assert f"token theft detected in session {handle}" in caplog.messages
    assert_logged_out(tab, window)
    assert server.post_from_elsewhere("/refresh", loot, "a thief").status == 401
