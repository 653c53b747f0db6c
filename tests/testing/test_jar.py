# SPDX-License-Identifier: Apache-2.0
"""Cookies are kept and shown as browsers do it (RFC 6265, and its revision 6265bis)."""

from __future__ import annotations

import pytest

from supertokens.testing.jar import (
    Jar,
    JarCookie,
    Way,
    cookie_of_line,
    in_order,
    is_sent,
    is_trustworthy,
    keep,
    site_of,
)

NOW = 1_700_000_000_000
DAY = 86_400_000
HTTPS = "https://app.example.com/account/page"
FROM_ANOTHER_SITE = Way(same_site=False)
BY_A_LINK = Way(same_site=False, navigates=True)


def made(line: str, url: str = HTTPS, way: Way | None = None) -> JarCookie:
    cookie = cookie_of_line(line, url, NOW, way or Way())
    assert cookie is not None, line
    return cookie


def refused(line: str, url: str = HTTPS, way: Way | None = None) -> bool:
    return cookie_of_line(line, url, NOW, way or Way()) is None


def names(jar: Jar) -> list[str]:
    return [cookie.value for cookie in jar.values()]


# Attributes


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("a=b", ("a", "b")),
        (" a =  b ; Path=/", ("a", "b")),
        ("a=b=c", ("a", "b=c")),
        ("a=", ("a", "")),
        ("alone", ("", "alone")),
        ('a="b"', ("a", '"b"')),
        ("a\x85=b\xa0", ("a\x85", "b\xa0")),
    ],
)
def test_name_and_value_are_what_is_around_the_first_sign(line: str, expected: tuple[str, str]) -> None:
    cookie = made(line)
    assert (cookie.name, cookie.value) == expected


def test_the_names_of_attributes_have_no_case_and_the_last_one_counts() -> None:
    cookie = made("a=b; PATH=/x; path=/y; SECURE; httpONLY; sameSITE=Strict")
    assert (cookie.path, cookie.secure, cookie.http_only, cookie.same_site) == ("/y", True, True, "Strict")


@pytest.mark.parametrize(
    ("attributes", "life"),
    [
        ("Max-Age=60", 60_000),
        ("Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", 60_000),
        ("Expires=Wed, 15 Nov 2023 22:13:20 GMT", DAY),
        ("Max-Age=junk; Expires=Wed, 15 Nov 2023 22:13:20 GMT", DAY),
        ("Max-Age=0", 0),
        ("Max-Age=-5", -5000),
        ("Max-Age=99999999999", 400 * DAY),
        ("Expires=Fri, 31 Dec 9999 23:59:59 GMT", 400 * DAY),
    ],
)
def test_max_age_goes_before_expires_and_400_days_are_the_most(attributes: str, life: int) -> None:
    cookie = made(f"a=b; {attributes}")
    assert (cookie.expires_at - NOW, cookie.persistent) == (life, True)


@pytest.mark.parametrize("attributes", ["Path=/", "Expires=soon", "Max-Age="])
def test_without_either_it_lives_until_the_browser_ends(attributes: str) -> None:
    cookie = made(f"a=b; {attributes}")
    assert not cookie.persistent
    assert is_sent(cookie, "https://app.example.com/account/page", NOW + 10_000 * DAY, Way())


# Where it is sent


@pytest.mark.parametrize(
    ("attribute", "path", "is_there"),
    [
        ("Path=/session/refresh", "/session/refresh", True),
        ("Path=/session/refresh", "/session/refresh/", True),
        ("Path=/session/refresh", "/session/refreshed", False),
        ("Path=/session/refresh", "/session", False),
        ("Path=/session/", "/session", False),
        ("Path=/session/", "/session/x", True),
        ("Path=/", "/anything", True),
        ("", "/account/other", True),
        ("", "/account", True),
        ("", "/accounts", False),
        ("Path=account", "/account", True),
    ],
)
def test_a_path_is_for_what_is_below_it(attribute: str, path: str, is_there: bool) -> None:
    assert is_sent(made(f"a=b; {attribute}"), f"https://app.example.com{path}", NOW, Way()) is is_there


@pytest.mark.parametrize(
    ("attribute", "host", "is_there"),
    [
        ("", "app.example.com", True),
        ("", "example.com", False),
        ("", "sub.app.example.com", False),
        ("; Domain=example.com", "other.example.com", True),
        ("; Domain=.EXAMPLE.com", "example.com", True),
        ("; Domain=example.com", "badexample.com", False),
    ],
)
def test_a_domain_is_for_all_hosts_below_it_and_none_for_the_very_host(
    attribute: str, host: str, is_there: bool
) -> None:
    assert is_sent(made(f"a=b; Path=/{attribute}"), f"https://{host}/", NOW, Way()) is is_there


@pytest.mark.parametrize("domain", ["com", "other.com", "sub.app.example.com", "ample.com"])
def test_a_domain_that_the_host_is_not_in_is_refused(domain: str) -> None:
    assert refused(f"a=b; Domain={domain}")


def test_an_address_has_no_domain_above_it() -> None:
    assert refused("a=b; Domain=0.0.1", "http://127.0.0.1/")
    assert site_of("http://10.20.30.40/") != site_of("http://11.21.30.40/")


