# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium: several tabs share a session, with and without the library's lock."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import ON_DOMAIN, Deploy
from .window import Answer, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]

ALL_WELL = Answer(200, USER)


@pytest.mark.parametrize("tabs", [2, 3])
def test_calls_in_several_tabs_after_expiry_converge(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, tabs: int
) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    all_tabs = [window.tab(server.origin()) for _ in range(tabs)]
    all_tabs[0].login()
    [handle] = server.sessions()

    for times in (1, 2, 3):
        server.let_access_tokens_expire()
        under_way = [tab.start(times=3) for tab in all_tabs]
        assert [calls.answers() for calls in under_way] == [[ALL_WELL] * 3] * tabs
        # Once, where the library's lock holds; on a busy machine two tabs may get it, and then converge.
        assert times <= all_tabs[0].refreshes <= times * tabs
    assert all(tab.session_exists for tab in all_tabs)
    assert server.sessions() == [handle]
    assert "theft" not in caplog.text


def test_two_tabs_that_refresh_at_once_without_a_lock_get_the_same_token(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    first, second = window.tab(server.origin()), window.tab(server.origin())
    first.login()
    server.let_access_tokens_expire()

    gate = server.wire.hold("POST /refresh", 2)
    under_way = [tab.start("/refresh", "POST", through="nothing") for tab in (first, second)]
    gate.wait_until_full()  # so both have the same cookie
    gate.open()
    assert [calls.answers()[0].status for calls in under_way] == [200, 200]
    received = window.received("sRefreshToken", "/refresh")
    assert len(received) == 2
    assert received[0] == received[1] == window.cookie("sRefreshToken")

    for _ in range(2):
        under_way = [tab.start() for tab in (first, second)]
        assert [calls.answers() for calls in under_way] == [[ALL_WELL], [ALL_WELL]]
        server.let_access_tokens_expire()
    assert "theft" not in caplog.text


def test_a_refresh_that_was_held_up_until_its_tabs_sister_used_the_new_token_is_no_theft(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    fast, slow = window.tab(server.origin()), window.tab(server.origin())
    fast.login()
    server.let_access_tokens_expire()

    gate = server.wire.hold("POST /refresh", 1)
    held_up = slow.start("/refresh", "POST", through="nothing")
    gate.wait_until_full()
    assert fast.call("/refresh", "POST", through="nothing").ok
    assert fast.call() == ALL_WELL
    server.clock.advance(seconds=1)
    gate.open()

    assert held_up.answers()[0].status == 200
    received = window.received("sRefreshToken", "/refresh")
    assert len(received) == 2
    assert received[0] == received[1] == window.cookie("sRefreshToken")
    server.let_access_tokens_expire()
    assert slow.call() == fast.call() == ALL_WELL
    assert "theft" not in caplog.text


@pytest.mark.parametrize("anti_csrf", [False, True], ids=["", "with anti-CSRF"])
def test_logout_in_one_tab_ends_the_session_in_the_other(deploy: Deploy, window: Window, anti_csrf: bool) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=2, enable_anti_csrf=anti_csrf, **ON_DOMAIN
    )
    one, other = window.tab(server.origin()), window.tab(server.origin())
    one.login()
    assert other.call() == ALL_WELL

    assert one.call("/logout", "POST").ok
    other.catch_up_with(one)
    assert not other.session_exists
    assert other.call().status == 401
    assert other.refreshes == 0
    assert other.anti_csrf is None


def test_a_login_in_one_tab_is_a_login_in_the_other(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    one, other = window.tab(server.origin()), window.tab(server.origin())
    assert other.call().status == 401

    one.login()
    other.catch_up_with(one)
    assert other.session_exists
    assert other.call() == ALL_WELL
    server.let_access_tokens_expire()
    assert other.call() == ALL_WELL
    one.login("grace")
    other.catch_up_with(one)
    assert other.call() == Answer(200, "grace")


def test_a_refresh_under_way_does_not_undo_a_logout_in_another_tab(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    refreshing, leaving = window.tab(server.origin()), window.tab(server.origin())
    refreshing.login()

    gate = server.wire.hold("POST /refresh", 1)
    refreshing.start_refresh()
    gate.wait_until_full()
    assert leaving.call("/logout", "POST").ok
    gate.open()

    assert not refreshing.refreshed()
    refreshing.catch_up_with(leaving)
    assert not refreshing.session_exists
    assert refreshing.call().status == leaving.call().status == 401
    assert window.cookies == set()
    assert server.sessions() == []
