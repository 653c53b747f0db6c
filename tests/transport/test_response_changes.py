# SPDX-License-Identifier: Apache-2.0
"""Changes of a response are collected, the later replacing the earlier, and touch nothing that is not ours."""

from __future__ import annotations

import pytest

from supertokens.transport.cookies import Place, SetCookie
from supertokens.transport.response_changes import Header, ResponseChanges, listed, with_cache_rules

from .site import header_in

EXPOSE = "Access-Control-Expose-Headers"


def cookie(name: str = "sAccessToken", value: str = "v", domain: str | None = None, path: str = "/") -> SetCookie:
    return SetCookie(
        name, Place(domain, path), value, "Tue, 14 Nov 2023 22:13:21 GMT", 60, secure=True, same_site="Lax"
    )


def changes(*cookies: SetCookie, whole: bool = False, **headers: str) -> ResponseChanges:
    made = ResponseChanges(whole=whole)
    made.set_cookies(cookies)
    for name, value in headers.items():
        made.set_header(name.replace("_", "-"), value)
    return made


def lines(headers: list[Header]) -> list[str]:
    return [value for name, value in headers if name == "Set-Cookie"]


# Collected


def test_nothing_is_no_change() -> None:
    assert not ResponseChanges()
    assert changes(cookie())
    assert changes(front_token="f")
    assert (changes(cookie()).has_cookies, changes(front_token="f").has_cookies) == (True, False)


def test_a_later_cookie_replaces_an_earlier_one_of_its_name_and_place_only() -> None:
    made = changes(cookie(value="old"), cookie(value="there", domain="a.example"), cookie(value="below", path="/b"))
    made.update(changes(cookie(value="new"), cookie("sRefreshToken", "other")))
    assert lines(made.applied_to([])) == [
        cookie(value="new").line, cookie(value="there", domain="a.example").line, cookie(value="below", path="/b").line,
        cookie("sRefreshToken", "other").line,
    ]  # fmt: skip


def test_a_later_header_replaces_an_earlier_one() -> None:
    made = changes(front_token="old", anti_csrf="kept")
    made.update(changes(front_token="new"))
    headers = made.applied_to([])
    assert (header_in(headers, "front-token"), header_in(headers, "anti-csrf")) == ("new", "kept")


def test_what_says_all_of_a_session_leaves_no_header_of_an_earlier_one_but_every_cookie_that_is_cleared() -> None:
    made = changes(cookie(value=""), front_token="remove", id_refresh_token="remove")
    made.update(changes(cookie("sRefreshToken"), whole=True, st_access_token="a"))
    headers = made.applied_to([])
    assert header_in(headers, "st-access-token") == "a"
    assert header_in(headers, "front-token") is None
    assert header_in(headers, "id-refresh-token") is None
    assert len(lines(headers)) == 2
    assert made.whole


def test_what_is_no_whole_does_not_become_one_by_what_comes_later() -> None:
    made = changes(cookie())
    made.update(changes(front_token="f"))
    assert not made.whole


# Applied


def test_headers_of_others_stay_as_they_are_and_where_they_are() -> None:
    theirs = [("Content-Type", "text/html"), ("Set-Cookie", "theirs=1; Path=/"), ("X-One", "1"), ("x-one", "2")]
    headers = changes(cookie(), front_token="f").applied_to(theirs)
    assert headers[:4] == theirs
    assert lines(headers[4:]) == [cookie().line]


def test_ours_are_replaced_in_whatever_case_they_were_written() -> None:
    before = [("FRONT-TOKEN", "old"), ("Front-Token", "older"), ("Anti-CSRF", "kept")]
    headers = changes(front_token="new").applied_to(before)
    assert header_in(headers, "front-token") == "new"
    assert header_in(headers, "anti-csrf") == "kept"


def test_what_says_all_of_a_session_replaces_every_header_of_ours_on_the_response() -> None:
    before = [
        (name, "old")
        for name in ("id-refresh-token", "Anti-Csrf", "front-token", "ST-access-token", "st-refresh-token")
    ]
    headers = changes(whole=True, front_token="new").applied_to(before)
    assert [name for name, _ in headers if name.lower() in {name.lower() for name, _ in before}] == ["front-token"]


@pytest.mark.parametrize(
    "line",
    [
        cookie(value="old").line, "sAccessToken=old; Path=/", "sAccessToken=; path=/; max-age=0",
        "sAccessToken=old;Path=/;Secure", " sAccessToken =old; PATH = /",
    ],
)  # fmt: skip
def test_a_cookie_of_the_same_name_and_place_is_replaced_however_it_was_written(line: str) -> None:
    assert lines(changes(cookie(value="new")).applied_to([("Set-Cookie", line), ("set-cookie", line)])) == [
        cookie(value="new").line
    ]


@pytest.mark.parametrize(
    "line",
    [
        "sAccessToken=theirs; Path=/other", "sAccessToken=theirs; Path=/; Domain=a.example", "sAccessToken=theirs",
        "saccesstoken=theirs; Path=/", "theirs=sAccessToken; Path=/", "xsAccessToken=theirs; Path=/",
    ],
)  # fmt: skip
def test_a_cookie_of_another_name_or_place_stays(line: str) -> None:
    assert lines(changes(cookie()).applied_to([("Set-Cookie", line)])) == [line, cookie().line]


def test_headers_for_a_library_are_readable_across_origins_beside_what_was_exposed_before() -> None:
    before = [(EXPOSE, "x-theirs, front-token"), ("access-control-expose-headers", " x-other ,,x-theirs")]
    headers = changes(front_token="f", anti_csrf="a").applied_to(before)
    assert header_in(headers, EXPOSE) == "x-theirs, front-token, x-other, anti-csrf"
    assert header_in(changes(cookie()).applied_to([]), EXPOSE) is None
    assert header_in(changes(cookie()).applied_to(before[:1]), EXPOSE) == "x-theirs, front-token"


