# SPDX-License-Identifier: Apache-2.0
"""One request to one host: how long it may take."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from supertokens.remote import connections
from supertokens.remote.connections import Connections, NotSentError, TimesUpError, _UntilDeadline

from .faulty import CLOSED_PORT_URL, Fault, FaultyHost, reply

GOOD = reply({"status": "OK"})


def ask(to_host: Connections, connect: float, read: float) -> Any:
    return to_host.send("GET", "/", {}, None, connect, read, 100.0)


def resolved_to(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> None:
    """Every name has these addresses."""
    found = [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", address) for address in addresses]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """An address at which connections are neither accepted nor refused: the queue of its listening socket is full."""
    with ExitStack() as open_sockets:
        listening = open_sockets.enter_context(socket.socket())
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        address = listening.getsockname()
        for _ in range(3):
            waiting = open_sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(address)
        yield address


@pytest.mark.parametrize("number", [2, 20])
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_the_time_for_a_connection_is_shared_by_all_addresses_of_a_host(
    silent: tuple[str, int], monkeypatch: pytest.MonkeyPatch, number: int, scheme: str
) -> None:
    resolved_to(monkeypatch, *[silent] * number)
    to_host = Connections(f"{scheme}://a.core.example")
    began = time.monotonic()
    with pytest.raises(NotSentError):
        ask(to_host, 1.0, 10.0)
    assert 0.9 < time.monotonic() - began < 1.9


def test_each_address_has_half_of_the_time_that_is_left_and_the_last_one_all_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now, given = 1000.0, []

    def silent(_: object, seconds: float, __: object) -> None:
        nonlocal now
        now += seconds
        given.append(seconds)
        raise TimeoutError("timed out")

    monkeypatch.setattr(connections.time, "monotonic", lambda: now)
    monkeypatch.setattr(connections, "_connected", silent)
    with pytest.raises(TimeoutError):
        connections._first_to_connect([1, 2, 3, 4], 8.0, ())
    assert given == [4, 2, 1, 1]


def test_an_address_that_answers_is_reached_behind_others_that_do_not(
    silent: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = ("127.0.0.1", int(CLOSED_PORT_URL.rpartition(":")[2]))
    with FaultyHost(GOOD) as host:
        resolved_to(monkeypatch, refusing, silent, refusing, ("127.0.0.1", host.port))
        assert ask(Connections("http://a.core.example"), 1.0, 10.0).status == 200


def test_a_name_that_cannot_be_resolved_is_a_host_that_has_seen_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(NotSentError) as raised:
        ask(Connections("http://a.core.example"), 1.0, 1.0)
    assert "not known" in str(raised.value.__cause__)


def test_what_is_sent_may_take_the_whole_time_again_where_connecting_took_most_of_it(
    silent: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket keeps the timeout of its connecting, which for the last address is what the others have left."""
    timeouts: list[float | None] = []
    with FaultyHost(GOOD) as host:
        resolved_to(monkeypatch, silent, ("127.0.0.1", host.port))
        to_host = Connections("http://a.core.example")
        sendall = socket.socket.sendall

        class Noting(socket.socket):
            def sendall(self, *arguments: Any) -> None:
                if self.gettimeout() is not None:  # the host's own have none
                    timeouts.append(self.gettimeout())
                sendall(self, *arguments)

        monkeypatch.setattr(socket, "socket", Noting)
        ask(to_host, 1.0, 10.0)
    assert timeouts
    assert set(timeouts) == {1.0}


def test_an_answer_that_drips_and_then_stops_has_no_more_time_than_one_that_never_came() -> None:
    with FaultyHost(Fault.DRIP_AND_HANG) as host:
        began = time.monotonic()
        with pytest.raises(TimesUpError):
            ask(Connections(host.url), 1.0, 1.5)
        assert 1.4 < time.monotonic() - began < 2.2


def test_each_piece_of_an_answer_has_the_time_that_is_left_for_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1000.0
    monkeypatch.setattr(connections.time, "monotonic", lambda: now)
    one, other = socket.socketpair()
    with one, other:
        one.settimeout(8)
        received = _UntilDeadline(io.FileIO(one.fileno(), "rb", closefd=False), one)
        other.sendall(b"abc")
        for passed, left in ((0, 8), (3, 5), (6, 2)):
            now = 1000.0 + passed
            received.readinto(bytearray(1))
            assert one.gettimeout() == left
        now = 1008.0
        with pytest.raises(TimeoutError):
            received.readinto(bytearray(1))
