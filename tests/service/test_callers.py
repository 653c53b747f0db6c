# SPDX-License-Identifier: Apache-2.0
"""Who is answered: no web page, and without API keys nothing that is not for this machine by name."""

from __future__ import annotations

import socket

import pytest

from supertokens.service.api_keys import ApiKeys
from supertokens.service.callers import Callers
from supertokens.service.request_head import RequestHead

from .conftest import StartService
from .running import Answer, Service

KEY = "key1-aaaaaaaaaaaaaaaaaaaa"
SESSION = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}
OPEN_TO_BROWSERS = ("/hello", "/ready", "/.well-known/jwks.json")

Headers = list[tuple[str, str | bytes]]


def create(service: Service, headers: Headers) -> Answer:
    return service.request("POST", "/recipe/session", SESSION, headers=headers)


FROM_BROWSERS: dict[str, Headers] = {
    "another site": [("Origin", "https://evil.example"), ("Content-Type", "text/plain")],
    "a sandboxed frame": [("Origin", "null")],
    "a page of the service itself, after DNS rebinding": [("Origin", "http://127.0.0.1")],
    "an empty origin": [("Origin", "")],
    "an origin that is no text": [("Origin", b"\xff")],
    "a link": [("Sec-Fetch-Site", "cross-site")],
    "the same site": [("Sec-Fetch-Site", "same-site")],
    "the same origin": [("Sec-Fetch-Site", "same-origin")],
    "a value that nobody knows yet": [("Sec-Fetch-Site", "None")],
    "an empty value": [("Sec-Fetch-Site", "")],
    "a value that is no text": [("Sec-Fetch-Site", b"\xff")],
    "a second value": [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")],
}


@pytest.mark.parametrize("headers", FROM_BROWSERS.values(), ids=FROM_BROWSERS)
def test_what_a_web_page_sends_is_refused_in_both_families_and_changes_nothing(
    service: Service, headers: Headers
) -> None:
    victim = service.create("victim")["session"]["handle"]
    before = service.request("GET", "/recipe/session/user", query={"userId": "u"}).json()
    remove = {"userId": "victim"}
    for version, prefix in (("5.4", "/recipe"), ("2.3", ""), (None, "")):
        for path, body in (("/session", SESSION), ("/session/remove", remove)):
            reply = service.request("POST", f"{prefix}{path}", body, version=version, headers=headers)
            assert reply.status == 403
            assert "comes from a browser" in reply.text
    listed = service.request("GET", "/recipe/session/user", query={"userId": "victim"}).json()["sessionHandles"]
    assert victim in listed
    assert service.request("GET", "/recipe/session/user", query={"userId": "u"}).json() == before


@pytest.mark.parametrize("headers", FROM_BROWSERS.values(), ids=FROM_BROWSERS)
def test_only_what_is_public_is_told_to_a_web_page(service: Service, headers: Headers) -> None:
    for path in OPEN_TO_BROWSERS:
        assert service.request("GET", path, headers=headers).status == 200, path
    for path in ("/apiversion", "/recipe/session/user?userId=u", "/config?pid=1", "/openapi.json", "/recipe/jwt/jwks"):
        assert service.request("GET", path, headers=headers).status == 403, path
    assert service.request("POST", "/hello", headers=headers).status == 403
    assert service.request("GET", "/nothing", headers=headers).status == 404


def test_an_address_that_was_typed_into_a_browser_is_answered(service: Service) -> None:
    reply = service.request(
        "GET", "/openapi.json", headers=[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "navigate")]
    )
    assert reply.status == 200


def test_with_an_api_key_those_headers_do_no_harm(start_service: StartService) -> None:
    service = start_service({"api_keys": KEY})
    page: Headers = [("Origin", "https://admin.example")]
    assert create(service, [*page, ("api-key", KEY)]).status == 200
    assert create(service, [*page, ("Authorization", f"Bearer {KEY}")]).status == 200
    assert create(service, page).status == 403
    assert create(service, [*page, ("api-key", f"{KEY}x")]).status == 403
    assert create(service, []).status == 401
    assert service.request("GET", "/openapi.json", headers=page).status == 403
    assert service.request("GET", "/openapi.json", headers=[*page, ("api-key", KEY)]).status == 200


def test_a_key_where_there_are_none_opens_nothing_to_a_web_page(service: Service) -> None:
    assert create(service, [("Origin", "null"), ("api-key", "")]).status == 403
    assert create(service, [("Origin", "null"), ("api-key", KEY)]).status == 403


def test_refusals_are_told_in_the_log_and_cannot_fill_it(start_service: StartService) -> None:
    service = start_service()
    for _ in range(50):
        assert create(service, [("Origin", "https://evil.example")]).status == 403
        assert create(service, [("Host", "evil.example")]).status == 403
    log = service.log.read_text()
    assert log.count("requests refused because a browser sent them") == 1
    assert log.count("requests refused because their Host is not a name of this machine") == 1
    assert "evil" not in log


