# SPDX-License-Identifier: Apache-2.0
"""Services that are stopped, killed, and short of their store; and several on one."""

from __future__ import annotations

import http.client
import json
import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine import base64url
from supertokens.engine.signing_keys import PUBLISHED_AHEAD_MS, StoredKey, generate_signing_material
from supertokens.engine.user_data import decode_object
from supertokens.service.server import Replacements
from supertokens.stores.sqlite import SqliteStore

from .conftest import StartService
from .running import Service, without_room_on_the_disk

SESSION = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}
BODY = json.dumps(SESSION)


class Load:
    """Threads that send requests until told to stop; what became of them."""

    def __init__(self, ports: list[int], request: Callable[[http.client.HTTPConnection], None], threads: int) -> None:
        self.answered = 0
        self.dropped: list[str] = []
        self._ports = ports
        self._request = request
        self._stop = threading.Event()
        self._counting = threading.Lock()
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(threads)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)

    def wait_for(self, answered: int) -> None:
        deadline = time.monotonic() + 30
        while self.answered < answered:
            assert time.monotonic() < deadline, f"only {self.answered} answered: {self.dropped[:3]}"
            threading.Event().wait(0.01)

    def _run(self, number: int) -> None:
        keeps_alive = number % 2 == 0
        connection: http.client.HTTPConnection | None = None
        while not self._stop.is_set():
            if connection is None or connection.sock is None:
                connection = http.client.HTTPConnection("127.0.0.1", self._ports[number % len(self._ports)], timeout=20)
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    return  # nobody was promised anything
            try:
                self._request(connection)
            except (OSError, http.client.HTTPException, AssertionError) as error:
                self.dropped.append(repr(error))
                connection.close()
                connection = None
                continue
            with self._counting:
                self.answered += 1
            if not keeps_alive:
                connection.close()
        if connection is not None:
            connection.close()


def create(connection: http.client.HTTPConnection) -> None:
    connection.request("POST", "/recipe/session", BODY, {"cdi-version": "5.4"})
    reply = connection.getresponse()
    text = reply.read()
    assert reply.status == 200, text


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_under_load_drops_no_request(start_service: StartService, workers: int) -> None:
    service = start_service({"workers": workers})
    with Load([service.port], create, threads=12) as load:
        load.wait_for(300)
        service.terminate()
        assert service.wait() == 0
    assert load.dropped == []
    core = EmbeddedCore(Config(), SqliteStore(service.folder / "sessions.sqlite3"))
    assert len(core.session_handles("u")) == load.answered, "each answer is one session"


def test_a_service_that_drains_is_not_ready_and_serves_until_its_time_is_over(start_service: StartService) -> None:
    service = start_service({"drain_seconds": 3.0, "workers": 2})
    with Load([service.port], create, threads=6) as load:
        load.wait_for(50)
        asked = time.monotonic()
        service.terminate()
        while service.request("GET", "/ready").status != 503:
            assert time.monotonic() - asked < 2.5
        reply = service.request("GET", "/ready")
        assert (reply.status, reply.json()) == (503, {"status": "UNAVAILABLE"})
        before = load.answered
        reply = service.request("POST", "/recipe/session", SESSION)
        assert reply.status == 200, "on a new connection"
        assert reply.headers["connection"] == "close", "so that clients go elsewhere"
        load.wait_for(before + 20)
        assert service.wait() == 0
        assert time.monotonic() - asked >= 3.0
    assert load.dropped == []
    core = EmbeddedCore(Config(), SqliteStore(service.folder / "sessions.sqlite3"))
    assert len(core.session_handles("u")) == load.answered + 1


def test_a_second_signal_ends_the_draining(start_service: StartService) -> None:
    service = start_service({"drain_seconds": 600.0})
    service.terminate()
    deadline = time.monotonic() + 10
    while service.request("GET", "/ready").status != 503:
        assert time.monotonic() < deadline
    service.terminate()
    assert service.wait() == 0


def test_a_stopped_service_frees_its_port_and_starts_again_with_its_sessions(start_service: StartService) -> None:
    service = start_service()
    handle = service.create("stays")["session"]["handle"]
    assert service.stop() == 0
    service.start()
    listed = service.request("GET", "/recipe/session/user", query={"userId": "stays"}).json()
    assert listed["sessionHandles"] == [handle]


