# SPDX-License-Identifier: Apache-2.0
"""Which token of a request counts: that of a cookie or that of the Authorization header, never both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from supertokens.engine import base64url
from supertokens.errors import SuperTokensError, SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError
from supertokens.testing import FakeClock
from supertokens.transport import RequestSession, verbs
from supertokens.transport.presented import access_token_of, refresh_token_of

from .conftest import MakeSite
from .site import HEADER_MODE, LEGACY, MODERN, PLAIN, Site, Visitor, cookies_in, header_in

MODERN_COOKIES = MODERN
"""A library that keeps cookies: what is in Authorization is the application's."""
NOT_IN_COOKIE_MODE = pytest.mark.parametrize(
    "mode", [PLAIN, LEGACY, HEADER_MODE, {"st-auth-mode": ""}], ids=["plain", "legacy", "header mode", "no mode"]
)


class Machine:
    """A client that has logged in with `st-auth-mode: header`, and keeps its two tokens itself."""

    def __init__(self, site: Site, user_id: str = "robot") -> None:
        self.site = site
        headers = Visitor(site, HEADER_MODE).log_in(user_id)
        access, refresh = header_in(headers, "st-access-token"), header_in(headers, "st-refresh-token")
        assert access is not None
        assert refresh is not None
        self.access, self.refresh = access, refresh

    def ask(self, mode: Mapping[str, str], token: str, cookies: str = "", method: str = "GET") -> RequestSession:
        headers = {**mode, "authorization": f"Bearer {token}", **({"cookie": cookies} if cookies else {})}
        return self.site.asked(self.site.make_request(method, "/me", headers))


@pytest.fixture
def machine(site: Site) -> Machine:
    return Machine(site)


def outcome(owner: RequestSession, *, check: bool = False) -> str:
    """Return whose session it is, or what the client is told instead."""
    try:
        return verbs.verify(owner, check_anti_csrf=check).get_user_id()
    except SuperTokensError as error:
        return type(error).__name__.removeprefix("SuperTokens").removesuffix("Error")


def forged(token: str) -> str:
    header, body, signature = token.split(".")
    return f"{header}.{body}.{'A' if signature[0] != 'A' else 'B'}{signature[1:]}"


def with_header(token: str, text: bytes) -> str:
    return ".".join([base64url.encode(text), *token.split(".")[1:]])


# Access tokens


@pytest.mark.parametrize("mode", [PLAIN, LEGACY, MODERN_COOKIES, HEADER_MODE])
def test_a_bearer_token_counts_in_every_dialect_where_no_cookie_came(machine: Machine, mode: Mapping[str, str]) -> None:
    owner = machine.ask(mode, machine.access)
    assert outcome(owner) == "robot"
    assert owner.header_mode


@NOT_IN_COOKIE_MODE
def test_an_authentic_bearer_token_wins_over_a_cookie(site: Site, machine: Machine, mode: Mapping[str, str]) -> None:
    ada = Visitor(site)
    ada.log_in()
    owner = machine.ask(mode, machine.access, ada.browser.cookie_header("/me"))
    assert outcome(owner) == "robot"
    assert owner.header_mode


@NOT_IN_COOKIE_MODE
def test_so_does_one_that_has_expired(site: Site, machine: Machine, clock: FakeClock, mode: Mapping[str, str]) -> None:
    clock.advance(hours=2)
    ada = Visitor(site)
    ada.log_in()
    assert outcome(machine.ask(mode, machine.access, ada.browser.cookie_header("/me"))) == "TryRefreshToken"


def test_a_cookie_wins_where_the_library_says_that_it_keeps_cookies(site: Site, machine: Machine) -> None:
    ada = Visitor(site)
    ada.log_in()
    owner = machine.ask(MODERN_COOKIES, machine.access, ada.browser.cookie_header("/me"))
    assert outcome(owner) == "ada"
    assert not owner.header_mode


