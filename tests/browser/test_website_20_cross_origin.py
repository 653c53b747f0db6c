# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium: the page on one origin, its API on another of the same site, so CORS."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy
from .window import Answer, Mode, Window, both_modes

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]


@pytest.mark.parametrize(
    ("mode", "api_host"),
    [("cookie", "localhost.org"), ("cookie", "api.localhost.org"), ("header", "api.localhost.org")],
)
def test_login_refresh_and_sign_out_across_origins(deploy: Deploy, window: Window, mode: Mode, api_host: str) -> None:
    pages = deploy()
    server = deploy(**AT_AUTH, enable_anti_csrf=True)
    tab = window.tab_20(pages.origin(), mode, api=server.origin(api_host))
    assert tab.call().status == 401
    assert tab.refreshes == 1
    assert tab.call().status == 401
    assert tab.refreshes == 1

    tab.login()
    assert tab.session_exists
    assert (tab.anti_csrf is not None) == (mode == "cookie")
    assert tab.call("/update-jwt", "POST", {"across": "origins"}).ok
    assert tab.payload == {"across": "origins"}
    assert tab.claims["across"] == "origins"
    for times in (2, 3):
        server.let_access_tokens_expire()
        assert tab.start(times=5).answers() == [Answer(200, USER)] * 5
        assert tab.call("/update-jwt", "POST", {"times": times}).ok
        assert tab.refreshes == times

    # Another origin's script cannot use the ready-made route, unless it shows the value that this one's library has.
    window.expect_in_console("Failed to load resource: the server responded with a status of 403 ")
    assert tab.call("/auth/signout", "POST", through="nothing").status == 403
    assert tab.session_exists
    tab.sign_out()
    assert not tab.session_exists
    assert window.cookies == {"st-last-access-token-update"}
    assert server.sessions() == []


@both_modes
def test_a_refused_call_across_origins_can_be_read_and_ends_the_session(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    pages = deploy()
    server = deploy(**AT_AUTH)
    tab = window.tab_20(pages.origin(), mode, api=server.origin())
    tab.login()
    before = tab.refreshes
    server.core.revoke_user(USER)
    server.let_access_tokens_expire()

    answer = tab.call()
    assert answer.status == 401
    assert "unauthorised" in answer.text
    assert tab.refreshes == before + 1
    assert not tab.session_exists
    assert window.cookies == {"st-last-access-token-update"}