def test_sigkill_under_load_loses_no_acknowledged_revoke(start_service: StartService) -> None:
    service = start_service({"workers": 2})
    handles = [service.create("doomed")["session"]["handle"] for _ in range(400)]
    waiting, acknowledged = list(handles), []

    def revoke(connection: http.client.HTTPConnection) -> None:
        handle = waiting.pop()
        body = json.dumps({"sessionHandles": [handle]})
        connection.request("POST", "/recipe/session/remove", body, {"cdi-version": "5.4"})
        assert json.loads(connection.getresponse().read())["sessionHandlesRevoked"] == [handle]
        acknowledged.append(handle)

    with Load([service.port], revoke, threads=4) as load:
        load.wait_for(100)
        service.kill()
    assert 100 <= len(acknowledged) < 400
    service.start()
    alive = service.request("GET", "/recipe/session/user", query={"userId": "doomed"}).json()["sessionHandles"]
    assert not set(alive) & set(acknowledged)
    assert set(alive) >= set(waiting)


def test_workers_do_not_outlive_the_first_process(start_service: StartService) -> None:
    service = start_service({"workers": 2})
    workers = service.worker_pids()
    assert len(workers) == 2
    os.kill(service.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(is_running(pid) for pid in workers):
        assert time.monotonic() < deadline, "they hold the port"
        threading.Event().wait(0.05)
    service.restart()
    assert service.request("GET", "/hello").status == 200


def is_running(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


def test_a_worker_that_dies_is_replaced(start_service: StartService) -> None:
    service = start_service({"workers": 2})
    dead, other = service.worker_pids()
    os.kill(dead, signal.SIGKILL)
    deadline = time.monotonic() + 15
    while not (len(pids := service.worker_pids()) == 2 and dead not in pids):
        assert time.monotonic() < deadline, "nobody replaced it"
        threading.Event().wait(0.05)
    assert other in service.worker_pids()
    assert service.request("POST", "/recipe/session", SESSION).status == 200


def wait_for_another(service: Service, dead: int) -> int:
    """The only worker of `service`, once it is not `dead` any more."""
    deadline = time.monotonic() + 15
    while not (pids := service.worker_pids()) or pids == [dead]:
        assert time.monotonic() < deadline, "nobody replaced it"
        threading.Event().wait(0.02)
    return pids[0]


def wait_for_an_answer(service: Service) -> None:
    deadline = time.monotonic() + 15
    while True:
        try:
            assert service.request("GET", "/hello").status == 200
            return
        except ConnectionError:
            assert time.monotonic() < deadline, "nobody answers"
            threading.Event().wait(0.02)


def test_a_worker_that_dies_again_and_again_is_replaced_each_time_and_the_log_says_so(
    start_service: StartService,
) -> None:
    service = start_service()
    (worker,) = service.worker_pids()
    for deaths in range(1, 4):
        os.kill(worker, signal.SIGKILL)
        worker, dead = wait_for_another(service, worker), worker
        log = wait_for_log(service, f"process {dead}) was killed by signal 9")
        assert log.count("another takes its place") == deaths
    wait_for_an_answer(service)
    assert service.stop() == 0


def test_workers_that_keep_dying_are_replaced_ever_later_until_one_has_lived_for_a_while() -> None:
    replacements = Replacements()
    pauses = [replacements.pause(0, lived=1.0) for _ in range(2000)]
    assert pauses[:8] == [0.25, 0.5, 1, 2, 4, 8, 8, 8]
    assert pauses[-1] == 8
    assert replacements.pause(1, lived=1.0) == 0.25, "the other places are not affected"
    assert replacements.pause(0, lived=60.0) == 0
    assert replacements.pause(0, lived=1.0) == 0.25


def test_a_service_whose_workers_cannot_start_says_so_and_ends(start_service: StartService) -> None:
    with pytest.raises(AssertionError, match="ended with exit status 1 before the service was ready"):
        start_service({"workers": 2}, limits={"header_time": -1})  # which the HTTP server does not take


def test_a_second_service_on_the_same_port_does_not_start(start_service: StartService) -> None:
    service = start_service()
    with pytest.raises(AssertionError, match="Address already in use"):
        start_service({"port": service.port})
    assert service.request("GET", "/hello").status == 200


def assert_internal_error(reply: Any) -> None:
    assert (reply.status, reply.body) == (500, b"Internal Error\n")


def test_a_store_that_cannot_be_written_is_500_until_it_can_and_checks_go_on_meanwhile(
    start_service: StartService,
) -> None:
    service = start_service()
    created = service.create()
    token, refresh = created["accessToken"]["token"], created["refreshToken"]["token"]
    with without_room_on_the_disk(service):
        for path, version, body in (
            ("/recipe/session", "5.4", SESSION),
            ("/session", "2.3", SESSION),
            ("/recipe/session/remove", "5.4", {"sessionHandles": [created["session"]["handle"]]}),
        ):
            assert_internal_error(service.request("POST", path, body, version=version))
        verify = {"accessToken": token, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": False}
        assert service.request("POST", "/recipe/session/verify", verify).json()["status"] == "OK"
    assert service.request("POST", "/recipe/session", SESSION).status == 200, "recovered, without a restart"
    refreshed = {"refreshToken": refresh, "enableAntiCsrf": False, "useDynamicSigningKey": True}
    assert service.request("POST", "/recipe/session/refresh", refreshed).json()["status"] == "OK"


def wait_for_log(service: Service, words: str) -> str:
    deadline = time.monotonic() + 10
    while words not in (log := service.log.read_text()):
        assert time.monotonic() < deadline, log
    return log


def test_a_store_that_is_locked_is_500_after_a_while_and_checks_go_on_meanwhile(start_service: StartService) -> None:
    service = start_service()
    token = service.create()["accessToken"]["token"]
    replies: list[Any] = []
    with closing(sqlite3.connect(service.folder / "sessions.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        waiting = threading.Thread(
            target=lambda: replies.append(service.request("POST", "/recipe/session", SESSION, timeout=30))
        )
        waiting.start()
        verify = {"accessToken": token, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": True}
        while waiting.is_alive():
            assert service.request("POST", "/recipe/session/verify", verify, timeout=5).json()["status"] == "OK"
            waiting.join(0.1)
        connection.execute("ROLLBACK")
    assert_internal_error(replies[0])
    assert service.request("POST", "/recipe/session", SESSION).status == 200


def test_a_token_of_a_new_key_that_takes_long_to_be_read_holds_up_nobody_else(start_service: StartService) -> None:
    service = start_service()
    token = service.create()["accessToken"]["token"]
    verify = {"accessToken": token, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": False}
    path = service.folder / "sessions.sqlite3"
    newer = StoredKey(f"d-{system_clock() + 5_000}", "dynamic", system_clock() + 5_000, generate_signing_material())
    store = SqliteStore(path)
    stored = store.read_keys(0)
    store.add_key(newer, stored.of("dynamic")[-1].id, None)
    store.remove_keys("static", [stored.of("static")[0].id])
    store.close()
    header = base64url.encode(f'{{"alg":"RS256","typ":"JWT","version":"5","kid":"{newer.id}"}}'.encode())
    asking = verify | {"accessToken": f"{header}.{token.split('.', 1)[1]}"}
    replies: list[Any] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")  # reading finds that a key has to be made, and waits for this to end
        first, second = (
            threading.Thread(
                target=lambda: replies.append(service.request("POST", "/recipe/session/verify", asking, timeout=30))
            )
            for _ in range(2)
        )
        first.start()
        second.start()
        while first.is_alive() and second.is_alive():
            first.join(0.05)
        # One of them was refused without waiting; the other one is reading.
        for _ in range(20):
            assert service.request("POST", "/recipe/session/verify", verify, timeout=5).json()["status"] == "OK"
        assert first.is_alive() or second.is_alive()
        connection.execute("ROLLBACK")
        first.join(30)
        second.join(30)
    assert [reply.json()["status"] for reply in replies] == ["TRY_REFRESH_TOKEN"] * 2


def test_a_store_without_its_tables_is_500_outside_with_the_cause_in_the_log_and_nothing_starts_on_it(
    start_service: StartService,
) -> None:
    service = start_service()
    created = service.create()
    refresh = {"refreshToken": created["refreshToken"]["token"], "enableAntiCsrf": False, "useDynamicSigningKey": True}
    with closing(sqlite3.connect(service.folder / "sessions.sqlite3")) as connection:
        connection.execute("ALTER TABLE session RENAME TO lost")
        assert_internal_error(service.request("POST", "/recipe/session/refresh", refresh))
        assert_internal_error(service.request("GET", "/recipe/session/user?userId=u"))
        connection.execute("ALTER TABLE lost RENAME TO session")
        assert service.request("POST", "/recipe/session/refresh", refresh).json()["status"] == "OK"
        log = wait_for_log(service, "GET /recipe/session/user failed")
        assert "POST /recipe/session/refresh failed" in log
        assert "sqlite3.OperationalError: no such table: session" in log
        assert refresh["refreshToken"] not in log
        connection.execute("ALTER TABLE key RENAME TO lost")
    with pytest.raises(AssertionError, match="the session database"):
        service.restart()


@pytest.fixture
def shared(tmp_path: Path) -> EmbeddedCore:
    """A core on the file that two services share."""
    return EmbeddedCore(Config(), SqliteStore(tmp_path / "shared.sqlite3"))


def key_ids(service: Service) -> list[str]:
    return [key["kid"] for key in service.request("GET", "/.well-known/jwks.json").json()["keys"]]


class Relay:
    """Creates on one of two services and verifies on the other, and keeps which keys signed."""

    def __init__(self, one: Service, two: Service) -> None:
        self._other = {one.port: two, two.port: one}
        self.signed_by: set[str] = set()

    def __call__(self, connection: http.client.HTTPConnection) -> None:
        connection.request("POST", "/recipe/session", BODY, {"cdi-version": "5.4"})
        token = json.loads(connection.getresponse().read())["accessToken"]["token"]
        self.signed_by.add(decode_object(base64url.decode(token.split(".")[0]))["kid"])
        verify = {"accessToken": token, "doAntiCsrfCheck": False, "enableAntiCsrf": False, "checkDatabase": True}
        reply = self._other[connection.port].request("POST", "/recipe/session/verify", verify)
        assert reply.json()["status"] == "OK", reply.text


def test_when_the_next_key_begins_to_sign_two_services_on_one_file_refuse_nobody(
    start_service: StartService, shared: EmbeddedCore, tmp_path: Path
) -> None:
    now = system_clock()
    shared.keys.ring_for_signing(now - 3_000_000)
    following = shared.keys.rotate(now - PUBLISHED_AHEAD_MS + 3_000, drop_old=False)
    database = {"database": f"sqlite:///{tmp_path / 'shared.sqlite3'}"}
    one, two = start_service(database), start_service(database)
    assert key_ids(one) == key_ids(two)
    relay = Relay(one, two)
    with Load([one.port, two.port], relay, threads=6) as load:
        load.wait_for(20)
        while following not in relay.signed_by:
            load.wait_for(load.answered + 20)
        load.wait_for(load.answered + 200)
    assert load.dropped == []
    assert relay.signed_by == {f"d-{now - 3_000_000}", following}


def test_when_a_key_is_due_two_services_on_one_file_make_one_and_refuse_nobody(
    start_service: StartService, shared: EmbeddedCore, tmp_path: Path
) -> None:
    hour = 3_600_000
    shared.keys.ring_for_signing(system_clock() - hour + PUBLISHED_AHEAD_MS + 3_000)
    config = {
        "database": f"sqlite:///{tmp_path / 'shared.sqlite3'}",
        "access_token_signing_key_update_interval": 1,
        "access_token_validity": 60,
    }
    one, two = start_service(config), start_service(config)
    assert len(key_ids(one)) == len(key_ids(two)) == 2, "one that signs, and the static one"
    with Load([one.port, two.port], Relay(one, two), threads=6) as load:
        load.wait_for(20)
        while not len(key_ids(one)) == len(key_ids(two)) == 3:
            load.wait_for(load.answered + 20)
        load.wait_for(load.answered + 200)
    assert load.dropped == []
    assert key_ids(one) == key_ids(two)
