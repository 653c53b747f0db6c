# SPDX-License-Identifier: Apache-2.0
"""`get_session(res, enable_csrf_protection)`, statement by statement."""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import flask
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st

from supertokens.core import EmbeddedCore
from supertokens.engine import base64url
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.flask import get_session
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .conftest import LEGACY, MODERN, Client, MakeApp

ALL_COOKIES = {"sAccessToken", "sRefreshToken", "sIdRefreshToken"}


def logged_in(app: flask.Flask, clock: FakeClock, dialect: dict[str, str] | None = None) -> Client:
    client = Client(app, clock, {} if dialect is None else dialect)
    assert client.post("/login").status_code == 200
    return client


def context(app: flask.Flask, client: Client, **headers: str) -> Any:
    """The request context of a GET by that browser."""
    sent = {"Cookie": client.browser.cookie_header("/me"), "User-Agent": client.agent, **client.dialect, **headers}
    return app.test_request_context("/me", headers=sent)


def answered_by(app: flask.Flask, client: Client, view: Callable[[], Any], **headers: str) -> Any:
    """What a GET of that browser gets when `view` answers it."""
    app.view_functions["me"] = view
    return client.get("/me", headers)


def set_cookies(response: flask.Response) -> dict[str, str]:
    return {line.split("=")[0]: line for line in response.headers.getlist("Set-Cookie")}


def is_cleared(response: Any) -> bool:
    cookies = set_cookies(response)
    return set(cookies) == ALL_COOKIES and all(
        line.startswith(f"{name}=;") and "Expires=Thu, 01 Jan 1970 00:00:00 GMT" in line
        for name, line in cookies.items()
    )


def test_it_returns_the_session_of_the_requests_cookies(app: flask.Flask, clock: FakeClock) -> None:
    with context(app, logged_in(app, clock)):
        session = get_session(flask.Response(), False)
        assert session.get_user_id() == "user"
        assert session.get_jwt_payload() == {"role": "admin"}
        assert session.get_handle() == session.get_session_handle()
        assert session.get_session_data() == {"cart": []}


