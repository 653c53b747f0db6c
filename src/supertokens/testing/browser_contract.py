# SPDX-License-Identifier: Apache-2.0
"""What each kind of client gets in responses, as tests of any integration; `IntegrationContract` has them all."""

from __future__ import annotations

import json
from typing import Any, Final

from supertokens.testing.clock import FakeClock
from supertokens.testing.integration import (
    Create,
    Get,
    MakeSite,
    NewResponse,
    Page,
    Refresh,
    Response,
    RevokeSession,
    RevokeUser,
    Script,
    SignOut,
)  # fmt: skip
from supertokens.testing.visitor import Visitor

__all__ = ["PAGES", "BrowserContract", "is_the_end", "log_in_as", "me"]

_OUR_COOKIES: Final = frozenset({"sAccessToken", "sIdRefreshToken", "sRefreshToken"})

_BEGINS: Final = {
    "plain": (_OUR_COOKIES, {"front-token", "id-refresh-token"}),
    "legacy": (_OUR_COOKIES, {"front-token", "id-refresh-token"}),
    "modern": (_OUR_COOKIES - {"sIdRefreshToken"}, {"front-token"}),
    "header": (frozenset(), {"front-token", "st-access-token", "st-refresh-token"}),
}
_ENDS: Final = {
    "plain": {"front-token": "remove", "id-refresh-token": "remove"},
    "legacy": {"id-refresh-token": "remove"},
    "modern": {"front-token": "remove", "st-access-token": "", "st-refresh-token": ""},
    "header": {"front-token": "remove", "st-access-token": "", "st-refresh-token": ""},
}
_HEADERS: Final = ("front-token", "id-refresh-token", "anti-csrf", "st-access-token", "st-refresh-token")


def log_in_as(user_id: str, res: Any = None) -> Script:
    yield Create(user_id, {"role": "admin"}, {"cart": []}, res)
    return f"{user_id} is in"


def me(session: Any) -> Script:
    """Answer with what `session` says."""
    yield from ()
    return json.dumps({"user": session.get_user_id(), "payload": session.get_jwt_payload()})


def _refresh(_: Any) -> Script:
    yield Refresh()
    return "refreshed"


def _log_out(session: Any) -> Script:
    yield RevokeSession(session)
    return "out"


def _sign_out(_: Any) -> Script:
    removed = yield SignOut()
    return str(len(removed))


def _checked(_: Any) -> Script:
    session = yield Get(check_anti_csrf=True)
    return str(session.get_user_id())


def _end(user_id: str) -> Script:
    yield RevokeUser(user_id)
    return "ended"


PAGES: Final = (
    Page("/login/ada", lambda _: log_in_as("ada")),
    Page("/login/bob", lambda _: log_in_as("bob")),
    Page("/me", me, protected=True),
    Page("/checked", _checked),
    Page("/session/refresh", _refresh),
    Page("/logout", _log_out, protected=True),
    Page("/signout", _sign_out),
    Page("/end/ada", lambda _: _end("ada")),
)
"""What every app of the contract needs."""


def is_the_end(reply: Response, dialect: str) -> bool:
    """Return whether `reply` tells a client of `dialect` that sent tokens that its session has ended."""
    said = {name: reply.header(name) for name in _HEADERS if reply.header(name) is not None}
    cleared = reply.deleted_cookies == (frozenset() if dialect == "header" else _OUR_COOKIES)
    return said == _ENDS[dialect] and cleared and not reply.set_cookies


def _says_nothing(reply: Response) -> bool:
    return not reply.touches_cookies and all(reply.header(name) is None for name in _HEADERS)


