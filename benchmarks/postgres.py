# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: the store beside psycopg alone with the same statements; a million sessions beside ten thousand.

One process and one connection at a time, to a server on this host that waits for the disk as it does by default. Both
sides of a comparison ask that server, with the same settings of their sessions. psycopg alone has its parameters ready,
prepares the statements, and makes nothing of the rows; neither side signs a token.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
from msgspec.structs import replace
from tests.postgres.server import PostgresServer, running_server

from benchmarks import names
from benchmarks.records import new_record
from benchmarks.rounds import Case, Loop
from supertokens.core import system_clock
from supertokens.engine.session import SessionRecord
from supertokens.stores import postgres as statements
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore
from supertokens.stores.postgres_rows import COLUMNS, values_of

__all__ = ["postgres_cases"]

_ON_DISK: Final = Path("/var/tmp")  # noqa: S108 - temporary files may be in memory, where an fsync costs nothing
_SETTINGS: Final = ("max_wal_size=4GB", "shared_buffers=512MB")
"""No checkpoint falls into the filling, and the larger database fits into the server's memory, of which a quarter of
the machine's is usual (PostgreSQL, "Resource Consumption")."""
_SESSIONS_OF_A_USER: Final = 4
_SAMPLE: Final = 20_000
_LIFE_MS: Final = 36_000_000
_SEED: Final = 20_261_129
_SECONDARY: Final = (
    "CREATE INDEX session_by_user ON supertokens.session (user_id, created_at, handle)",
    "CREATE INDEX session_by_expiry ON supertokens.session (expires_at)",
)


@contextmanager
def postgres_cases(_: Path, sizes: Sequence[int] = names.STORE_SIZES) -> Iterator[list[Case]]:
    """Yield cases on databases of `sizes` sessions, of a server that is started for them."""
    with ExitStack() as stack:
        server = stack.enter_context(running_server(*_SETTINGS, durable=True, within=_ON_DISK))
        filled = [_Filled(server, size, stack) for size in sizes]
        with server.administrator() as administrator:
            administrator.execute("CHECKPOINT")
        yield [*_Alone(filled[0], stack).cases(), *(case for each in filled for case in each.cases())]


