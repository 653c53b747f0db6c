# SPDX-License-Identifier: Apache-2.0
"""The verbs of every integration, for the session of one request."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import pytest

from supertokens.errors import (
    SuperTokensError,
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.testing import FakeClock
from supertokens.transport import RequestSession, Standing, verbs

from .conftest import MakeSite
from .site import HEADER_MODE, LEGACY, MODERN, PLAIN, Site, Visitor, cookies_in, deleted_in, header_in, set_in

OUR_COOKIES = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}


def look(owner: RequestSession, *, check: bool = False) -> str:
    return verbs.verify(owner, check_anti_csrf=check).get_user_id()


# Create


def test_a_log_in_begins_a_session_in_the_clients_dialect(site: Site, any_dialect: Mapping[str, str]) -> None:
    owner = Visitor(site, any_dialect).ask("POST", "/login")
    session = verbs.create(owner, "ada", {"role": "admin"}, {"cart": [1]})
    assert site.handles() == [session.get_handle()]
    assert site.core.session_data(session.get_handle()) == {"cart": [1]}
    assert (session.get_jwt_payload(), owner.standing) == ({"role": "admin"}, Standing.BEGUN)
    headers = owner.sent_headers([])
    in_headers = any_dialect is HEADER_MODE
    assert (set_in(headers) == {}) is in_headers
    assert (header_in(headers, "st-refresh-token") is not None) is in_headers


@pytest.mark.parametrize(
    ("user_id", "jwt_payload", "session_data"),
    [("", None, None), (None, None, None), ("ada", {"sub": 1}, None), ("ada", [1], None),
     ("ada", {"a": "x" * 9000}, None), ("ada", None, {"a": object()}), ("ada", None, [1])],
)  # fmt: skip
def test_what_cannot_be_kept_begins_nothing_and_leaves_the_session_that_came(
    make_site: MakeSite, user_id: Any, jwt_payload: Any, session_data: Any
) -> None:
    site = make_site(enable_anti_csrf=True)
    visitor = Visitor(site)
    visitor.log_in()
    for mode in (PLAIN, HEADER_MODE):
        owner = visitor.ask("POST", "/login", mode)
        look(owner)
        with pytest.raises((TypeError, ValueError)):
            verbs.create(owner, user_id, jwt_payload, session_data)
        assert look(owner) == "ada"
        with pytest.raises(SuperTokensTryRefreshTokenError):
            look(owner, check=True)
        assert (owner.standing, cookies_in(owner.sent_headers([]))) == (Standing.FOUND, [])
    assert len(site.handles()) == 1


def test_a_store_that_cannot_keep_a_session_begins_none(
    site: Site, monkeypatch: pytest.MonkeyPatch, any_dialect: Mapping[str, str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise SuperTokensGeneralError("the store is away")

    monkeypatch.setattr(site.store, "create", fail)
    owner = Visitor(site, any_dialect).ask("POST", "/login")
    with pytest.raises(SuperTokensGeneralError):
        verbs.create(owner, "ada", None, None)
    assert owner.standing is Standing.UNASKED
    assert cookies_in(owner.sent_headers([])) == []


def test_of_two_log_ins_in_one_request_the_second_counts(site: Site, dialect: Mapping[str, str]) -> None:
    visitor = Visitor(site, dialect)
    owner = visitor.ask("POST", "/login")
    verbs.create(owner, "ada", None, None)
    verbs.create(owner, "bob", None, None)
    visitor.take(owner)
    assert look(visitor.ask()) == "bob"


# Refresh


def test_only_a_post_to_the_refresh_api_is_one(make_site: MakeSite) -> None:
    site = make_site(refresh_api_path="/auth/refresh")
    for method, path, is_one in (
        ("POST", "/auth/refresh", True), ("POST", "/auth/refresh/", True), ("GET", "/auth/refresh", False),
        ("PUT", "/auth/refresh", False), ("POST", "/session/refresh", False), ("POST", "/", False),
    ):  # fmt: skip
        assert verbs.is_refresh(site.asked(site.make_request(method, path))) is is_one


def test_the_refresh_api_asked_without_a_token_says_the_end_by_headers_only(
    site: Site, any_dialect: Mapping[str, str]
) -> None:
    owner = Visitor(site, any_dialect).ask("POST", "/session/refresh")
    with pytest.raises(SuperTokensUnauthorisedError, match="refresh_api_path") as refused:
        verbs.refresh(owner)
    assert refused.value.reason == "no_session"
    headers = owner.sent_headers([])
    assert cookies_in(headers) == []
    assert header_in(headers, "front-token") == (None if any_dialect is LEGACY else "remove")
    assert header_in(headers, "id-refresh-token") == ("remove" if any_dialect in (PLAIN, LEGACY) else None)


@pytest.mark.parametrize("name", ["sAccessToken", "sIdRefreshToken"])
def test_with_another_of_our_cookies_it_clears_them_all(visitor: Visitor, name: str) -> None:
    owner = visitor.ask("POST", "/session/refresh", {"cookie": f"{name}={visitor.cookie(name)}"})
    with pytest.raises(SuperTokensUnauthorisedError):
        verbs.refresh(owner)
    assert deleted_in(owner.sent_headers([])) == OUR_COOKIES


@pytest.mark.parametrize("token", ["garbage", "a.b.c", "A" * 98, "A" * 119, "A" * 100_000, "%00", ""])
def test_a_token_that_no_core_made_is_unauthorised_and_asks_nothing_of_the_store(
    visitor: Visitor, site: Site, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(site.store, "get", lambda *_: pytest.fail("the store was asked"))
    owner = visitor.ask("POST", "/session/refresh", {"cookie": f"sRefreshToken={token}"})
    with pytest.raises(SuperTokensUnauthorisedError):
        verbs.refresh(owner)
    assert len(site.handles()) == 1


def test_a_theft_revokes_the_session_before_the_error_is_raised(site: Site, any_dialect: Mapping[str, str]) -> None:
    owner_of_it, thief = Visitor(site, any_dialect), Visitor(site, any_dialect, agent="curl")
    first = owner_of_it.log_in()
    [handle] = site.handles()
    stolen = {}
    if any_dialect is HEADER_MODE:
        stolen = {"authorization": f"Bearer {header_in(first, 'st-refresh-token')}"}
        second = owner_of_it.refresh(stolen)
        owner_of_it.check({"authorization": f"Bearer {header_in(second, 'st-access-token')}"})
    else:
        thief.browser.jar.update(owner_of_it.browser.jar)
        owner_of_it.refresh()
        owner_of_it.check()
    request = thief.ask("POST", "/session/refresh", stolen)
    with pytest.raises(SuperTokensTokenTheftError) as theft:
        verbs.refresh(request)
    assert (theft.value.session_handle, theft.value.user_id) == (handle, "ada")
    assert site.handles() == []
    with pytest.raises(SuperTokensUnauthorisedError):
        look(request)
    headers = request.sent_headers([])
    assert deleted_in(headers) == (set() if any_dialect is HEADER_MODE else OUR_COOKIES)
    assert set_in(headers) == {}
    assert "remove" in (header_in(headers, "front-token"), header_in(headers, "id-refresh-token"))


def test_a_theft_whose_session_cannot_be_revoked_is_our_own_failure(
    site: Site, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were it answered as a theft, a handler would take the session for revoked."""
    stolen = {"cookie": f"sRefreshToken={visitor.cookie('sRefreshToken')}", "user-agent": "curl"}
    visitor.refresh()
    visitor.check()

    def fail(*_: object) -> None:
        raise SuperTokensGeneralError("the store is away")

    monkeypatch.setattr(site.store, "remove", fail)
    owner = visitor.ask("POST", "/session/refresh", stolen)
    with pytest.raises(SuperTokensGeneralError):
        verbs.refresh(owner)
    assert cookies_in(owner.sent_headers([])) == []