class BrowserContract:
    """Each kind of client gets responses in its own dialect, and nothing else."""

    def test_a_client_logs_in_is_known_refreshes_and_logs_out(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        visitor = Visitor(make_site(*PAGES), clock, dialect)
        assert visitor.get("/me").status == 401
        visitor.log_in()
        for _ in range(2):
            reply = visitor.get("/me")
            assert (reply.status, json.loads(reply.text)) == (200, {"user": "ada", "payload": {"role": "admin"}})
            clock.advance(hours=2)
            assert visitor.get("/me").status == 401
            visitor.refresh()
        assert is_the_end(visitor.post("/logout"), dialect)
        assert not visitor.has_session
        assert visitor.site.core.session_handles("ada") == []

    def test_a_client_gets_what_its_dialect_has_and_nothing_else(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        visitor = Visitor(make_site(*PAGES), clock, dialect)
        cookies, headers = _BEGINS[dialect]
        for reply in (visitor.log_in(), visitor.refresh()):
            assert reply.set_cookies.keys() == cookies
            assert {name for name in _HEADERS if reply.header(name) is not None} == headers
            assert reply.header("Cache-Control") == "no-store"
        first_use = visitor.get("/me")
        assert first_use.set_cookies.keys() == ({"sAccessToken"} & cookies)
        assert (first_use.header("st-access-token") is not None) is (dialect == "header")
        assert _says_nothing(visitor.get("/me")), "only what has changed is sent"

    def test_an_expired_token_is_to_be_refreshed_and_nothing_is_deleted(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        visitor = Visitor(make_site(*PAGES), clock, dialect)
        visitor.log_in()
        clock.advance(hours=2)
        reply = visitor.get("/me")
        assert (reply.status, json.loads(reply.text)["message"]) == (401, "try refresh token")
        assert json.loads(reply.text)["error"] == "try refresh token", "the older libraries read this one"
        assert _says_nothing(reply)

    def test_a_session_that_has_ended_is_over_for_the_client_too(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        for path in ("/me", "/session/refresh"):
            visitor = Visitor(make_site(*PAGES), clock, dialect)
            visitor.log_in()
            visitor.refresh()
            visitor.site.core.revoke_user("ada")
            reply = visitor.post(path)
            assert (reply.status, json.loads(reply.text)["message"]) == (401, "unauthorised")
            assert is_the_end(reply, dialect), path
            assert not visitor.has_session

    def test_a_request_without_our_tokens_is_answered_without_any(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        """Otherwise any site could log any visitor out, since SameSite keeps cookies out of its requests."""
        site = make_site(*PAGES)
        for headers in ({}, {"Cookie": "theirs=1; evil_sAccessToken=v"}):
            reply = Visitor(site, clock, dialect).post("/me", headers)
            assert (reply.status, json.loads(reply.text)["message"]) == (401, "unauthorised")
            assert _says_nothing(reply)
            refused = Visitor(site, clock, dialect).post("/session/refresh", headers)
            assert refused.status == 401
            assert not refused.touches_cookies
            assert "remove" in (refused.header("front-token"), refused.header("id-refresh-token"))

    def test_one_of_our_cookies_is_enough_to_have_all_deleted(self, make_site: MakeSite, clock: FakeClock) -> None:
        site = make_site(*PAGES)
        for name in sorted(_OUR_COOKIES):
            reply = Visitor(site, clock).post("/session/refresh", {"Cookie": f"{name}=of-a-former-life"})
            assert reply.status == 401
            assert reply.deleted_cookies == _OUR_COOKIES, name

    def test_a_stolen_refresh_token_ends_the_session_for_everybody(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        site = make_site(*PAGES)
        owner, thief = Visitor(site, clock, dialect), Visitor(site, clock, dialect, agent="curl")
        owner.log_in()
        thief.browser.jar.update(owner.browser.jar)
        thief.browser.refresh_token = owner.browser.refresh_token
        owner.refresh()
        owner.get("/me")
        reply = thief.post("/session/refresh")
        assert (reply.status, json.loads(reply.text)["message"]) == (401, "token theft detected")
        assert is_the_end(reply, dialect)
        assert site.core.session_handles("ada") == []
        assert is_the_end(owner.post("/session/refresh"), dialect)

    def test_the_anti_csrf_value_is_asked_of_what_came_by_cookie(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        visitor = Visitor(make_site(*PAGES, enable_anti_csrf=True), clock, dialect)
        visitor.log_in()
        assert visitor.get("/me").status == 200
        for headers in ({}, {"anti-csrf": ""}, {"anti-csrf": "wrong"}):
            reply = visitor.post("/checked", headers)
            assert reply.status == (401 if visitor.keeps_cookies else 200), headers
            assert _says_nothing(reply)
        value = {"anti-csrf": visitor.browser.anti_csrf} if visitor.browser.anti_csrf else {}
        assert (value != {}) is visitor.keeps_cookies
        assert visitor.post("/checked", value).status == 200

    def test_a_machine_shows_its_token_and_nothing_else(self, make_site: MakeSite, clock: FakeClock) -> None:
        site = make_site(*PAGES, enable_anti_csrf=True)
        machine = Visitor(site, clock, "header")
        machine.log_in()
        machine.dialect = "plain"
        assert machine.post("/checked").text == "ada"
        clock.advance(hours=2)
        assert json.loads(machine.post("/me").text)["message"] == "try refresh token"
        assert machine.refresh().header("st-access-token")
        assert machine.post("/checked").text == "ada"
        assert not machine.browser.jar

    def test_a_token_of_another_system_does_not_hide_a_cookie(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        visitor = Visitor(make_site(*PAGES), clock, dialect)
        visitor.log_in()
        other = {"Authorization": "Bearer eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl"}
        assert visitor.get("/me", other).status == (200 if visitor.keeps_cookies else 401)

    def test_live_sessions_of_different_users_are_refused_and_nothing_is_deleted(
        self, make_site: MakeSite, clock: FakeClock
    ) -> None:
        site = make_site(*PAGES)
        ada, bob = Visitor(site, clock), Visitor(site, clock)
        ada.log_in("ada")
        bob.log_in("bob")
        both = {"Cookie": "; ".join(each.browser.cookie_header("/session/refresh") for each in (ada, bob))}
        for path in ("/me", "/session/refresh", "/me"):
            reply = ada.post(path, both)
            assert (reply.status, _says_nothing(reply)) == (401, True), path
        assert ada.post("/signout", both).text == "2", "each that came"
        assert [site.core.session_handles(user) for user in ("ada", "bob")] == [[], []]

    def test_no_cache_hands_one_users_answer_to_another(
        self, make_site: MakeSite, clock: FakeClock, dialect: str
    ) -> None:
        def cached(_: Any) -> Script:
            yield Get()
            response = yield NewResponse("for me", [("Vary", "Accept-Language"), ("Cache-Control", "max-age=60")])
            return response

        def public(_: Any) -> Script:
            response = yield NewResponse("for all", [("Cache-Control", "public")])
            return response

        visitor = Visitor(make_site(*PAGES, Page("/cached", cached), Page("/public", public)), clock, dialect)
        assert visitor.get("/me").header("Vary") == "Cookie, Authorization", "also where nobody was found"
        visitor.log_in()
        found = visitor.get("/me")
        assert (found.header("Vary"), found.header("Cache-Control")) == ("Cookie, Authorization", "private")
        own = visitor.get("/cached")
        assert (own.header("Vary"), own.header("Cache-Control")) == (
            "Accept-Language, Cookie, Authorization", "max-age=60",
        )  # fmt: skip
        unasked = visitor.get("/public")
        assert (unasked.header("Vary"), unasked.header("Cache-Control")) == (None, "public")

    def test_cookies_are_secure_unless_browser_and_server_are_one_machine(
        self, make_site: MakeSite, clock: FakeClock
    ) -> None:
        proxied = {"X-Forwarded-Proto": "https"}
        for headers, scheme, secure in (
            ({}, "http", False), ({}, "https", True), ({"Host": "example.com"}, "http", True), (proxied, "http", True),
        ):  # fmt: skip
            reply = Visitor(make_site(*PAGES), clock).call("POST", "/login/ada", headers, scheme=scheme)
            lines = [value for name, value in reply.headers if name.lower() == "set-cookie"]
            assert {"; Secure" in line for line in lines} == {secure}, (headers, scheme)
            assert all("; HttpOnly" in line and "; SameSite=Lax" in line and "; Max-Age=" in line for line in lines)

    def test_an_app_below_a_prefix_has_its_cookies_there(self, make_site: MakeSite, clock: FakeClock) -> None:
        default = Visitor(make_site(*PAGES), clock)
        default.log_in(mount="/app")
        assert {cookie.path for cookie in default.browser.jar.values()} == {"/app", "/app/session/refresh"}
        assert default.call("GET", "/me", mount="/app").status == 200
        default.refresh(mount="/app")
        assert default.call("POST", "/logout", mount="/app").deleted_cookies == _OUR_COOKIES
        assert not default.has_session
        explicit = Visitor(make_site(*PAGES, refresh_api_path="/session/refresh"), clock)
        explicit.log_in(mount="/app")
        assert {cookie.path for cookie in explicit.browser.jar.values()} == {"/app", "/session/refresh"}

    def test_each_app_of_a_process_has_its_own_settings(self, make_site: MakeSite, clock: FakeClock) -> None:
        one, other = make_site(*PAGES), make_site(*PAGES, session_expired_status_code=440)
        visitor = Visitor(one, clock)
        visitor.log_in()
        clock.advance(hours=2)
        statuses = []
        for site in (one, other, one):
            visitor.site = site
            statuses.append(visitor.get("/me").status)
        assert statuses == [401, 440, 401]