def test_tokens_are_for_no_cache_whatever_the_application_says() -> None:
    before = [("Cache-Control", "public, max-age=3600"), ("cache-control", "immutable")]
    for made in (changes(cookie()), changes(front_token="f")):
        assert header_in(made.applied_to(before), "cache-control") == "no-store"


def test_applying_twice_is_applying_once() -> None:
    made = changes(cookie(), cookie("sRefreshToken", path="/r"), whole=True, front_token="f", anti_csrf="a")
    once = made.applied_to([("X-Theirs", "1"), (EXPOSE, "x-theirs")])
    assert made.applied_to(once) == once


def test_what_was_put_on_a_response_can_be_taken_off_again() -> None:
    made = changes(cookie(value="late"), front_token="late")
    theirs = [("X-Theirs", "1"), ("Set-Cookie", "theirs=1; Path=/")]
    left = made.taken_from(made.applied_to(theirs))
    assert left[:2] == theirs
    assert lines(left) == ["theirs=1; Path=/"]
    assert header_in(left, "front-token") is None


# Sizes


def test_the_largest_is_measured_as_browsers_keep_it() -> None:
    """The libraries keep some headers in JavaScript cookies of other names."""
    assert changes(cookie(value="v" * 10), front_token="f" * 20).size_of_largest() == ("the header front-token", 32)
    assert changes(cookie(value="v" * 40), front_token="f" * 20).size_of_largest() == ("the cookie sAccessToken", 53)
    assert changes(id_refresh_token="i").size_of_largest() == ("the header id-refresh-token", len("sIRTFrontend=i"))
    assert changes(anti_csrf="i").size_of_largest() == ("the header anti-csrf", len("sAntiCsrf=i"))
    assert changes(st_access_token="i").size_of_largest() == ("the header st-access-token", len("st-access-token=i"))


def test_all_together_are_measured_as_they_go_over_the_wire() -> None:
    made = changes(cookie(), front_token="f")
    wire = "".join(f"{name}: {value}\r\n" for name, value in made.applied_to([]))
    assert made.size_of_all() == len(wire)


@pytest.mark.parametrize("place", [Place(None, "/"), Place("deep.example.com", "/a/path")])
@pytest.mark.parametrize("max_age", [None, 0, 34_560_000])
def test_the_quick_bound_on_their_size_is_never_exceeded_and_never_far_off(place: Place, max_age: int | None) -> None:
    """Where it is below the limit, nothing has to be put together to know that."""
    expires = "Thu, 01 Jan 1970 00:00:00 GMT"
    longest = SetCookie("sAccessToken", place, "v" * 900, expires, max_age, True, "Strict")
    shortest = SetCookie("sIdRefreshToken", place, "v", "", max_age, False, "Lax")
    for made in (
        changes(),
        changes(longest),
        changes(shortest),
        changes(longest, shortest, front_token="f", anti_csrf="a"),
    ):
        assert made.size_of_all() <= made.size_at_most() <= made.size_of_all() + 250


# Caches


@pytest.mark.parametrize(
    ("before", "vary"),
    [
        ([], "Cookie, Authorization"),
        (["Accept-Encoding"], "Accept-Encoding, Cookie, Authorization"),
        (["Cookie"], "Cookie, Authorization"),
        (["cookie,AUTHORIZATION"], "cookie,AUTHORIZATION"),
        (["Origin", "cookie"], "Origin, cookie, Authorization"),
        ([" Origin , Cookie "], " Origin , Cookie , Authorization"),
        (["*"], "*"),
        (["Origin, *"], "Origin, *"),
        (["Origin", "*"], "Origin, *"),
        ([""], "Cookie, Authorization"),
        (["X-Cookie"], "X-Cookie, Cookie, Authorization"),
    ],
)
def test_what_the_answer_depends_on_is_added_to_what_the_application_says(before: list[str], vary: str) -> None:
    for name in ("Vary", "vary", "VARY"):
        headers = with_cache_rules([("X", "1"), *((name, value) for value in before)], is_private=False)
        assert header_in(headers, "Vary") == vary
        assert headers[0] == ("X", "1")


@pytest.mark.parametrize("name", ["Cache-Control", "cache-control"])
def test_what_one_user_is_shown_is_private_unless_the_application_has_spoken(name: str) -> None:
    assert header_in(with_cache_rules([], is_private=True), "Cache-Control") == "private"
    assert header_in(with_cache_rules([], is_private=False), "Cache-Control") is None
    for value in ("public", "no-store", "max-age=5", ""):
        for is_private in (True, False):
            headers = with_cache_rules([(name, value)], is_private=is_private)
            assert [kept for kept in headers if kept[0].lower() == "cache-control"] == [(name, value)]
            assert header_in(headers, "Vary") == "Cookie, Authorization"


def test_a_header_of_the_same_length_is_none_of_these() -> None:
    headers = with_cache_rules([("Etag", "1"), ("Last-Modified", "2")], is_private=True)
    assert headers == [
        ("Etag", "1"),
        ("Last-Modified", "2"),
        ("Vary", "Cookie, Authorization"),
        ("Cache-Control", "private"),
    ]


def test_the_headers_that_were_given_are_not_changed() -> None:
    for before in ([], [("Vary", "Origin")]):
        copy = list(before)
        with_cache_rules(copy, is_private=True)
        changes(cookie()).applied_to(copy)
        changes(cookie()).taken_from(copy)
        assert copy == before


def test_names_are_added_to_a_list_each_once() -> None:
    assert listed("", ["a", "b"]) == "a, b"
    assert listed(" b ,, c", ["a", "b"]) == "b, c, a"