class _Filled:
    """A database with `size` sessions, some of which are known by their handles."""

    def __init__(self, server: PostgresServer, size: int, stack: ExitStack) -> None:
        name = f"filled_{size}"
        with server.administrator() as administrator:
            administrator.execute(f"CREATE DATABASE {name}")
        self.url = server.url(name)
        store = stack.enter_context(closing(open_store(self.url)))
        assert isinstance(store, PostgresStore)
        self.store, self.size = store, size
        store.migrate()
        self._draw = random.Random(_SEED)  # noqa: S311 - which one is next is no secret
        self._handles: list[str] = []

        def made() -> Iterator[SessionRecord]:
            for number in range(size):
                record = new_record(f"user-{number // _SESSIONS_OF_A_USER}")
                if number % max(1, size // _SAMPLE) == 0:
                    self._handles.append(record.handle)
                yield record

        with server.administrator(name) as administrator:
            administrator.execute("DROP INDEX supertokens.session_by_user, supertokens.session_by_expiry")
            _copy(administrator, made())
            for statement in _SECONDARY:
                administrator.execute(statement)
            administrator.execute("VACUUM ANALYZE supertokens.session")
            # As in a server that has run for a while: filling and vacuuming leave little in its memory.
            administrator.execute("CREATE EXTENSION pg_prewarm SCHEMA public")
            for name in ("session", "session_pkey"):
                administrator.execute("SELECT public.pg_prewarm(%s::regclass)", (f"supertokens.{name}",))
        self._draw.shuffle(self._handles)
        self._administrator = stack.enter_context(psycopg.connect(self.url, autocommit=True))

    def add(self, count: int) -> list[SessionRecord]:
        """Put `count` sessions into the store, and return them."""
        records = [new_record(f"user-{self._draw.randrange(self.size)}") for _ in range(count)]
        _copy(self._administrator, records)
        return records

    def cases(self) -> list[Case]:
        """Return get, accept and revoke, each on sessions drawn from all of the store."""
        return [
            self._case(names.POSTGRES_GET, self._get, self._drawn, _require_all),
            self._case(names.POSTGRES_ACCEPT, self._accept, self._children, _require_all),
            self._case(names.POSTGRES_REVOKE, self._revoke, self._taken, _require_all),
        ]

    def _case(
        self,
        name: str,
        operation: Callable[[Any], Any],
        prepare: Callable[[int], Sequence[Any]],
        settle: Callable[[list[Any]], None],
    ) -> Loop:
        return Loop(names.in_store_of(name, self.size), operation, prepare, settle)

    def _drawn(self, count: int) -> list[str]:
        return self._draw.choices(self._handles, k=count)

    def _get(self, handle: str) -> object:
        return self.store.get(handle, 0)

    def _children(self, count: int) -> list[tuple[SessionRecord, SessionRecord]]:
        """Return sessions as they are, and as they are once a child of theirs has come back."""
        pairs = []
        for handle in self._draw.sample(self._handles, count):
            found = self.store.get(handle, 0)
            assert found is not None
            seen, newest = found.record, found.record.lineage.newest + 1
            lineage = seen.lineage._replace(current=newest, parent=newest - 1, newest=newest, handed_out_at=found.now)
            pairs.append((seen, replace(seen, lineage=lineage, expires_at=found.now + _LIFE_MS)))
        return pairs

    def _accept(self, pair: tuple[SessionRecord, SessionRecord]) -> bool:
        return self.store.rotate(*pair, durable=True)

    def _taken(self, count: int) -> list[str]:
        """Take `count` handles out of those that are known; as many sessions come in for them."""
        self._handles += [record.handle for record in self.add(count)]
        self._draw.shuffle(self._handles)
        taken, self._handles = self._handles[:count], self._handles[count:]
        return taken

    def _revoke(self, handle: str) -> list[str]:
        return self.store.remove([handle], 0)


class _Alone:
    """The statements of create and refresh: by the store, and by psycopg with nothing around it."""

    def __init__(self, filled: _Filled, stack: ExitStack) -> None:
        self._filled = filled
        self._store = filled.store
        settings = "-c statement_timeout=5s -c lock_timeout=4s"  # as the store's connections have them
        self._connection = stack.enter_context(psycopg.connect(filled.url, autocommit=True, options=settings))

    def cases(self) -> list[Case]:
        """Return each operation beside what the driver takes for it."""
        return [
            Loop(names.POSTGRES_CREATE, self._create, self._new),
            Loop(names.POSTGRES_CREATE_ALONE, self._insert, self._new_values, _require_all),
            Loop(names.POSTGRES_REFRESH, self._refresh, self._stored, _require_all),
            Loop(names.POSTGRES_REFRESH_ALONE, self._read_and_update, self._stored_values, _require_all),
        ]

    def _new(self, count: int) -> list[SessionRecord]:
        return [new_record() for _ in range(count)]

    def _new_values(self, count: int) -> list[dict[str, Any]]:
        return [{**values_of(record), "session_data": "{}"} for record in self._new(count)]

    def _create(self, record: SessionRecord) -> object:
        return self._store.create(record, "{}")

    def _insert(self, values: dict[str, Any]) -> int:
        return self._connection.execute(statements._INSERT, values, prepare=True).rowcount

    def _stored(self, count: int) -> list[tuple[str, SessionRecord]]:
        """Return sessions that are stored, each with the record that a refresh makes of it."""
        return [(record.handle, _refreshed(record)) for record in self._filled.add(count)]

    def _stored_values(self, count: int) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        pairs = []
        for record in self._filled.add(count):
            was = {f"was_{name}": value for name, value in record.lineage._asdict().items()}
            values = {**values_of(_refreshed(record)), **was, "was_handle": record.handle}
            pairs.append(({"handle": record.handle, "now": None}, values))
        return pairs

    def _refresh(self, one: tuple[str, SessionRecord]) -> bool:
        found = self._store.get(one[0], 0)
        assert found is not None
        return self._store.rotate(found.record, one[1], durable=False)

    def _read_and_update(self, values: tuple[dict[str, Any], dict[str, Any]]) -> int:
        found = self._connection.execute(statements._GET, values[0], prepare=True).fetchone()
        assert found is not None
        return self._connection.execute(statements._ROTATE_HASTILY, values[1], prepare=True).rowcount


def _refreshed(record: SessionRecord) -> SessionRecord:
    lineage = record.lineage._replace(newest=record.lineage.newest + 1, handed_out_at=system_clock())
    return replace(record, lineage=lineage)


def _copy(connection: psycopg.Connection, records: Iterable[SessionRecord]) -> None:
    """Put `records` into the store by COPY."""
    columns = COLUMNS.split(", ")
    with connection.cursor().copy(f"COPY supertokens.session ({COLUMNS}, session_data) FROM STDIN") as copy:
        for record in records:
            values = values_of(record)
            fields = (r"\N" if values[name] is None else str(values[name]) for name in columns)
            copy.write("\t".join(fields) + "\t{}\n")  # no value of these has a character that COPY escapes


def _require_all(outcomes: list[Any]) -> None:
    if not all(outcomes):
        raise RuntimeError("an operation found no session")
