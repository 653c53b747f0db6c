# SPDX-License-Identifier: Apache-2.0
"""A request's session is one thing: what a verb began, renewed or ended counts for the rest of the request."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pytest

from supertokens.engine import base64url
from supertokens.errors import (
    SuperTokensError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.testing import FakeClock
from supertokens.transport import NO_REQUEST, Header, RequestSession, Session, Standing, verbs
from supertokens.transport.duplicates import ConflictingSessionsError

from .conftest import MakeSite
from .site import HEADER_MODE, LEGACY, MODERN, PLAIN, Response, Site, Visitor, cookies_in, deleted_in, header_in, set_in

ALL = {"sAccessToken", "sIdRefreshToken", "sRefreshToken"}
MARGIN_MS = 30_000
"""Three grace periods."""


def claims_in(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1]))
    return claims


def user_in(token: str) -> str:
    return str(claims_in(token)["sub"])


class Client:
    """A visitor who has logged in as ada, and has a refreshed access token that has not been used yet.

    That is the case with the most to go wrong: whoever looks at the session puts a new access token on the response.
    """

    def __init__(self, site: Site, dialect: Mapping[str, str]) -> None:
        self.site = site
        self.visitor = Visitor(site, dialect)
        self._tokens: list[Header] = []
        self._keep(self.visitor.log_in())
        [self.handle] = site.handles()
        self._keep(self.visitor.refresh(self._bearer("st-refresh-token")))

    @property
    def in_headers(self) -> bool:
        return self.visitor.dialect is HEADER_MODE

    def _keep(self, headers: list[Header]) -> None:
        self._tokens = headers

    def _bearer(self, name: str) -> dict[str, str]:
        return {"authorization": f"Bearer {header_in(self._tokens, name)}"} if self.in_headers else {}

    def ask(self, *, to_refresh: bool = False) -> RequestSession:
        """Return the session of a request that brings all tokens: the refresh cookie, too, is sent to this path."""
        if self.in_headers:
            return self.visitor.ask("GET", "/me", self._bearer("st-refresh-token" if to_refresh else "st-access-token"))
        return self.visitor.ask("GET", "/session/refresh")

    def said(self, owner: RequestSession) -> str:
        """Return whose tokens the response carries, whether it clears, or that it says nothing."""
        headers = owner.sent_headers([])
        token = header_in(headers, "st-access-token") if self.in_headers else set_in(headers).get("sAccessToken")
        if token:
            assert "remove" not in (header_in(headers, "front-token"), header_in(headers, "id-refresh-token"))
            assert deleted_in(headers) <= ({"sIdRefreshToken"} if self.visitor.dialect is MODERN else set())
            return user_in(token) + (" anew" if self._refresh_token_in(headers) else "")
        if token == "" or deleted_in(headers):
            assert deleted_in(headers) == (set() if self.in_headers else ALL)
            assert not set_in(headers)
            assert "remove" in (header_in(headers, "front-token"), header_in(headers, "id-refresh-token"))
            return "the end"
        assert cookies_in(headers) == []
        assert header_in(headers, "front-token") is None
        return "nothing"

    def _refresh_token_in(self, headers: list[Header]) -> str | None:
        return header_in(headers, "st-refresh-token") if self.in_headers else set_in(headers).get("sRefreshToken")


@pytest.fixture
def client(site: Site, any_dialect: Mapping[str, str]) -> Client:
    return Client(site, any_dialect)


# The standings, and how a request comes to them


def look(owner: RequestSession) -> Session:
    return verbs.verify(owner, check_anti_csrf=False)


def unasked(client: Client) -> RequestSession:
    return client.ask()


def found(client: Client) -> RequestSession:
    owner = client.ask()
    look(owner)
    return owner


def begun(client: Client) -> RequestSession:
    owner = client.ask()
    verbs.create(owner, "bob", None, None)
    return owner


def refreshed(client: Client) -> RequestSession:
    owner = client.ask(to_refresh=True)
    verbs.refresh(owner)
    return owner


def ended(client: Client) -> RequestSession:
    owner = client.ask()
    look(owner).revoke_session()
    return owner


def refused_after_a_look(client: Client) -> RequestSession:
    """The application itself says, after a check, that this visitor has no session: it is suspended, perhaps."""
    owner = found(client)
    owner.forget(SuperTokensUnauthorisedError("suspended"))
    return owner


def refused_unasked(client: Client) -> RequestSession:
    owner = client.ask()
    if client.in_headers:  # before any verb nobody knows in which mode the tokens came
        look(owner)
    owner.forget(SuperTokensUnauthorisedError("suspended"))
    return owner


# The verbs


def verify(owner: RequestSession, client: Client) -> str:
    return look(owner).get_user_id()


def create(owner: RequestSession, client: Client) -> str:
    return verbs.create(owner, "carol", None, None).get_user_id()


def refresh(owner: RequestSession, client: Client) -> str:
    return verbs.refresh(owner).get_user_id()


def sign_out(owner: RequestSession, client: Client) -> str:
    return f"{len(verbs.sign_out(owner))} revoked"


def revoke_what_came(owner: RequestSession, client: Client) -> str:
    removed = client.site.core.revoke_sessions([client.handle])
    verbs.note_revoked(owner, [client.handle])
    return f"{len(removed)} revoked"


def raise_unauthorised(owner: RequestSession, client: Client) -> str:
    owner.forget(SuperTokensUnauthorisedError("of the application's own"))
    return ""


class Row(NamedTuple):
    before: Callable[[Client], RequestSession]
    verb: Callable[[RequestSession, Client], str]
    outcome: str
    after: Standing
    said: str


_S = Standing
TABLE = [
    Row(unasked, verify, "ada", _S.FOUND, "ada"),
    Row(unasked, create, "carol", _S.BEGUN, "carol anew"),
    Row(unasked, refresh, "ada", _S.REFRESHED, "ada anew"),
    Row(unasked, sign_out, "1 revoked", _S.ENDED, "the end"),
    Row(unasked, revoke_what_came, "1 revoked", _S.ENDED, "the end"),
    Row(found, verify, "ada", _S.FOUND, "ada"),
    Row(found, create, "carol", _S.BEGUN, "carol anew"),
    Row(found, refresh, "ada", _S.REFRESHED, "ada anew"),
    Row(found, sign_out, "1 revoked", _S.ENDED, "the end"),
    Row(found, revoke_what_came, "1 revoked", _S.ENDED, "the end"),
    Row(found, raise_unauthorised, "", _S.NONE, "the end"),
    Row(begun, verify, "bob", _S.BEGUN, "bob anew"),
    Row(begun, create, "carol", _S.BEGUN, "carol anew"),
    Row(begun, refresh, "bob", _S.BEGUN, "bob anew"),
    Row(begun, sign_out, "2 revoked", _S.ENDED, "the end"),
    Row(begun, revoke_what_came, "1 revoked", _S.BEGUN, "bob anew"),
    Row(begun, raise_unauthorised, "", _S.NONE, "the end"),
    Row(refreshed, verify, "ada", _S.REFRESHED, "ada anew"),
    Row(refreshed, create, "carol", _S.BEGUN, "carol anew"),
    Row(refreshed, refresh, "ada", _S.REFRESHED, "ada anew"),
    Row(refreshed, sign_out, "1 revoked", _S.ENDED, "the end"),
    Row(refreshed, revoke_what_came, "1 revoked", _S.ENDED, "the end"),
    Row(refreshed, raise_unauthorised, "", _S.NONE, "the end"),
    Row(ended, verify, "Unauthorised", _S.ENDED, "the end"),
    Row(ended, create, "carol", _S.BEGUN, "carol anew"),
    Row(ended, refresh, "Unauthorised", _S.ENDED, "the end"),
    Row(ended, sign_out, "0 revoked", _S.ENDED, "the end"),
    Row(ended, revoke_what_came, "0 revoked", _S.ENDED, "the end"),
    Row(ended, raise_unauthorised, "", _S.ENDED, "the end"),
    Row(refused_after_a_look, verify, "Unauthorised", _S.NONE, "the end"),
    Row(refused_after_a_look, create, "carol", _S.BEGUN, "carol anew"),
    Row(refused_after_a_look, sign_out, "1 revoked", _S.ENDED, "the end"),
    Row(refused_after_a_look, revoke_what_came, "1 revoked", _S.ENDED, "the end"),
    Row(refused_after_a_look, raise_unauthorised, "", _S.NONE, "the end"),
    Row(refused_unasked, verify, "Unauthorised", _S.NONE, "the end"),
    Row(refused_unasked, create, "carol", _S.BEGUN, "carol anew"),
]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.before.__name__}-{row.verb.__name__}")
@pytest.mark.parametrize("looks_again", [False, True], ids=["", "then an audit hook"])
def test_what_a_verb_does_to_a_requests_session(client: Client, row: Row, looks_again: bool) -> None:
    owner = row.before(client)
    if client.in_headers and row.verb is refresh and owner.standing in (_S.UNASKED, _S.FOUND):
        owner = client.ask(to_refresh=True)  # one header carries one token
    try:
        outcome = row.verb(owner, client)
    except SuperTokensUnauthorisedError:
        outcome = "Unauthorised"
    assert (outcome, owner.standing) == (row.outcome, row.after)
    if looks_again:
        try:
            seen = look(owner).get_user_id()
        except SuperTokensUnauthorisedError:
            seen = "nobody"
        assert seen == ("nobody" if row.said == "the end" else row.said.partition(" ")[0])
        assert owner.standing is row.after
    assert client.said(owner) == row.said


def test_a_look_that_found_nothing_does_not_stand_in_the_way_of_a_refresh(
    site: Site, dialect: Mapping[str, str]
) -> None:
    """A hook may look at every request, and the access cookie may have a path that the refresh API is not below."""
    visitor = Visitor(site, dialect)
    visitor.log_in()
    owner = visitor.ask("POST", "/session/refresh", {"cookie": f"sRefreshToken={visitor.cookie('sRefreshToken')}"})
    with pytest.raises(SuperTokensUnauthorisedError):
        look(owner)
    assert verbs.refresh(owner).get_user_id() == "ada"
    headers = owner.sent_headers([])
    assert user_in(set_in(headers)["sAccessToken"]) == "ada"
    assert "remove" not in (header_in(headers, "front-token"), header_in(headers, "id-refresh-token"))


def test_a_look_again_where_there_was_none_gives_the_same_reason(site: Site, visitor: Visitor) -> None:
    nobody = site.asked(site.make_request("GET", "/me"))
    visitor.refresh()
    site.core.revoke_user("ada")
    for owner, reason in ((nobody, "no_session"), (visitor.ask(), "")):
        seen = set()
        for _ in range(3):
            with pytest.raises(SuperTokensUnauthorisedError) as refused:
                look(owner)
            seen.add(refused.value.reason)
        assert len(seen) == 1
        assert reason in seen or seen == {"ended"}
    assert cookies_in(nobody.sent_headers([])) == []


def test_a_refused_check_of_what_may_heal_changes_nothing(site: Site, visitor: Visitor, clock: FakeClock) -> None:
    clock.advance(hours=2)
    owner = visitor.ask()
    for _ in range(2):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            look(owner)
    assert owner.standing is Standing.UNASKED
    assert cookies_in(owner.sent_headers([])) == []


def test_a_session_that_was_found_is_still_found_after_a_check_that_asks_for_more(make_site: MakeSite) -> None:
    visitor = Visitor(make_site(enable_anti_csrf=True))
    visitor.log_in()
    owner = visitor.ask("POST")
    assert look(owner).get_user_id() == "ada"
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verbs.verify(owner, check_anti_csrf=True)
    assert (owner.standing, look(owner).get_user_id()) == (Standing.FOUND, "ada")


# Clearing


@pytest.mark.parametrize("brought", [*sorted(ALL), ""])
@pytest.mark.parametrize("error", [SuperTokensUnauthorisedError(), SuperTokensTokenTheftError("handle", "ada")])
def test_all_is_cleared_if_any_of_our_cookies_came_and_none_if_none_did(
    make_site: MakeSite, dialect: Mapping[str, str], brought: str, error: SuperTokensUnauthorisedError
) -> None:
    """To a cross-site form, which brings no SameSite cookie, a clearing answer would be a log-out."""
    site = make_site(cookie_domain="a.example", older_cookie_domain="b.example")
    headers = {**dialect, "cookie": f"{brought}=v; theirs=1" if brought else "theirs=1; evil_sAccessToken=v"}
    owner = site.asked(site.make_request("POST", "/", headers))
    owner.forget(error)
    assert owner.standing is Standing.NONE
    left = owner.sent_headers([("X", "1")])
    if not brought:
        assert left == [("X", "1"), ("Vary", "Cookie, Authorization")]
        return
    assert deleted_in(left) == ALL
    places = {(line.partition("=")[0], line.partition("Domain=")[2].partition(";")[0]) for line in cookies_in(left)}
    assert places == {(name, domain) for name in ALL for domain in ("a.example", "b.example", "")}
    assert header_in(left, "front-token") == (None if dialect is LEGACY else "remove")
    assert header_in(left, "id-refresh-token") == (None if dialect is MODERN else "remove")


def test_different_users_delete_nothing_while_they_come(site: Site, dialect: Mapping[str, str]) -> None:
    ada, mallory = Visitor(site, dialect), Visitor(site, dialect)
    ada.log_in()
    mallory.log_in("mallory")
    pairs = [f"{name}={each.cookie(name)}" for name in sorted(ada.cookies) for each in (ada, mallory)]
    for _ in range(3):  # for as long as both come, and never one of them
        owner = ada.ask("GET", "/session/refresh", {"cookie": "; ".join(pairs)})
        for verb in (look, verbs.refresh, look):
            with pytest.raises(ConflictingSessionsError):
                verb(owner)
        assert owner.standing is Standing.UNASKED
        left = owner.sent_headers([])
        assert cookies_in(left) == []
        assert header_in(left, "front-token") is header_in(left, "id-refresh-token") is None
    assert sorted(verbs.sign_out(ada.ask("POST", "/session/refresh", {"cookie": "; ".join(pairs)}))) == sorted(
        [*site.handles("ada"), *site.handles("mallory")]
    ) or (site.handles("ada"), site.handles("mallory")) == ([], [])


def planted_beside(own: Visitor, planted: Visitor) -> str:
    return f"sAccessToken={own.cookie('sAccessToken')}; sAccessToken={planted.cookie('sAccessToken')}"


@pytest.mark.parametrize("with_res", [False, True])
@pytest.mark.parametrize("marked", [False, True])
def test_a_planted_token_is_served_while_it_is_there_and_never_written_as_the_visitors_own(
    site: Site, clock: FakeClock, dialect: Mapping[str, str], marked: bool, with_res: bool
) -> None:
    """A marked one is replaced at its first use, and a changed payload replaces any: neither may be written here."""
    ada, mallory = Visitor(site, dialect), Visitor(site, dialect)
    ada.log_in()
    clock.advance(hours=2)
    mallory.log_in("mallory")
    if marked:
        mallory.refresh()
    cookies = planted_beside(ada, mallory) + f"; sIdRefreshToken={ada.browser.value('sIdRefreshToken')}"
    owner, response = ada.ask("GET", "/me", {"cookie": cookies}), Response()
    if with_res:
        owner.put_on(response)
    session = look(owner)
    assert session.get_user_id() == "mallory"
    session.update_jwt_payload({"role": "planted"})
    assert look(owner).get_jwt_payload() == {"role": "planted"}
    left = owner.sent_headers(response.headers)
    assert cookies_in(left) == cookies_in(response.headers) == []
    assert header_in(left, "front-token") is None


def test_a_session_begun_where_another_was_planted_is_written_as_ever(site: Site, clock: FakeClock) -> None:
    ada, mallory = Visitor(site), Visitor(site)
    ada.log_in()
    clock.advance(hours=2)
    mallory.log_in("mallory")
    owner = ada.ask("POST", "/login", {"cookie": planted_beside(ada, mallory)})
    look(owner)
    verbs.create(owner, "ada", None, None).update_jwt_payload({"role": "mine"})
    assert look(owner).get_jwt_payload() == {"role": "mine"}
    assert claims_in(set_in(owner.sent_headers([]))["sAccessToken"])["role"] == "mine"


# Responses


def test_changes_go_on_each_response_that_was_given_and_on_what_is_sent(site: Site, dialect: Mapping[str, str]) -> None:
    one, other, sent = Response(("X", "1")), Response(), Response(("X", "3"))
    owner = Visitor(site, dialect).ask("POST", "/login")
    owner.put_on(one)
    owner.put_on(one)
    verbs.create(owner, "ada", None, None)
    owner.put_on(other)
    look(owner)
    left = owner.sent_headers(sent.headers)
    assert set_in(one.headers) == set_in(left) != {}
    assert set_in(other.headers) == {}, "what was before it was given is on what is sent"
    assert header_in(left, "X") == "3"
    same = Visitor(site, dialect).ask("POST", "/login")
    same.put_on(one)
    verbs.create(same, "bob", None, None)
    assert len(cookies_in(same.sent_headers(one.headers))) == len(set_in(one.headers)), "replaced, not appended"


def test_a_response_that_says_the_end_says_nothing_of_a_session_before_it(site: Site, visitor: Visitor) -> None:
    response = Response()
    visitor.refresh()
    owner = visitor.ask("POST", "/session/refresh")
    owner.put_on(response)
    session = look(owner)
    assert set(set_in(response.headers)) == {"sAccessToken"}
    session.revoke_session()
    assert deleted_in(response.headers) == ALL
    verbs.create(owner, "bob", None, None)
    assert user_in(set_in(response.headers)["sAccessToken"]) == "bob"
    assert header_in(response.headers, "front-token") != "remove"


def test_a_response_of_a_request_that_asked_nothing_is_left_alone(site: Site) -> None:
    headers = [("Vary", "Origin"), ("Cache-Control", "public")]
    assert RequestSession(site.edge).sent_headers(headers) is headers


@pytest.mark.parametrize("outcome", ["found", "refused", "try refresh", "refused before", "ended"])
def test_no_cache_hands_what_was_looked_up_to_another(visitor: Visitor, clock: FakeClock, outcome: str) -> None:
    if outcome == "try refresh":
        clock.advance(hours=2)
    owner = visitor.ask("GET", "/me", {"cookie": ""} if outcome == "refused" else None)
    try:
        session = look(owner)
        if outcome == "ended":
            session.revoke_session()
    except SuperTokensError:
        outcome = f"{outcome} and refused"
    assert outcome in ("found", "refused and refused", "try refresh and refused", "refused before", "ended")
    if outcome == "refused before":
        owner.forget(SuperTokensUnauthorisedError())
    left = owner.sent_headers([("Vary", "Origin")])
    assert header_in(left, "Vary") == "Origin, Cookie, Authorization"
    expected = {"found": "private", "ended": "no-store", "refused before": "no-store"}.get(outcome)
    assert header_in(left, "Cache-Control") == expected


@pytest.mark.parametrize("has_session", [True, False])
def test_rules_for_caches_alone_are_sent_as_finally_as_a_list_of_headers(visitor: Visitor, has_session: bool) -> None:
    owner = visitor.ask("GET", "/me", None if has_session else {"cookie": ""})
    if has_session:
        look(owner)
    else:
        assert verbs.find(owner, check_anti_csrf=False, required=False) is None
    assert not owner.changes_headers
    assert owner.sent_for_caches() is has_session
    assert owner.request is NO_REQUEST
    with pytest.raises(RuntimeError, match="have been sent"):
        owner.require_headers()


# Re-issued tokens


def expiry_of_tokens(site: Site) -> int:
    """Return when an access token of now expires (ms)."""
    return site.clock() // 1000 * 1000 + 3_600_000


def at_the_end_of_life(client: Client, left_ms: int) -> RequestSession:
    """Check a marked token with a minute left, and let time pass until `left_ms` are."""
    site = client.site
    expires_at = expiry_of_tokens(site)
    site.clock.now = expires_at - 60_000
    owner = client.ask()
    assert look(owner).get_user_id() == "ada"
    site.clock.now = expires_at - left_ms
    return owner


@pytest.mark.parametrize(
    ("left_ms", "to_plain"),
    [(60_000, "ada"), (MARGIN_MS + 1, "ada"), (MARGIN_MS, "nothing"), (1, "nothing"), (0, "nothing")],
)
def test_a_client_without_a_lock_is_sent_no_token_that_is_about_to_die_when_the_headers_leave(
    client: Client, left_ms: int, to_plain: str
) -> None:
    """A late answer would lay it over a living one. Libraries have a lock."""
    owner = at_the_end_of_life(client, left_ms)
    assert client.said(owner) == (to_plain if client.visitor.dialect is PLAIN else "ada")


def test_a_client_that_shows_a_bearer_token_without_any_library_has_no_lock_either(site: Site) -> None:
    client = Client(site, HEADER_MODE)
    client.visitor.dialect = PLAIN
    bearer = {"authorization": f"Bearer {header_in(client._tokens, 'st-access-token')}"}
    site.clock.now += 3_600_000 - MARGIN_MS - 1
    for expected in (True, False):
        owner = client.visitor.ask("GET", "/me", bearer)
        look(owner)
        assert (header_in(owner.sent_headers([]), "st-access-token") is not None) is expected
        site.clock.now += 1


def test_the_payload_of_a_session_that_begins_leaves_however_short_its_tokens_live(make_site: MakeSite) -> None:
    """No living token is in the browser yet that it could be laid over."""
    visitor = Visitor(make_site(access_token_validity=20))
    owner = visitor.ask("POST", "/login")
    verbs.create(owner, "ada", None, None).update_jwt_payload({"role": "late"})
    assert claims_in(set_in(visitor.take(owner))["sAccessToken"])["role"] == "late"


def test_without_a_grace_period_a_re_issued_token_is_sent_to_its_last_millisecond(make_site: MakeSite) -> None:
    site = make_site(refresh_token_rotation_grace_period=0)
    client = Client(site, PLAIN)
    assert client.said(at_the_end_of_life(client, 1)) == "ada"


@pytest.mark.parametrize(("left_ms", "stays"), [(MARGIN_MS + 1, True), (MARGIN_MS, False)])
def test_a_token_that_may_no_longer_leave_is_taken_off_a_response_that_was_given(
    site: Site, left_ms: int, stays: bool
) -> None:
    client = Client(site, PLAIN)
    expires_at = expiry_of_tokens(site)
    site.clock.now = expires_at - MARGIN_MS - 5_000
    owner, response = client.ask(), Response(("Set-Cookie", "theirs=1; Path=/"))
    owner.put_on(response)
    look(owner)
    assert user_in(set_in(response.headers)["sAccessToken"]) == "ada"
    site.clock.now = expires_at - left_ms
    left = owner.sent_headers(response.headers)
    assert set(set_in(left)) == ({"theirs", "sAccessToken"} if stays else {"theirs"})
    assert (header_in(left, "front-token") is not None) is stays


def test_none_of_several_re_issued_tokens_stays_on_a_response_once_it_may_not_leave(site: Site) -> None:
    """The first went on the response in time, the second (of a changed payload) did not."""
    client = Client(site, PLAIN)
    expires_at = expiry_of_tokens(site)
    site.clock.now = expires_at - MARGIN_MS - 5_000
    owner, response = client.ask(), Response()
    owner.put_on(response)
    session = look(owner)
    assert set(set_in(response.headers)) == {"sAccessToken"}
    site.clock.now = expires_at - MARGIN_MS
    session.update_jwt_payload({"role": "late"})
    left = owner.sent_headers(response.headers)
    assert cookies_in(left) == []
    assert header_in(left, "front-token") is None


def test_a_double_that_was_settled_stays_settled_where_a_re_issued_token_may_not_leave(
    make_site: MakeSite, clock: FakeClock
) -> None:
    site = make_site(cookie_domain="a.example")
    client = Client(site, PLAIN)
    shown, stale = client.visitor.cookie("sAccessToken"), "x.y.z"
    clock.now += 3_600_000 - MARGIN_MS
    owner, response = (
        client.visitor.ask("GET", "/me", {"cookie": f"sAccessToken={stale}; sAccessToken={shown}"}),
        Response(),
    )
    owner.put_on(response)
    look(owner)
    assert set_in(owner.sent_headers(response.headers)) == {"sAccessToken": shown}


# After the headers have left


@pytest.fixture
def streaming(site: Site, client: Client) -> Iterator[RequestSession]:
    """The session of a request whose response is under way. Nothing can reach the browser any more."""
    owner = client.ask()
    look(owner)
    request = owner.request
    owner.sent_headers([])
    owner.request = request  # as an integration does before each verb
    changes_before = len(owner.sent_headers([]))
    owner.request = request
    yield owner
    assert len(owner.sent_headers([])) == changes_before


def test_what_would_begin_or_renew_a_session_is_refused_before_it_writes(
    site: Site, client: Client, streaming: RequestSession
) -> None:
    session = look(streaming)
    was = site.store.get(client.handle, site.clock())
    for verb in (
        lambda: verbs.create(streaming, "bob", None, None),
        lambda: verbs.refresh(streaming),
        lambda: session.update_jwt_payload({"role": "none"}),
    ):
        with pytest.raises(RuntimeError, match="headers have been sent"):
            verb()
    assert site.handles("bob") == []
    assert site.store.get(client.handle, site.clock()) == was
    assert look(streaming).get_jwt_payload() == {"role": "admin"}


@pytest.mark.parametrize("verb", ["session", "sign_out", "handle"])
def test_a_session_can_be_ended_and_the_log_says_that_the_browser_was_not_told(
    site: Site, client: Client, streaming: RequestSession, verb: str, caplog: pytest.LogCaptureFixture
) -> None:
    if verb == "session":
        look(streaming).revoke_session()
    elif verb == "sign_out":
        assert verbs.sign_out(streaming) == [client.handle]
    else:
        verbs.note_revoked(streaming, site.core.revoke_sessions([client.handle]))
    assert site.handles() == []
    [message] = caplog.messages
    assert "after the response's headers had been sent" in message
    with pytest.raises(SuperTokensUnauthorisedError):
        look(streaming)


def test_a_check_works_as_ever_and_changes_nothing(client: Client) -> None:
    owner = client.ask()
    request = owner.request
    owner.sent_headers([])
    owner.request = request
    assert look(owner).get_user_id() == "ada", "which accepts the marked token"
    assert client.said(owner) == "nothing"


def test_headers_that_are_made_again_say_the_same(client: Client) -> None:
    """A server may be given other headers as long as none has left (PEP 3333, exc_info)."""
    owner = begun(client)
    assert owner.sent_headers([("X", "1")]) == owner.sent_headers([("X", "1")])
    assert client.said(owner) == "bob anew"


def test_what_is_shown_of_it_is_no_secret(client: Client) -> None:
    owner = found(client)
    assert repr(owner) == "RequestSession(FOUND)"
    assert owner.__rich_repr__() == [("standing", "FOUND")]
