# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium with `enable_anti_csrf`. Its refresh call sends no anti-CSRF token."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import ON_DOMAIN, Deploy
from .window import Answer, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]


def test_calls_through_the_library_pass_and_forged_ones_do_not(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, enable_anti_csrf=True, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    before = window.cookie("sAccessToken"), window.cookie("sRefreshToken")
    assert tab.anti_csrf

    for method, path in (("POST", "/update-jwt"), ("POST", "/logout"), ("GET", "/")):
        forged = tab.call(path, method, {"by": "a forger"} if path == "/update-jwt" else None, through="nothing")
        assert forged.status == 401
        assert "try refresh token" in forged.text
    assert (window.cookie("sAccessToken"), window.cookie("sRefreshToken")) == before
    assert tab.session_exists

    assert tab.payload == {}
    assert tab.call("/update-jwt", "POST", {"by": "the user"}).ok
    assert tab.payload == {"by": "the user"}
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == 0


def test_a_get_that_the_app_does_not_check_needs_no_token(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, enable_anti_csrf=True, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()

    assert tab.call("/update-jwt", through="nothing").ok


@pytest.mark.parametrize("grace", [2, 0])
def test_refreshing_works_again_and_again(deploy: Deploy, window: Window, grace: int) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=grace, enable_anti_csrf=True, **ON_DOMAIN
    )
    tab = window.tab(server.origin())
    tab.login()

    for times in range(1, 5):
        server.let_access_tokens_expire()
        assert tab.call("/update-jwt", "POST", {"times": times}).ok
        assert tab.call() == Answer(200, USER)
        assert tab.payload == {"times": times}
        assert tab.refreshes == times


@pytest.mark.parametrize("grace", [2, 0])
def test_a_refresh_in_one_tab_serves_the_other(deploy: Deploy, window: Window, grace: int) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=grace, enable_anti_csrf=True, **ON_DOMAIN
    )
    one, other = window.tab(server.origin()), window.tab(server.origin())
    one.login()
    assert other.call() == Answer(200, USER)
    server.let_access_tokens_expire()

    assert one.call() == Answer(200, USER)
    other.catch_up_with(one)
    assert other.call("/update-jwt", "POST", {"from": "other"}).ok
    assert one.payload == {"from": "other"}
    assert one.refreshes == 1


@pytest.mark.parametrize(("grace", "refreshes"), [(2, 1), (0, 2)])
def test_a_tab_whose_storage_lags_behind_the_cookies_goes_on(
    deploy: Deploy, window: Window, grace: int, refreshes: int
) -> None:
    """With a grace period the whole session has one value, so nothing lags behind (docs/how-it-works.md#anti-csrf)."""
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=grace, enable_anti_csrf=True, **ON_DOMAIN
    )
    one, other = window.tab(server.origin()), window.tab(server.origin())
    one.login()
    before = one.anti_csrf
    assert other.call() == Answer(200, USER)
    server.let_access_tokens_expire()
    assert one.call() == Answer(200, USER)
    other.catch_up_with(one)

    other.put_anti_csrf(before)
    assert other.call("/update-jwt", "POST", {"from": "other"}).ok
    assert one.refreshes == refreshes
    assert one.call("/update-jwt", "POST", {"from": "one"}).ok
    assert other.payload == {"from": "one"}


@pytest.mark.parametrize("grace", [2, 0])
def test_a_lost_refresh_answer_is_harmless(deploy: Deploy, window: Window, grace: int) -> None:
    server = deploy(
        access_token_validity=3, refresh_token_rotation_grace_period=grace, enable_anti_csrf=True, **ON_DOMAIN
    )
    window.expect_in_console("Failed to load resource: net::ERR_EMPTY_RESPONSE")
    tab = window.tab(server.origin())
    tab.login()
    server.let_access_tokens_expire()

    server.wire.lose_answers("POST /refresh", 1)
    assert tab.call("/update-jwt", "POST", {"try": 1}).status == 0
    assert tab.call("/update-jwt", "POST", {"try": 2}).ok
    assert tab.payload == {"try": 2}
    assert tab.refreshes == 2


def test_switching_it_on_and_off_logs_nobody_out(deploy: Deploy, window: Window) -> None:
    server = deploy(access_token_validity=3, refresh_token_rotation_grace_period=2, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    assert tab.anti_csrf is None

    server.redeploy(enable_anti_csrf=True)
    assert tab.call("/update-jwt", "POST", {"guarded": True}).ok
    assert tab.refreshes == 1  # that is how the page came by its token
    assert tab.anti_csrf
    assert tab.call() == Answer(200, USER)

    server.redeploy(enable_anti_csrf=False)
    assert tab.call("/update-jwt", "POST", {"guarded": False}).ok
    server.let_access_tokens_expire()
    assert tab.call("/update-jwt", "POST", {"guarded": False}).ok
    assert tab.refreshes == 1
