# SPDX-License-Identifier: Apache-2.0
"""What a browser is told of a session's beginning, change and end, in each dialect."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import pytest

from supertokens.engine import base64url
from supertokens.engine.session import CookieLife, IssuedSession
from supertokens.testing import FakeClock
from supertokens.transport import Header, Request
from supertokens.transport.response_changes import ResponseChanges

from .site import HEADER_MODE, LEGACY, MODERN, PLAIN, MakeRequest, Site, cookies_in, deleted_in, header_in, set_in

SESSION_HEADERS = ("front-token", "id-refresh-token", "anti-csrf", "st-access-token", "st-refresh-token")
PAYLOAD = {"role": "admin", "name": "Ünï ⚡ 𝄞 \u2028", "nothing": None, "n": 1.0}
LIFE = CookieLife(1_800_000_000_000, remember=True)


def issued_by(site: Site, *, anti_csrf: bool = False, payload: Any = None) -> IssuedSession:
    return site.core.create_session("ada", PAYLOAD if payload is None else payload, {}, anti_csrf=anti_csrf)


def told(changes: ResponseChanges) -> tuple[set[str], set[str], set[str]]:
    """Return the cookies that are set, those that are deleted, and our headers that are sent."""
    headers = changes.applied_to([])
    return (
        set(set_in(headers)),
        deleted_in(headers),
        {name for name in SESSION_HEADERS if header_in(headers, name) is not None},
    )


def front(headers: list[Header]) -> dict[str, Any]:
    text = header_in(headers, "front-token")
    assert text is not None
    assert text.isascii()
    decoded: dict[str, Any] = json.loads(b64decode(text, validate=True).decode("ascii"))
    return decoded


def claims(text: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(base64url.decode(text.split(".")[1]))
    return decoded


BEGINS = {
    "plain": (PLAIN, {"sAccessToken", "sRefreshToken", "sIdRefreshToken"}, {"front-token", "id-refresh-token"}),
    "legacy": (LEGACY, {"sAccessToken", "sRefreshToken", "sIdRefreshToken"}, {"front-token", "id-refresh-token"}),
    "modern": (MODERN, {"sAccessToken", "sRefreshToken"}, {"front-token"}),
}


@pytest.mark.parametrize("anti_csrf", [False, True])
@pytest.mark.parametrize("name", BEGINS)
def test_a_beginning_session_in_cookies(site: Site, name: str, anti_csrf: bool) -> None:
    dialect, cookies, headers = BEGINS[name]
    issued = issued_by(site, anti_csrf=anti_csrf)
    changes = site.edge.writer.issued(issued, site.make_request("POST", "/", dialect), header_mode=False)
    assert told(changes) == (cookies, set(), headers | ({"anti-csrf"} if anti_csrf else set()))
    assert changes.whole
    sent = changes.applied_to([])
    assert set_in(sent)["sAccessToken"] == issued.access_token.text
    assert set_in(sent)["sRefreshToken"] == issued.refresh_token.text
    assert header_in(sent, "anti-csrf") == issued.anti_csrf_token
    if "sIdRefreshToken" in cookies:
        text = f"{set_in(sent)['sIdRefreshToken']};{issued.id_refresh_token.expires_at}"
        assert header_in(sent, "id-refresh-token") == text


def test_a_beginning_session_in_headers(site: Site) -> None:
    issued = issued_by(site)
    for dialect in (HEADER_MODE, PLAIN):  # a plain request is in header mode by its bearer token
        changes = site.edge.writer.issued(issued, site.make_request("POST", "/", dialect), header_mode=True)
        assert told(changes) == (set(), set(), {"front-token", "st-access-token", "st-refresh-token"})
        sent = changes.applied_to([])
        assert header_in(sent, "st-access-token") == issued.access_token.text
        assert header_in(sent, "st-refresh-token") == issued.refresh_token.text


def test_all_three_cookies_live_as_long_as_the_refresh_token(site: Site, clock: FakeClock) -> None:
    """So that an expired access token is still shown, and answered "try refresh token"."""
    changes = site.edge.writer.issued(issued_by(site), site.make_request("POST", "/"), header_mode=False)
    assert {line.partition("Max-Age=")[2].partition(";")[0] for line in cookies_in(changes.applied_to([]))} == {
        str(144_000 * 60)
    }


@pytest.mark.parametrize(
    ("dialect", "brought", "cleared"),
    [
        (MODERN, ["sIdRefreshToken", "sAccessToken"], {"sIdRefreshToken"}),
        (MODERN, ["sAccessToken"], set()),
        (PLAIN, ["sIdRefreshToken", "sAccessToken"], set()),
        (LEGACY, ["sIdRefreshToken", "sAccessToken"], set()),
        (HEADER_MODE, ["sIdRefreshToken", "sAccessToken"], {"sIdRefreshToken", "sAccessToken"}),
        (HEADER_MODE, [], set()),
        (HEADER_MODE, ["evil_sAccessToken"], set()),
    ],
)
def test_a_beginning_session_clears_the_cookies_that_came_and_that_it_does_not_set(
    site: Site, dialect: Mapping[str, str], brought: list[str], cleared: set[str]
) -> None:
    request = site.make_request("POST", "/", {**dialect, "cookie": "; ".join(f"{name}=v" for name in brought)})
    changes = site.edge.writer.issued(issued_by(site), request, header_mode=dialect is HEADER_MODE)
    assert deleted_in(changes.applied_to([])) == cleared


@pytest.mark.parametrize("brought", ["access token", "refresh token"])
def test_a_session_that_begins_in_cookies_takes_the_tokens_of_header_mode_out_of_a_scripts_reach(
    site: Site, brought: str
) -> None:
    other = issued_by(site)
    token = (other.access_token if brought == "access token" else other.refresh_token).text
    for dialect, bearer, forgets in (
        (MODERN, token, True),
        (MODERN, "a.foreign.token", False),
        (PLAIN, token, False),  # a machine client, which keeps what it has
        (LEGACY, token, False),
    ):
        request = site.make_request("POST", "/", {**dialect, "authorization": f"Bearer {bearer}"})
        sent = site.edge.writer.issued(issued_by(site), request, header_mode=False).applied_to([])
        for name in ("st-access-token", "st-refresh-token"):
            assert header_in(sent, name) == ("" if forgets else None)


@pytest.mark.parametrize("name", BEGINS)
def test_a_new_access_token_beside_the_refresh_token_that_the_browser_has(site: Site, name: str) -> None:
    dialect = BEGINS[name][0]
    token = issued_by(site).access_token
    changes = site.edge.writer.renewed(
        "ada", PAYLOAD, token, LIFE, site.make_request("GET", "/", dialect), header_mode=False
    )
    assert told(changes) == ({"sAccessToken"}, set(), {"front-token"})
    assert not changes.whole
    in_headers = site.edge.writer.renewed(
        "ada", PAYLOAD, token, LIFE, site.make_request("GET", "/", dialect), header_mode=True
    )
    assert told(in_headers) == (set(), set(), {"front-token", "st-access-token"})
    assert not in_headers.whole


ENDS = {
    "plain": (PLAIN, {"front-token": "remove", "id-refresh-token": "remove"}),
    "legacy": (LEGACY, {"id-refresh-token": "remove"}),
    "modern": (MODERN, {"front-token": "remove", "st-access-token": "", "st-refresh-token": ""}),
}


@pytest.mark.parametrize("clear_cookies", [True, False])
@pytest.mark.parametrize("name", ENDS)
def test_the_end_of_a_session_in_cookies(site: Site, name: str, clear_cookies: bool) -> None:
    dialect, headers = ENDS[name]
    request = site.make_request("POST", "/", dialect)
    changes = site.edge.writer.ended(request, header_mode=False, clear_cookies=clear_cookies)
    cookies = {"sAccessToken", "sRefreshToken", "sIdRefreshToken"} if clear_cookies else set()
    assert told(changes) == (set(), cookies, set(headers))
    sent = changes.applied_to([])
    assert {name: header_in(sent, name) for name in headers} == headers
    assert changes.whole


@pytest.mark.parametrize("dialect", [PLAIN, HEADER_MODE])
def test_the_end_of_a_session_in_headers(site: Site, dialect: Mapping[str, str]) -> None:
    request = site.make_request("POST", "/", dialect)
    sent = site.edge.writer.ended(request, header_mode=True, clear_cookies=False).applied_to([])
    assert cookies_in(sent) == []
    assert {name: header_in(sent, name) for name in SESSION_HEADERS} == {
        "front-token": "remove", "st-access-token": "", "st-refresh-token": "", "id-refresh-token": None,
        "anti-csrf": None,
    }  # fmt: skip


def test_the_double_that_counts_is_kept_where_cookies_are_set_and_no_other(
    clock: FakeClock, make_request: MakeRequest
) -> None:
    site = Site(clock, make_request, cookie_domain="new.example", older_cookie_domain="old.example")
    changes = site.edge.writer.only_at("sRefreshToken", "kept", clock(), LIFE, make_request("POST", "/"))
    lines = cookies_in(changes.applied_to([]))
    [kept] = [line for line in lines if line.startswith("sRefreshToken=kept; Domain=new.example; ")]
    cleared = {line.partition("; Expires")[0] for line in lines if line != kept}
    assert {"sRefreshToken=; Domain=old.example", "sRefreshToken="} <= cleared
    assert "Path=/session/refresh;" in kept
    assert not changes.whole


# The front token


def front_of(site: Site, request: Request, payload: Any) -> tuple[dict[str, Any], IssuedSession]:
    issued = issued_by(site, payload=payload)
    return front(site.edge.writer.issued(issued, request, header_mode=False).applied_to([])), issued


def test_the_older_libraries_are_shown_the_payload_and_the_newer_all_claims(site: Site) -> None:
    shown, issued = front_of(site, site.make_request("POST", "/", LEGACY), PAYLOAD)
    assert shown == {"ate": issued.access_token.expires_at, "uid": "ada", "up": PAYLOAD}
    for dialect in (MODERN, PLAIN):
        shown, issued = front_of(site, site.make_request("POST", "/", dialect), PAYLOAD)
        assert (shown["uid"], shown["ate"]) == ("ada", issued.access_token.expires_at)
        assert shown["up"] == claims(issued.access_token.text)
        assert {"sub", "exp", "iat", "sessionHandle"} <= shown["up"].keys()


@pytest.mark.parametrize("text", ["plain", "ü", "⚡", "𝄞", "\u2028", "\x00\x7f", '"\\/', "\\u00e9", "é\\é"])
def test_a_front_token_is_ascii_and_says_what_was_put_in(site: Site, text: str) -> None:
    """Its readers take it byte by byte."""
    for dialect in (LEGACY, MODERN):
        shown, _ = front_of(site, site.make_request("POST", "/", dialect), {text: [text, {"deep": text}]})
        assert shown["up"][text] == [text, {"deep": text}]
