# SPDX-License-Identifier: Apache-2.0
"""A port belongs to one service, from before it answers until its last process has ended."""

from __future__ import annotations

import errno
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from supertokens.service.listening import held_address

from .conftest import StartService
from .running import Service

linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere an address is tried and not held")


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this system has no IPv6")

LOOPBACK = ["127.0.0.1", pytest.param("::1", marks=ipv6)]
EVERYWHERE = {"127.0.0.1": "0.0.0.0", "::1": "::"}


def family_of(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


@contextmanager
def worker_listening_on(address: tuple[str, int]) -> Iterator[socket.socket]:
    """A socket that listens as those of the workers do."""
    with socket.socket(family_of(address[0])) as listening:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind(address)
        listening.listen()
        yield listening


def is_refused(host: str, port: int) -> bool:
    try:
        with held_address(host, port, within=0):
            return False
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return True


@linux
@pytest.mark.parametrize("host", LOOPBACK)
def test_an_address_that_is_held_is_nobody_elses_before_and_while_workers_listen(host: str) -> None:
    with held_address(host, 0) as held:
        assert is_refused(*held)
        assert is_refused(EVERYWHERE[host], held[1])
        with worker_listening_on(held), worker_listening_on(held):
            assert is_refused(*held)
        assert is_refused(*held), "the workers are away, as between two of them"
    assert not is_refused(*held)


@linux
def test_of_many_that_want_one_port_at_the_same_moment_one_gets_it() -> None:
    count = 8
    with held_address("127.0.0.1", 0) as (host, port):
        pass
    for _ in range(10):
        holders, barrier, held = [], threading.Barrier(count), ExitStack()

        def hold(holders: list[int] = holders, barrier: threading.Barrier = barrier, held: ExitStack = held) -> None:
            barrier.wait()
            # Two that are quite simultaneous may both be refused at first, so each tries again.
            try:
                held.enter_context(held_address(host, port, within=0.2))
            except OSError:
                return
            holders.append(port)

        threads = [threading.Thread(target=hold) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        held.close()
        assert holders == [port]


@linux
def test_connections_go_to_the_workers_and_never_to_who_holds_the_address() -> None:
    with held_address("127.0.0.1", 0) as held:
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(held, timeout=5)
        with worker_listening_on(held) as worker:
            for _ in range(50):
                with socket.create_connection(held, timeout=5) as client:
                    accepted, peer = worker.accept()
                    accepted.close()
                    assert peer == client.getsockname()


@pytest.mark.parametrize("host", LOOPBACK)
def test_connections_that_have_just_ended_do_not_keep_the_port(host: str) -> None:
    with (
        held_address(host, 0) as held,
        worker_listening_on(held) as worker,
        socket.create_connection(held, timeout=5) as client,
    ):
        accepted, _ = worker.accept()
        accepted.close()  # the side that closes first is in TIME_WAIT, for a minute
        assert client.recv(1) == b""
    assert not is_refused(*held)


def test_a_port_that_another_program_listens_on_is_refused_after_a_while() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        assert is_refused(*other.getsockname())


def test_a_port_that_becomes_free_meanwhile_is_taken() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = other.getsockname()

        with held_address(*address, within=30, pause=lambda _: other.close()) as held:
            assert held == address


def test_of_two_services_that_start_at_the_same_moment_on_one_port_one_does(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = Service(tmp_path / "one")
    two = Service(tmp_path / "two", {"port": one.port})
    refused: list[str] = []

    def start(service: Service) -> None:
        try:
            service.start()
        except AssertionError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=start, args=(each,)) for each in (one, two)]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(refused) == 1
        assert "Address already in use" in refused[0]
    finally:
        one.kill()
        two.kill()


@ipv6
def test_a_service_on_ipv6_answers_there(start_service: StartService) -> None:
    service = start_service({"host": "::1"})
    with socket.create_connection(("::1", service.port), timeout=5) as client:
        client.sendall(b"GET /hello HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")
