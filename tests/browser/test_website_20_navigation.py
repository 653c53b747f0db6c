# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium on a site whose links and forms, unseen by it, use the session too."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy
from .window import Answer, Mode, Window, both_modes

pytestmark = pytest.mark.browser

LOGGED_OUT = {"st-last-access-token-update"}


@pytest.mark.both_topologies
def test_links_and_calls_take_turns_over_many_access_tokens(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin())
    tab.login()
    [handle] = server.sessions()
    before = tab.refreshes

    for times in range(1, 4):
        assert tab.go_to("/") == Answer(200, USER)
        server.let_access_tokens_expire()
        cookies = window.cookies
        refused = tab.go_to("/")
        assert refused.status == 401
        assert "try refresh token" in refused.text
        assert window.cookies == cookies

        tab.come_back()
        tab.start_refresh()
        assert tab.refreshed()
        assert tab.go_to("/") == Answer(200, USER)  # the first use of the new pair
        tab.come_back()
        assert tab.call() == Answer(200, USER)
        assert tab.call("/update-jwt", "POST", {"times": times}).ok
        assert tab.claims["times"] == times
        assert tab.refreshes == before + times
    assert server.sessions() == [handle]
    assert "theft" not in caplog.text


def test_a_logout_by_a_form_is_found_by_the_next_call_after_one_refresh(deploy: Deploy, window: Window) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin())
    tab.login()
    before = tab.refreshes

    assert tab.submit("/logout") == Answer(200, "success")
    assert window.cookies == {"sFrontToken", "st-last-access-token-update"}
    tab.come_back()
    for _ in range(2):
        assert tab.call().status == 401
        assert tab.refreshes == before + 1
    assert not tab.session_exists
    assert window.cookies == LOGGED_OUT


@both_modes
def test_a_log_in_by_a_form_is_found_by_a_first_visit(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    assert tab.submit("/login-by-form", userId=USER).ok
    assert window.cookies == {"sAccessToken", "sRefreshToken", "sIdRefreshToken"}

    tab.come_back()
    assert tab.session_exists
    assert tab.user_id == USER
    assert tab.refreshes == 1
    assert "sIdRefreshToken" not in window.cookies
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == 2


@pytest.mark.parametrize("signed_out", [True, False], ids=["after a sign-out", "over another session"])
def test_a_log_in_by_a_form_is_found_where_the_library_believed_something_else(
    deploy: Deploy, window: Window, signed_out: bool
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin())
    tab.login()
    if signed_out:
        tab.sign_out()
        assert not tab.session_exists
    before = tab.refreshes

    assert tab.submit("/login-by-form", userId="grace").ok
    tab.come_back()
    assert tab.user_id == "grace"
    assert tab.refreshes == before + 1
    assert tab.call() == Answer(200, "grace")
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, "grace")
    assert tab.refreshes == before + 2
