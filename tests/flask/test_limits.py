# SPDX-License-Identifier: Apache-2.0
"""What the calling app may put in: each mistake is a ValueError or TypeError that names field, limit and size."""

from __future__ import annotations

import datetime
import json
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import flask
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from supertokens.config import Config
from supertokens.engine.access_token import PROTECTED_CLAIMS
from supertokens.flask import (
    Session,
    create_new_session,
    get_session,
    refresh_session,
    update_jwt_payload,
    update_session_data,
)
from supertokens.testing import FakeClock
from supertokens.transport.cookies import CookiePolicy
from supertokens.transport.limits import SizeLimits
from supertokens.transport.response_writer import ResponseWriter

from .conftest import HEADER_MODE, Client, MakeApp


@pytest.fixture
def request_context(app: flask.Flask) -> Iterator[flask.Flask]:
    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        yield app


def sessions(app: flask.Flask) -> list[str]:
    handles: list[str] = app.extensions["the core"].session_handles("user")
    return handles


@pytest.mark.parametrize("user_id", ["", "x" * 10_000, "é" * 257, "\ud800"])
def test_a_user_id_that_is_empty_or_too_long_is_refused(request_context: flask.Flask, user_id: str) -> None:
    with pytest.raises(ValueError, match="user_id"):
        create_new_session(flask.Response(), user_id)


def test_the_error_names_the_field_the_limit_and_the_size(request_context: flask.Flask) -> None:
    with pytest.raises(ValueError, match="user_id must have 1 to 512 bytes in UTF-8, not 10000"):
        create_new_session(flask.Response(), "x" * 10_000)
    with pytest.raises(ValueError, match=r"session_data has \d{7} bytes as JSON; .*allows 1048576"):
        create_new_session(flask.Response(), "user", {}, {"x": "y" * 1_048_576})
    with pytest.raises(
        ValueError, match=r"jwt_payload is too large: with 5008 bytes as JSON, the .* of the 4096 .*session_data"
    ):
        create_new_session(flask.Response(), "user", {"x": "y" * 5_000})


@pytest.mark.parametrize("user_id", [None, 7, b"user", ["user"]])
def test_a_user_id_that_is_no_string_is_refused(request_context: flask.Flask, user_id: Any) -> None:
    with pytest.raises(TypeError, match="user_id must be a str"):
        create_new_session(flask.Response(), user_id)


@pytest.mark.parametrize(
    "wrong",
    [
        [], "text", 7, {"a": float("nan")}, {"a": float("inf")}, {"a": datetime.datetime.now(datetime.UTC)},
        {"a": b"bytes"}, {1: "a"}, {"a": "\ud800"},
    ],
)  # fmt: skip
def test_what_is_no_strict_json_object_is_refused_everywhere_and_changes_nothing(
    request_context: flask.Flask, wrong: Any
) -> None:
    session = create_new_session(flask.Response(), "user", {"kept": 1}, {"kept": 2})
    handle = session.get_handle()
    for field, verb in (
        ("jwt_payload", lambda: create_new_session(flask.Response(), "user", wrong)),
        ("session_data", lambda: create_new_session(flask.Response(), "user", {}, wrong)),
        ("jwt_payload", lambda: session.update_jwt_payload(wrong)),
        ("session_data", lambda: session.update_session_data(wrong)),
        ("jwt_payload", lambda: update_jwt_payload(handle, wrong)),
        ("session_data", lambda: update_session_data(handle, wrong)),
    ):
        with pytest.raises((TypeError, ValueError), match=field):
            verb()
    assert sessions(request_context) == [handle]
    core = request_context.extensions["the core"]
    assert (core.session(handle).jwt_payload, core.session_data(handle)) == ({"kept": 1}, {"kept": 2})


@pytest.mark.parametrize("name", sorted(PROTECTED_CLAIMS))
def test_the_names_of_the_tokens_own_claims_are_refused(request_context: flask.Flask, name: str) -> None:
    with pytest.raises(ValueError, match=name):
        create_new_session(flask.Response(), "user", {name: "x"})
    session = create_new_session(flask.Response(), "user", {"deep": {name: "fine"}}, {name: "fine"})
    for update in (session.update_jwt_payload, lambda payload: update_jwt_payload(session.get_handle(), payload)):
        with pytest.raises(ValueError, match=name):
            update({name: "x"})


def test_the_limit_of_session_data_is_the_configured_one(make_app: MakeApp) -> None:
    app = make_app(max_session_data_bytes=20)
    with app.test_request_context():
        session = create_new_session(flask.Response(), "user", {}, {"x": "y" * 12})
        for verb in (session.update_session_data, lambda data: update_session_data(session.get_handle(), data)):
            verb({"x": "y" * 12})
            with pytest.raises(
                ValueError, match="session_data has 21 bytes as JSON; 'max_session_data_bytes' allows 20"
            ):
                verb({"x": "y" * 13})
        assert session.get_session_data() == {"x": "y" * 12}


def largest_accepted(app: flask.Flask, headers: dict[str, str], filler: str) -> int:
    """How often `filler` may stand in a payload, by search."""
    low, high = 0, 8_000
    while low < high:
        middle = (low + high + 1) // 2
        with app.test_request_context(headers=headers, environ_base={"REMOTE_ADDR": "127.0.0.1"}):
            try:
                create_new_session(flask.Response(), "user", {"x": filler * middle})
                low = middle
            except ValueError:
                high = middle - 1
    return low


