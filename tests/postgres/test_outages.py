# SPDX-License-Identifier: Apache-2.0
"""Servers that are killed under load: nothing acknowledged is lost, no honest session broken, no app restarted."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import pytest
from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore, system_clock
from supertokens.errors import SuperTokensError, SuperTokensGeneralError
from supertokens.stores.opening import open_store
from supertokens.testing import KeysOnce
from supertokens.testing.store_contract import a_record

from .server import PostgresServer, Programs

T = TypeVar("T")
DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
KILLS = 10 if DEEP else 2
THREADS = 4
BACK_WITHIN_S = 10.0
"""How soon after the server all must be well again; a busy machine included."""


@dataclass
class Load:
    """Users who log in, refresh and log out at once, from `THREADS` threads, and note what they were told."""

    core: EmbeddedCore
    created: set[str] = field(default_factory=set)
    revoked: set[str] = field(default_factory=set)
    undecided: set[str] = field(default_factory=set)
    refreshed: int = 0
    broken: list[str] = field(default_factory=list)
    successes: list[float] = field(default_factory=list)
    failures: int = 0
    ended: bool = False

    def __enter__(self) -> Load:
        self._threads = [threading.Thread(target=self._run, args=(number,)) for number in range(THREADS)]
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended = True
        for each in self._threads:
            each.join(60)

    def wait_for_successes(self, number: int) -> float:
        """Wait until so many more operations have succeeded; return for how long the first of them was waited."""
        began, before = time.monotonic(), len(self.successes)
        while len(self.successes) < before + number:
            assert time.monotonic() < began + BACK_WITHIN_S + 20, "there is no service"
            assert not self.broken, self.broken
            time.sleep(0.005)
        return self.successes[before] - began

    def _run(self, number: int) -> None:
        try:
            self._use(number)
        except SuperTokensError as error:
            self.broken.append(repr(error))

    def _use(self, number: int) -> None:
        issued = self._patiently(lambda: self.core.create_session(f"honest-{number}", {}, {}, anti_csrf=False))
        mine: list[str] = []
        while not self.ended:
            token = issued.refresh_token.text
            issued = self._patiently(lambda: self.core.refresh(token, anti_csrf=False, client="Firefox"))  # noqa: B023
            shown = issued.access_token.text
            self._patiently(
                lambda: self.core.verify(shown, check_anti_csrf=False, check_database=True, client="Firefox")  # noqa: B023
            )
            self.refreshed += 1
            try:
                made = self.core.create_session("others", {}, {}, anti_csrf=False)
                self._succeeded()
                self.created.add(made.handle)
                mine.append(made.handle)
                if len(mine) > 3:
                    handle = mine.pop(0)
                    self.undecided.add(handle)
                    self.core.revoke_sessions([handle])
                    self._succeeded()
                    self.revoked.add(handle)
            except SuperTokensGeneralError:
                self.failures += 1

    def _patiently(self, act: Callable[[], T]) -> T:
        """Try again as a browser does whose request failed; any other error breaks an honest session."""
        while True:
            try:
                done = act()
            except SuperTokensGeneralError:
                self.failures += 1
                if self.ended:
                    raise
                time.sleep(0.01)
            else:
                self._succeeded()
                return done

    def _succeeded(self) -> None:
        self.successes.append(time.monotonic())

    def assert_nothing_was_lost(self) -> None:
        assert self.broken == []
        alive = set(self.core.session_handles("others"))
        assert not alive & self.revoked, "an acknowledged revoke was lost"
        assert self.created - self.undecided <= alive, "an acknowledged create was lost"
        assert sum(len(self.core.session_handles(f"honest-{number}")) for number in range(THREADS)) >= THREADS
        assert self.refreshed > THREADS
        assert self.revoked


def core_on(url: str) -> EmbeddedCore:
    store = open_store(url, timeout_s=3.0)
    KeysOnce.put_into(store, system_clock())
    return EmbeddedCore(Config(refresh_token_rotation_grace_period=60), store)


@pytest.fixture
def durable(programs: Programs) -> Iterator[PostgresServer]:
    """A server that keeps what it has acknowledged."""
    own = PostgresServer(programs, "wal_level=replica", "max_wal_senders=4", durable=True)
    own.make()
    own.start()
    yield own
    own.remove()


@pytest.mark.xdist_group("processes")
def test_a_server_that_is_killed_under_load_and_started_again_loses_nothing_that_was_acknowledged(
    durable: PostgresServer, capsys: pytest.CaptureFixture[str]
) -> None:
    core = core_on(durable.url())
    with Load(core) as load:
        for _ in range(KILLS):
            load.wait_for_successes(60)
            durable.kill()
            killed = time.monotonic()
            durable.start()
            started = time.monotonic()
            load.wait_for_successes(20)
            back = next(each for each in load.successes if each > killed + 0.01) if load.successes else started
            assert back < started + BACK_WITHIN_S
            with capsys.disabled():
                print(
                    f"\n  killed: the server was away for {started - killed:.2f} s, operations failed for"
                    f" {back - killed:.2f} s ({load.failures} of them)"
                )
    load.assert_nothing_was_lost()
    core.close()


@pytest.mark.xdist_group("processes")
def test_a_failover_to_a_synchronous_standby_loses_nothing_that_was_acknowledged(
    durable: PostgresServer, programs: Programs, capsys: pytest.CaptureFixture[str]
) -> None:
    standby = PostgresServer(programs, durable=True)
    standby.data.rmdir()
    programs.run(
        "pg_basebackup", "-d", durable.url(), "-D", str(standby.data), "-R", "-X", "stream", "--no-sync", "-c", "fast"
    )
    try:
        standby.start()
        with durable.administrator() as administrator:
            administrator.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            administrator.execute("SELECT pg_reload_conf()")
            wait_until(lambda: said(durable, "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'") == 1)
        core = core_on(f"postgresql://postgres@127.0.0.1:{durable.port},127.0.0.1:{standby.port}/postgres")
        with Load(core) as load:
            load.wait_for_successes(60)
            durable.kill()
            killed = time.monotonic()
            assert said(standby, "SELECT pg_promote(true, 30)") is True
            promoted = time.monotonic()
            load.wait_for_successes(60)
            back = next(each for each in load.successes if each > promoted)
            assert back < promoted + BACK_WITHIN_S
        load.assert_nothing_was_lost()
        assert said(standby, "SELECT pg_is_in_recovery()") is False
        with capsys.disabled():
            print(
                f"\n  failover: promoted after {promoted - killed:.2f} s, operations failed for {back - killed:.2f} s"
                f" ({load.failures} of them)"
            )
        core.close()
    finally:
        standby.remove()


def test_without_its_synchronous_standby_a_server_acknowledges_nothing_and_nobody_waits_for_ever(
    durable: PostgresServer,
) -> None:
    core = core_on(durable.url())
    issued = core.create_session("user", {}, {}, anti_csrf=False)
    with durable.administrator() as administrator:
        administrator.execute("ALTER SYSTEM SET synchronous_standby_names = 'gone'")
        administrator.execute("SELECT pg_reload_conf()")
    wait_until(lambda: said(durable, "SHOW synchronous_standby_names") == "gone")
    began = time.monotonic()
    with pytest.raises(SuperTokensGeneralError, match="not known"):
        core.revoke_sessions([issued.handle])
    assert time.monotonic() - began < 3 + 1 + BACK_WITHIN_S
    with durable.administrator() as administrator:
        administrator.execute("SET synchronous_commit = off")
        administrator.execute("ALTER SYSTEM RESET synchronous_standby_names")
        administrator.execute("SELECT pg_reload_conf()")
    wait_until(lambda: said(durable, "SHOW synchronous_standby_names") == "")
    assert len(core.revoke_sessions([issued.handle])) <= 1
    assert core.session_handles("user") == []
    core.close()


def test_only_what_may_be_lost_does_not_wait_for_disk_and_standby_whatever_the_server_has_as_its_default(
    durable: PostgresServer,
) -> None:
    with durable.administrator() as administrator:
        administrator.execute("ALTER DATABASE postgres SET synchronous_commit = off")
    store = open_store(durable.url(), timeout_s=1.0)
    now = system_clock()
    seen = a_record(created_at=now, expires_at=now + 600_000)
    store.create(seen, "{}")
    standby_is(durable, "gone")
    child = replace(seen, lineage=seen.lineage._replace(newest=2))
    assert store.rotate(seen, child, durable=False) is True
    with pytest.raises(SuperTokensGeneralError, match="not known"):
        store.create(a_record(2, created_at=now, expires_at=now + 600_000), "{}")
    standby_is(durable, "")
    store.close()


def test_a_server_that_only_reads_is_left_and_taken_again_once_it_writes(durable: PostgresServer) -> None:
    """As one is that has become a standby, of which the connections stay."""
    core = core_on(durable.url())
    issued = core.create_session("user", {}, {}, anti_csrf=False)
    read_only(durable, True)
    wait_until(lambda: said(durable, "SHOW default_transaction_read_only") == "on")

    def update() -> None:
        while True:  # until the connection that is open has heard of it, too
            core.update_jwt_payload(issued.handle, {})

    with pytest.raises(SuperTokensGeneralError, match="read-only"):
        update()
    read_only(durable, False)
    wait_until(lambda: said(durable, "SHOW default_transaction_read_only") == "off")
    core.update_jwt_payload(issued.handle, {"n": 1})
    core.close()


def test_a_standby_alone_is_no_place_for_decisions(durable: PostgresServer, programs: Programs) -> None:
    core = core_on(durable.url())
    issued = core.create_session("user", {}, {}, anti_csrf=False)
    standby = PostgresServer(programs)
    standby.data.rmdir()
    programs.run(
        "pg_basebackup", "-d", durable.url(), "-D", str(standby.data), "-R", "-X", "stream", "--no-sync", "-c", "fast"
    )
    try:
        standby.start()
        store = open_store(standby.url(), timeout_s=0.5)
        with pytest.raises(SuperTokensGeneralError, match=r"read-only|hot standby"):
            store.get(issued.handle, 0)
        store.close()
    finally:
        standby.remove()
        core.close()


def read_only(server: PostgresServer, on: bool) -> None:
    with server.administrator() as administrator:
        administrator.execute("SET default_transaction_read_only = off")
        administrator.execute(f"ALTER SYSTEM SET default_transaction_read_only = {'on' if on else 'off'}")
        administrator.execute("SELECT pg_reload_conf()")


def standby_is(server: PostgresServer, name: str) -> None:
    with server.administrator() as administrator:
        administrator.execute("SET synchronous_commit = off")
        administrator.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'")
        administrator.execute("SELECT pg_reload_conf()")
    wait_until(lambda: said(server, "SHOW synchronous_standby_names") == name)


def said(server: PostgresServer, query: str) -> object:
    with server.administrator() as administrator:
        row = administrator.execute(query).fetchone()
    assert row is not None
    return row[0]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)
