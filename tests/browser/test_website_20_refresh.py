# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium, in both modes: access tokens expire, and nobody notices."""

from __future__ import annotations

import json
from typing import Final

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy
from .window import Answer, Mode, Through, Window, both_modes

pytestmark = pytest.mark.browser

REFRESH: Final = "POST /auth/session/refresh"
OF_THE_LIBRARY: Final = {"sFrontToken", "st-last-access-token-update"}
TOKENS: Final[dict[Mode, set[str]]] = {
    "cookie": {"sAccessToken", "sRefreshToken"},
    "header": {"st-access-token", "st-refresh-token"},
}


@pytest.mark.both_topologies
@both_modes
def test_a_log_in_and_the_first_uses_of_its_tokens(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    assert window.cookies == TOKENS[mode] | OF_THE_LIBRARY
    assert tab.events()[-1] == "SESSION_CREATED"
    assert tab.session_exists
    assert tab.user_id == USER
    before = tab.refreshes  # a visitor of whom the library knows nothing is refreshed once, in vain

    assert tab.call() == Answer(200, USER)
    assert tab.call("/update-jwt", "POST", {"first": "use"}).ok
    assert tab.payload == {"first": "use"}
    assert tab.refreshes == before
    assert window.cookies == TOKENS[mode] | OF_THE_LIBRARY


@pytest.mark.both_topologies
@both_modes
def test_parallel_calls_after_expiry_cause_one_refresh_and_all_succeed(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    ways: list[Through] = ["the library", "XMLHttpRequest"]

    for times, through in enumerate(ways, 1):
        server.let_access_tokens_expire()
        for _ in range(2):
            assert tab.start(times=10, through=through).answers() == [Answer(200, USER)] * 10
            assert tab.refreshes == before + times


@pytest.mark.both_topologies
@both_modes
def test_an_expired_get_or_post_is_repeated_after_a_refresh_with_its_body(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes

    server.let_access_tokens_expire()
    assert tab.call("/update-jwt", "POST", {"from": "fetch"}).ok
    server.let_access_tokens_expire()
    assert json.loads(tab.call("/update-jwt").text) == {"from": "fetch"}
    server.let_access_tokens_expire()
    assert tab.call("/update-jwt", "POST", {"from": "XHR"}, through="XMLHttpRequest").ok
    server.let_access_tokens_expire()
    assert json.loads(tab.call("/update-jwt", through="XMLHttpRequest").text) == {"from": "XHR"}
    assert tab.refreshes == before + 4


@pytest.mark.both_topologies
@both_modes
@pytest.mark.parametrize("grace", [2, 0])
def test_a_session_outlives_many_access_tokens(deploy: Deploy, window: Window, mode: Mode, grace: int) -> None:
    server = deploy(**{**AT_AUTH, "refresh_token_rotation_grace_period": grace})
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    [handle] = server.sessions()

    for times in range(1, 5):
        server.let_access_tokens_expire()
        assert tab.call() == Answer(200, USER)
        assert tab.refreshes == before + times
    assert server.sessions() == [handle]
    assert window.cookies == TOKENS[mode] | OF_THE_LIBRARY


@pytest.mark.both_topologies
@both_modes
def test_lost_refresh_answers_log_nobody_out(
    deploy: Deploy, window: Window, caplog: pytest.LogCaptureFixture, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    window.expect_in_console("Failed to load resource: net::ERR_EMPTY_RESPONSE")
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    server.let_access_tokens_expire()

    server.wire.lose_answers(REFRESH, 3)
    for times, later in enumerate((1, 3600, 1), 1):  # seconds: within the grace period, and long after
        assert tab.call().status == 0
        assert tab.refreshes == before + times  # the server did its part
        assert "sFrontToken" in window.cookies
        server.clock.advance(seconds=later)
    assert tab.call() == Answer(200, USER)
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == before + 5
    assert "theft" not in caplog.text


@both_modes
def test_a_visitor_without_a_session_is_refused_and_refreshes_once_at_most(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)

    for _ in range(3):
        answer = tab.call()
        assert answer.status == 401
        assert "unauthorised" in answer.text
    assert tab.start(times=5).answers() == [answer] * 5
    assert (tab.verifications, tab.refreshes) == (8, 1)
    assert not tab.session_exists
    assert window.cookies == {"st-last-access-token-update"}


@both_modes
def test_tokens_that_were_lost_end_the_session_after_one_refresh(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    for name in TOKENS[mode]:
        window.forget(name)
    assert tab.session_exists

    assert tab.call().status == 401
    assert tab.refreshes == before + 1
    assert not tab.session_exists
    assert tab.call().status == 401
    assert tab.refreshes == before + 1
    assert window.cookies == {"st-last-access-token-update"}
    tab.login()
    assert tab.call() == Answer(200, USER)


@both_modes
def test_a_lost_access_token_comes_back_with_a_refresh(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes
    window.forget("sAccessToken" if mode == "cookie" else "st-access-token")

    assert tab.start(times=3).answers() == [Answer(200, USER)] * 3
    assert tab.refreshes == before + 1


@pytest.mark.parametrize("ahead", [3600, -3600], ids=["an hour ahead", "an hour behind"])
def test_a_server_with_another_idea_of_time_refreshes_no_more_often(deploy: Deploy, window: Window, ahead: int) -> None:
    server = deploy(**AT_AUTH)
    server.clock.advance(seconds=ahead)
    tab = window.tab_20(server.origin())
    tab.login()
    before = tab.refreshes

    assert tab.session_exists
    assert tab.claims["sub"] == USER
    assert tab.call() == Answer(200, USER)
    assert tab.refreshes == before
    server.let_access_tokens_expire()
    assert tab.call() == Answer(200, USER)
    assert tab.session_exists
    assert tab.refreshes == before + 1


@both_modes
def test_the_library_knows_when_an_access_token_that_was_replaced_on_the_way_expires(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    """It takes `iat` for the server's time whenever a front token comes, so that has to be the time of the answer."""
    server = deploy(**AT_AUTH)
    window.set_time(server.clock())
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    before = tab.refreshes

    def both_clocks_go_on(seconds: int) -> None:
        server.clock.advance(seconds=seconds)
        window.set_time(server.clock())

    both_clocks_go_on(400)
    assert tab.call("/update-jwt", "POST", {"late": True}).ok
    assert tab.claims["late"]
    assert tab.refreshes == before
    both_clocks_go_on(201)
    assert tab.claims["late"]
    assert tab.refreshes == before + 1
    both_clocks_go_on(400)
    assert tab.call() == Answer(200, USER)  # the first use
    both_clocks_go_on(201)
    assert tab.session_exists
    assert tab.refreshes == before + 2
