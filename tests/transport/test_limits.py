# SPDX-License-Identifier: Apache-2.0
"""What is put into a session is checked where it is put in, so that no refresh ever fails for size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supertokens.engine.access_token import PROTECTED_CLAIMS
from supertokens.testing import FakeClock
from supertokens.transport.limits import MAX_ALL_HEADERS_BYTES, MAX_COOKIE_BYTES, check_user_id

from .site import HEADER_MODE, LEGACY, MODERN, PLAIN, Site, by_wsgi

# User ids


@pytest.mark.parametrize("user_id", ["a", "é" * 256, "x" * 512, " ", "\0", "𝄞", "None"])
def test_a_user_id_is_text_of_1_to_512_bytes(user_id: str) -> None:
    assert check_user_id(user_id) is user_id


@pytest.mark.parametrize("user_id", ["", "é" * 257, "x" * 513, "\ud800"])
def test_text_that_cannot_be_kept_is_no_user_id(user_id: str) -> None:
    with pytest.raises(ValueError, match="user_id"):
        check_user_id(user_id)


@pytest.mark.parametrize("user_id", [None, 1, b"a", ["a"]])
def test_what_is_no_text_is_no_user_id(user_id: object) -> None:
    with pytest.raises(TypeError, match="user_id must be a str"):
        check_user_id(user_id)


# Data


@pytest.fixture
def site(clock: FakeClock) -> Site:
    return Site(clock, max_session_data_bytes=1024)


def test_nothing_is_an_empty_object(site: Site) -> None:
    assert site.edge.limits.session_data(None) == {}
    assert site.edge.limits.jwt_payload(None, "ada") == {}


def test_what_is_kept_is_a_copy(site: Site) -> None:
    given: dict[str, Any] = {"a": [1, {"b": None}]}
    for kept in (site.edge.limits.session_data(given), site.edge.limits.jwt_payload(given, "ada")):
        assert kept == given
        kept["a"][1]["b"] = 2
    assert given == {"a": [1, {"b": None}]}


@pytest.mark.parametrize("wrong", [[], "text", 1, {1: 2}, {"a": object()}, {"a": b""}, {"a": float("nan")}, {"a": {1}}])
def test_what_json_cannot_express_is_refused(site: Site, wrong: object) -> None:
    for check in (site.edge.limits.session_data, lambda value: site.edge.limits.jwt_payload(value, "ada")):
        with pytest.raises((TypeError, ValueError)):
            check(wrong)


def test_session_data_has_its_limit_to_the_byte(site: Site) -> None:
    assert site.edge.limits.session_data({"a": "é" * 508}) == {"a": "é" * 508}
    with pytest.raises(ValueError, match="'max_session_data_bytes' allows 1024"):
        site.edge.limits.session_data({"a": "é" * 508 + "x"})


@pytest.mark.parametrize("name", sorted(PROTECTED_CLAIMS))
def test_a_payload_may_not_use_the_names_of_the_tokens_own_claims(site: Site, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        site.edge.limits.jwt_payload({"fine": 1, name: 1}, "ada")
    assert site.edge.limits.jwt_payload({"fine": {name: 1}}, "ada") == {"fine": {name: 1}}


def test_a_payload_that_is_too_large_is_named_with_its_size(site: Site) -> None:
    with pytest.raises(
        ValueError, match=r"jwt_payload is too large: with 9008 bytes as JSON, .* would have up to"
    ) as refused:
        site.edge.limits.jwt_payload({"a": "x" * 9000}, "ada")
    assert "session_data" in str(refused.value), "where to put it instead"


def test_a_user_id_that_leaves_no_room_is_named_rather_than_the_payload(site: Site) -> None:
    with pytest.raises(ValueError, match="user_id is too long"):
        site.edge.limits.jwt_payload({}, "\x01" * 512)


# Whatever is accepted can be sent


def sizes_of_all_responses(site: Site, user_id: str, payload: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Return what is largest, how large, and how large all is, in every answer that such a session can lead to."""
    sizes = []
    for dialect in (PLAIN, LEGACY, MODERN, HEADER_MODE):
        request = by_wsgi("POST", "/", dialect, scheme="https")
        header_mode = dialect is HEADER_MODE
        created = site.core.create_session(user_id, payload, {}, anti_csrf=not header_mode)
        child = site.core.refresh(created.refresh_token.text, anti_csrf=not header_mode, anti_csrf_mode="if_sent")
        for issued in (created, child):
            changes = site.edge.writer.issued(issued, request, header_mode=header_mode)
            sizes.append((*changes.size_of_largest(), changes.size_of_all()))
        changes = site.edge.writer.renewed(
            user_id, payload, child.access_token, child.cookie_life, request, header_mode=header_mode
        )
        sizes.append((*changes.size_of_largest(), changes.size_of_all()))
    return sizes


def accepts(site: Site, user_id: str, payload: dict[str, Any]) -> bool:
    try:
        site.edge.limits.jwt_payload(payload, user_id)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("letter", ["x", "é", "\x01", "𝄞", '"', 0.1, 10**18, None, True], ids=ascii)
@pytest.mark.parametrize("user_id", ["u", "ü" * 100], ids=["short", "long"])
def test_the_largest_payload_that_is_accepted_can_be_sent_in_every_dialect(
    site: Site, letter: Any, user_id: str
) -> None:
    def of_size(count: int) -> dict[str, Any]:
        return {"a": letter * count if isinstance(letter, str) else [letter] * count}

    accepted, refused = 0, 8192
    while refused - accepted > 1:
        middle = (accepted + refused) // 2
        accepted, refused = (middle, refused) if accepts(site, user_id, of_size(middle)) else (accepted, middle)
    for what, largest, together in sizes_of_all_responses(site, user_id, of_size(accepted)):
        assert largest <= MAX_COOKIE_BYTES, what
        assert together <= MAX_ALL_HEADERS_BYTES
    one_more = sizes_of_all_responses(site, user_id, of_size(refused + 8))
    assert (
        max(largest for _, largest, _ in one_more) > MAX_COOKIE_BYTES - 64
        or max(together for *_, together in one_more) > MAX_ALL_HEADERS_BYTES - 64
    ), "nor is it refused long before"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.text(), JSON), st.text(min_size=1, max_size=120), st.integers(1, 40))
@settings(max_examples=20)
def test_whatever_is_accepted_can_be_sent_in_every_dialect(
    site: Site, payload: dict[str, Any], user_id: str, times: int
) -> None:
    payload = {"a": [payload] * times}
    if accepts(site, user_id, payload):
        for what, largest, together in sizes_of_all_responses(site, user_id, payload):
            assert largest <= MAX_COOKIE_BYTES, what
            assert together <= MAX_ALL_HEADERS_BYTES
