# SPDX-License-Identifier: Apache-2.0
"""supertokens-website 4.2.0 in Chromium: an application that raises our error itself ends the session, not the page."""

from __future__ import annotations

import pytest

from .deployment import ON_DOMAIN, Deploy
from .window import Window

pytestmark = pytest.mark.browser


def test_an_unauthorised_error_that_a_view_raises_ends_the_session_without_a_loop(
    deploy: Deploy, window: Window
) -> None:
    server = deploy(access_token_validity=900, **ON_DOMAIN)
    tab = window.tab(server.origin())
    tab.login()
    answer = tab.call("/suspended")
    assert answer.status == 401
    assert "unauthorised" in answer.text
    assert tab.refreshes == 0
    assert not tab.session_exists
    assert window.cookies == set()
