# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium: a changed payload is seen by the next call."""

from __future__ import annotations

import pytest

from .deployment import ON_DOMAIN, Deploy
from .window import Window

pytestmark = [pytest.mark.browser, pytest.mark.both_topologies]

blacklisting_or_not = pytest.mark.parametrize("blacklisting", [False, True], ids=["", "with blacklisting"])


@blacklisting_or_not
def test_an_update_is_seen_by_the_very_next_call(deploy: Deploy, window: Window, blacklisting: bool) -> None:
    server = deploy(
        access_token_validity=3,
        refresh_token_rotation_grace_period=2,
        access_token_blacklisting=blacklisting,
        **ON_DOMAIN,
    )
    tab, other = window.tab(server.origin()), window.tab(server.origin())
    tab.login()
    assert tab.payload == {}

    for payload in ({"name": "Ada Lovelace"}, {"name": "Žofie", "n": [1, None, 2.5]}, {}):
        assert tab.call("/update-jwt", "POST", payload).ok
        assert tab.payload == payload
        assert other.payload == payload
    assert tab.refreshes == 0


@blacklisting_or_not
def test_an_update_that_had_to_refresh_first_is_kept(deploy: Deploy, window: Window, blacklisting: bool) -> None:
    server = deploy(
        access_token_validity=3,
        refresh_token_rotation_grace_period=2,
        access_token_blacklisting=blacklisting,
        **ON_DOMAIN,
    )
    tab = window.tab(server.origin())
    tab.login()
    for round_ in range(3):
        server.let_access_tokens_expire()
        assert tab.call("/update-jwt", "POST", {"round": round_}).ok
        assert tab.payload == {"round": round_}
        server.let_access_tokens_expire()
        assert tab.payload == {"round": round_}


@blacklisting_or_not
def test_an_update_by_handle_is_seen_at_once_only_with_blacklisting(
    deploy: Deploy, window: Window, blacklisting: bool
) -> None:
    server = deploy(
        access_token_validity=3,
        refresh_token_rotation_grace_period=2,
        access_token_blacklisting=blacklisting,
        **ON_DOMAIN,
    )
    tab = window.tab(server.origin())
    tab.login()

    assert tab.call("/update-jwt-by-handle", "POST", {"plan": "gold"}).ok
    assert tab.payload == ({"plan": "gold"} if blacklisting else {})
    server.let_access_tokens_expire()
    assert tab.payload == {"plan": "gold"}
