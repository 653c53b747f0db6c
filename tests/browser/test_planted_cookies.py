# SPDX-License-Identifier: Apache-2.0
"""A neighbour below the same domain plants cookies in a real browser: nobody is served as, or becomes, Mallory."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest
from flask import Response
from playwright.sync_api import BrowserContext
from werkzeug.test import Client

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .sites import DEEP, NEIGHBOUR, SHOP, Site, pages_of, served_over_tls, shop

pytestmark = pytest.mark.browser

DOMAIN: Final = "localhost.org"
PATHS: Final[Mapping[str, str]] = {"sAccessToken": "/", "sIdRefreshToken": "/", "sRefreshToken": "/session/refresh"}


class Town:
    """The shop, and beside it Mallory, who has an account there and a blog next door."""

    def __init__(
        self,
        browser: BrowserContext,
        running: ExitStack,
        store: SqliteStore,
        clock: FakeClock,
        folder: Path,
        **settings: Any,
    ) -> None:
        self.core = EmbeddedCore(Config(**settings), store, clock=clock)
        self._app = shop(self.core, clock, **settings)
        self._planted: list[str] = []
        blog = pages_of({"/": lambda: "a blog", "/post": self._post})
        self.shop = Site(browser, SHOP, running.enter_context(served_over_tls(self._app, folder / "shop")))
        self.blog = Site(browser, NEIGHBOUR, running.enter_context(served_over_tls(blog, folder / "blog")))

    def _post(self) -> Response:
        response = Response("a post")
        for line in self._planted:
            response.headers.add("Set-Cookie", line)
        return response

    def session_of(self, user: str) -> dict[str, str]:
        """Return the cookies of a session that Mallory began at home."""
        client = Client(self._app)
        answer = client.post("/login", base_url=f"https://{SHOP}", data={"user": user})
        pairs = (line.partition(";")[0].partition("=") for line in answer.headers.getlist("Set-Cookie"))
        return {name: value for name, _, value in pairs}

    def plant(self, cookies: Mapping[str, str], attributes: str = f"; Domain={DOMAIN}; Secure") -> None:
        """Have the visitor's browser read the blog, whose answer sets these cookies for all of the domain."""
        self._planted = [f"{name}={value}; Path={PATHS.get(name, '/')}{attributes}" for name, value in cookies.items()]
        assert self.blog.text("/post") == "a post"

    def is_planted(self, name: str) -> bool:
        """Return whether the browser keeps, for all of the domain, a cookie of that name."""
        return any((kept, domain) == (name, f".{DOMAIN}") for kept, domain, _ in self.shop.cookies)

    @property
    def own(self) -> dict[str, str]:
        """Return the visitor's own cookies: those of the shop's host."""
        return {name: value for (name, domain, _), value in self.shop.cookies.items() if domain == SHOP}


