# SPDX-License-Identifier: Apache-2.0
"""Cookies are found byte by byte, and written with every attribute explicit, where the browser will send them back."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from email.utils import parsedate_to_datetime
from functools import partial
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.config import Config
from supertokens.engine.session import CookieLife
from supertokens.testing import Browser, FakeClock
from supertokens.transport.cookies import COOKIE_KINDS, CookieKind, CookiePolicy, Place, SetCookie, cookie_values
from supertokens.transport.request import from_wsgi

from .site import MakeRequest

START = "sAccessToken="
AS_IT_IS = "/:@!$&'()*+,=~"
"""What browsers leave in a path. They leave a semicolon too, but no cookie can be bound to a path that has one."""
NOW = 1_700_000_000_000
LIFE = CookieLife(NOW + 1000, remember=True)
DAY_MS = 24 * 3_600_000

# Found


@pytest.mark.parametrize(
    "header",
    [
        "sAccessToken=v", "sAccessToken=v; b=2", "a=1; sAccessToken=v", "a=1; sAccessToken=v; b=2",
        "a=1;sAccessToken=v", "a=1 ;\tsAccessToken=v\t;b=2", "  sAccessToken=v  ",
        "a=1;; sAccessToken=v;", "a; sAccessToken=v",
        "xsAccessToken=no; sAccessToken=v", "sAccessToken=v; __Host-sAccessToken=no",
        "a=sAccessToken=no; sAccessToken=v", "sAccessToken =no; sAccessToken=v", "saccesstoken=no; sAccessToken=v",
        "sAccessTokens=no; sAccessToken=v",
        "sAccessToken; sAccessToken=v",
    ],
)  # fmt: skip
def test_a_cookie_is_found_wherever_it_stands(header: str) -> None:
    assert cookie_values(header, START) == ["v"]


@pytest.mark.parametrize(
    "header",
    [
        "", ";", "=", "sAccessToken", "a=1", "evil_sAccessToken=v", "a=1; evil_sAccessToken=v", "xsAccessToken=v",
        "__Host-sAccessToken=v", "-sAccessToken=v", "SACCESSTOKEN=v", "sAccessToken =v", "a=sAccessToken=v",
        "a=1; b=sAccessToken=v", "a=1,sAccessToken=v", "a=1, sAccessToken=v", '"sAccessToken=v"', "a= sAccessToken=v",
    ],
)  # fmt: skip
def test_a_name_that_only_ends_like_ours_is_another(header: str) -> None:
    """Somebody on a neighbouring host may choose what stands before it."""
    assert cookie_values(header, START) == []


NO_WHITE_SPACE = ["\x00", "\x01", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e", "\x1f", "\x7f", "\x85", "\xa0", "\u1680",
                  "\u2003", "\u2028", "\u202f", "\u3000", "\ufeff", "\r", "\n", "+", "%20"]  # fmt: skip


@pytest.mark.parametrize("start", [START, "__Host-sAccessToken="])
@pytest.mark.parametrize("byte", NO_WHITE_SPACE, ids=ascii)
def test_only_space_and_tab_are_white_space_before_a_name(byte: str, start: str) -> None:
    """With others trimmed, Chromium lets a neighbouring host plant `\\xa0__Host-` names."""
    for header in (
        f"{byte}{start}v",
        f"a=1; {byte}{start}v",
        f"a=1;{byte} {start}v",
        f"{byte}{start}v; {byte}{start}w",
    ):
        assert cookie_values(header, start) == []
    for spaces in (" ", "\t", " \t "):
        assert cookie_values(f"{spaces}{start}v; a=1;{spaces}{start}w", start) == ["v", "w"]


@pytest.mark.parametrize("byte", [byte for byte in NO_WHITE_SPACE if byte != "%20"], ids=ascii)
def test_nothing_but_space_and_tab_is_trimmed_off_a_value(byte: str) -> None:
    for header in (f"{START}{byte}v{byte} \t", f"a=1;{START}{byte}v{byte} \t;b=2"):
        assert cookie_values(header, START) == [f"{byte}v{byte}"]


def test_all_values_come_in_the_order_sent_decoded_once() -> None:
    header = f"{START}b; a=1; {START}a%2Eb%253D; x{START}no;{START}; {START}c=d"
    assert cookie_values(header, START) == ["b", "a.b%3D", "", "c=d"]


def test_bytes_that_are_no_utf_8_are_no_error() -> None:
    assert cookie_values(f"{START}%ff%; {START}\xff", START) == ["\ufffd%", "\xff"]


@given(
    st.lists(
        st.sampled_from(
            [
                START,
                "sAccessToken",
                "=",
                ";",
                "; ",
                " ;",
                " ",
                "\t",
                "\xa0",
                "\x85",
                "v",
                "evil_",
                "%41",
                "%",
                ",",
                '"',
                "a=1",
            ]
        ),
        max_size=12,
    )
)
def test_the_short_way_that_most_headers_take_finds_what_the_long_one_does(pieces: list[str]) -> None:
    header = "".join(pieces)
    pairs = [pair.strip(" \t") for pair in header.split(";")]
    assert cookie_values(header, START) == [unquote(pair[len(START) :]) for pair in pairs if pair.startswith(START)]


# Written

MakePolicy = Callable[..., CookiePolicy]


def policy(explicit: Collection[str] = (), **options: Any) -> CookiePolicy:
    return CookiePolicy(Config(**options), explicit)


@pytest.fixture
def here(make_request: MakeRequest) -> Callable[..., Any]:
    """A request of a browser on this machine."""
    return partial(make_request, "POST", "/login", {"host": "localhost"})


def test_every_attribute_is_explicit(here: Callable[..., Any]) -> None:
    made = policy(cookie_domain=".Example.com", cookie_same_site="strict", cookie_secure=True)
    line = made.set("sRefreshToken", "a.b", NOW, CookieLife(NOW + 60_500, remember=True), here()).line
    assert line == (
        "sRefreshToken=a.b; Domain=example.com; Expires=Tue, 14 Nov 2023 22:14:20 GMT; Max-Age=60; Secure; HttpOnly"
        "; Path=/session/refresh; SameSite=Strict"
    )
    assert policy().set("sAccessToken", "", NOW, LIFE, here()).line == (
        "sAccessToken=; Expires=Tue, 14 Nov 2023 22:13:21 GMT; Max-Age=1; HttpOnly; Path=/; SameSite=Lax"
    )


@pytest.mark.parametrize(
    ("life_ms", "max_age"),
    [(0, 0), (-5000, 0), (999, 0), (1000, 1), (DAY_MS, 86_400), (400 * DAY_MS, 400 * 86_400),
     (401 * DAY_MS, 400 * 86_400), (10**15, 400 * 86_400)],
)  # fmt: skip
def test_a_cookie_says_how_long_it_lives_without_the_clients_clock_and_400_days_at_most(
    here: Callable[..., Any], life_ms: int, max_age: int
) -> None:
    cookie = policy().set("sAccessToken", "v", NOW, CookieLife(NOW + life_ms, remember=True), here())
    assert cookie.max_age == max_age
    expires = round(parsedate_to_datetime(cookie.expires).timestamp())
    assert expires == (NOW + min(life_ms, 400 * DAY_MS)) // 1000, "the two say the same"


def test_a_cookie_that_is_not_remembered_goes_when_the_browser_is_closed(here: Callable[..., Any]) -> None:
    cookie = policy().set("sAccessToken", "v", NOW, CookieLife(NOW + DAY_MS, remember=False), here())
    assert cookie.line == "sAccessToken=v; HttpOnly; Path=/; SameSite=Lax"
    assert cookie.max_age is None


def test_a_value_that_a_cookie_cannot_carry_is_encoded_and_comes_back(here: Callable[..., Any]) -> None:
    value = 'a;b "c"\r\nSet-Cookie: d=é%'
    line = policy().set("sAccessToken", value, NOW, LIFE, here()).line
    assert "\r" not in line
    assert "\n" not in line
    assert cookie_values(line.partition(";")[0], START) == [value]


# Where


def test_a_cookie_is_cleared_wherever_this_or_an_earlier_configuration_has_set_it(here: Callable[..., Any]) -> None:
    made = policy(cookie_domain="new.example", older_cookie_domain=".Old.example")
    cleared = made.clear("sRefreshToken", here())
    domains, paths = ("new.example", "old.example", None), ("/session/refresh", "/")
    assert [cookie.place for cookie in cleared] == [Place(domain, path) for path in paths for domain in domains]
    assert {(cookie.value, cookie.max_age, cookie.expires) for cookie in cleared} == {
        ("", 0, "Thu, 01 Jan 1970 00:00:00 GMT")
    }
    assert made.clear_elsewhere("sRefreshToken", here()) == cleared[1:]
    assert made.set("sRefreshToken", "v", NOW, LIFE, here()).place == cleared[0].place


@pytest.mark.parametrize(
    ("options", "domains"),
    [
        ({}, [None]),
        ({"older_cookie_domain": "a.example"}, [None, "a.example"]),
        ({"cookie_domain": "a.example"}, ["a.example", None]),
        ({"cookie_domain": "a.example", "older_cookie_domain": ""}, ["a.example", None]),
        ({"cookie_domain": "a.example", "older_cookie_domain": ".A.example"}, ["a.example", None]),
    ],
)
def test_each_place_is_named_once_and_the_first_is_where_cookies_are_set(
    here: Callable[..., Any], options: dict[str, str], domains: list[str | None]
) -> None:
    for kind in COOKIE_KINDS:
        places = [cookie.place for cookie in policy(**options).clear(kind, here())]
        assert list(dict.fromkeys(place.domain for place in places)) == domains
        assert len(set(places)) == len(places)
        assert policy(**options).set(kind, "v", NOW, LIFE, here()).place == places[0]


def test_with_the_host_prefix_no_other_host_can_set_them(make_request: MakeRequest) -> None:
    made = policy(["refresh_api_path"], cookie_prefix="host", refresh_api_path="/a/refresh")
    request = make_request("POST", "/login", {"host": "localhost"}, mount="/app")
    for kind in COOKIE_KINDS:
        cookie = made.set(kind, "v", NOW, LIFE, request)
        assert (cookie.name, cookie.place, cookie.secure) == (f"__Host-{kind}", Place(None, "/"), True)
        assert [cleared.place for cleared in made.clear(kind, request)] == [Place(None, "/")]
        assert made.clear_elsewhere(kind, request) == []


@pytest.mark.parametrize("kind", COOKIE_KINDS)
def test_any_of_our_cookies_counts_as_brought_whatever_is_in_it(make_request: MakeRequest, kind: CookieKind) -> None:
    for prefix, header, came in (
        ("none", f"{kind}=v", True), ("none", f"{kind}=", True), ("none", f"x{kind}=v", False), ("none", "", False),
        ("none", f"__Host-{kind}=v", False), ("host", f"__Host-{kind}=v", True), ("host", f"{kind}=v", False),
        ("host", f"\xa0__Host-{kind}=v", False), ("none", f"a=1;\t{kind}=v", True), ("none", f"a={kind}=v", False),
    ):  # fmt: skip
        assert policy(cookie_prefix=prefix).came_with(make_request("GET", "/", {"cookie": header})) is came, header


# Paths


def paths(made: CookiePolicy, request: Any) -> tuple[str, str]:
    """Return the paths of the access and the refresh cookie."""
    access, id_refresh, refresh = (made.set(kind, "v", NOW, LIFE, request).place.path for kind in COOKIE_KINDS)
    assert id_refresh == access
    for kind in COOKIE_KINDS:
        assert {cookie.place.path for cookie in made.clear(kind, request)} <= {access, refresh}
    return access, refresh


@pytest.mark.parametrize(
    ("mount", "access", "refresh"),
    [
        ("", "/", "/session/refresh"),
        ("/", "/", "/session/refresh"),
        ("/app", "/app", "/app/session/refresh"),
        ("/app/", "/app", "/app/session/refresh"),
        ("/a/b", "/a/b", "/a/b/session/refresh"),
        ("/session/refresh", "/session/refresh", "/session/refresh"),
        ("/session/ref", "/session/ref", "/session/ref/session/refresh"),
        ("/café", "/caf%C3%A9", "/caf%C3%A9/session/refresh"),
        ("/a b", "/a%20b", "/a%20b/session/refresh"),
        ("/100%", "/100%25", "/100%25/session/refresh"),
        ("/%2e%2e", "/%252e%252e", "/%252e%252e/session/refresh"),
        ("/a;Domain=evil.example", "/a%3BDomain=evil.example", "/a%3BDomain=evil.example/session/refresh"),
        ("/a\r\nSet-Cookie: x=1", "/a%0D%0ASet-Cookie:%20x=1", "/a%0D%0ASet-Cookie:%20x=1/session/refresh"),
        ("/a\0\x7f\x85\xa0", "/a%00%7F%C2%85%C2%A0", "/a%00%7F%C2%85%C2%A0/session/refresh"),
        ("/@:,=~!$&'()*+", "/@:,=~!$&'()*+", "/@:,=~!$&'()*+/session/refresh"),
        ("/.well-known/..", "/.well-known/..", "/.well-known/../session/refresh"),
    ],
)
def test_default_paths_follow_the_mount_point_as_browsers_write_it(
    make_request: MakeRequest, mount: str, access: str, refresh: str
) -> None:
    assert paths(policy(), make_request("POST", "/login", mount=mount)) == (access, refresh)


@pytest.mark.parametrize("mount", ["/app", "/api", "/café", "/a;b", "/api/session/refresh"])
def test_paths_that_somebody_has_set_are_taken_as_they_are(make_request: MakeRequest, mount: str) -> None:
    options = {"access_token_path": "/api", "refresh_api_path": "/api/session/refresh/"}
    request = make_request("POST", "/login", mount=mount)
    made = policy(options, **options)
    assert paths(made, request) == ("/api", "/api/session/refresh")
    only_refresh = policy(["refresh_api_path"], refresh_api_path="/api/session/refresh")
    assert paths(only_refresh, request) == (quote(mount), "/api/session/refresh")


@pytest.mark.parametrize("mount", ["", "/app"])
def test_a_refresh_cookie_is_cleared_also_where_another_way_of_renewal_has_set_it(
    make_request: MakeRequest, mount: str
) -> None:
    """A server that renews needs it with every request, a library at the refresh API only."""
    request = make_request("POST", "/login", mount=mount)
    narrow, wide = Place(None, f"{mount}/session/refresh"), Place(None, mount or "/")
    for renewal, places in (("client", [narrow, wide]), ("server", [wide, narrow])):
        made = policy(renewal=renewal)
        assert [cookie.place for cookie in made.clear("sRefreshToken", request)] == places
        assert [cookie.place for cookie in made.clear("sAccessToken", request)] == [wide]


def test_no_path_ends_in_a_slash_unless_it_is_one(make_request: MakeRequest) -> None:
    """A browser does not send a cookie of `/session/refresh/` to `/session/refresh`."""
    for mount in ("", "/app"):
        request = make_request("POST", "/login", mount=mount)
        made = policy(refresh_api_path="/session/refresh///", access_token_path="/")
        assert paths(made, request) == (mount or "/", f"{mount}/session/refresh")


@given(st.text(st.characters(max_codepoint=0x2FF)))
def test_no_mount_point_breaks_out_of_the_path(mount: str) -> None:
    environ = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": "/" + mount.encode().decode("latin-1"), "PATH_INFO": "/login"}
    line = policy().set("sAccessToken", "v", NOW, LIFE, from_wsgi(environ)).line
    assert re.fullmatch(
        r"sAccessToken=v; Expires=[^;]+; Max-Age=1; Secure; HttpOnly; Path=/[!-:<-~]*; SameSite=Lax", line
    )


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), st.text("/ab;é%", max_size=6))
def test_a_mounted_application_gets_its_cookies_back(mount: str, below: str) -> None:
    mount = "/" + mount.replace("/", "")
    if mount == "/":
        return
    environ = {"REQUEST_METHOD": "POST", "SCRIPT_NAME": mount.encode().decode("latin-1"), "PATH_INFO": "/login"}
    browser = Browser(FakeClock(NOW))
    browser.take([("Set-Cookie", policy().set("sAccessToken", "v", NOW, LIFE, from_wsgi(environ)).line)])
    assert browser.cookie_header(f"{quote(mount, safe=AS_IT_IS)}/{quote(below)}") == "sAccessToken=v"
    assert browser.cookie_header(f"{quote(mount, safe=AS_IT_IS)}x/") == "", "a neighbour's path"


# Secure


@pytest.mark.parametrize(("setting", "secure"), [(True, True), (False, False), (None, None)])
def test_secure_is_as_the_setting_says_and_unset_as_the_request_looks(
    make_request: MakeRequest, setting: bool | None, secure: bool | None
) -> None:
    for where, looks_secure in (
        ({}, False), ({"scheme": "https"}, True), ({"peer": "192.0.2.1"}, True), ({"server": "example.com"}, True),
    ):  # fmt: skip
        made = policy(cookie_secure=setting)
        request = make_request("POST", "/login", **where)
        expected = looks_secure if secure is None else secure
        assert made.set("sAccessToken", "v", NOW, LIFE, request).secure is expected
        assert {cookie.secure for cookie in made.clear("sAccessToken", request)} == {expected}


@pytest.mark.parametrize("contradiction", [{"x-forwarded-for": "192.0.2.1"}, {"origin": "https://example.com"}])
@pytest.mark.parametrize("by_clearing", [False, True])
def test_once_a_proxy_has_shown_itself_all_cookies_are_secure_and_that_is_said_once(
    make_request: MakeRequest, contradiction: dict[str, str], by_clearing: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """A navigation has no Origin and, behind a bare `proxy_pass`, nothing else that tells."""
    navigation = partial(make_request, "GET", "/")
    made, neighbour = policy(), policy()
    assert made.set("sAccessToken", "v", NOW, LIFE, navigation()).secure is False
    for _ in range(2):
        proxied = make_request("POST", "/login", contradiction)
        if by_clearing:
            assert {cookie.secure for cookie in made.clear("sAccessToken", proxied)} == {True}
        else:
            assert made.set("sAccessToken", "v", NOW, LIFE, proxied).secure is True
        assert made.set("sAccessToken", "v", NOW, LIFE, navigation()).secure is True
    [message] = [record.message for record in caplog.records]
    assert "cookie_secure" in message
    assert neighbour.set("sAccessToken", "v", NOW, LIFE, navigation()).secure is False


def test_a_browser_that_will_drop_the_cookie_is_named_in_the_log_once(
    make_request: MakeRequest, caplog: pytest.LogCaptureFixture
) -> None:
    made = policy()
    for where in ({}, {"scheme": "https", "server": "example.com"}):
        made.set("sAccessToken", "v", NOW, LIFE, make_request("POST", "/login", **where))
    made.set("sAccessToken", "v", NOW, LIFE, make_request("POST", "/", {"x-forwarded-proto": "https"}, peer="10.0.0.1"))
    assert caplog.records == []
    for _ in range(2):
        made.set("sAccessToken", "v", NOW, LIFE, make_request("POST", "/login", server="example.com"))
    [message] = [record.message for record in caplog.records]
    assert "plain http" in message


def test_what_tells_a_cookie_from_others_is_its_name_and_its_place() -> None:
    cookie = SetCookie("a", Place(None, "/"), "v", "", 0, secure=True, same_site="Lax")
    assert cookie.identity == cookie._replace(value="w", max_age=7, secure=False).identity
    assert cookie.identity != cookie._replace(place=Place("example.com", "/")).identity
