# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium: a second client with a bearer token, and sites that change their mode."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy
from .window import Answer, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]

OF_THE_LIBRARY = {"sFrontToken", "st-last-access-token-update"}
IN_COOKIES = OF_THE_LIBRARY | {"sAccessToken", "sRefreshToken"}
IN_HEADERS = OF_THE_LIBRARY | {"st-access-token", "st-refresh-token"}


def test_a_second_client_uses_the_pages_access_token_as_a_bearer_and_nothing_else(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), "header")
    tab.login()
    before = tab.refreshes

    for times in (1, 2):
        # The first use of the pair is the machine's, the next the page's.
        token = tab.access_token
        assert token
        assert server.ask_with_bearer("GET", "/", token).text == USER
        updated = server.ask_with_bearer("POST", "/update-jwt", token, {"times": times})
        assert updated.status == 200
        assert updated.cookies == {}
        assert server.ask_with_bearer("GET", "/update-jwt", updated.headers["st-access-token"]).text == (
            f'{{"times":{times}}}\n'
        )
        assert tab.call() == Answer(200, USER)

        server.let_access_tokens_expire()
        refused = server.ask_with_bearer("GET", "/", token)
        assert (refused.status, "try refresh token" in refused.text) == (401, True)
        assert "front-token" not in refused.headers
        assert tab.payload == {"times": times}
        assert tab.refreshes == before + times
    assert "theft" not in caplog.text


def test_a_sign_out_in_the_page_ends_what_the_second_client_has(deploy: Deploy, window: Window) -> None:
    server = deploy(**AT_AUTH, access_token_blacklisting=True)
    tab = window.tab_20(server.origin(), "header")
    tab.login()
    token = tab.access_token or ""
    tab.sign_out()

    answer = server.ask_with_bearer("GET", "/", token)
    assert answer.status == 401
    assert "unauthorised" in answer.text


def test_a_site_that_changes_to_header_mode_and_back_logs_nobody_out(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture
) -> None:
    server = deploy(**AT_AUTH, enable_anti_csrf=True)
    tab = window.tab_20(server.origin(), "cookie")
    tab.login()
    refreshes = tab.refreshes

    def assert_it_goes_on(kept: set[str]) -> None:
        nonlocal refreshes
        assert tab.session_exists
        assert tab.call() == Answer(200, USER)
        server.let_access_tokens_expire()
        assert tab.call("/update-jwt", "POST", {"cookies": sorted(kept)}).ok
        assert tab.payload == {"cookies": sorted(kept)}
        refreshes += 1
        assert tab.refreshes == refreshes
        assert window.cookies - {"sAntiCsrf"} == kept

    assert_it_goes_on(IN_COOKIES)
    tab = window.tab_20(server.origin(), "header")
    assert_it_goes_on(IN_COOKIES)  # a script never gets hold of what was in HttpOnly cookies
    tab.login()
    assert_it_goes_on(IN_HEADERS)
    tab = window.tab_20(server.origin(), "cookie")
    assert_it_goes_on(IN_HEADERS)
    tab.login()
    assert_it_goes_on(IN_COOKIES)
    tab.sign_out()
    assert window.cookies == {"st-last-access-token-update"}
    assert "theft" not in caplog.text
