# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium: the page on one origin, its API on another of the same site, so CORS."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import ON_DOMAIN, Deploy
from .window import Answer, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]


@pytest.mark.parametrize("api_host", ["localhost.org", "api.localhost.org"])
def test_login_refresh_and_logout_across_origins(deploy: Deploy, window: Window, api_host: str) -> None:
    pages = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2)
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, enable_anti_csrf=True, **ON_DOMAIN)
    tab = window.tab(pages.origin(), api=server.origin(api_host))
    assert tab.call().status == 401
    assert tab.refreshes == 0

    tab.login()
    assert tab.session_exists
    assert tab.anti_csrf
    assert tab.call("/update-jwt", "POST", {"across": "origins"}).ok
    assert tab.payload == {"across": "origins"}
    for times in (1, 2):
        server.let_access_tokens_expire()
        assert tab.start(times=5).answers() == [Answer(200, USER)] * 5
        assert tab.refreshes == times

    assert tab.call("/logout", "POST").ok
    assert not tab.session_exists
    assert tab.anti_csrf is None
    assert window.cookies == set()


def test_a_refused_call_across_origins_can_be_read_and_ends_the_session(deploy: Deploy, window: Window) -> None:
    pages = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2)
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(pages.origin(), api=server.origin())
    tab.login()
    server.core.revoke_user(USER)
    server.let_access_tokens_expire()

    answer = tab.call()
    assert answer.status == 401
    assert "try refresh token" in answer.text
    assert tab.refreshes == 1
    assert not tab.session_exists
    assert window.cookies == set()
