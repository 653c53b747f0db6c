# SPDX-License-Identifier: Apache-2.0
"""Environments as attackers, odd servers and other middleware make them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock, KeysOnce
from supertokens.wsgi import SuperTokens, check_origin, create_new_session, sign_out, verify_session
from supertokens.wsgi.requests import Environ, StartResponse

Status = Callable[..., int]


def app(environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
    if environ.get("PATH_INFO") == "/login":
        check_origin(environ)
        create_new_session(environ, "ada")
    elif environ.get("PATH_INFO") == "/out":
        sign_out(environ)
    else:
        verify_session(environ)
    start_response("200 OK", [])
    return [b"in"]


@pytest.fixture
def core(clock: FakeClock) -> EmbeddedCore:
    store = MemoryStore()
    KeysOnce.put_into(store, clock())
    return EmbeddedCore(Config(), store, clock=clock)


@pytest.fixture
def status(core: EmbeddedCore) -> Status:
    """Return the status of the answer to an environment; its headers are what a server can send."""
    sessions = SuperTokens(app, core=core, routes=True)

    def status(environ: Environ) -> int:
        begun: list[tuple[str, list[tuple[str, str]]]] = []
        body = sessions(environ, lambda status, headers, error=None: begun.append((status, headers)))
        assert isinstance(b"".join(body), bytes)
        [(line, headers)] = begun
        for name, value in headers:
            assert name.isascii()
            assert value.encode("latin-1").isascii()
        return int(line[:3])

    return status


def environ(method: str = "POST", path: str = "/me", **more: Any) -> Environ:
    return {
        "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": path, "QUERY_STRING": "", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1", "HTTP_HOST": "localhost",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": BytesIO(), "wsgi.errors": BytesIO(),
        "wsgi.multithread": True, "wsgi.multiprocess": True, "wsgi.run_once": False, **more,
    }  # fmt: skip


PATHS = ("/me", "/login", "/out", "/session/refresh", "/signout")


@pytest.mark.parametrize("missing", ["SCRIPT_NAME", "PATH_INFO", "QUERY_STRING", "REMOTE_ADDR", "HTTP_HOST",
                                     "SERVER_PROTOCOL", "SERVER_PORT", "wsgi.input"])  # fmt: skip
@pytest.mark.parametrize("path", PATHS)
def test_a_key_that_may_be_missing_is_no_error(status: Status, missing: str, path: str) -> None:
    """PEP 3333 lets a server leave out what is empty, and no session needs the rest of these."""
    asked = environ(path=path)
    del asked[missing]
    assert status(asked) in (200, 401)


NAMES = (
    "COOKIE",
    "AUTHORIZATION",
    "USER_AGENT",
    "ST_AUTH_MODE",
    "RID",
    "ANTI_CSRF",
    "HOST",
    "ORIGIN",
    "SEC_FETCH_SITE",
)
VALUES = (
    "", "\xff\x00\x85\xa0", "Bearer \xc3\xa9", "sAccessToken=\xff; sAccessToken=\x00", "=;;=", "a" * 70_000,
    "Bearer " + "." * 500, "http://[", "null", "st-auth-mode", "sRefreshToken=" + "A" * 4096,
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_no_text_in_a_header_is_an_error_of_the_server(status: Status, name: str, value: str) -> None:
    for path in PATHS:
        assert status(environ(path=path, **{f"HTTP_{name}": value})) in (200, 401, 403)


@pytest.mark.parametrize(
    "path", ["//session/refresh", "/session/refresh/../x", "/SESSION/REFRESH", "session/refresh", ""]
)
def test_no_odd_path_is_taken_for_the_refresh_route(status: Status, core: EmbeddedCore, path: str) -> None:
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    cookie = {"HTTP_COOKIE": f"sRefreshToken={issued.refresh_token.text}"}
    assert status(environ(path=path, **cookie)) == 401
    assert status(environ(path="/session/refresh/", **cookie)) == 200
    assert status(environ(path="/refresh", SCRIPT_NAME="/session", **cookie)) == 200


def test_one_users_token_beside_anothers_is_refused(status: Status, core: EmbeddedCore) -> None:
    tokens = [core.create_session(user, {}, {}, anti_csrf=False).access_token.text for user in ("ada", "bob")]
    assert status(environ("GET", HTTP_COOKIE=f"sAccessToken={tokens[0]}")) == 200
    for pair in (tokens, tokens[::-1]):
        cookies = "; ".join(f"sAccessToken={token}" for token in pair)
        assert status(environ("GET", HTTP_COOKIE=cookies)) == 401
