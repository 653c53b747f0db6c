# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium, in both modes: several tabs share a session."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy
from .window import Answer, Mode, Window, both_modes

pytestmark = pytest.mark.browser

ALL_WELL = Answer(200, USER)


@pytest.mark.both_topologies
@both_modes
def test_calls_in_two_tabs_after_expiry_converge(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tabs = [window.tab_20(server.origin(), mode) for _ in range(2)]
    tabs[0].login()
    before = tabs[0].refreshes
    [handle] = server.sessions()

    for times in (1, 2, 3):
        server.let_access_tokens_expire()
        under_way = [tab.start(times=3) for tab in tabs]
        assert [calls.answers() for calls in under_way] == [[ALL_WELL] * 3] * 2
        # Once, where the library's lock holds; on a busy machine two tabs may get it, and then converge.
        assert before + times <= tabs[0].refreshes <= before + 2 * times
    assert all(tab.session_exists for tab in tabs)
    assert server.sessions() == [handle]
    assert "theft" not in caplog.text


@pytest.mark.both_topologies
@both_modes
def test_a_refresh_in_one_tab_serves_the_other(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH, enable_anti_csrf=True)
    one, other = (window.tab_20(server.origin(), mode) for _ in range(2))
    one.login()
    other.catch_up_with(one)
    assert other.call() == ALL_WELL
    before = one.refreshes
    server.let_access_tokens_expire()

    assert one.call() == ALL_WELL
    other.catch_up_with(one)
    assert other.call("/update-jwt", "POST", {"from": "other"}).ok
    one.catch_up_with(other)
    assert one.claims["from"] == "other"
    assert one.payload == {"from": "other"}
    assert one.refreshes == before + 1


@both_modes
def test_a_log_in_and_a_sign_out_in_one_tab_are_one_in_the_other(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH)
    one, other = (window.tab_20(server.origin(), mode) for _ in range(2))
    assert other.call().status == 401
    one.login()
    other.catch_up_with(one)
    assert other.session_exists
    assert other.call() == ALL_WELL
    one.login("grace")
    other.catch_up_with(one)
    assert other.user_id == "grace"
    assert other.call() == Answer(200, "grace")
    before = one.refreshes

    one.sign_out()
    other.catch_up_with(one)
    assert not other.session_exists
    assert other.call().status == 401
    assert other.refreshes == before


@pytest.mark.both_topologies
@both_modes
def test_a_refresh_under_way_does_not_undo_a_sign_out_in_another_tab(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    refreshing, leaving = (window.tab_20(server.origin(), mode) for _ in range(2))
    refreshing.login()
    leaving.catch_up_with(refreshing)

    gate = server.wire.hold("POST /auth/session/refresh", 1)
    refreshing.start_refresh()
    gate.wait_until_full()
    leaving.sign_out()
    gate.open()

    assert not refreshing.refreshed()
    refreshing.catch_up_with(leaving)
    assert not refreshing.session_exists
    assert refreshing.call().status == leaving.call().status == 401
    assert window.cookies == {"st-last-access-token-update"}
    assert server.sessions() == []


@both_modes
def test_two_tabs_that_refresh_at_once_without_a_lock_get_the_same_token(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    # What the library says when it reads its cookie back and finds the time that the other tab has just written.
    window.expect_in_console("Saving to cookies was not successful")
    first, second = (window.tab_20(server.origin(), mode, lock="none") for _ in range(2))
    first.login()
    second.catch_up_with(first)
    server.let_access_tokens_expire()

    gate = server.wire.hold("POST /auth/session/refresh", 2)
    under_way = [tab.start() for tab in (first, second)]
    gate.wait_until_full()  # so both have shown the same token
    gate.open()
    assert [calls.answers() for calls in under_way] == [[ALL_WELL], [ALL_WELL]]
    name = "sRefreshToken" if mode == "cookie" else "st-refresh-token"
    given = window.received if mode == "cookie" else window.received_in_header
    received = given(name, "/auth/session/refresh")[-2:]
    assert received[0] == received[1] == window.cookie(name)

    for _ in range(2):
        under_way = [tab.start() for tab in (first, second)]
        assert [calls.answers() for calls in under_way] == [[ALL_WELL], [ALL_WELL]]
        server.let_access_tokens_expire()
    assert "theft" not in caplog.text