@pytest.mark.parametrize("mode", [PLAIN, LEGACY, MODERN_COOKIES, HEADER_MODE])
def test_a_bearer_token_that_is_not_authentic_is_the_applications_where_a_cookie_came(
    site: Site, machine: Machine, mode: Mapping[str, str]
) -> None:
    ada = Visitor(site)
    ada.log_in()
    owner = machine.ask(mode, forged(machine.access), ada.browser.cookie_header("/me"))
    assert outcome(owner) == "ada"
    assert not owner.header_mode


@pytest.mark.parametrize("mode", [PLAIN, LEGACY, MODERN_COOKIES, HEADER_MODE])
def test_a_bearer_token_that_is_not_authentic_is_refused_where_none_came(
    machine: Machine, mode: Mapping[str, str]
) -> None:
    owner = machine.ask(mode, forged(machine.access))
    assert outcome(owner) == "TryRefreshToken"
    assert cookies_in(owner.sent_headers([])) == []


def other_tokens(machine: Machine) -> dict[str, str]:
    """Return bearer tokens of other systems, some of which look much like ours."""
    header = json.loads(base64url.decode(machine.access.split(".")[0]))

    def variant(**changes: Any) -> str:
        fields = {name: value for name, value in (header | changes).items() if value is not None}
        return with_header(machine.access, json.dumps(fields, separators=(",", ":")).encode())

    return {
        "opaque": "2YotnFZFEjr1zCsicMWpAA", "empty segments": "..", "two segments": machine.access.rpartition(".")[0],
        "four segments": machine.access + ".a", "no JSON": with_header(machine.access, b"\xff"),
        "a list": with_header(machine.access, b"[]"), "a jku": variant(jku="https://evil.example"),
        "no kid": variant(kid=None), "another kid": variant(kid="2011-04-29"), "a number as kid": variant(kid=1),
        "no version": variant(version=None), "another version": variant(version="2"),
        "a number as version": variant(version=5), "another typ": variant(typ="at+jwt"),
        "a refresh token": machine.refresh, "a padded header": machine.access.replace(".", "=.", 1),
        "a large header": with_header(machine.access, b"x" * 5000),
    }  # fmt: skip


@pytest.mark.parametrize("mode", [PLAIN, LEGACY, MODERN_COOKIES, HEADER_MODE])
def test_a_bearer_token_of_another_form_is_none_of_ours(site: Site, machine: Machine, mode: Mapping[str, str]) -> None:
    ada = Visitor(site)
    ada.log_in()
    for what, text in other_tokens(machine).items():
        beside = machine.ask(mode, text, ada.browser.cookie_header("/me"))
        assert (outcome(beside), beside.header_mode) == ("ada", False), what
        alone = machine.ask(mode, text)
        assert (outcome(alone), alone.header_mode) == ("Unauthorised", False), what
        assert cookies_in(alone.sent_headers([])) == [], what


