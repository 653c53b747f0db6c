# SPDX-License-Identifier: Apache-2.0
"""Requests that nobody should send: a clear 4xx, bounded memory, and other clients notice nothing."""

from __future__ import annotations

import json
import re
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from .conftest import StartService
from .running import Service

SESSION = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}
POST = b"POST /recipe/session HTTP/1.1\r\nHost: localhost\r\n"
PATIENCE = 1.0
MEGABYTE = 1024 * 1024
MOST_MEMORY = 200 * MEGABYTE


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    limits = {"header_time": PATIENCE, "body_time": PATIENCE}
    with Service(tmp_path_factory.mktemp("service"), limits=limits) as running:
        yield running
        assert highest_memory(running) < MOST_MEMORY, f"{highest_memory(running) / MEGABYTE:.0f} MB"
        assert "Traceback" not in running.log.read_text(), "something was answered 500, or worse"


def highest_memory(service: Service) -> int:
    """Bytes that a worker has ever held."""
    status = [Path(f"/proc/{pid}/status").read_text() for pid in service.worker_pids()]
    return max(int(found) for text in status for found in re.findall(r"VmHWM:\s+(\d+)", text)) * 1024


def sent(service: Service, data: bytes | Iterable[bytes], *, timeout: float = 20) -> bytes:
    """All that comes back for raw bytes, until the service ends the connection."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=timeout) as connection:
        for piece in [data] if isinstance(data, bytes) else data:
            connection.sendall(piece)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
        return received


def assert_others_are_served(service: Service) -> None:
    begun = time.monotonic()
    assert service.request("POST", "/recipe/session", SESSION, timeout=5).status == 200
    assert service.request("GET", "/hello", timeout=5).status == 200
    assert time.monotonic() - begun < 1


def test_clients_that_send_their_headers_slowly_are_cut_off_and_hold_nobody_up(service: Service) -> None:
    begun = time.monotonic()
    slow = [socket.create_connection(("127.0.0.1", service.port), timeout=10) for _ in range(500)]
    for connection in slow:
        connection.sendall(b"GET /hello HTTP/1.1\r\nHos")
    assert_others_are_served(service)
    for connection in slow:
        assert connection.recv(1) == b""
        connection.close()
    assert time.monotonic() - begun < PATIENCE + 5


def test_clients_that_send_their_body_slowly_get_408_and_hold_nobody_up(service: Service) -> None:
    slow = [socket.create_connection(("127.0.0.1", service.port), timeout=10) for _ in range(300)]
    for number, connection in enumerate(slow):
        length = b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n" if number % 2 else b"Content-Length: 100\r\n\r\n{"
        connection.sendall(POST + length)
    assert_others_are_served(service)
    for connection in slow:
        received = connection.recv(4096)
        assert received.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in received
        connection.close()


def test_a_body_of_100_megabytes_is_413_whether_its_length_is_said_or_not(service: Service) -> None:
    piece = b"x" * MEGABYTE
    chunk = b"%x\r\n%s\r\n" % (len(piece), piece)
    said = sent(service, [POST + b"Content-Length: %d\r\n\r\n" % (100 * MEGABYTE), *[piece] * 100])
    unsaid = sent(service, [POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 100, b"0\r\n\r\n"])
    for received in (said, unsaid):
        assert received.startswith(b"HTTP/1.1 413 ")
        assert received.endswith(b"The body is too large\n")
    assert highest_memory(service) < MOST_MEMORY
    assert_others_are_served(service)


def test_a_client_that_asks_first_is_not_told_to_send_a_body_that_is_too_large(service: Service) -> None:
    asking = POST + b"Content-Length: %d\r\nExpect: 100-continue\r\n\r\n" % (100 * MEGABYTE)
    assert sent(service, asking).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":' * 500_000 + b"1" + b"}" * 500_000,
        b"[" * 1_000_000,
        b'{"userId":"\xff\xfe","userDataInJWT":{},"userDataInDatabase":{},"enableAntiCsrf":false}',
        b'{"userId":"u","userDataInJWT":{"a":NaN},"userDataInDatabase":{},"enableAntiCsrf":false}',
        b'{"userId":"\\ud800","userDataInJWT":{},"userDataInDatabase":{},"enableAntiCsrf":false}',
        b'{"userId":"u","userDataInJWT":{"\\udc00":1},"userDataInDatabase":{},"enableAntiCsrf":false}',
        b"\xef\xbb\xbf{}",
        b"\x00" * 1000,
        b"{'userId':'u'}",
        b"{} {}",
        b"--boundary\r\nContent-Disposition: form-data\r\n\r\nx\r\n",
    ],
    ids=[
        "deep object", "deep array", "invalid UTF-8", "NaN", "lone surrogate",
        "lone surrogate as a name", "byte order mark", "NUL", "single quotes", "two values", "a form",
    ],
)  # fmt: skip
def test_what_is_not_json_is_400(service: Service, body: bytes) -> None:
    for path, version in (("/recipe/session", "5.4"), ("/session", "2.3")):
        in_utf8 = [("Content-Type", "application/json; charset=utf-8")]
        reply = service.request("POST", path, body, version=version, headers=in_utf8)
        assert (reply.status, reply.text) == (400, "Invalid Json Input\n")


@pytest.mark.parametrize(
    "number", [b"1e400", b"1" * 4301, b"-" + b"1" * 5000, b"9" * 1_000_000], ids=["a float", "4,301", "5,000", "1 MB"]
)
def test_a_number_that_is_too_large_is_400_with_the_limit(service: Service, number: bytes) -> None:
    body = b'{"userId":"u","userDataInJWT":{"a":[%s]},"userDataInDatabase":{},"enableAntiCsrf":false}'
    limit = "a number is too large: integers have at most 4300 characters"
    for path, version in (("/recipe/session", "5.4"), ("/session", "2.3")):
        reply = service.request("POST", path, body % number, version=version)
        assert (reply.status, reply.text) == (400, f"Invalid Json Input: {limit}\n")


def test_an_integer_of_the_most_digits_that_are_accepted_comes_back(service: Service) -> None:
    extremes = [int("9" * 4300), -int("9" * 4299)]
    made = service.request("POST", "/recipe/session", SESSION | {"userDataInJWT": {"extremes": extremes}})
    assert made.json()["session"]["userDataInJWT"] == {"extremes": extremes}


def test_data_nested_deeper_than_is_kept_is_400_and_names_the_field(service: Service) -> None:
    nested = json.loads("[" * 100 + "]" * 100)
    reply = service.request("POST", "/recipe/session", SESSION | {"userDataInJWT": {"a": nested}})
    assert (reply.status, reply.text) == (400, "Field name 'userDataInJWT' is invalid in JSON input\n")


def test_a_million_keys_are_too_large_and_those_that_fit_are_ignored(service: Service) -> None:
    million = json.dumps({f"key{number}": 1 for number in range(1_000_000)}).encode()
    assert service.request("POST", "/recipe/session", million).status == 413
    many = {f"k{number}": 1 for number in range(200_000)}
    assert service.request("POST", "/recipe/session", many | SESSION).status == 200
    assert_others_are_served(service)


def test_a_nul_in_text_is_text(service: Service) -> None:
    created = service.create("a\x00b", {"\x00": "\x00"})
    handle = created["session"]["handle"]
    assert created["session"]["userDataInJWT"] == {"\x00": "\x00"}
    listed = service.request("GET", "/recipe/session/user", query={"userId": "a\x00b"}).json()
    assert listed["sessionHandles"] == [handle]
    assert service.request("GET", "/recipe/session/user", query={"userId": "a"}).json()["sessionHandles"] == []
    gone = service.request("GET", "/recipe/session", query={"sessionHandle": f"{handle}\x00"}).json()
    assert gone["status"] == "UNAUTHORISED"


def test_a_handle_or_user_that_is_no_text_has_no_sessions(service: Service) -> None:
    for query in ("userId=%ED%A0%80", "userId=%ff", "userId=", "userId"):
        reply = service.request("GET", f"/recipe/session/user?{query}")
        assert reply.status == (400 if query == "userId" and reply.status == 400 else 200), query
    assert service.request("GET", "/recipe/session?sessionHandle=%00").json()["status"] == "UNAUTHORISED"


def test_a_query_of_many_parameters_is_400(service: Service) -> None:
    reply = service.request("GET", "/recipe/session/user?" + "a=1&" * 200 + "userId=u")
    assert (reply.status, reply.text) == (400, "Too many parameters in GET request\n")


@pytest.mark.parametrize(
    "content_type", ["text/plain", "image/png", "application/xml", "", "multipart/form-data", ";;;"]
)
def test_a_content_type_is_not_looked_at_but_for_its_charset(service: Service, content_type: str) -> None:
    reply = service.request("POST", "/recipe/session", SESSION, headers=[("Content-Type", content_type)])
    assert reply.status == 200


def test_paths_that_make_no_sense_are_404(service: Service) -> None:
    for path in ("/%00", "/%ff%fe", "/" + "a/" * 5000, "/..%2f..%2fetc/passwd", "/;a/b", "*"):
        for version in ("2.3", "5.4", None):
            assert service.request("GET", path, version=version).status == 404, path


def test_tokens_that_make_no_sense_are_an_answer_not_an_error(service: Service) -> None:
    for text in ("", ".", "..", "a.b.c", "\x00", "é.é.é", "A" * 1_000_000, f"{'e30'}.{'e30'}.{'A' * 342}"):
        verify = {"accessToken": text, "doAntiCsrfCheck": True, "enableAntiCsrf": True, "checkDatabase": True}
        assert service.request("POST", "/recipe/session/verify", verify).json()["status"] == "TRY_REFRESH_TOKEN"
        refresh = {"refreshToken": text, "enableAntiCsrf": True, "useDynamicSigningKey": True}
        assert service.request("POST", "/recipe/session/refresh", refresh).json()["status"] == "UNAUTHORISED"
        given = {"accessToken": text}
        assert service.request("POST", "/recipe/session/regenerate", given).json()["status"] == "UNAUTHORISED"
        old = {"accessToken": text, "doAntiCsrfCheck": True}
        assert service.request("POST", "/session/verify", old, version="2.3").json()["status"] == "TRY_REFRESH_TOKEN"


@pytest.mark.parametrize(
    "head",
    [
        POST + b"X-Long: " + b"x" * 200_000 + b"\r\n\r\n",
        POST + b"X-Many: 1\r\n" * 5_000 + b"\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ],
    ids=["long header", "many headers", "long path"],
)
def test_a_flood_of_headers_is_4xx(service: Service, head: bytes) -> None:
    try:
        received = sent(service, head)
    except ConnectionError:  # it closes without reading on; the reply may be lost to the reset
        received = b"HTTP/1.1 431 "
    assert re.match(rb"HTTP/1\.1 4(31|14|00|04) ", received), received[:100]
    assert_others_are_served(service)


@pytest.mark.parametrize(
    "head",
    [
        b"NONSENSE\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        b"GET /hello HTTP/1.1\r\nHost: localhost\r\nBad Name: 1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
    ],
    ids=["no HTTP", "negative length", "two lengths", "length beyond any number", "bad chunk", "bad name", "TLS hello"],
)
def test_what_is_not_http_is_refused(service: Service, head: bytes) -> None:
    received = sent(service, head)
    assert received == b"" or received.startswith(b"HTTP/1.1 400 "), received[:100]


def test_a_client_that_goes_away_in_the_middle_leaves_nothing_behind(service: Service) -> None:
    for _ in range(200):
        with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
            connection.sendall(POST + b"Content-Length: 100\r\n\r\n{")
    assert_others_are_served(service)


def test_bodies_that_are_too_many_together_are_put_off(start_service: StartService) -> None:
    service = start_service(limits={"all_bodies_bytes": 3 * MEGABYTE, "body_time": 10.0})
    big = POST + b"Content-Length: %d\r\n\r\n{" % (2 * MEGABYTE)
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as first:
        first.sendall(big)
        # Whichever comes second finds no room; a reply means that it was turned away.
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            reply = service.request("POST", "/recipe/session", b"{" + b" " * (2 * MEGABYTE))
            if reply.status == 503:
                break
        assert (reply.status, reply.text) == (503, "Busy\n")
        assert service.request("POST", "/recipe/session", SESSION).status == 200, "a small one has room"
    deadline = time.monotonic() + 10
    while service.request("POST", "/recipe/session", b"{" + b" " * (2 * MEGABYTE)).status == 503:
        assert time.monotonic() < deadline, "what the first one held is free again"