def test_it_leaves_a_response_alone_when_nothing_changed(app: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(app, clock)
    with context(app, client):
        response = flask.Response()
        before = list(response.headers)
        get_session(response, False)
        assert list(response.headers) == before
    assert "Set-Cookie" not in client.get("/me").headers


def test_it_sets_cookies_on_res_when_res_is_given(app: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(app, clock)
    client.post("/session/refresh")

    def view() -> flask.Response:
        response = flask.Response()
        session = get_session(response, False)
        assert set(set_cookies(response)) == {"sAccessToken"}
        assert session.get_access_token() in set_cookies(response)["sAccessToken"]
        return flask.Response("another")

    answer = answered_by(app, client, view)
    assert (answer.text, set(set_cookies(answer))) == ("another", {"sAccessToken"}), "also on what is sent instead"


def test_it_leaves_cookies_to_the_extension_when_res_is_none(app: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(app, clock)
    client.post("/session/refresh")

    def view() -> flask.Response:
        get_session(None, False)
        return flask.Response()

    assert set(set_cookies(answered_by(app, client, view))) == {"sAccessToken"}


def test_csrf_protection_has_no_effect_while_enable_anti_csrf_is_false(app: flask.Flask, clock: FakeClock) -> None:
    with context(app, logged_in(app, clock)):
        assert get_session(None, True).get_user_id() == "user"


@pytest.mark.parametrize("wrong", [None, "", "wrong"])
def test_a_missing_or_wrong_anti_csrf_token_is_try_refresh(
    make_app: MakeApp, clock: FakeClock, wrong: str | None
) -> None:
    app = make_app(enable_anti_csrf=True)
    client = logged_in(app, clock)
    assert client.browser.anti_csrf
    headers = {} if wrong is None else {"anti-csrf": wrong}
    with context(app, client, **headers):
        response = flask.Response()
        with pytest.raises(SuperTokensTryRefreshTokenError):
            get_session(response, True)
        assert set_cookies(response) == {}
        assert get_session(None, False).get_user_id() == "user"
    with context(app, client, **{"anti-csrf": client.browser.anti_csrf}):
        assert get_session(None, True).get_user_id() == "user"

    def view() -> flask.Response:
        with pytest.raises(SuperTokensTryRefreshTokenError):
            get_session(None, True)
        return flask.Response("caught")

    answer = answered_by(app, client, view, **headers)
    assert (answer.text, set_cookies(answer)) == ("caught", {})


def test_a_session_that_does_not_exist_is_unauthorised_and_the_cookies_are_cleared(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = logged_in(app, clock)
    client.post("/session/refresh")
    app.extensions["the core"].revoke_user("user")
    with context(app, client):
        response = flask.Response()
        with pytest.raises(SuperTokensUnauthorisedError):
            get_session(response, False)
        assert is_cleared(response)
        assert response.headers["id-refresh-token"] == "remove"
    answer = client.get("/me")
    assert answer.status_code == 401
    assert is_cleared(answer)
    assert answer.headers.getlist("id-refresh-token") == ["remove"]


def test_a_revoked_session_is_unauthorised_at_once_where_blacklisting_is_on(
    make_app: MakeApp, clock: FakeClock
) -> None:
    app = make_app(access_token_blacklisting=True)
    client = logged_in(app, clock)
    assert client.get("/me").status_code == 200
    app.extensions["the core"].revoke_user("user")
    answer = client.get("/me")
    assert answer.status_code == 401
    assert answer.json == {"error": "unauthorised", "message": "unauthorised"}
    assert is_cleared(answer)
    assert client.browser.jar == {}


def test_the_clearing_reaches_the_response_of_the_error_handler_also_when_res_was_given(
    app: flask.Flask, clock: FakeClock
) -> None:
    @app.get("/with-res")
    def view() -> flask.Response:
        response = flask.Response("never sent")
        get_session(response, False)
        return response

    app.extensions["the extension"].set_unauthorised_error_handler(lambda _error: ("please log in", 403))
    client = logged_in(app, clock)
    client.post("/session/refresh")
    app.extensions["the core"].revoke_user("user")
    answer = client.get("/with-res")
    assert (answer.status_code, answer.text) == (403, "please log in")
    assert is_cleared(answer)


def access_token(client: Client) -> str:
    value = client.browser.value("sAccessToken")
    assert value is not None
    return value


def replaced(client: Client, text: str) -> dict[str, str]:
    """The browser's cookies with another access token."""
    return {"Cookie": client.browser.cookie_header("/me").replace(access_token(client), text)}


def forgeries(token: str, app: flask.Flask) -> dict[str, str]:
    header, body, signature = token.split(".")
    core = app.extensions["the core"]
    keys = core.keys if isinstance(core, EmbeddedCore) else core._keys
    key = keys.ring_for_verifying(app.extensions["supertokens"].edge.clock()).key_of(header)
    public = key._public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    hs256 = base64url.encode(json.dumps({"alg": "HS256", "typ": "JWT", "version": "5", "kid": key.kid}).encode())
    mac = base64url.encode(hmac.digest(b64encode(public), f"{hs256}.{body}".encode(), "sha256"))
    unknown = base64url.encode(b'{"alg":"RS256","typ":"JWT","version":"5","kid":"d-1"}')
    none = base64url.encode(b'{"alg":"none","typ":"JWT","version":"5","kid":"' + key.kid.encode() + b'"}')
    return {
        "garbage": "garbage", "dots": "..", "truncated": token[:-1], "bit-flipped": token[:-1] + "_",
        "other body": f"{header}.{body[:-2]}AA.{signature}", "alg none": f"{none}.{body}.",
        "HS256 with the public key": f"{hs256}.{mac}", "unknown kid": f"{unknown}.{body}.{signature}",
        "oversized": token + "A" * 30_000, "percent": "%ff%fe%00", "quotes": '"\\"', "control": "a\x01b",
    }  # fmt: skip


FORGERIES = [
    "garbage", "dots", "truncated", "bit-flipped", "other body", "alg none", "HS256 with the public key",
    "unknown kid", "oversized", "percent", "quotes", "control",
]  # fmt: skip


@pytest.mark.parametrize("kind", FORGERIES)
def test_a_token_that_fails_verification_is_try_refresh_and_no_cookie_is_touched(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str], kind: str
) -> None:
    client = logged_in(app, clock, dialect)
    answer = client.get("/me", replaced(client, forgeries(access_token(client), app)[kind]))
    assert answer.status_code == 401
    assert answer.json == {"error": "try refresh token", "message": "try refresh token"}
    assert set_cookies(answer) == {}
    assert "id-refresh-token" not in answer.headers
    assert "front-token" not in answer.headers


def test_an_expired_token_is_try_refresh_and_the_session_goes_on_after_the_refresh(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = logged_in(app, clock, dialect)
    clock.advance(hours=1, seconds=1)
    expired = client.get("/me")
    assert (expired.status_code, expired.json["error"]) == (401, "try refresh token")  # type: ignore[index]
    assert set_cookies(expired) == {}
    assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").status_code == 200


@pytest.mark.embedded_only("it drops a key in the core; the contract of cores has that for both")
def test_a_token_whose_signing_key_is_gone_is_try_refresh(app: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(app, clock)
    app.extensions["the core"].keys.rotate(clock(), drop_old=True)
    with context(app, client), pytest.raises(SuperTokensTryRefreshTokenError):
        get_session(None, False)


def test_the_default_answer_has_the_configured_status(make_app: MakeApp, clock: FakeClock) -> None:
    app = make_app(session_expired_status_code=440)
    client = logged_in(app, clock)
    clock.advance(hours=2)
    assert client.get("/me").status_code == 440


def test_a_legacy_library_needs_both_cookies(app: flask.Flask, clock: FakeClock) -> None:
    """Protocol-1, E.5, the column of 1.1.0 and later."""
    client = logged_in(app, clock, LEGACY)
    access, id_token = client.browser.value("sAccessToken"), client.browser.value("sIdRefreshToken")
    outcomes = {
        "": "unauthorised",
        f"sAccessToken={access}": "unauthorised",
        f"sIdRefreshToken={id_token}": "try refresh token",
    }
    for cookies, error in outcomes.items():
        answer = client.get("/me", {"Cookie": cookies})
        assert answer.json == {"error": error, "message": error}, cookies
        assert is_cleared(answer) is (error == "unauthorised" and cookies != ""), cookies
        client.post("/login")
    both = client.get("/me", {"Cookie": f"sAccessToken={access}; sIdRefreshToken={id_token}"})
    assert both.status_code == 200


def test_a_request_without_any_librarys_marker_needs_the_access_token_only(app: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(app, clock)
    access, id_token = client.browser.value("sAccessToken"), client.browser.value("sIdRefreshToken")
    assert client.get("/me", {"Cookie": f"sAccessToken={access}"}).status_code == 200
    only_id = client.get("/me", {"Cookie": f"sIdRefreshToken={id_token}"})
    assert only_id.json == {"error": "try refresh token", "message": "try refresh token"}
    assert set_cookies(only_id) == {}
    neither = client.get("/me", {"Cookie": ""})
    assert neither.json == {"error": "unauthorised", "message": "unauthorised"}
    assert set_cookies(neither) == {}, "none came, and none is deleted"
    assert not {"front-token", "id-refresh-token"} & set(neither.headers.keys()), "nor is a library told of an end"


def test_a_modern_library_without_a_token_is_unauthorised_and_nothing_is_cleared(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = Client(app, clock, MODERN)
    answer = client.get("/me")
    assert answer.json == {"error": "unauthorised", "message": "unauthorised"}
    assert set_cookies(answer) == {}
    assert "front-token" not in answer.headers


def test_a_left_over_id_token_never_blocks_a_modern_library_and_is_cleared_by_its_refresh(
    app: flask.Flask, clock: FakeClock
) -> None:
    client = logged_in(app, clock, LEGACY)
    client.dialect = MODERN
    assert client.get("/me").status_code == 200
    refreshed = client.post("/session/refresh")
    assert set_cookies(refreshed)["sIdRefreshToken"].startswith("sIdRefreshToken=;")
    assert client.browser.value("sIdRefreshToken") is None


@pytest.mark.embedded_only("it takes the store away from the core; tests/flask/test_topology.py takes the service away")
def test_a_store_that_cannot_be_reached_is_a_general_error_with_its_cause(
    app: flask.Flask, store: SqliteStore, clock: FakeClock
) -> None:
    client = logged_in(app, clock)
    client.post("/session/refresh")
    store.close()
    store._database.path.unlink()
    store._database.path.mkdir()
    with context(app, client), pytest.raises(SuperTokensGeneralError) as failure:
        get_session(None, False)
    assert failure.value.__cause__ is not None
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert client.get("/me").status_code == 500


@pytest.mark.embedded_only("it counts what the store is asked; tests/flask/test_topology.py counts calls")
def test_a_confirmed_token_with_blacklisting_off_costs_no_store_call(
    app: flask.Flask, store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = logged_in(app, clock)
    client.post("/session/refresh")
    client.get("/me")
    calls = []
    for name in ("read", "write"):
        original = getattr(store._database, name)
        monkeypatch.setattr(
            store._database, name, lambda *args, _was=original, **kw: calls.append(args) or _was(*args, **kw)
        )
    for _ in range(3):
        assert client.get("/me").status_code == 200
    assert calls == []
    client.post("/session/refresh")
    assert calls != [], "the counter counts"


def test_the_first_use_after_a_refresh_replaces_the_access_token_and_both_work(
    app: flask.Flask, clock: FakeClock, dialect: dict[str, str]
) -> None:
    client = logged_in(app, clock, dialect)
    client.post("/session/refresh")
    in_flight = client.browser.cookie_header("/me")
    first = client.get("/me")
    assert set(set_cookies(first)) == {"sAccessToken"}
    assert client.browser.cookie_header("/me") != in_flight
    assert client.get("/me", {"Cookie": in_flight}).status_code == 200
    assert "Set-Cookie" not in client.get("/me").headers


def test_a_changed_payload_under_blacklisting_replaces_the_access_token_and_both_work(
    make_app: MakeApp, clock: FakeClock
) -> None:
    app = make_app(access_token_blacklisting=True)
    client = logged_in(app, clock)
    core = app.extensions["the core"]
    core.update_jwt_payload(core.session_handles("user")[0], {"role": "none"})
    in_flight = client.browser.cookie_header("/me")
    answer = client.get("/me")
    assert answer.json == {"user": "user", "payload": {"role": "none"}}
    assert set(set_cookies(answer)) == {"sAccessToken"}
    assert client.get("/me", {"Cookie": in_flight}).json == answer.json
    assert "Set-Cookie" not in client.get("/me").headers


@given(st.binary(max_size=300))
def test_any_bytes_in_any_header_of_ours_are_answered_and_never_a_server_error(
    app: flask.Flask, clock: FakeClock, data: bytes
) -> None:
    text = data.decode("latin-1").replace("\n", " ").replace("\r", " ")
    client = Client(app, clock, {})
    for headers in (
        {"Cookie": text},
        {"Cookie": f"sAccessToken={text}; sIdRefreshToken={text}; sRefreshToken={text}"},
        {"Authorization": f"Bearer {text}", "st-auth-mode": "header"},
        {"Authorization": text, "st-auth-mode": text, "anti-csrf": text, "supertokens-sdk-name": text, "Host": "x"},
    ):
        assert client.get("/me", headers).status_code == 401
        assert client.post("/session/refresh", headers).status_code == 401
    assert app.extensions["the core"].session_handles("user") == []


# Why


def test_a_missing_anti_csrf_value_is_told_from_an_expiry_by_reason_and_in_the_log(
    make_app: MakeApp, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    app = make_app(enable_anti_csrf=True)
    client = logged_in(app, clock)
    caplog.set_level("DEBUG", "supertokens")
    with context(app, client), pytest.raises(SuperTokensTryRefreshTokenError) as refusal:
        get_session(None, True)
    assert refusal.value.reason == "anti_csrf"
    assert [record.levelname for record in caplog.records if "anti-CSRF value is missing" in record.message] == [
        "DEBUG"
    ]
    clock.advance(hours=2)
    with context(app, client), pytest.raises(SuperTokensTryRefreshTokenError) as refusal:
        get_session(None, False)
    assert refusal.value.reason == "expired"


def test_an_unauthorised_error_says_why(app: flask.Flask, clock: FakeClock) -> None:
    client = logged_in(app, clock)
    with app.test_request_context("/me"), pytest.raises(SuperTokensUnauthorisedError) as refusal:
        get_session(None, False)
    assert refusal.value.reason == "no_session"
    client.post("/session/refresh")
    app.extensions["the core"].revoke_user("user")
    with context(app, client), pytest.raises(SuperTokensUnauthorisedError) as refusal:
        get_session(None, False)
    assert refusal.value.reason in ("ended", ""), "a core service does not tell"
