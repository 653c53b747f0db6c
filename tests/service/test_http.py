# SPDX-License-Identifier: Apache-2.0
"""What a recording cannot show: bytes, headers, and which check comes first (docs/protocol/cdi2.md)."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .conftest import StartService
from .running import Service

SESSION = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}}
KEY = "key1-aaaaaaaaaaaaaaaaaaaa"


def test_json_replies_end_with_one_newline_and_name_their_type(service: Service) -> None:
    reply = service.request("POST", "/session", SESSION, version="2.3")
    assert reply.headers["content-type"] == "application/json;charset=UTF-8"
    assert reply.headers["content-length"] == str(len(reply.body))
    assert "connection" not in reply.headers
    assert re.fullmatch(rb"\{[^\n]*\}\n", reply.body), "compact, on one line"
    assert b'": ' not in reply.body


def test_text_replies_end_with_one_newline_and_name_their_type(service: Service) -> None:
    for path, words in (("/hello", b"Hello\n"), ("/nothing", b"Not found\n")):
        reply = service.request("GET", path, version="2.3")
        assert reply.headers["content-type"] == "text/html;charset=UTF-8"
        assert reply.body == words
        assert "connection" not in reply.headers


def test_a_400_ends_the_connection(service: Service) -> None:
    reply = service.request("POST", "/session", b"{", version="2.3")
    assert (reply.status, reply.body) == (400, b"Invalid Json Input\n")
    assert reply.headers["connection"] == "close"


def test_numbers_come_back_equal_and_integers_exact(service: Service) -> None:
    payload = {"huge": 123456789012345678901234567890, "one": 1.0, "small": 5e-324, "big": 1e300, "negative": -0.5}
    for version, path in (("2.3", "/session"), ("5.4", "/recipe/session")):
        more = {"enableAntiCsrf": False} if version == "5.4" else {}
        reply = service.request("POST", path, SESSION | {"userDataInJWT": payload} | more, version=version).json()
        assert reply["session"]["userDataInJWT"] == payload
        assert reply["session"]["userDataInJWT"]["huge"] == payload["huge"]
        assert isinstance(reply["session"]["userDataInJWT"]["one"], float)


def test_text_is_not_escaped_beyond_need(service: Service) -> None:
    reply = service.request("POST", "/session", SESSION | {"userDataInJWT": {"k": "é✓<>'"}}, version="2.3")
    assert '"userDataInJWT":{"k":"é✓<>\'"}'.encode() in reply.body


@pytest.mark.parametrize(
    ("version", "path", "words"),
    [
        ("2", "/session", "cdi-version 2 not supported"),
        ("02.3", "/session", "cdi-version 02.3 not supported"),
        ("v2.3", "/session", "cdi-version v2.3 not supported"),
        ("2.3, 2.2", "/session", "cdi-version 2.3, 2.2 not supported"),
        ("", "/session", "cdi-version  not supported"),
        ("2.4", "/handshake", "cdi-version 2.4 not supported"),
        ("2.21", "/recipe/session", "cdi-version 2.21 not supported"),
        ("5.6", "/recipe/session", "cdi-version 5.6 not supported"),
        ("five", "/recipe/session", "cdi-version header is invalid"),
        ("9.9", "/hello", "cdi-version 9.9 not supported"),
    ],
)
def test_a_version_that_is_not_spoken_is_named(service: Service, version: str, path: str, words: str) -> None:
    reply = service.request("POST", path, {}, version=version)
    assert (reply.status, reply.body.decode()) == (400, f"{words}\n")


def test_of_a_repeated_version_header_the_first_counts(service: Service) -> None:
    reply = service.request(
        "POST", "/session", SESSION, version=None, headers=[("cdi-version", "2.3"), ("cdi-version", "9")]
    )
    assert reply.status == 200
    reply = service.request(
        "POST", "/session", SESSION, version=None, headers=[("cdi-version", "9"), ("cdi-version", "2.3")]
    )
    assert reply.text == "cdi-version 9 not supported\n"


def test_blanks_around_a_version_do_not_count(service: Service) -> None:
    assert service.request("GET", "/hello", version=" 2.3 ").status == 200


def test_a_version_header_that_is_no_text_is_not_a_missing_one(service: Service) -> None:
    reply = service.request("POST", "/session", SESSION, version=None, headers=[("cdi-version", b"\xff")])
    assert reply.status == 400


def test_without_a_version_the_path_decides(service: Service) -> None:
    old = service.request("POST", "/session", SESSION, version=None).json()
    assert set(old["idRefreshToken"]) == {"token", "expiry", "createdTime"}, "CDI 1.0"
    modern = service.request("POST", "/recipe/session", SESSION | {"enableAntiCsrf": False}, version=None).json()
    assert "recipeUserId" in modern["session"], "the newest"
    assert service.request(
        "POST", "/recipe/session/refresh", {"refreshToken": "x", "enableAntiCsrf": False}, version=None
    ).text == ("Field name 'useDynamicSigningKey' is invalid in JSON input\n")


def test_what_is_no_business_of_the_service_is_not_judged(service: Service) -> None:
    """The limits of docs/limits.md are the Python verbs'; the protocol knows none but the length of a body."""
    large = {"userDataInJWT": {"a": "x" * 100_000}, "userDataInDatabase": {"d": "y" * 2_000_000}}
    claims = {"userDataInJWT": {"sub": "z", "iat": 1}}
    for version, path, more in (("2.3", "/session", {}), ("5.4", "/recipe/session", {"enableAntiCsrf": False})):
        for special in ({"userId": ""}, large, claims if version == "2.3" else {}):
            reply = service.request("POST", path, SESSION | more | special, version=version)
            assert reply.status == 200
            assert reply.json()["session"]["userDataInJWT"] == special.get("userDataInJWT", {})
    refused = service.request("POST", "/recipe/session", SESSION | {"enableAntiCsrf": False} | claims)
    assert (refused.status, refused.text) == (400, "The user payload contains protected field\n")