LOOPBACK_NAMES = ["localhost", "LocalHost", "localhost.", "127.0.0.1", "127.8.9.1", "[::1]", "core.localhost"]
OTHER_NAMES = [
    "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "0.0.0.0", "[::2]", "::1", "",
    "user@localhost", "localhost@evil.example", "localhost:80:80", "localhost/", "local host", "xlocalhost", "127.1",
    "[::1", "[::1]x", ".",
]  # fmt: skip


@pytest.mark.parametrize("host", LOOPBACK_NAMES)
def test_a_name_of_this_machine_is_answered_with_and_without_a_port(service: Service, host: str) -> None:
    for port in ("", ":3567", ":"):
        assert create(service, [("Host", host + port)]).status == 200, port


@pytest.mark.parametrize("host", OTHER_NAMES)
def test_on_the_loopback_without_api_keys_another_host_is_refused_and_a_proxy_is_named_as_the_cause(
    service: Service, host: str
) -> None:
    reply = create(service, [("Host", host)])
    assert reply.status == 403
    for word in ("proxy", "api_keys", "Host: localhost"):
        assert word in reply.text
    assert "evil" not in reply.text
    for path in OPEN_TO_BROWSERS:
        assert service.request("GET", path, headers=[("Host", host)]).status == 200, path


def test_with_api_keys_or_beyond_the_loopback_every_host_is_answered(start_service: StartService) -> None:
    with_key = start_service({"api_keys": KEY}, api_key=KEY)
    assert create(with_key, [("Host", "core.example.com")]).status == 200
    for_others = start_service({"host": "0.0.0.0", "insecure_allow_no_api_key": True})
    assert create(for_others, [("Host", "core.example.com")]).status == 200
    assert create(for_others, [("Origin", "https://core.example.com")]).status == 403


def test_the_host_of_a_target_in_absolute_form_counts_too(service: Service) -> None:
    def status(target: str, host: str) -> bytes:
        request = f"GET {target}/apiversion HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        return answered(service, request.encode())

    assert status("http://localhost:3567", "localhost") == b"200"
    assert status("http://evil.example", "localhost") == b"403"
    assert status("http://localhost", "evil.example") == b"403"
    assert status("http://user@localhost", "localhost") == b"403"


def test_there_has_to_be_one_host_but_in_http_1_0(start_service: StartService) -> None:
    end = b"Connection: close\r\n\r\n"
    for service in (start_service(), start_service({"api_keys": KEY})):
        for path in (b"/hello", b"/ready", b"/apiversion"):
            start = b"GET %s HTTP/1.1\r\napi-key: %s\r\n" % (path, KEY.encode())
            assert answered(service, start + b"Host: localhost\r\nHost: localhost\r\n" + end) == b"400"
            assert answered(service, start + b"Host: localhost\r\nHost: evil.example\r\n" + end) == b"400"
            assert answered(service, start + end) == b"400"
            old = start.replace(b"HTTP/1.1", b"HTTP/1.0")
            assert answered(service, old + b"\r\n") == b"200"
            assert answered(service, old + b"Host: localhost\r\nHost: evil.example\r\n\r\n") == b"400"


def answered(service: Service, request: bytes) -> bytes:
    """The status of the reply to raw bytes."""
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(request)
        return b"".join(iter(lambda: connection.recv(65_536), b"")).split(b" ")[1]


def config_of(service: Service, headers: Headers = []) -> object:  # noqa: B006 - never changed
    return service.request("GET", "/config", headers=headers, query={"pid": str(service.pid)}).json()


def test_where_the_configuration_is_is_told_to_a_caller_with_a_key_only(start_service: StartService) -> None:
    service = start_service({"api_keys": KEY}, config_path="/etc/config.yaml")
    told = {"status": "OK", "path": "/etc/config.yaml"}
    assert config_of(service, [("api-key", KEY)]) == told
    assert config_of(service, [("api-key", f"{KEY}x")]) == config_of(service) == {"status": "NOT ALLOWED"}


def test_without_keys_it_is_told_on_this_machine_and_not_through_a_proxy(start_service: StartService) -> None:
    service = start_service(config_path="/etc/config.yaml")
    assert config_of(service) == {"status": "OK", "path": "/etc/config.yaml"}
    for header in ("X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Proto", "X-Forwarded-Host"):
        assert config_of(service, [(header, "10.0.0.9")]) == {"status": "NOT ALLOWED"}, header


class Scope:
    """What the HTTP server tells of a request without headers."""

    method, path, query_string, authority, http_version = "GET", "/config", "", None, "1.1"

    def __init__(self, client: str) -> None:
        self.client = client
        self.headers: dict[str, str] = {}


@pytest.mark.parametrize(
    ("client", "is_here"),
    [
        ("127.0.0.1:4711", True), ("127.8.8.8:4711", True), ("[::1]:4711", True), ("[::ffff:127.0.0.1]:4711", True),
        ("10.0.0.1:4711", False), ("[2001:db8::1]:4711", False), ("[::ffff:10.0.0.1]:4711", False), ("", False),
    ],
)  # fmt: skip
def test_without_keys_it_is_told_to_this_machine_only(client: str, is_here: bool) -> None:
    callers = Callers(ApiKeys(()), listens_on_loopback=False)
    assert callers.may_know_the_machine(RequestHead(Scope(client)), None) is is_here
