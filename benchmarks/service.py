# SPDX-License-Identifier: Apache-2.0
"""The core service under load, and at rest. Beside it, in the same rounds, what one core can do of RSA-2048."""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import names
from benchmarks.apps import PAYLOAD, USER_ID
from benchmarks.core_service import CoreService, running_service
from benchmarks.records import new_record, refresh_token_of
from benchmarks.rounds import Case, Joint
from benchmarks.units import write_cases
from benchmarks.wrk import Load, asked, load_cases
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.rotation import NEW_SESSION
from supertokens.topology import open_embedded_core

__all__ = ["Posts", "at_rest_cases", "new_sessions", "service_cases"]

_SCRIPT: Final = Path(__file__).with_name("service.lua")
_TOKENS: Final = 512
"""How many sessions are verified in turn. After the first turn every worker has seen each token."""

_USERS: Final = 1000
_SPARE: Final = 2
"""How many times as many bodies are made as the fastest batch needed: none may run out of those that are sent once."""

Bodies = Callable[[int], Sequence[dict[str, Any]]]


@contextmanager
def service_cases(folder: Path) -> Iterator[list[Case]]:
    """Both families of one freshly started service, asked by wrk. wrk and the service share the cores."""
    with ExitStack() as stack:
        place = stack.enter_context(tempfile.TemporaryDirectory(dir=folder))
        service = stack.enter_context(running_service(Path(place)))
        # Beside the service and on its database: for what has to be there before a batch.
        core = open_embedded_core(Config(sqlite_synchronous="normal"), Path(place) / "service.sqlite3")
        refreshed = _Refreshed(core)
        old, modern = _Family(service, "2.3", "", {}), _Family(service, "5.4", "/recipe", {"enableAntiCsrf": False})
        dynamic = {"useDynamicSigningKey": True}
        yield [
            *_hello(service),
            *modern.cases(names.SERVICE_CREATE, "", new_sessions, dynamic),
            *modern.cases(names.SERVICE_REFRESH, "/refresh", refreshed.tokens, dynamic, once=True),
            *modern.cases(names.SERVICE_VERIFY, "/verify", modern.tokens, {"checkDatabase": False}),
            *old.cases(names.SERVICE_CREATE_OLD, "", new_sessions, {}),
            *old.cases(names.SERVICE_REFRESH_OLD, "/refresh", refreshed.tokens, {}, once=True),
            *old.cases(names.SERVICE_VERIFY_OLD, "/verify", old.tokens, {}),
            *stack.enter_context(write_cases(folder)),
            *Joint.cases((names.OPENSSL_SIGN, names.OPENSSL_VERIFY), _openssl_speed),
        ]
        core.close()


@contextmanager
def at_rest_cases(folder: Path) -> Iterator[list[Case]]:
    """A service on a database that is not there yet: how soon it replies, and what a worker holds when it has."""

    def start() -> tuple[float, ...]:
        with tempfile.TemporaryDirectory(dir=folder) as place, running_service(Path(place)) as service:
            workers = service.memory_of_workers()
            return (
                service.ready_after * 1e6,
                statistics.mean(worker.resident for worker in workers),
                statistics.mean(worker.proportional for worker in workers),
            )

    yield Joint.cases((names.SERVICE_START, names.SERVICE_RESIDENT, names.SERVICE_PROPORTIONAL), start)


@dataclass
class Posts:
    """A batch is one run of wrk; it takes whole seconds. `bodies(count)`: made before each batch, outside its time.

    `once`: whether a body must not be sent twice.
    """

    name: str
    url: str
    version: str
    bodies: Bodies
    once: bool
    seconds: int = field(default=1, init=False)
    count: int = field(default=10_000, init=False)
    fastest: float = field(default=0, init=False)

    def cases(self) -> list[Case]:
        return load_cases(self.name, self.measure, self.calibrate)

    def calibrate(self, seconds: float) -> None:
        self.measure()
        self.seconds = max(1, round(seconds))

    def measure(self) -> Load:
        with tempfile.NamedTemporaryFile("w", prefix="bodies-", encoding="utf-8") as file:
            file.writelines(json.dumps(body) + "\n" for body in self.bodies(self.count))
            file.flush()
            script = (file.name, self.version, "once" if self.once else "again")
            load = asked(self.name, self.url, self.seconds, ("--script", str(_SCRIPT)), script)
        # Not by the last batch alone: that one may have been held up.
        self.fastest = max(self.fastest, 1e6 / load.each)
        self.count = round(self.fastest * self.seconds * _SPARE)
        return load


@dataclass(frozen=True)
class _Family:
    """One of the two families of the core protocol. `each`: what every body of it holds."""

    service: CoreService
    version: str
    prefix: str
    each: dict[str, Any]
    seen: list[dict[str, Any]] = field(default_factory=list)

    def cases(self, name: str, path: str, bodies: Bodies, more: dict[str, Any], *, once: bool = False) -> list[Case]:
        def complete(count: int) -> list[dict[str, Any]]:
            return [body | self.each | more for body in bodies(count)]

        url = f"http://127.0.0.1:{self.service.port}{self.prefix}/session{path}"
        return Posts(name, url, self.version, complete, once).cases()

    def tokens(self, _: int) -> Sequence[dict[str, Any]]:
        """Access tokens of sessions that the service has created, the same every time."""
        if not self.seen:
            for body in new_sessions(_TOKENS)[:_TOKENS]:
                reply = self.service.ask(f"{self.prefix}/session", self.version, body | self.each)
                self.seen.append({"accessToken": reply["accessToken"]["token"], "doAntiCsrfCheck": False})
        return self.seen


def new_sessions(_: int) -> Sequence[dict[str, Any]]:
    """Return what creates sessions of a thousand users, whatever the number."""
    return [
        {"userId": f"{USER_ID[:-4]}{number:04}", "userDataInJWT": PAYLOAD, "userDataInDatabase": {}}
        for number in range(_USERS)
    ]


@dataclass(frozen=True)
class _Refreshed:
    """Sessions that have been refreshed once, and the new access token used, as when that has expired since."""

    core: EmbeddedCore

    def tokens(self, count: int) -> Sequence[dict[str, Any]]:
        return [{"refreshToken": self._refresh_token()} for _ in range(count)]

    def _refresh_token(self) -> str:
        before = NEW_SESSION
        lineage = before._replace(current=before.current + 1, parent=before.current, newest=before.newest + 1)
        record = new_record(lineage=lineage)
        self.core.store.create(record, "{}")
        return refresh_token_of(self.core, record)


def _hello(service: CoreService) -> list[Case]:
    """What the server and wrk take when the core has nothing to do."""
    url = f"http://127.0.0.1:{service.port}/hello"
    name = names.SERVICE_HELLO
    return load_cases(name, lambda: asked(name, url, 1, ()), lambda _: None)


def _openssl_speed() -> tuple[float, float]:
    """Microseconds of one signature and of one verification, on one core."""
    command = ["openssl", "speed", "-mr", "-seconds", "1", "rsa2048"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    figures = next(line for line in run.stdout.splitlines() if line.startswith("+F2:")).split(":")
    return 1e6 / float(figures[3]), 1e6 / float(figures[4])