def test_each_family_knows_its_own_paths_only(service: Service) -> None:
    for version, path in (("2.3", "/recipe/session"), ("5.4", "/session"), ("3.0", "/handshake"), ("1.0", "/user/id")):
        assert service.request("POST", path, b"{", version=version).text == "Not found\n"
    for version, path in (("2.3", "/session/"), ("2.3", "/Session"), ("2.3", "/public/session"), ("2.3", "/")):
        assert service.request("GET", path, version=version).status == 404


def test_a_head_gets_the_headers_of_the_reply_and_its_length_without_the_body(service: Service) -> None:
    for path, status, words in (
        ("/session/verify", 405, b"Method not supported\n"),
        ("/nothing", 404, b"Not found\n"),
    ):
        reply = service.request("HEAD", path, version="2.3")
        assert (reply.status, reply.body) == (status, b"")
        assert reply.headers["content-length"] == str(len(words))
    with closing(service.connection()) as connection:
        for method in ("HEAD", "GET"):  # nothing of a body stands in the way of the next reply
            connection.request(method, "/nothing", headers={"cdi-version": "2.3"})
            assert connection.getresponse().read() == (b"" if method == "HEAD" else b"Not found\n")


def test_methods_that_do_not_exist_are_405_and_unknown_verbs_501(service: Service) -> None:
    for method in ("GET", "PUT", "OPTIONS", "TRACE", "HEAD"):
        reply = service.request(method, "/session/verify", version="2.3")
        assert reply.status == 405
        assert reply.body == (b"" if method == "HEAD" else b"Method not supported\n")
    assert service.request("PATCH", "/session/verify", version="2.3").status == 501
    assert service.request("PATCH", "/nothing", version="2.3").status == 404