def test_what_a_framework_raises_takes_the_place_of_the_cores_error(make_site: MakeSite) -> None:
    class OfTheFrameworkError(SuperTokensUnauthorisedError):
        pass

    site = make_site(as_raised=lambda error: OfTheFrameworkError(*error.args, reason=error.reason))
    nobody = site.asked(site.make_request("POST", "/session/refresh"))
    for verb in (look, verbs.refresh):
        with pytest.raises(OfTheFrameworkError) as raised:
            verb(nobody)
        assert raised.value.reason == "no_session"
        assert raised.traceback[-1].name != "refused", "it is told where the core raised its own"


# The anti-CSRF value


@pytest.mark.parametrize("sent", [None, "", "wrong", "é"])
def test_a_value_that_is_missing_or_wrong_is_try_refresh_with_a_reason_and_a_line_for_debugging(
    make_site: MakeSite, dialect: Mapping[str, str], sent: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(make_site(enable_anti_csrf=True), dialect)
    visitor.log_in()
    owner = visitor.ask("POST", "/me", {} if sent is None else {"anti-csrf": sent})
    with caplog.at_level(logging.DEBUG, "supertokens"), pytest.raises(SuperTokensTryRefreshTokenError) as refused:
        look(owner, check=True)
    assert refused.value.reason == "anti_csrf"
    assert "anti-CSRF" in caplog.text
    assert cookies_in(owner.sent_headers([])) == []
    assert look(visitor.ask("POST", "/me", {"anti-csrf": visitor.browser.anti_csrf or ""}), check=True) == "ada"


def test_an_expired_token_looks_like_one(
    make_site: MakeSite, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    visitor = Visitor(make_site(enable_anti_csrf=True))
    visitor.log_in()
    clock.advance(hours=2)
    with caplog.at_level(logging.DEBUG, "supertokens"), pytest.raises(SuperTokensTryRefreshTokenError, match="expired"):
        look(visitor.ask("POST"), check=True)
    assert "anti-CSRF" not in caplog.text


def test_a_refresh_checks_a_value_that_is_sent_and_asks_for_none(
    make_site: MakeSite, dialect: Mapping[str, str]
) -> None:
    visitor = Visitor(make_site(enable_anti_csrf=True), dialect)
    visitor.log_in()
    with pytest.raises(SuperTokensUnauthorisedError) as refused:
        verbs.refresh(visitor.ask("POST", "/session/refresh", {"anti-csrf": "wrong"}))
    assert refused.value.reason == "anti_csrf"
    for headers in ({}, {"anti-csrf": visitor.browser.anti_csrf or ""}):
        assert header_in(visitor.refresh(headers), "anti-csrf") is not None


def test_a_check_after_a_refresh_still_asks_for_the_value_and_one_after_a_log_in_does_not(
    make_site: MakeSite, dialect: Mapping[str, str]
) -> None:
    """The client has just logged in; but that it could refresh says nothing of who made it ask."""
    visitor = Visitor(make_site(enable_anti_csrf=True), dialect)
    visitor.log_in()
    value = {"anti-csrf": visitor.browser.anti_csrf or ""}
    for headers, fails in (({}, True), (value, False)):
        owner = visitor.ask("POST", "/session/refresh", headers)
        verbs.refresh(owner)
        if fails:
            with pytest.raises(SuperTokensTryRefreshTokenError):
                look(owner, check=True)
        else:
            assert look(owner, check=True) == "ada"
        visitor.take(owner)
    owner = visitor.ask("POST", "/login")
    verbs.create(owner, "bob", None, None)
    assert look(owner, check=True) == "bob"


@pytest.mark.parametrize("looked_before", [False, True])
def test_a_refresh_that_failed_lifts_no_check_of_what_came_by_cookie(
    make_site: MakeSite, looked_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The refresh token came by bearer, the access token by cookie."""
    site = make_site(enable_anti_csrf=True)
    visitor = Visitor(site)
    visitor.log_in()
    robot = header_in(Visitor(site, HEADER_MODE).log_in("robot"), "st-refresh-token")
    owner = visitor.ask("POST", "/me", {"authorization": f"Bearer {robot}"})
    if looked_before:
        assert look(owner) == "ada"

    def fail(*_: object, **__: object) -> None:
        raise SuperTokensGeneralError("the core is away")

    monkeypatch.setattr(site.core, "refresh", fail)
    with pytest.raises(SuperTokensGeneralError):
        verbs.refresh(owner)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        look(owner, check=True)
    assert look(owner) == "ada"


# The end


def test_a_sign_out_ends_each_session_that_came_expired_or_not(site: Site, clock: FakeClock) -> None:
    ada, bob, other = Visitor(site), Visitor(site), Visitor(site)
    ada.log_in("ada")
    other.log_in("ada")
    clock.advance(hours=2)
    bob.log_in("bob")
    cookies = f"sAccessToken={ada.cookie('sAccessToken')}; sRefreshToken={bob.cookie('sRefreshToken')}"
    owner = ada.ask("POST", "/signout", {"cookie": cookies})
    assert len(verbs.sign_out(owner)) == 2
    assert (len(site.handles("ada")), site.handles("bob")) == (1, []), "the other browser's goes on"
    assert deleted_in(owner.sent_headers([])) == OUR_COOKIES


def test_a_sign_out_needs_no_session_that_is_still_good(site: Site, any_dialect: Mapping[str, str]) -> None:
    for cookies in ("", "sAccessToken=garbage; sRefreshToken=garbage"):
        owner = Visitor(site, any_dialect).ask("POST", "/signout", {"cookie": cookies})
        assert verbs.sign_out(owner) == []
        assert deleted_in(owner.sent_headers([])) == (OUR_COOKIES if cookies else set())


@pytest.mark.parametrize("mode", [PLAIN, HEADER_MODE])
@pytest.mark.parametrize("kind", ["st-access-token", "st-refresh-token"])
def test_a_machine_signs_out_with_either_of_its_tokens_and_is_told_in_headers(
    site: Site, mode: Mapping[str, str], kind: str
) -> None:
    token = header_in(Visitor(site, HEADER_MODE).log_in(), kind)
    owner = site.asked(site.make_request("POST", "/signout", {**mode, "authorization": f"Bearer {token}"}))
    assert len(verbs.sign_out(owner)) == 1
    headers = owner.sent_headers([])
    assert (header_in(headers, "st-access-token"), header_in(headers, "st-refresh-token")) == ("", "")
    assert header_in(headers, "id-refresh-token") is None
    assert cookies_in(headers) == []


@pytest.mark.parametrize("looked_before", [False, True])
@pytest.mark.parametrize("brought", [OUR_COOKIES, {"sAccessToken"}, {"sRefreshToken"}])
def test_a_session_revoked_by_name_that_is_the_requests_own_is_over_for_it(
    visitor: Visitor, site: Site, looked_before: bool, brought: set[str]
) -> None:
    if looked_before and "sAccessToken" not in brought:
        return
    pairs = [f"{name}={visitor.cookie(name)}" for name in sorted(brought)]
    owner = visitor.ask("POST", "/end", {"cookie": "; ".join(pairs)})
    if looked_before:
        look(owner)
    verbs.note_revoked(owner, site.core.revoke_user("ada"))
    assert owner.standing is Standing.ENDED
    with pytest.raises(SuperTokensUnauthorisedError):
        look(owner)
    assert deleted_in(owner.sent_headers([])) == OUR_COOKIES


@pytest.mark.parametrize("mode", [PLAIN, LEGACY, MODERN, HEADER_MODE])
@pytest.mark.parametrize("kind", ["st-access-token", "st-refresh-token"])
def test_so_is_that_of_a_machine(site: Site, mode: Mapping[str, str], kind: str) -> None:
    token = header_in(Visitor(site, HEADER_MODE).log_in(), kind)
    owner = site.asked(site.make_request("POST", "/end", {**mode, "authorization": f"Bearer {token}"}))
    verbs.note_revoked(owner, site.core.revoke_user("ada"))
    assert owner.standing is Standing.ENDED
    headers = owner.sent_headers([])
    assert (header_in(headers, "st-access-token"), header_in(headers, "st-refresh-token")) == ("", "")


def test_sessions_of_others_that_are_revoked_by_name_leave_the_requests_own_alone(visitor: Visitor, site: Site) -> None:
    Visitor(site).log_in("bob")
    robot = header_in(Visitor(site, HEADER_MODE).log_in("robot"), "st-access-token")
    for headers in ({}, {"authorization": f"Bearer {robot}"}):
        for names in ([], site.handles("bob"), ["00000000-0000-4000-8000-000000000000"]):
            owner = visitor.ask("POST", "/end", headers)
            verbs.note_revoked(owner, names)
            assert owner.standing is Standing.UNASKED
            assert cookies_in(owner.sent_headers([])) == []
    beside = visitor.ask("POST", "/end", {"authorization": f"Bearer {robot}"})
    verbs.note_revoked(beside, site.handles("ada"))
    assert beside.standing is Standing.UNASKED, "the bearer token is what counts"


def test_a_forged_refresh_token_can_do_no_more_than_clear_its_own_browser(visitor: Visitor, site: Site) -> None:
    """What a refresh token says of itself is enough to know which session a browser takes for its own."""
    token = visitor.cookie("sRefreshToken")
    forged = token[:-4] + ("AAAA" if token[-4:] != "AAAA" else "BBBB")
    owner = visitor.ask("POST", "/end", {"cookie": f"sRefreshToken={forged}"})
    assert verbs.sign_out(owner) == []
    assert len(site.handles()) == 1
    revoked = visitor.ask("POST", "/end", {"cookie": f"sRefreshToken={forged}"})
    verbs.note_revoked(revoked, site.handles())
    assert deleted_in(revoked.sent_headers([])) == OUR_COOKIES


# Whatever comes


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "sAccessToken=\x00; sIdRefreshToken=\xff; sRefreshToken=%ff%fe"},
        {"cookie": "; ".join(["sAccessToken=a.b.c"] * 3000)},
        {"cookie": "sRefreshToken=" + "A" * 60_000},
        {"authorization": "Bearer " + "A" * 60_000},
        {"authorization": "Bearer " + ".".join(["A" * 20_000] * 3)},
        {"authorization": "Bearer \xff.\xff.\xff", "cookie": "sAccessToken=\xff.\xff.\xff"},
        {"st-auth-mode": "\xff", "anti-csrf": "\xff", "supertokens-sdk-name": "\x00"},
    ],
    ids=range(7),
)
def test_nothing_that_is_sent_is_a_failure_of_ours(make_site: MakeSite, headers: dict[str, str]) -> None:
    site = make_site(enable_anti_csrf=True)
    for verb in (look, verbs.refresh, verbs.sign_out):
        owner = site.asked(site.make_request("POST", "/session/refresh", headers))
        try:
            verb(owner)
        except SuperTokensError as error:
            assert not isinstance(error, SuperTokensGeneralError)  # noqa: PT017
        assert set_in(owner.sent_headers([])) == {}
