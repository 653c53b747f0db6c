# SPDX-License-Identifier: Apache-2.0
"""Both libraries in Chromium on a site with `renewal: server`, whose pages renew what the library does not see."""

from __future__ import annotations

from typing import Any, Final

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy, Deployment
from .website_library import Version
from .window import Answer, Tab, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]

# What is renewed goes out within a quarter of the grace period, also from a slow machine.
RENEWING: Final[dict[str, Any]] = {**AT_AUTH, "renewal": "server", "refresh_token_rotation_grace_period": 10}

both_libraries = pytest.mark.parametrize("version", ["4.2.0", "20.1.6"])


def opened(window: Window, server: Deployment, version: Version) -> Tab:
    if version == "4.2.0":
        return window.tab(server.origin(), refresh="/auth/session/refresh")
    return window.tab_20(server.origin())


@both_libraries
def test_pages_and_the_library_take_turns_in_renewing(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, version: Version
) -> None:
    server = deploy(**RENEWING)
    tab = opened(window, server, version)
    tab.login()
    before = tab.refreshes
    [handle] = server.sessions()

    for times in (1, 2):
        server.let_access_tokens_expire()
        assert tab.go_to("/") == Answer(200, USER)
        tab.come_back()
        assert tab.call() == Answer(200, USER)
        assert tab.call("/update-jwt", "POST", {"times": times}).ok
        assert tab.refreshes == before + times - 1
        server.let_access_tokens_expire()
        assert tab.start(times=3).answers() == [Answer(200, USER)] * 3
        assert tab.refreshes == before + times
        assert tab.payload == {"times": times}
    assert server.sessions() == [handle]
    assert "theft" not in caplog.text


@both_libraries
def test_a_library_that_refreshes_what_a_page_has_just_renewed_rotates_nothing(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, version: Version
) -> None:
    server = deploy(**RENEWING)
    tab = opened(window, server, version)
    tab.login()

    for _ in range(2):
        server.let_access_tokens_expire()
        assert tab.go_to("/") == Answer(200, USER)
        renewed = window.cookie("sRefreshToken")
        tab.come_back()
        tab.start_refresh()
        assert tab.refreshed()
        assert window.cookie("sRefreshToken") == renewed
        assert tab.session_exists
        assert tab.call() == Answer(200, USER)
        assert tab.go_to("/") == Answer(200, USER)
        tab.come_back()
    assert "theft" not in caplog.text


@both_libraries
def test_a_form_that_logs_out_is_noticed_by_the_library(deploy: Deploy, window: Window, version: Version) -> None:
    server = deploy(**RENEWING)
    tab = opened(window, server, version)
    tab.login()
    server.let_access_tokens_expire()

    tab.submit("/auth/signout")
    tab.come_back()
    assert tab.call().status == 401
    assert not tab.session_exists
    assert server.sessions() == []
    assert not {"sAccessToken", "sRefreshToken"} & window.cookies
