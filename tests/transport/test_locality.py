# SPDX-License-Identifier: Apache-2.0
"""Cookies may go without Secure only where a browser on this machine talks to the application with nothing between."""

from __future__ import annotations

from itertools import product

import pytest

from supertokens.transport.locality import Locality, host_name, is_loopback

from .site import MakeRequest

LOOPBACK_HOSTS = ["localhost", "localhost:5000", "LOCALHOST", "app.localhost:80", "localhost.", "127.0.0.1:8000",
                  "127.1.2.3", "[::1]", "[::1]:8000"]  # fmt: skip
OTHER_HOSTS = ["example.com", "localhost.example.com", "127.0.0.1.example.com", "notlocalhost", "192.0.2.1",
               "[2001:db8::1]:80", "::1", "", "127.0.0.1..", "0.0.0.0", "169.254.169.254"]  # fmt: skip
LOOPBACK_PEERS = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"]
OTHER_PEERS = ["192.0.2.1", "2001:db8::1", "::ffff:192.0.2.1", "10.0.0.1", "unix:", None]

PROXY_HEADERS = {
    "forwarded": "for=192.0.2.1", "x-forwarded-for": "192.0.2.1", "x-forwarded-proto": "http", "x-forwarded-host": "x",
    "x-forwarded-port": "80", "x-forwarded-server": "x", "x-forwarded-prefix": "/", "x-forwarded-ssl": "off",
    "x-real-ip": "127.0.0.1", "via": "1.1 proxy", "x-client-ip": "x", "x-cluster-client-ip": "x", "x-scheme": "http",
    "x-url-scheme": "http", "x-original-host": "x", "x-original-forwarded-for": "x", "x-proxyuser-ip": "x",
    "front-end-https": "off", "cf-connecting-ip": "x", "cf-ray": "x", "true-client-ip": "x", "cdn-loop": "x",
}  # fmt: skip
HERE = [None, "", "null", "http://localhost:3000", "http://127.0.0.1", "http://[::1]:8000", "http://app.localhost",
        "http://LocalHost.", "chrome-extension://abc", "http://[::1", "garbage"]  # fmt: skip
ELSEWHERE = ["https://example.com", "http://example.com:8080", "https://localhost", "HTTPS://127.0.0.1",
             "http://192.0.2.1", "http://[2001:db8::1]", "http://localhost.example.com", "http://",
             "https://"]  # fmt: skip


@pytest.mark.parametrize(
    ("host", "peer"), [("localhost:5000", "127.0.0.1"), *((host, "::1") for host in LOOPBACK_HOSTS),
                       *(("localhost", peer) for peer in LOOPBACK_PEERS)],
)  # fmt: skip
def test_a_browser_here_in_plain_http_is_local(make_request: MakeRequest, host: str, peer: str) -> None:
    assert make_request("GET", "/", {"host": host}, peer=peer).locality is Locality.LOCAL


@pytest.mark.parametrize("host", OTHER_HOSTS)
def test_another_host_is_remote_wherever_the_connection_comes_from(make_request: MakeRequest, host: str) -> None:
    assert make_request("GET", "/", {"host": host}, server="", peer="127.0.0.1").locality is Locality.REMOTE


@pytest.mark.parametrize("peer", OTHER_PEERS)
def test_another_peer_is_remote_whatever_the_host_says(make_request: MakeRequest, peer: str | None) -> None:
    assert make_request("GET", "/", {"host": "localhost"}, peer=peer).locality is Locality.REMOTE


def test_https_is_remote(make_request: MakeRequest) -> None:
    assert make_request("GET", "/", {"host": "localhost"}, scheme="https").locality is Locality.REMOTE


@pytest.mark.parametrize("name", PROXY_HEADERS)
def test_a_header_that_proxies_add_says_that_there_is_one(make_request: MakeRequest, name: str) -> None:
    headers = {"host": "localhost", name: PROXY_HEADERS[name]}
    assert make_request("GET", "/", headers).locality is Locality.PROXIED


def test_headers_of_browsers_and_of_applications_say_nothing_of_a_proxy(make_request: MakeRequest) -> None:
    headers = dict.fromkeys(
        ("host", "accept", "accept-language", "cache-control", "sec-fetch-site", "upgrade-insecure-requests",
         "x-requested-with", "x-csrf-token", "content-type", "te", "dnt"), "localhost",
    )  # fmt: skip
    assert make_request("GET", "/", headers).locality is Locality.LOCAL


def test_origin_and_referer_of_this_machine_contradict_nothing(make_request: MakeRequest) -> None:
    for origin, referer in product(HERE, HERE):
        said = {"host": "localhost", "origin": origin, "referer": referer}
        headers = {name: value for name, value in said.items() if value is not None}
        assert make_request("POST", "/", headers).locality is Locality.LOCAL, said


@pytest.mark.parametrize("value", ELSEWHERE)
def test_an_origin_or_a_referer_of_elsewhere_says_that_there_is_a_proxy(make_request: MakeRequest, value: str) -> None:
    """A bare `proxy_pass` adds no header, and its Host is 127.0.0.1."""
    for other in HERE:
        for said in ({"origin": value, "referer": other}, {"origin": other, "referer": value}):
            headers = {name: value for name, value in said.items() if value is not None}
            request = make_request("POST", "/", {"host": "127.0.0.1:8000", **headers})
            assert request.locality is Locality.PROXIED, said


@pytest.mark.parametrize(
    ("host", "name"),
    [("example.com", "example.com"), ("example.com:80", "example.com"), ("[::1]", "::1"), ("[::1]:80", "::1"),
     ("[::1", "::1"), ("::1", ""), ("", ""), (":80", "")],
)  # fmt: skip
def test_a_host_is_compared_without_its_port(host: str, name: str) -> None:
    assert host_name(host) == name


@pytest.mark.parametrize("name", ["::1%lo", "localhost..", " localhost", "localhost\0", "127.0.0.1/8", "1", "0x7f.1"])
def test_what_is_no_usual_name_of_this_machine_is_taken_for_another(name: str) -> None:
    assert is_loopback(name) is (name == "::1%lo")
