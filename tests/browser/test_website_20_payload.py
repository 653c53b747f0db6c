# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 20.1.6 in Chromium, in both modes: the page reads payload and claims from the front token."""

from __future__ import annotations

import pytest

from .contract_app import USER
from .deployment import AT_AUTH, Deploy
from .window import Mode, Window, both_modes

pytestmark = pytest.mark.browser

REGISTERED = {"sub", "iat", "exp", "sessionHandle", "refreshTokenHash1", "parentRefreshTokenHash1", "antiCsrfToken"}


@pytest.mark.both_topologies
@both_modes
def test_an_update_is_seen_by_the_page_at_once_and_by_the_very_next_call(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab, other = (window.tab_20(server.origin(), mode) for _ in range(2))
    tab.login()
    before = tab.refreshes

    for payload in ({"name": "Ada Lovelace"}, {"name": "Žofie 🍪", "n": [1, None, 2.5]}, {}):
        tab.events()
        assert tab.call("/update-jwt", "POST", payload).ok
        assert tab.events() == ["ACCESS_TOKEN_PAYLOAD_UPDATED"]
        assert tab.payload == payload
        other.catch_up_with(tab)
        for each in (tab, other):
            assert each.claims.items() >= payload.items()
            assert each.claims.keys() - payload.keys() == REGISTERED | {"tId", "rsub"}
        assert other.payload == payload
    assert tab.refreshes == before


@both_modes
def test_the_page_reads_the_payload_of_a_log_in_after_a_reload_and_after_a_refresh(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login("Žofie 🍪")
    assert tab.call("/update-jwt", "POST", {"name": "Žofie"}).ok
    handle = tab.claims["sessionHandle"]
    assert server.sessions("Žofie 🍪") == [handle]

    for _ in range(2):
        tab.page.reload()
        assert tab.session_exists
        assert tab.user_id == tab.claims["sub"] == "Žofie 🍪"
        assert (tab.claims["name"], tab.claims["sessionHandle"]) == ("Žofie", handle)
        server.let_access_tokens_expire()
        assert tab.payload == {"name": "Žofie"}


@pytest.mark.both_topologies
@both_modes
def test_claims_in_the_form_of_supertokens_are_read_and_changed(deploy: Deploy, window: Window, mode: Mode) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    assert tab.claim("role") is None

    for value in ("admin", "reader", None):
        claim = {} if value is None else {"role": {"v": value, "t": server.clock()}}
        assert tab.call("/update-jwt", "POST", claim).ok
        assert tab.claim("role") == value
        server.let_access_tokens_expire()
        assert tab.payload == claim
        assert tab.claim("role") == value


@both_modes
def test_a_payload_that_others_have_changed_comes_with_the_next_refresh(
    deploy: Deploy, window: Window, mode: Mode
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), mode)
    tab.login()
    [handle] = server.sessions()
    server.core.update_jwt_payload(handle, {"role": "admin"})
    assert "role" not in tab.claims

    server.let_access_tokens_expire()
    tab.start_refresh()
    assert tab.refreshed()
    assert tab.claims["role"] == "admin"
    assert tab.payload == {"role": "admin"}


def test_in_header_mode_the_page_can_have_the_access_token_and_in_cookie_mode_it_cannot(
    deploy: Deploy, window: Window
) -> None:
    server = deploy(**AT_AUTH)
    tab = window.tab_20(server.origin(), "cookie")
    tab.login()
    assert tab.access_token is None
    tab.sign_out()

    tab = window.tab_20(server.origin(), "header")
    tab.login()
    assert tab.access_token == window.cookie("st-access-token")
    assert server.ask_with_bearer("GET", "/", tab.access_token or "").text == USER
