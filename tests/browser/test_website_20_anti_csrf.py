# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium with `enable_anti_csrf`, which is asked of what comes by cookie only."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy
from .window import Answer, Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]


def test_calls_through_the_library_pass_and_forged_ones_do_not(deploy: Deploy, window: Window) -> None:
    server = deploy(**AT_AUTH, enable_anti_csrf=True)
    tab = window.tab_20(server.origin())
    tab.login()
    before = tab.refreshes
    cookies = window.cookie("sAccessToken"), window.cookie("sRefreshToken")
    assert tab.anti_csrf

    for method, path in (("POST", "/update-jwt"), ("POST", "/logout"), ("GET", "/")):
        forged = tab.call(path, method, {"by": "a forger"} if path == "/update-jwt" else None, through="nothing")
        assert forged.status == 401
        assert "try refresh token" in forged.text
    assert (window.cookie("sAccessToken"), window.cookie("sRefreshToken")) == cookies
    assert tab.session_exists

    assert tab.payload == {}
    for through in ("the library", "XMLHttpRequest"):
        assert tab.call("/update-jwt", "POST", {"by": through}, through=through).ok
        assert tab.payload == {"by": through}
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == before


@pytest.mark.parametrize("grace", [2, 0])
def test_refreshing_works_again_and_again(deploy: Deploy, window: Window, grace: int) -> None:
    server = deploy(**{**AT_AUTH, "refresh_token_rotation_grace_period": grace}, enable_anti_csrf=True)
    tab = window.tab_20(server.origin())
    tab.login()
    before = tab.refreshes
    values = {tab.anti_csrf}

    for times in range(1, 4):
        server.let_access_tokens_expire()
        assert tab.call("/update-jwt", "POST", {"times": times}).ok
        assert tab.call() == Answer(200, USER)
        assert tab.payload == {"times": times}
        assert tab.refreshes == before + times
        values.add(tab.anti_csrf)
    assert None not in values
    assert len(values) == (1 if grace else 4)


def test_in_header_mode_there_is_no_value_and_none_is_asked_for(deploy: Deploy, window: Window) -> None:
    server = deploy(**AT_AUTH, enable_anti_csrf=True)
    tab = window.tab_20(server.origin(), "header")
    tab.login()
    before = tab.refreshes
    assert tab.anti_csrf is None

    assert tab.call("/update-jwt", "POST", {"by": "the user"}).ok
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert tab.call("/update-jwt", "POST", {"by": "the user, again"}).ok
    assert tab.refreshes == before + 1
    assert tab.anti_csrf is None


def test_switching_it_on_and_off_logs_nobody_out(deploy: Deploy, window: Window) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin())
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