def test_a_bearer_token_of_another_form_is_not_asked_about(
    site: Site, machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = Visitor(site)
    ada.log_in()
    monkeypatch.setattr(site.core, "authentic_access_token", lambda text: pytest.fail("asked"))
    monkeypatch.setattr(site.core, "authentic_refresh_token", lambda text: pytest.fail("asked"))
    for text in other_tokens(machine).values():
        outcome(machine.ask(PLAIN, text, ada.browser.cookie_header("/me")))
        refresh_token_of(machine.ask(PLAIN, text if text != machine.refresh else "x", "sRefreshToken=a"))


def test_another_scheme_is_the_applications(site: Site, machine: Machine) -> None:
    for value in (f"Basic {machine.access}", f"DPoP {machine.access}", machine.access):
        owner = site.asked(site.make_request("GET", "/me", {"authorization": value}))
        assert outcome(owner) == "Unauthorised"


# Anti-CSRF


@pytest.mark.parametrize("mode", [PLAIN, LEGACY, MODERN_COOKIES, HEADER_MODE])
def test_no_anti_csrf_value_is_asked_of_what_came_by_bearer(make_site: MakeSite, mode: Mapping[str, str]) -> None:
    site = make_site(enable_anti_csrf=True)
    machine = Machine(site)
    assert outcome(machine.ask(mode, machine.access, method="POST"), check=True) == "robot"


def test_a_session_in_headers_is_issued_without_an_anti_csrf_value(make_site: MakeSite) -> None:
    site = make_site(enable_anti_csrf=True)
    headers = Visitor(site, HEADER_MODE).log_in()
    assert header_in(headers, "anti-csrf") is None
    refresh = header_in(headers, "st-refresh-token")
    assert refresh is not None
    owner = site.asked(
        site.make_request("POST", "/session/refresh", {**HEADER_MODE, "authorization": f"Bearer {refresh}"})
    )
    verbs.refresh(owner)
    again = owner.sent_headers([])
    assert header_in(again, "anti-csrf") is None
    assert len(header_in(again, "st-refresh-token") or "") == len(refresh), "nor is there one inside"


def test_an_anti_csrf_value_sent_in_header_mode_is_not_looked_at(make_site: MakeSite) -> None:
    site = make_site(enable_anti_csrf=True)
    machine = Machine(site)
    headers = {**HEADER_MODE, "authorization": f"Bearer {machine.access}", "anti-csrf": "wrong"}
    assert outcome(site.asked(site.make_request("POST", "/me", headers)), check=True) == "robot"
    headers["authorization"] = f"Bearer {machine.refresh}"
    owner = site.asked(site.make_request("POST", "/session/refresh", headers))
    assert verbs.refresh(owner).get_user_id() == "robot"


@pytest.mark.parametrize("text", ["forged", "foreign"])
def test_a_bearer_token_that_does_not_count_lifts_no_anti_csrf_check(make_site: MakeSite, text: str) -> None:
    site = make_site(enable_anti_csrf=True)
    machine, ada = Machine(site), Visitor(site)
    ada.log_in()
    token = forged(machine.access) if text == "forged" else "2YotnFZFEjr1zCsicMWpAA"
    for mode in (PLAIN, HEADER_MODE, LEGACY, MODERN_COOKIES):
        owner = machine.ask(mode, token, ada.browser.cookie_header("/me"), "POST")
        assert outcome(owner, check=True) == "TryRefreshToken"
        assert outcome(owner, check=False) == "ada"


# Cookies


@pytest.mark.parametrize(
    ("dialect", "brought", "expected"),
    [
        (PLAIN, {"sAccessToken"}, "ada"),
        (PLAIN, {"sAccessToken", "sIdRefreshToken"}, "ada"),
        (PLAIN, {"sIdRefreshToken"}, "TryRefreshToken"),
        (PLAIN, {"sRefreshToken"}, "Unauthorised"),
        (PLAIN, set(), "Unauthorised"),
        (LEGACY, {"sAccessToken", "sIdRefreshToken"}, "ada"),
        (LEGACY, {"sAccessToken"}, "Unauthorised"),
        (LEGACY, {"sIdRefreshToken"}, "TryRefreshToken"),
        (LEGACY, {"sRefreshToken"}, "Unauthorised"),
        (LEGACY, set(), "Unauthorised"),
        (MODERN, {"sAccessToken"}, "ada"),
        (MODERN, {"sAccessToken", "sIdRefreshToken"}, "ada"),
        (MODERN, {"sIdRefreshToken"}, "Unauthorised"),
        (MODERN, {"sRefreshToken"}, "Unauthorised"),
        (MODERN, set(), "Unauthorised"),
        (HEADER_MODE, {"sAccessToken"}, "ada"),
        (HEADER_MODE, {"sIdRefreshToken"}, "Unauthorised"),
    ],
)
def test_which_cookies_are_needed_to_verify(
    visitor: Visitor, dialect: Mapping[str, str], brought: set[str], expected: str
) -> None:
    cookies = "; ".join(f"{name}={visitor.cookie(name)}" for name in sorted(brought))
    assert outcome(visitor.ask("GET", "/me", {**dialect, "cookie": cookies})) == expected


def test_the_reasons_tell_what_was_missing(visitor: Visitor) -> None:
    with pytest.raises(SuperTokensTryRefreshTokenError) as refused:
        access_token_of(visitor.ask("GET", "/me", {"cookie": "sIdRefreshToken=v"}))
    assert refused.value.reason == "missing"
    with pytest.raises(SuperTokensUnauthorisedError) as absent:
        access_token_of(visitor.ask("GET", "/me", {"cookie": ""}))
    assert absent.value.reason == "no_session"


def test_an_empty_cookie_is_a_token_that_is_not_good(visitor: Visitor) -> None:
    assert outcome(visitor.ask("GET", "/me", {"cookie": "sAccessToken="})) == "TryRefreshToken"


# Refresh tokens


@NOT_IN_COOKIE_MODE
def test_an_authentic_refresh_token_by_bearer_wins_over_a_cookie(
    site: Site, machine: Machine, visitor: Visitor, mode: Mapping[str, str]
) -> None:
    owner = machine.ask(mode, machine.refresh, f"sRefreshToken={visitor.cookie('sRefreshToken')}")
    assert refresh_token_of(owner) == machine.refresh
    assert owner.header_mode


def test_a_refresh_cookie_wins_where_the_library_says_that_it_keeps_cookies(machine: Machine, visitor: Visitor) -> None:
    mine = visitor.cookie("sRefreshToken")
    owner = machine.ask(MODERN_COOKIES, machine.refresh, f"sRefreshToken={mine}")
    assert (refresh_token_of(owner), owner.header_mode) == (mine, False)


def test_a_refresh_token_by_bearer_that_is_not_authentic_is_presented_only_where_no_cookie_came(
    machine: Machine, visitor: Visitor
) -> None:
    mine = visitor.cookie("sRefreshToken")
    bad = machine.refresh[:-2] + ("AA" if machine.refresh[-2:] != "AA" else "QQ")
    beside = machine.ask(PLAIN, bad, f"sRefreshToken={mine}")
    assert (refresh_token_of(beside), beside.header_mode) == (mine, False)
    alone = machine.ask(PLAIN, bad)
    assert (refresh_token_of(alone), alone.header_mode) == (bad, True)


def test_a_bearer_of_another_form_is_no_refresh_token(machine: Machine) -> None:
    other_version = bytearray(base64url.decode(machine.refresh))
    other_version[0] += 1
    for text in (machine.access, machine.refresh + "A", machine.refresh[:-1], machine.refresh[:-1] + "+", "x",
                 base64url.encode(bytes(other_version))):  # fmt: skip
        owner = machine.ask(PLAIN, text)
        assert refresh_token_of(owner) is None, text
        assert not owner.header_mode


def test_without_any_there_is_none(site: Site) -> None:
    assert (
        refresh_token_of(site.asked(site.make_request("POST", "/session/refresh", {"cookie": "sAccessToken=v"})))
        is None
    )


# Doubles


def test_doubles_of_one_user_are_settled_and_those_of_an_expired_other_are_not(
    make_site: MakeSite, clock: FakeClock
) -> None:
    site = make_site(cookie_domain="example.com")
    older, newer, former = Visitor(site), Visitor(site), Visitor(site)
    former.log_in("former")
    clock.advance(hours=2)
    older.log_in()
    clock.advance(seconds=5)
    newer.log_in()
    good = newer.cookie("sAccessToken")
    owner = newer.ask("GET", "/me", {"cookie": f"sAccessToken={older.cookie('sAccessToken')}; sAccessToken={good}"})
    assert access_token_of(owner) == good
    written = cookies_in(owner.sent_headers([]))
    assert [line.partition("; ")[0] for line in written] == ["sAccessToken=", f"sAccessToken={good}"]
    owner = newer.ask("GET", "/me", {"cookie": f"sAccessToken={former.cookie('sAccessToken')}; sAccessToken={good}"})
    assert access_token_of(owner) == good
    assert cookies_in(owner.sent_headers([])) == []