def test_secure_cookies_are_for_trustworthy_places_only() -> None:
    assert refused("a=b; Secure", "http://app.example.com/")
    secure = made("a=b; Secure; Path=/")
    assert is_sent(secure, "https://app.example.com/", NOW, Way())
    assert not is_sent(secure, "http://app.example.com/", NOW, Way())
    assert is_sent(made("a=b; Path=/"), "http://app.example.com/", NOW, Way())
    for place in ("https://x.example", "http://localhost:5000", "http://127.0.0.1", "http://x.localhost"):
        assert is_trustworthy(place), place
    assert not is_trustworthy("http://testserver")


@pytest.mark.parametrize(
    ("same_site", "way", "method", "is_there"),
    [
        ("Strict", Way(), "POST", True),
        ("Strict", BY_A_LINK, "GET", False),
        ("Lax", BY_A_LINK, "GET", True),
        ("Lax", BY_A_LINK, "POST", False),
        ("Lax", FROM_ANOTHER_SITE, "GET", False),
        ("None; Secure", FROM_ANOTHER_SITE, "POST", True),
        ("", BY_A_LINK, "GET", True),
        ("", FROM_ANOTHER_SITE, "GET", False),
    ],
)
def test_same_site_keeps_cookies_out_of_other_sites_requests(
    same_site: str, way: Way, method: str, is_there: bool
) -> None:
    cookie = made(f"a=b; Path=/; SameSite={same_site}")
    assert is_sent(cookie, "https://app.example.com/", NOW, way, method) is is_there


def test_another_sites_request_sets_only_cookies_of_no_site() -> None:
    assert refused("a=b", way=FROM_ANOTHER_SITE)
    assert not refused("a=b", way=BY_A_LINK)
    assert not refused("a=b; SameSite=None; Secure", way=FROM_ANOTHER_SITE)
    assert refused("a=b; SameSite=None"), "not without Secure"


def test_a_site_is_scheme_and_registrable_domain() -> None:
    assert site_of("https://a.example.com/x") == site_of("https://b.example.com:8443")
    assert site_of("https://a.example.com") != site_of("http://a.example.com")
    assert site_of("https://example.com") != site_of("https://example.org")


# Prefixes and sizes


def test_a_prefix_is_a_promise_that_is_checked() -> None:
    assert not refused("__Host-a=b; Secure; Path=/")
    assert refused("__Host-a=b; Path=/")
    assert refused("__Host-a=b; Secure; Path=/x")
    assert refused("__host-a=b; Secure; Path=/; Domain=example.com")
    assert refused("__Secure-a=b; Path=/", "https://app.example.com/")
    assert not refused("__Secure-a=b; Secure; Path=/; Domain=example.com")


def test_more_than_4096_bytes_are_not_kept() -> None:
    assert not refused(f"a={'b' * 4095}")
    assert refused(f"a={'b' * 4096}")
    assert refused("=")


# The jar


def test_a_cookie_replaces_only_one_of_its_name_domain_and_path() -> None:
    jar: Jar = {}
    for line in ("a=1; Path=/", "a=2; Path=/x", "a=3; Path=/; Domain=example.com", "a=4; Path=/"):
        keep(jar, made(line), NOW)
    assert names(jar) == ["2", "3", "4"]
    keep(jar, made("a=5; Path=/; Domain=example.com", "https://other.example.com/"), NOW)
    assert names(jar) == ["2", "4", "5"], "whichever host of the domain has set it"


def test_an_expired_one_deletes_what_it_would_replace_and_nothing_else() -> None:
    jar: Jar = {}
    keep(jar, made("a=1; Path=/"), NOW)
    keep(jar, made("a=; Path=/x; Max-Age=0"), NOW)
    assert names(jar) == ["1"]
    keep(jar, made("a=; Path=/; Max-Age=0"), NOW)
    assert jar == {}


def test_plain_http_neither_replaces_nor_hides_a_secure_cookie() -> None:
    jar: Jar = {}
    keep(jar, made("a=1; Path=/; Secure"), NOW)
    for line in ("a=2; Path=/", "a=2; Path=/x", "a=; Path=/; Max-Age=0"):
        keep(jar, made(line, "http://app.example.com/"), NOW, over_https=False)
        assert names(jar) == ["1"], line
    keep(jar, made("b=2; Path=/", "http://app.example.com/"), NOW, over_https=False)
    keep(jar, made("a=3; Path=/"), NOW)
    assert names(jar) == ["2", "3"]


def test_longer_paths_are_shown_first_and_then_older_cookies() -> None:
    cookies = [made("c=1; Path=/"), made("b=1; Path=/account"), made("a=1; Path=/account/page")]
    assert [cookie.name for cookie in in_order(cookies)] == ["a", "b", "c"]
    older = cookie_of_line("d=1; Path=/", HTTPS, NOW - 1, Way())
    assert older is not None
    assert [cookie.name for cookie in in_order([*cookies, older])] == ["a", "b", "d", "c"]


def test_a_response_from_the_one_site_needs_no_url() -> None:
    cookie = cookie_of_line("a=b; Secure; Domain=example.com; Path=/x", None, NOW, Way())
    assert cookie is not None
    assert (cookie.domain, cookie.path, cookie.host) == ("example.com", "/x", "")
