# SPDX-License-Identifier: Apache-2.0
"""`supertokens sessions sweep`."""

from __future__ import annotations

import json

import pytest

from supertokens.core import EmbeddedCore, system_clock
from supertokens.stores.base import WholeSession
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing.store_contract import a_record

from .conftest import Run


def stored(core: EmbeddedCore) -> list[WholeSession]:
    """Return all sessions in the store, those that have expired too."""
    assert isinstance(core.store, SqliteStore)
    return core.store.whole_sessions(0, after="", limit=5000)


def test_what_has_expired_is_deleted_and_nothing_else(run: Run, core: EmbeddedCore, database: str) -> None:
    living = core.create_session("ada", {}, {}, anti_csrf=False).handle
    fill_expired(core, 1201)
    result = run("sessions", "sweep", database)
    assert (result.exit_code, result.stdout) == (0, "1201 expired sessions deleted.\n")
    assert [each.record.handle for each in stored(core)] == [living]
    assert json.loads(run("sessions", "sweep", database, "--json").stdout) == {"deleted": 0, "finished": True}


def test_an_interrupted_sweep_says_what_it_has_done(
    run: Run, core: EmbeddedCore, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill_expired(core, 1201)
    sweep, steps = SqliteStore.sweep, 0

    def interrupted(store: SqliteStore, now: int, *, limit: int) -> int:
        nonlocal steps
        steps += 1
        if steps == 3:
            raise KeyboardInterrupt
        return sweep(store, now, limit=limit)

    monkeypatch.setattr(SqliteStore, "sweep", interrupted)
    result = run("sessions", "sweep", database, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout) == {"deleted": 1000, "finished": False}
    assert "Interrupted." in result.stderr
    assert len(stored(core)) == 201


def fill_expired(core: EmbeddedCore, many: int) -> None:
    """Put `many` expired sessions into the store of `core`, with which nobody has logged in."""
    assert isinstance(core.store, SqliteStore)
    now = system_clock()
    rows = [WholeSession(a_record(number, created_at=1, expires_at=now - 1), "{}") for number in range(1, many + 1)]
    with core.store._database.opened() as connection:
        connection.execute("INSERT INTO property VALUES ('copy_of', 'filling')")
    assert core.store.put_sessions("filling", rows, [])
    with core.store._database.opened() as connection:
        connection.execute("DELETE FROM property WHERE name = 'copy_of'")
