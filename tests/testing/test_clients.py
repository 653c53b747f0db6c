# SPDX-License-Identifier: Apache-2.0
"""Apps are called by WSGI and ASGI as a server calls them."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from supertokens.testing import AsgiClient, Request, WsgiClient
from supertokens.testing.clients import asgi_scope, wsgi_environ

POST = Request(
    "POST", "https://app.example.com:8443/a%20b/%C3%A9?q=1&r=%20", [("Cookie", "a=1"), ("X-Own", "é")], b"body"
)


def test_an_environment_is_that_of_pep_3333() -> None:
    environ = wsgi_environ(POST)
    assert environ["PATH_INFO"].encode("latin-1").decode() == "/a b/é"
    assert (environ["QUERY_STRING"], environ["wsgi.url_scheme"]) == ("q=1&r=%20", "https")
    assert (environ["HTTP_HOST"], environ["SERVER_NAME"], environ["SERVER_PORT"]) == (
        "app.example.com:8443", "app.example.com", "8443",
    )  # fmt: skip
    assert (environ["HTTP_COOKIE"], environ["HTTP_X_OWN"], environ["CONTENT_LENGTH"]) == ("a=1", "é", "4")
    assert environ["wsgi.input"].read() == b"body"
    typed = wsgi_environ(Request("GET", "http://localhost", [("Content-Type", "text/plain"), ("Host", "other")]))
    assert (typed["CONTENT_TYPE"], typed["HTTP_HOST"], typed["SERVER_PORT"]) == ("text/plain", "other", "80")
    assert typed["PATH_INFO"] == "/"


def test_a_scope_is_that_of_the_asgi_specification() -> None:
    scope = asgi_scope(POST)
    assert (scope["path"], scope["raw_path"]) == ("/a b/é", b"/a%20b/%C3%A9")
    assert (scope["query_string"], scope["scheme"], scope["server"]) == (
        b"q=1&r=%20", "https", ("app.example.com", 8443),
    )  # fmt: skip
    assert scope["headers"] == [
        (b"host", b"app.example.com:8443"), (b"cookie", b"a=1"), (b"x-own", b"\xe9"), (b"content-length", b"4"),
    ]  # fmt: skip


def test_a_wsgi_response_may_be_written_yielded_and_closed() -> None:
    closed = []

    class Pieces:
        def __iter__(self) -> Any:
            return iter((b"two ", b"three"))

        def close(self) -> None:
            closed.append(True)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["wsgi.errors"].write("ignored")
        start_response("299 Mine", [("X-A", "1"), ("X-A", "2")])(b"one ")
        return Pieces()

    response = WsgiClient(app).answer(POST)
    assert response == (299, [("X-A", "1"), ("X-A", "2")], "one two three")
    assert closed == [True]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    body = (await receive())["body"]
    await send({"type": "http.response.start", "status": 201, "headers": [(b"x-a", b"1")]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    await send({"type": "http.response.body", "body": f" {threading.current_thread().name}".encode()})
    assert (await receive())["type"] == "http.disconnect"


def test_an_asgi_app_is_called_on_a_loop_of_its_own_also_from_a_running_one() -> None:
    client = AsgiClient(echo)
    expected = (201, [("x-a", "1")], "body an ASGI app under test")
    assert client.answer(POST) == expected

    async def main() -> None:
        assert client.answer(POST) == expected

    asyncio.run(main())
    client.close()
    assert client.answer(POST) == expected, "another loop"
    client.close()


def loops() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "an ASGI app under test"]


def test_a_client_that_is_dropped_leaves_no_thread() -> None:
    gc.collect()
    before = len(loops())
    client = AsgiClient(echo)
    client.answer(POST)
    assert len(loops()) == before + 1
    del client
    gc.collect()
    assert len(loops()) == before


def test_an_error_of_an_asgi_app_is_raised() -> None:
    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError

    client = AsgiClient(fails)
    with pytest.raises(ZeroDivisionError):
        client.answer(POST)
    client.close()


def lifespan(told: list[str], *, failing: str = "", raising: str = "") -> Any:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            await echo(scope, receive, send)
            return
        for what in ("startup", "shutdown"):
            assert (await receive())["type"] == f"lifespan.{what}"
            if what == raising:
                raise ZeroDivisionError
            told.append(what)
            await send({"type": f"lifespan.{what}.{'failed' if what == failing else 'complete'}", "message": "why"})

    return app


def test_as_a_context_manager_it_runs_the_lifespan_on_the_same_loop() -> None:
    told: list[str] = []
    with AsgiClient(lifespan(told)) as client:
        assert client.answer(POST).status == 201
        assert told == ["startup"]
    assert told == ["startup", "shutdown"]


@pytest.mark.parametrize("when", ["startup", "shutdown"])
def test_a_lifespan_that_fails_says_so(when: str) -> None:
    with pytest.raises(RuntimeError, match=f"the {when} of the application failed: why"):  # noqa: SIM117
        with AsgiClient(lifespan([], failing=when)):
            pass
    with pytest.raises(ZeroDivisionError):  # noqa: SIM117
        with AsgiClient(lifespan([], raising=when)):
            pass