@pytest.mark.parametrize("filler", ["y", "é", "😀", '"', "\x00"])
@pytest.mark.parametrize("headers", [{}, {"supertokens-sdk-name": "website"}, {"st-auth-mode": "cookie"}, HEADER_MODE])
def test_what_is_accepted_at_the_limit_fits_into_every_cookie_and_header_for_ever(
    make_app: MakeApp, clock: FakeClock, headers: dict[str, str], filler: str
) -> None:
    """The largest payload that create accepts is carried through refresh, first use and regenerate by each dialect."""
    app = make_app(enable_anti_csrf=True)
    payload = {"x": filler * largest_accepted(app, headers, filler)}
    seen: list[tuple[str, str]] = []

    def respond(do: Any) -> Session:
        response = flask.Response()
        session = do(response)
        seen.extend(response.headers)
        assert sum(len(name) + len(value) + 4 for name, value in response.headers) <= 7 * 1024 + 200
        client.browser.take(response.headers)
        # The next call is a refresh after create, and a check after everything else.
        token = "st-refresh-token" if not seen_tokens else "st-access-token"
        seen_tokens.append(token)
        if token in response.headers:
            bearer["Authorization"] = f"Bearer {response.headers[token]}"
        assert isinstance(session, Session)
        return session

    client = Client(app, clock, headers)
    bearer: dict[str, str] = {}
    seen_tokens: list[str] = []
    for step in (
        lambda res: create_new_session(res, "user", payload),
        refresh_session,
        lambda res: get_session(res, False),
        lambda res: get_session(res, False).update_jwt_payload(payload) or get_session(None, False),
    ):
        cookies = client.browser.cookie_header("/session/refresh")
        sent = {**headers, **bearer, **({"Cookie": cookies} if cookies else {})}
        with app.test_request_context("/session/refresh", headers=sent, environ_base={"REMOTE_ADDR": "127.0.0.1"}):
            assert respond(step).get_jwt_payload() == payload
    for name, value in seen:
        if name == "Set-Cookie":
            assert len(value.split(";")[0]) <= 4096
        if name in ("front-token", "st-access-token", "st-refresh-token"):
            assert len(f"{'sFrontToken' if name == 'front-token' else name}={value}") <= 4096
    assert any(name == "front-token" for name, _ in seen)


@settings(max_examples=50)
@given(
    payload=st.dictionaries(
        st.text(alphabet=st.characters(codec="utf-8")),
        st.integers() | st.text(alphabet=st.characters(codec="utf-8")),
        max_size=5,
    )
)
def test_the_front_token_is_ascii_and_says_what_the_session_says(app: flask.Flask, payload: dict[str, Any]) -> None:
    if not PROTECTED_CLAIMS.isdisjoint(payload):
        return
    payload["astral"] = "\U0001f511"  # two escapes in ASCII
    for headers in ({"supertokens-sdk-name": "website"}, {}):
        with app.test_request_context(headers=headers):
            response = flask.Response()
            session = create_new_session(response, "Jörg ☃", payload)
            front = json.loads(b64decode(response.headers["front-token"], validate=True).decode("ascii"))
            claims = {} if headers else {name: front["up"].pop(name) for name in PROTECTED_CLAIMS}
            assert front["up"] == payload == session.get_jwt_payload()
            assert front["uid"] == claims.get("sub", front["uid"]) == "Jörg ☃"


def test_a_user_id_that_leaves_no_room_is_named_itself(request_context: flask.Flask) -> None:
    create_new_session(flask.Response(), "x" * 512)
    with pytest.raises(ValueError, match="user_id is too long: with 512 bytes in UTF-8, the header front-token"):
        create_new_session(flask.Response(), "é" * 256)


def test_nones_are_empty_objects(request_context: flask.Flask) -> None:
    session = create_new_session(flask.Response(), "user", None, None)
    assert (session.get_jwt_payload(), session.get_session_data()) == ({}, {})
    session.update_jwt_payload(None)
    session.update_session_data(None)
    assert (session.get_jwt_payload(), session.get_session_data()) == ({}, {})


_SPACIOUS = {"cookie_domain": "example.com"}
_CROWDED = {"cookie_domain": f"{'x' * 60}.{'y' * 60}.{'z' * 60}.com", "refresh_api_path": f"/{'p' * 900}"}


@pytest.mark.parametrize("config", [_SPACIOUS, _CROWDED])
@settings(max_examples=150)
@given(
    text=st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    user_id=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    number=st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
    repeat=st.integers(1, 90),
)
def test_a_small_payload_passes_unmeasured_only_where_measuring_lets_it_pass(
    config: dict[str, Any], text: str, user_id: str, number: float, repeat: int
) -> None:
    settings_of_app = Config(**config)
    writer = ResponseWriter(CookiePolicy(settings_of_app))
    payload = {"a": text * repeat, "b": [number] * (repeat // 10)}

    def answer(*, measure_all: bool) -> object:
        limits = SizeLimits(writer, 1000)
        if measure_all:
            limits._small_fits = False
        try:
            return limits.jwt_payload(payload, user_id)
        except ValueError as error:
            return str(error)

    assert answer(measure_all=False) == answer(measure_all=True)


def test_most_payloads_are_not_measured() -> None:
    writer = ResponseWriter(CookiePolicy(Config()))
    assert SizeLimits(writer, 1000)._small_fits
