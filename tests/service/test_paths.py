# SPDX-License-Identifier: Apache-2.0
"""Paths are what they are spelt: what a proxy's rules let through is what is answered (docs/service.md)."""

from __future__ import annotations

import socket

import pytest

from .conftest import StartService
from .running import Service

NEAR_MISSES = [
    "/.well-known/..;/recipe/session/user",
    "/.well-known/../recipe/session/user",
    "/.well-known/..%2frecipe/session/user",
    "/.well-known/%2e%2e/recipe/session/user",
    "/.well-known/%2E%2e%2Frecipe/session/user",
    "/.well-known/..%3b/recipe/session/user",
    "/recipe/session/user;x",
    "/recipe/session;a=b/user",
    "/recipe/session/user%3Bx",
    "/recipe/./session/user",
    "/recipe/%2e/session/user",
    "/recipe//session/user",
    "//recipe/session/user",
    "/recipe/session/user//",
    "/recipe/session%2f%2fuser",
    "/recipe/session/user/.",
    "/recipe/session/x/../user",
    "/Recipe/session/user",
    "/recipe/session/USER",
    "/recipe/session/user%00",
    "/recipe/session/user%20",
    "/recipe\\session\\user",
    "/recipe/session/user%2e",
    "/PUBLIC/recipe/session/user",
    "/Appid-public/recipe/session/user",
    "/public/public/recipe/session/user",
    "/public/appid-public/recipe/session/user",
    "/public//recipe/session/user",
    "/session/user/",
    "/session//user",
    "/session;x=1/user",
    "/x/../session/./user",
    "/Session/user",
    "/public/session/user",
    "/handshake/..;/session/user",
]


@pytest.mark.parametrize("path", NEAR_MISSES)
def test_a_path_that_is_not_spelt_as_it_is_documented_does_not_exist(service: Service, path: str) -> None:
    for version in ("2.3", "5.4", "9", None):
        reply = service.request("GET", f"{path}?userId=u", version=version)
        assert (reply.status, reply.text) == (404, "Not found\n"), version


def test_the_same_holds_for_the_paths_outside_of_the_interface(service: Service) -> None:
    for path in ("/ready/", "/Ready", "/public/ready", "/ready;x", "//ready", "/./ready", "/health/", "/openapi.JSON"):
        assert service.request("GET", path).status == 404, path


def test_the_same_holds_below_a_base_path(start_service: StartService) -> None:
    service = start_service({"base_path": "/sessions"})
    for path in (
        "/sessions/hello",
        "/sessions/hello/",
        "/sessions/public/hello",
        "/sessions/appid-public/public/hello/",
    ):
        assert service.request("GET", path).status == 200, path
    for path in ("/Sessions/hello", "/sessions//hello", "/sessions/../hello", "/sessions;x/hello", "/public/hello"):
        assert service.request("GET", path).status == 404, path
    assert service.request("GET", "/sessions").text == "Hello\n"
    assert service.request("GET", "/sessions", version=None).status == 404


def test_below_a_prefix_that_a_proxy_lets_through_nothing_else_is_reached(service: Service) -> None:
    """A rule that allows what begins with a prefix, on the path as it was sent, holds however the path is escaped."""
    allowed = "/.well-known/"
    for rest in ("jwks.json", "%6awks.json", "..%2Frecipe/session/user", "%2e%2e/hello", "..;/hello", "//hello"):
        reply = service.request("GET", f"{allowed}{rest}?userId=u")
        assert reply.status == (200 if rest.endswith("wks.json") else 404), rest


def test_a_target_in_absolute_form_leads_to_its_path(service: Service) -> None:
    def status(target: str) -> bytes:
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            connection.sendall(
                f"GET {target} HTTP/1.1\r\nHost: localhost\r\ncdi-version: 5.4\r\nConnection: close\r\n\r\n".encode()
            )
            return b"".join(iter(lambda: connection.recv(65_536), b"")).split(b" ")[1]

    assert status("http://localhost/hello") == status("http://localhost") == b"200"
    for target in ("http://localhost/x/../hello", "http://localhost//hello", "hello", "*"):
        assert status(target) in (b"404", b"400"), target
