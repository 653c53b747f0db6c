# SPDX-License-Identifier: Apache-2.0
"""A site goes from supertokens-website 4.2.0 to 20.1.6, in Chromium, while its users are logged in."""

from __future__ import annotations

from typing import Final

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, ON_DOMAIN, Deploy
from .window import Answer, Mode, Window, both_modes

pytestmark = pytest.mark.browser

REFRESH: Final = "/auth/session/refresh"
OF_THE_OLD_LIBRARY: Final = {"sIRTFrontend"}
"""The new one deletes it only where both keep their cookies at the same domain."""


@pytest.mark.both_topologies
@pytest.mark.parametrize(("base", "anti_csrf"), [("/auth", False), ("/", True)], ids=["", "with anti-CSRF"])
def test_a_session_goes_over_to_the_new_library_where_the_refresh_path_stays(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, anti_csrf: bool, base: str
) -> None:
    server = deploy(**{**AT_AUTH, "api_base_path": base}, enable_anti_csrf=anti_csrf)
    window.tab(server.origin(), refresh=f"{base.rstrip('/')}/session/refresh").login()
    [handle] = server.sessions()
    assert window.cookies == {"sAccessToken", "sRefreshToken", "sIdRefreshToken", "sIRTFrontend"}
    if anti_csrf:
        server.let_access_tokens_expire()

    tab = window.tab_20(server.origin(), base=base)
    assert tab.call("/update-jwt", "POST", {"with": "the new library"}).ok
    assert tab.refreshes == 1
    assert tab.claims["with"] == "the new library"
    assert {"sAccessToken", "sRefreshToken"} <= window.cookies
    assert "sIdRefreshToken" not in window.cookies
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == 2
    assert server.sessions() == [handle]
    tab.sign_out()
    assert window.cookies - OF_THE_OLD_LIBRARY == {"st-last-access-token-update"}
    assert "theft" not in caplog.text


@both_modes
def test_where_the_refresh_path_changes_a_new_log_in_is_all_that_it_takes(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**ON_DOMAIN)
    window.tab(server.origin()).login()
    server.redeploy(**AT_AUTH)

    tab = window.tab_20(server.origin(), mode)
    for _ in range(2):
        assert tab.call().status == 401
        assert tab.refreshes == 1
    tab.login()
    for _ in range(2):
        assert tab.call() == Answer(200, USER)
        server.let_access_tokens_expire()
    assert tab.refreshes == 2
    assert "sIdRefreshToken" not in window.cookies


@both_modes
def test_a_left_over_id_refresh_token_disturbs_nothing_and_goes_with_the_next_refresh(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    window.plant("sIdRefreshToken", "left.over", server.origin())

    assert tab.call() == Answer(200, USER)
    assert tab.call("/update-jwt", "POST", {}).ok
    assert tab.refreshes == before
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == before + 1
    assert "sIdRefreshToken" not in window.cookies


def test_a_left_over_id_refresh_token_of_a_visitor_without_a_session_goes_with_the_first_call(
    deploy: Deploy, window: Window
) -> None:
    server = deploy(**AT_AUTH)
    window.plant("sIdRefreshToken", "left.over", server.origin())
    tab = window.tab_20(server.origin())

    for _ in range(2):
        assert tab.call().status == 401
        assert tab.refreshes == 1
    assert window.cookies == {"st-last-access-token-update"}


def test_an_old_page_that_is_still_open_ends_the_session_for_both_at_its_next_call(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    """The old library cannot do without the cookie that the new one's refresh has cleared (docs/browsers.md)."""
    server = deploy(**AT_AUTH)
    old = window.tab(server.origin(), refresh=REFRESH)
    old.login()
    new = window.tab_20(server.origin())
    assert new.call() == Answer(200, USER)
    before = new.refreshes

    assert old.call().status == 401
    assert not old.session_exists
    assert new.call().status == 401
    assert not new.session_exists
    assert new.refreshes == before + 1
    new.login()
    assert new.call() == Answer(200, USER)
    assert "theft" not in caplog.text
