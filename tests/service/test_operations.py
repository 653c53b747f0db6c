# SPDX-License-Identifier: Apache-2.0
"""What programs ask about the service itself: alive, ready, described, found."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from contextlib import closing

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.core.keys import AWAITS_SEALING
from supertokens.service.dispatch import all_routes
from supertokens.service.readiness import Readiness
from supertokens.service.replies import Reply, json_reply
from supertokens.service.routes import Route
from supertokens.stores.sqlite import SqliteStore

from .conftest import StartService
from .running import Service, without_room_on_the_disk

SEALING = "7c0e1f9a5d3b48e2906fa1c4d7b85326e94a0d1c63f7528bb1e8094fd2a6c35e"


def test_health_and_readiness_need_neither_key_nor_version(start_service: StartService) -> None:
    service = start_service({"api_keys": "key1-aaaaaaaaaaaaaaaaaaaa", "base_path": "/sessions"})
    for version in (None, "2.3", "5.4", "9.9"):
        assert service.request("GET", "/health", version=version).json() == {"status": "OK"}
        ready = service.request("GET", "/ready", version=version).json()
        assert ready["status"] == "OK"
        assert 0 <= ready["signingKeyAgeSeconds"] < 60
    assert service.request("POST", "/health", {}).status == 405


def readiness(service: Service) -> int:
    """The status of `/ready` and the time that it may take are promises: a second, and what a loaded machine adds."""
    return service.request("GET", "/ready", timeout=8).status


def eventually(service: Service, status: int) -> None:
    deadline = time.monotonic() + 10
    while readiness(service) != status:
        assert time.monotonic() < deadline, f"it never was {status}"


def test_an_encryption_key_that_nothing_is_sealed_with_is_a_warning_at_the_start_and_in_ready(
    start_service: StartService,
) -> None:
    service = start_service()
    assert "warnings" not in service.request("GET", "/ready").json()
    service.stop()
    service = start_service({"encryption_key": SEALING})
    assert service.request("GET", "/ready").json()["warnings"] == ["the keys are not sealed"]
    assert service.log.read_text().count(AWAITS_SEALING) == 2, "by the first process, and by its worker"
    sealing = EmbeddedCore(Config(encryption_key=SEALING), SqliteStore(service.folder / "sessions.sqlite3"))
    sealing.keys.seal(system_clock())
    sealing.close()
    service.stop()
    service = start_service({"encryption_key": SEALING})
    assert "warnings" not in service.request("GET", "/ready").json()
    assert service.log.read_text().count(AWAITS_SEALING) == 0


def test_a_service_whose_store_cannot_be_read_is_alive_and_not_ready(start_service: StartService) -> None:
    service = start_service()
    with closing(sqlite3.connect(service.folder / "sessions.sqlite3")) as connection:
        connection.execute("ALTER TABLE key RENAME TO lost")
        reply = service.request("GET", "/ready")
        assert (reply.status, reply.json()) == (503, {"status": "UNAVAILABLE"})
        assert service.request("GET", "/health").status == 200
        connection.execute("ALTER TABLE lost RENAME TO key")
    eventually(service, 200)
    assert service.log.read_text().count("GET /ready failed: the session database") == 1


def test_a_service_is_not_ready_while_its_disk_is_full(start_service: StartService) -> None:
    service = start_service()
    with without_room_on_the_disk(service):
        eventually(service, 503)
        assert service.request("GET", "/health").status == 200
    eventually(service, 200)


def test_a_service_is_not_ready_while_others_lock_its_store_even_when_all_its_threads_wait(
    start_service: StartService,
) -> None:
    service = start_service({"max_server_pool_size": 2})
    body = {"userId": "u", "userDataInJWT": {}, "userDataInDatabase": {}, "enableAntiCsrf": False}
    with closing(sqlite3.connect(service.folder / "sessions.sqlite3", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        waiting = [
            threading.Thread(target=service.request, args=("POST", "/recipe/session", body), kwargs={"timeout": 30})
            for _ in range(4)
        ]
        for thread in waiting:
            thread.start()
        eventually(service, 503)
        assert any(thread.is_alive() for thread in waiting), "the answer came while requests were waiting"
        connection.execute("ROLLBACK")
    eventually(service, 200)
    for thread in waiting:
        thread.join(30)


class Look:
    """A look at the store that takes until it is let go, and how many there were."""

    def __init__(self) -> None:
        self.count = 0
        self.may_end = threading.Event()

    def __call__(self) -> Reply:
        self.count += 1
        assert self.may_end.wait(30)
        return json_reply({"status": "OK"})


def test_one_look_serves_all_who_ask_within_a_second_and_nobody_waits_longer() -> None:
    look, moment = Look(), [0.0]
    readiness = Readiness(look, lambda: moment[0])

    async def ask() -> None:
        readiness.start(asyncio.get_running_loop())
        begun = time.monotonic()
        assert [reply.status for reply in await asyncio.gather(*(readiness.reply() for _ in range(100)))] == [503] * 100
        assert 0.9 < time.monotonic() - begun < 8
        look.may_end.set()
        assert (await readiness.reply()).status == 200
        moment[0] += 0.9
        assert (await readiness.reply()).status == 200
        assert look.count == 1
        moment[0] += 0.1
        assert (await readiness.reply()).status == 200
        assert look.count == 2
        readiness.drain()
        assert (await readiness.reply()).status == 503
        assert look.count == 2

    try:
        asyncio.run(ask())
    finally:
        look.may_end.set()
        readiness.stop()


def test_the_versions_are_those_that_are_spoken(service: Service) -> None:
    everything = ["1.0", "2.0", "2.1", "2.2", "2.3", "3.0", "3.1", "4.0", "5.0", "5.1", "5.2", "5.3", "5.4"]
    for version in (None, "5.4", "9.9"):
        assert service.request("GET", "/apiversion", version=version).json() == {"versions": everything}
    assert service.request("GET", "/apiversion", version="2.0").json() == {"versions": everything[:5]}


def test_who_knows_the_process_id_is_told_where_the_configuration_is(start_service: StartService) -> None:
    service = start_service(config_path="/etc/supertokens/config.yaml")
    told = service.request("GET", "/config", version="2.0", query={"pid": str(service.pid)})
    assert told.text == '{"status":"OK","path":"/etc/supertokens/config.yaml"}\n'
    for pid in ("1", "", f"0{service.pid}"):
        assert service.request("GET", "/config", version="2.0", query={"pid": pid}).json() == {"status": "NOT ALLOWED"}


def test_every_path_is_below_the_base_path(start_service: StartService) -> None:
    service = start_service({"base_path": "/sessions"})
    for path in ("/sessions/hello", "/sessions/session/user?userId=u"):
        assert service.request("GET", path, version="2.3").status == 200
    assert service.request("GET", "/sessions/public/recipe/session/user?userId=u").status == 200
    for path in ("/hello", "/sessionshello", "/recipe/session/user?userId=u"):
        assert service.request("GET", path, version=None).status == 404


def test_the_document_describes_exactly_the_routes_that_there_are(service: Service) -> None:
    document = service.request("GET", "/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    described = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert described == {(route.method, route.path) for route in all_routes()}
    ids = [operation["operationId"] for methods in document["paths"].values() for operation in methods.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("route", all_routes(), ids=lambda route: f"{route.method} {route.path}")
def test_what_is_described_is_what_is_dispatched(service: Service, route: Route) -> None:
    described = service.request("GET", "/openapi.json").json()["paths"][route.path][route.method.lower()]
    headers = [p for p in described.get("parameters", []) if p["in"] == "header"]
    version = headers[0]["schema"]["enum"][-1] if headers else None
    required_query = [p["name"] for p in described.get("parameters", []) if p["in"] == "query" and p["required"]]
    schema = described.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    # What is named as required is what is missed, in that order.
    body = {} if "requestBody" in described else None
    reply = service.request(route.method, route.path, body, version=version)
    if required_query:
        assert reply.text == f"Field name '{required_query[0]}' is missing in GET request\n"
    elif schema.get("required"):
        assert reply.text == f"Field name '{schema['required'][0]}' is invalid in JSON input\n"
    else:
        assert reply.status in (200, 400)
        assert reply.text not in ("Not found\n", "Method not supported\n")
    assert str(reply.status) in described["responses"]
