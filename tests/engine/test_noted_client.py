# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.devices import describe_client
from supertokens.engine.noted_client import MAX_USER_AGENT_BYTES, NotedClient

AGENTS = st.text() | st.binary().map(lambda sent: sent.decode("latin-1")) | st.text(min_size=250, max_size=300)


@given(AGENTS)
def test_whatever_a_client_sends_is_kept_bounded_and_printable(agent: str) -> None:
    noted = NotedClient.of(agent, None).user_agent
    if noted is None:
        assert not agent[:MAX_USER_AGENT_BYTES].strip()
        return
    assert 0 < len(noted.encode()) <= MAX_USER_AGENT_BYTES
    assert noted.isprintable()
    assert NotedClient.of(noted, None).user_agent == noted.strip()


@given(AGENTS | st.none())
def test_whatever_a_client_sends_is_described(agent: str | None) -> None:
    assert describe_client(agent)


def test_64_kb_are_cut_at_a_whole_character() -> None:
    assert NotedClient.of("x" * 65_536, None).user_agent == "x" * 256
    assert NotedClient.of("€" * 65_536, None).user_agent == "€" * 85
    assert NotedClient.of("\ud800\x00\x1b[0m", None).user_agent == "\ufffd\ufffd\ufffd[0m"


@given(st.ip_addresses())
def test_an_address_is_kept_in_one_form(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    noted = NotedClient.of(None, address.exploded).address
    assert noted is not None
    assert noted == NotedClient.of(None, noted).address
    assert len(noted) <= 39


@given(st.text())
def test_what_is_no_address_is_not_noted(text: str) -> None:
    noted = NotedClient.of(None, text).address
    assert noted is None or ipaddress.ip_address(noted)


@pytest.mark.parametrize("text", ["", "unix:", "127.0.0.1:80", "localhost", "::g", "1.2.3", "01.2.3.4", "1" * 10_000])
def test_these_are_none(text: str) -> None:
    assert NotedClient.of(None, text).address is None


@pytest.mark.parametrize(
    ("agent", "described"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox on Linux"),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
                " Safari/537.36 Edg/126.0.0.0"
            ),
            "Edge on Windows",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
                " Version/17.5 Mobile/15E148 Safari/604.1"
            ),
            "Mobile Safari on iOS",
        ),
        ("curl/8.1", "curl"),
        ("nonsense", "unknown client"),
        ("", "unknown client"),
        (None, "unknown client"),
    ],
)
def test_a_client_in_words(agent: str | None, described: str) -> None:
    assert describe_client(agent) == described