def test_checks_come_in_the_order_of_the_reference(start_service: StartService) -> None:
    service = start_service({"api_keys": KEY})
    key = [("api-key", KEY)]

    def words(method: str, path: str, version: str, body: bytes, *, with_key: bool) -> str:
        return service.request(method, path, body, version=version, headers=key if with_key else []).text.strip()

    assert words("PATCH", "/nothing", "9", b"{", with_key=False) == "Not found"
    assert words("GET", "/session", "9", b"{", with_key=False) == "Invalid API key"
    assert words("GET", "/session", "9", b"{", with_key=True) == "cdi-version 9 not supported"
    assert words("GET", "/session", "2.3", b"{", with_key=True) == "Method not supported"
    assert words("POST", "/session", "2.3", b"{", with_key=True) == "Invalid Json Input"
    assert words("POST", "/session", "2.3", b"{}", with_key=True) == "Field name 'userId' is invalid in JSON input"
    body = b'{"userId":"u"}'
    assert (
        words("POST", "/session", "2.3", body, with_key=True) == "Field name 'userDataInJWT' is invalid in JSON input"
    )


def test_a_list_of_one_string_counts_as_that_string_and_a_number_as_false(service: Service) -> None:
    reply = service.request("POST", "/session", SESSION | {"userId": ["one"]}, version="2.3").json()
    assert reply["session"]["userId"] == "one"
    token = reply["accessToken"]["token"]
    for check in (False, 1, [True], 0.5):
        given = {"accessToken": token, "doAntiCsrfCheck": check}
        assert service.request("POST", "/session/verify", given, version="2.3").json()["status"] == "OK"
    handles = {"sessionHandles": [[reply["session"]["handle"]]]}
    revoked = service.request("POST", "/session/remove", handles, version="2.3").json()["sessionHandlesRevoked"]
    assert revoked == [reply["session"]["handle"]]


def test_a_body_is_decoded_as_its_content_type_says(service: Service) -> None:
    body = '{"userId":"é","userDataInJWT":{},"userDataInDatabase":{},"enableAntiCsrf":false}'

    def user_id(path: str, version: str, content_type: str, encoded: bytes) -> str:
        headers = [("Content-Type", content_type)]
        return str(service.request("POST", path, encoded, version=version, headers=headers).json()["session"]["userId"])

    for path, version in (("/session", "2.3"), ("/recipe/session", "5.4")):
        for charset in ("utf-8", "iso-8859-1"):
            assert user_id(path, version, f'application/json; charset="{charset}"', body.encode(charset)) == "é"
    assert user_id("/recipe/session", "5.4", "application/json", body.encode()) == "é", "RFC 8259"
    assert user_id("/session", "1.0", "application/json", body.encode()) == "Ã©", "docs/protocol/cdi2.md#transport"
    assert user_id("/session", "2.3", "application/json", body.encode("iso-8859-1")) == "é"
    for of_another_charset in (body.encode(), body.encode("utf-7"), body.replace("é", "e").encode()):
        headers = [("Content-Type", "a/b; charset=utf-7")]
        assert service.request("POST", "/session", of_another_charset, version="2.3", headers=headers).status == 415


def test_a_connection_serves_many_requests(service: Service) -> None:
    connection = service.connection()
    for _ in range(20):
        connection.request("GET", "/hello")
        assert connection.getresponse().read() == b"Hello\n"
    assert connection.sock is not None
    connection.close()


def test_pipelined_requests_are_answered_in_order(service: Service) -> None:
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as pipe:
        one = b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n"
        pipe.sendall(one % b"/hello" + one % b"/nothing" + one % b"/hello" * 97)
        pipe.sendall(b"GET /hello HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: pipe.recv(65_536), b""))
    replies = re.findall(rb"HTTP/1.1 (\d+)", received)
    assert replies == [b"200", b"404", *[b"200"] * 98]


def test_with_a_certificate_it_speaks_https_and_nothing_else(start_service: StartService, tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    make_certificate(certificate, key)
    service = start_service({"ssl_certfile": str(certificate), "ssl_keyfile": str(key)})
    trusting = ssl.create_default_context(cafile=str(certificate))
    connection = http.client.HTTPSConnection("localhost", service.port, timeout=20, context=trusting)
    connection.request("GET", "/hello")
    assert connection.getresponse().read() == b"Hello\n"
    connection.close()
    with pytest.raises((OSError, http.client.HTTPException)):
        service.request("GET", "/hello")


def make_certificate(certificate: Path, key: Path) -> None:
    """One for localhost, signed by itself."""
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, private.public_key(), 1, now - timedelta(1), now + timedelta(1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(private, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