@pytest.fixture
def town(
    browser: BrowserContext, running: ExitStack, store: SqliteStore, clock: FakeClock, tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Town:  # fmt: skip
    """The town with the settings that the test names."""
    return Town(browser, running, store, clock, tmp_path, **getattr(request, "param", {}))


def with_settings(**settings: Any) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("town", [settings], indirect=True, ids=[",".join(settings)])


WHITE: Final = ["\xa0", "\x85"] + (["\x1c", "\x1f", "\x0b", "\x0c", "\xa0\xa0", " \xa0"] if DEEP else [])
"""What Unicode takes for white space, as the bytes that a neighbour sends."""


@with_settings(cookie_prefix="host")
@pytest.mark.parametrize("white", WHITE, ids=ascii)
@pytest.mark.parametrize("visitor", ["nobody", "ada"])
def test_a_name_behind_a_byte_that_is_white_to_unicode_only_is_not_ours(town: Town, visitor: str, white: str) -> None:
    if visitor == "ada":
        town.shop.log_in("ada")
    stolen_names = {f"{white}{name}": value for name, value in town.session_of("mallory").items()}
    assert all("__Host-" in name for name in stolen_names)

    town.plant(stolen_names, f"; Domain={DOMAIN}; Secure")

    expected = "the account of ada" if visitor == "ada" else "refused: no_session"
    assert [town.shop.text("/account") for _ in range(2)] == [expected] * 2


@with_settings(cookie_prefix="host")
def test_a_neighbour_cannot_set_the_prefixed_names_themselves(town: Town) -> None:
    town.shop.log_in("ada")
    town.plant(town.session_of("mallory"))
    assert town.shop.text("/account") == "the account of ada"
    assert {name for name, _, _ in town.shop.cookies} == {f"__Host-{name}" for name in PATHS}


CONFLICT: Final = "refused: conflicting_sessions"


def test_a_live_session_of_another_user_beside_ones_own_is_refused_and_nothing_is_deleted(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.shop.log_in("ada")
    town.plant(town.session_of("mallory"))
    before = town.shop.cookies
    assert len(before) == 6

    with caplog.at_level(logging.WARNING, "supertokens"):
        for _ in range(2):
            assert town.shop.text("/account") == CONFLICT
            assert town.shop.text("/") == "Hello, stranger"
            assert town.shop.send("/session/refresh") == CONFLICT
    assert town.shop.cookies == before
    warned = [message for message in caplog.messages if "older_cookie_domain" in message]
    assert len(warned) == 1
    assert warned[0].index("older_cookie_domain") < warned[0].index("cookie_prefix")


def test_a_log_out_ends_each_session_that_came(town: Town) -> None:
    town.shop.log_in("ada")
    town.plant(town.session_of("mallory"))
    assert town.shop.send("/logout") == "logged out"
    assert town.core.session_handles("ada") == town.core.session_handles("mallory") == []
    assert town.own == {}


@with_settings(older_cookie_domain=DOMAIN)
def test_a_log_in_clears_what_was_planted_where_the_setting_says_that_cookies_may_be(town: Town) -> None:
    town.plant(town.session_of("mallory"))
    town.shop.log_in("ada")
    assert town.shop.text("/account") == "the account of ada"
    assert not town.is_planted("sAccessToken")
    town.plant(town.session_of("mallory"))
    assert town.shop.text("/account") == CONFLICT
    assert town.shop.send("/login", body="user=ada") == "the account of ada"
    assert town.shop.text("/account") == "the account of ada"


def test_beside_an_own_token_that_has_expired_what_was_planted_never_becomes_ones_own(
    town: Town, clock: FakeClock
) -> None:
    town.shop.log_in("ada")
    clock.advance(hours=2)
    planted = town.session_of("mallory")
    town.plant({"sAccessToken": planted["sAccessToken"]})
    before = town.own

    seen = [town.shop.text("/account"), town.shop.text("/")]

    assert set(seen) <= {"the account of mallory", "Hello, mallory"}  # served while it is there: SECURITY.md
    assert town.own == before
    assert town.shop.send("/session/refresh") == "refreshed"
    assert town.shop.text("/account") in ("the account of ada", CONFLICT)
    assert planted["sAccessToken"] not in town.own.values()


def test_a_refresh_beside_a_planted_refresh_token_is_refused_and_hands_nothing_to_anybody(town: Town) -> None:
    town.shop.log_in("ada")
    planted = town.session_of("mallory")
    town.plant({"sRefreshToken": planted["sRefreshToken"]})
    before = town.shop.cookies
    assert town.shop.send("/session/refresh") == CONFLICT
    assert town.shop.cookies == before
    assert town.shop.text("/account") == "the account of ada"


def test_a_planted_session_of_the_same_user_is_no_conflict(town: Town) -> None:
    town.shop.log_in("ada")
    town.plant(town.session_of("ada"))
    assert town.shop.text("/account") == "the account of ada"
    assert town.shop.send("/session/refresh") == "refreshed"
    assert town.shop.text("/account") == "the account of ada"
