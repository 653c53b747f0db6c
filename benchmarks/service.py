# SPDX-License-Identifier: Apache-2.0
"""The core service under load, and at rest. Beside it, in the same rounds, what one core can do of RSA-2048."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from benchmarks import names
from benchmarks.apps import PAYLOAD, USER_ID
from benchmarks.core_service import CoreService, running_service
from benchmarks.real_server import CONNECTIONS, throughput_of
from benchmarks.rounds import Case, Joint
from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine import refresh_token as refresh_tokens
from supertokens.engine.noted_client import NOTHING_NOTED
from supertokens.engine.rotation import NEW_SESSION
from supertokens.engine.session import SessionRecord, new_handle
from supertokens.topology import open_embedded_core

__all__ = ["at_rest_cases", "has_openssl", "service_cases"]

_SCRIPT: Final = Path(__file__).with_name("service.lua")
_TOKENS: Final = 512
"""How many sessions are verified in turn. After the first turn every worker has seen each token."""

_USERS: Final = 1000
_SPARE: Final = 2
"""How many times as many refresh tokens are made as the batch before needed: no batch may run out of them."""

Bodies = Callable[[int], Sequence[dict[str, Any]]]


def has_openssl() -> bool:
    return shutil.which("openssl") is not None


@contextmanager
def service_cases(folder: Path) -> Iterator[list[Case]]:
    """Both families of one freshly started service, asked by wrk. wrk and the service share the cores."""
    with tempfile.TemporaryDirectory(dir=folder) as place, running_service(Path(place)) as service:
        # Beside the service and on its database: for what has to be there before a batch.
        core = open_embedded_core(Config(sqlite_synchronous="normal"), Path(place) / "service.sqlite3")
        refreshed = _Refreshed(core)
        old, modern = _Family(service, "2.3", "", {}), _Family(service, "5.4", "/recipe", {"enableAntiCsrf": False})
        dynamic = {"useDynamicSigningKey": True}
        yield [
            modern.case(names.SERVICE_CREATE, "", _new_sessions, dynamic),
            modern.case(names.SERVICE_REFRESH, "/refresh", refreshed.tokens, dynamic, once=True),
            modern.case(names.SERVICE_VERIFY, "/verify", modern.tokens, {"checkDatabase": False}),
            old.case(names.SERVICE_CREATE_OLD, "", _new_sessions, {}),
            old.case(names.SERVICE_REFRESH_OLD, "/refresh", refreshed.tokens, {}, once=True),
            old.case(names.SERVICE_VERIFY_OLD, "/verify", old.tokens, {}),
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
class _Wrk:
    """A batch is one run of wrk; it takes whole seconds. `bodies(count)`: made before each batch, outside its time."""

    name: str
    url: str
    version: str
    bodies: Bodies
    once: bool
    seconds: int = field(default=1, init=False)
    count: int = field(default=10_000, init=False)

    def calibrate(self, seconds: float) -> None:
        self.measure()
        self.seconds = max(1, round(seconds))

    def measure(self) -> float:
        with tempfile.NamedTemporaryFile("w", prefix="bodies-", encoding="utf-8") as file:
            file.writelines(json.dumps(body) + "\n" for body in self.bodies(self.count))
            file.flush()
            throughput = self._run(file.name)
        self.count = round(throughput * self.seconds * _SPARE)
        return 1e6 / throughput

    def _run(self, file: str) -> float:
        command = [
            "wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{self.seconds}s",
            "--script", str(_SCRIPT), self.url, "--", file, self.version, "once" if self.once else "again",
        ]  # fmt: skip
        limit = self.seconds + 30
        run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=limit)  # noqa: S603 - ours
        if "Wrong replies: 0 \n" not in run.stdout:
            raise RuntimeError(f"{self.name}: not every reply was OK\n{run.stdout}{run.stderr}")
        return throughput_of(run, self.name)


@dataclass(frozen=True)
class _Family:
    """One of the two families of the core protocol. `each`: what every body of it holds."""

    service: CoreService
    version: str
    prefix: str
    each: dict[str, Any]
    seen: list[dict[str, Any]] = field(default_factory=list)

    def case(self, name: str, path: str, bodies: Bodies, more: dict[str, Any], *, once: bool = False) -> Case:
        def complete(count: int) -> list[dict[str, Any]]:
            return [body | self.each | more for body in bodies(count)]

        url = f"http://127.0.0.1:{self.service.port}{self.prefix}/session{path}"
        return _Wrk(name, url, self.version, complete, once)

    def tokens(self, _: int) -> Sequence[dict[str, Any]]:
        """Access tokens of sessions that the service has created, the same every time."""
        if not self.seen:
            for body in _new_sessions(_TOKENS)[:_TOKENS]:
                reply = self.service.ask(f"{self.prefix}/session", self.version, body | self.each)
                self.seen.append({"accessToken": reply["accessToken"]["token"], "doAntiCsrfCheck": False})
        return self.seen


def _new_sessions(_: int) -> Sequence[dict[str, Any]]:
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
        now = system_clock()
        key = self.core.keys.ring_for_signing(now).newest_refresh
        before = NEW_SESSION
        lineage = before._replace(current=before.current + 1, parent=before.current, newest=before.newest + 1)
        record = SessionRecord(
            handle=new_handle(os.urandom(16)),
            user_id=USER_ID,
            jwt_payload=json.dumps(PAYLOAD),
            created_at=now,
            expires_at=now + 3_600_000,
            uses_static_key=False,
            anti_csrf=False,
            remember=True,
            last_seen_at=now,
            auth_time=now,
            client=NOTHING_NOTED,
            lineage=lineage,
        )
        self.core.store.create(record, "{}")
        return refresh_tokens.derive(key, record.handle, lineage.current, lineage.parent, None)


def _openssl_speed() -> tuple[float, float]:
    """Microseconds of one signature and of one verification, on one core."""
    command = ["openssl", "speed", "-mr", "-seconds", "1", "rsa2048"]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603
    figures = next(line for line in run.stdout.splitlines() if line.startswith("+F2:")).split(":")
    return 1e6 / float(figures[3]), 1e6 / float(figures[4])
