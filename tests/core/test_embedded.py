# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import os
import signal
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine import access_token as access_tokens
from supertokens.engine.access_token import TokenVersion
from supertokens.engine.session import SessionRecord
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .core_contract import create, refresh, verify


def stored(core: EmbeddedCore, handle: str) -> SessionRecord:
    """The record as the store has it, expired or not."""
    found = core.store.get(handle, 0)
    assert found is not None
    return found.record


def core_with(store: SqliteStore, clock: FakeClock, **settings: Any) -> EmbeddedCore:
    return EmbeddedCore(Config(**settings), store, clock=clock)


# Create and verify


@pytest.mark.parametrize("version", ["2", "5"])
def test_both_token_versions_live_side_by_side_and_keep_their_version(
    core: EmbeddedCore, version: TokenVersion
) -> None:
    issued = create(core, version=version)
    child = refresh(core, issued, version=version)
    renewed = verify(core, child).new_access_token
    assert renewed is not None
    is_v2 = renewed.text.startswith("eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiIyIn0=.")
    assert is_v2 is (version == "2")
    assert verify(core, renewed.text).new_access_token is None


# The lineage, example by example (docs/protocol/cdi2.md#refresh)


# Anti-CSRF


# Revocation


def test_a_user_id_of_any_length_may_be_asked_about(core: EmbeddedCore) -> None:
    assert core.session_handles("x" * 1_000_000) == core.revoke_user("x" * 1_000_000) == []


def test_sweeping_deletes_expired_sessions(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    clock.now = issued.refresh_token.expires_at + 1
    assert core.sweep() == 1
    assert core.sweep() == 0


def test_refreshes_are_counted_by_their_row(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    child = refresh(core, issued)
    refresh(core, issued)
    assert core.refreshes == {3: 1, 2: 1}
    verify(core, child)
    refresh(core, issued)
    assert core.refreshes[5] == 1
    assert stored(core, issued.handle).lineage.newest == 2
    clock.advance(minutes=1)
    with pytest.raises(SuperTokensTokenTheftError):
        refresh(core, issued)
    assert core.refreshes[6] == 1


def test_creating_sessions_sweeps_expired_ones_now_and_then(core: EmbeddedCore, clock: FakeClock) -> None:
    create(core)
    clock.advance(days=200)
    create(core)
    assert core.sweep() == 0, "it was swept already"


# Payload and data


def test_protected_names_in_a_stored_payload_are_left_out_of_v5_with_a_log_line(
    core: EmbeddedCore, caplog: pytest.LogCaptureFixture
) -> None:
    issued = create(core, version="2")
    core.update_jwt_payload(issued.handle, {"sub": "x", "mine": 1})
    with caplog.at_level(logging.WARNING):
        child = refresh(core, issued, version="5")
    assert "protected names" in caplog.text
    verified = verify(core, child)
    assert verified.new_access_token is not None
    assert verify(core, verified.new_access_token.text, check_database=True).new_access_token is None
    assert verify(core, verified.new_access_token.text).jwt_payload == {"mine": 1}


# Keys


def test_keys_that_nothing_names_any_more_are_deleted(core: EmbeddedCore, clock: FakeClock) -> None:
    for _ in range(10):
        create(core)
        clock.advance(hours=12)
    kids = {stored.id for stored in core.store.read_keys(clock()).keys if stored.purpose == "dynamic"}
    assert len(kids) <= 2
    assert f"d-{FakeClock()()}" not in kids


def test_forged_key_names_do_not_become_a_load_on_the_store(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    key = core.keys.ring_for_verifying(clock()).dynamic[0]
    readings = 0
    read = core.store.read_keys

    def counted(now: int) -> Any:
        nonlocal readings
        readings += 1
        return read(now)

    core.store.read_keys = counted  # type: ignore[method-assign]
    clock.advance(seconds=1)
    for number in range(500):
        header = key.header.replace(key.header[-8:-4], f"{number:04d}")
        forged = access_tokens.base64url.encode(
            f'{{"alg":"RS256","typ":"JWT","version":"5","kid":"d-{clock() - number}"}}'.encode()
        )
        for candidate in (header, forged):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, f"{candidate}.{issued.access_token.text.split('.', 1)[1]}")
    assert readings <= 1


def test_two_workers_that_start_together_agree_on_the_keys(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "shared.sqlite3"
    workers = [EmbeddedCore(Config(), SqliteStore(path), clock=clock) for _ in range(2)]
    tokens = [create(worker) for worker in workers]
    for worker in workers:
        for token in tokens:
            verify(worker, token)


# Forks


def test_a_fork_while_other_threads_hold_every_lock_leaves_a_child_that_serves(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    issued = create(core)
    parents = verify(core, issued)
    with core.keys._reading.own, core._tokens._cache._changing.own, core._counting.own:
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # of a child that waits for ever
            served = False
            try:
                clock.advance(minutes=5)  # the ring has to be read again
                served = verify(core, issued) == parents and refresh(core, create(core)).user_id == "user"
            finally:
                os._exit(0 if served else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


# The store fails


class FailingStore(SqliteStore):
    failing = False

    def __getattribute__(self, name: str) -> Any:
        if name in _STORE_METHODS and object.__getattribute__(self, "failing"):
            raise SuperTokensGeneralError("the store is gone") from OSError("unplugged")
        return object.__getattribute__(self, name)


_STORE_METHODS = {
    "create", "get", "get_payload", "get_session_data", "rotate", "update", "remove", "remove_user", "sessions",
    "count_sessions", "sweep", "read_keys", "add_key", "reseal_keys", "remove_keys", "remove_all_keys", "note_v2",
}  # fmt: skip


def test_a_store_that_is_gone_is_a_general_error_for_every_verb_that_needs_it(tmp_path: Path, clock: FakeClock) -> None:
    store = FailingStore(tmp_path / "failing.sqlite3")
    KeysOnce.put_into(store, clock())
    core = EmbeddedCore(Config(), store, clock=clock)
    issued = create(core)
    child = refresh(core, issued)
    store.failing = True
    verify(core, issued)
    for verb in (
        lambda: create(core),
        lambda: verify(core, child),
        lambda: verify(core, issued, check_database=True),
        lambda: refresh(core, issued),
        lambda: core.regenerate(issued.access_token.text, {}),
        lambda: core.revoke_sessions([issued.handle]),
        lambda: core.revoke_user("user"),
        lambda: core.session_handles("user"),
        lambda: core.sessions("user"),
        lambda: core.session_data(issued.handle),
        lambda: core.update_jwt_payload(issued.handle, {}),
        lambda: core.sweep(),
    ):
        with pytest.raises(SuperTokensGeneralError) as failure:
            verb()
        assert isinstance(failure.value.__cause__, OSError)
    clock.advance(seconds=61)
    with pytest.raises(SuperTokensGeneralError):
        verify(core, issued)  # a dropped key must be refused within a minute, so an older ring is not trusted
    store.failing = False
    verify(core, child)


def test_a_confirmed_token_is_verified_without_the_store_and_the_others_cost_what_is_written_down(
    store: SqliteStore, clock: FakeClock
) -> None:
    calls: list[str] = []

    class Counting(SqliteStore):
        def __getattribute__(self, name: str) -> Any:
            if name in _STORE_METHODS:
                calls.append(name)
            return object.__getattribute__(self, name)

    counting = Counting(store._database.path, synchronous="normal")
    core = EmbeddedCore(Config(), counting, clock=clock)
    core.keys.ring_for_signing(clock())
    create(core)  # sweeps, which it does every ten minutes

    def cost(verb: Any) -> tuple[list[str], Any]:
        calls.clear()
        outcome = verb()
        return list(calls), outcome

    taken, issued = cost(lambda: create(core))
    assert taken == ["create"]
    assert cost(lambda: verify(core, issued))[0] == []
    assert cost(lambda: verify(core, issued, check_database=True))[0] == ["get"]
    assert cost(lambda: verify(core, issued, check_database=True))[0] == ["get_payload"], "its payload was compared"
    taken, child = cost(lambda: refresh(core, issued))
    assert taken == ["get", "rotate"]
    assert cost(lambda: refresh(core, issued))[0] == ["get", "rotate"], "a second tab"
    taken, first = cost(lambda: verify(core, child))
    assert taken == ["get", "rotate"]
    assert cost(lambda: verify(core, child))[0] == ["get"], "again, before its sender saw the token without the marker"
    assert cost(lambda: verify(core, first.new_access_token.text))[0] == []
    assert cost(lambda: refresh(core, issued))[0] == ["get"], "a straggler"


# Races and crashes at the seam


def test_a_revoke_between_read_and_write_wins(core: EmbeddedCore) -> None:
    issued = create(core)
    get = core.store.get

    def get_then_revoke(handle: str, now: int) -> Any:
        found = get(handle, now)
        core.store.remove([handle], now)
        return found

    core.store.get = get_then_revoke  # type: ignore[method-assign]
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, issued)


def test_a_lost_swap_is_decided_again_on_what_is_there_now(core: EmbeddedCore) -> None:
    issued = create(core)
    get = core.store.get
    others = [lambda: refresh(core, issued), lambda: verify(core, refresh(core, issued))]

    def get_then_let_others(handle: str, now: int) -> Any:
        found = get(handle, now)
        core.store.get = get  # type: ignore[method-assign]
        others[0]()
        return found

    for _ in range(2):
        core.store.get = get_then_let_others  # type: ignore[method-assign]
        mine = refresh(core, issued)
        others.pop(0)
    assert refresh(core, issued).refresh_token.text == mine.refresh_token.text


def test_a_write_lost_in_a_crash_is_healed_by_the_client_that_holds_the_child(core: EmbeddedCore) -> None:
    issued = create(core)
    before = stored(core, issued.handle)
    child = refresh(core, issued)
    core.store.rotate(stored(core, issued.handle), before, durable=True)  # the crash: row 3's write is gone
    verify(core, child)
    assert stored(core, issued.handle).lineage.current == 2
    before = stored(core, issued.handle)
    grandchild = refresh(core, child)
    core.store.rotate(stored(core, issued.handle), before, durable=True)
    refresh(core, grandchild)
    assert stored(core, issued.handle).lineage.current == 3


def test_a_first_use_that_loses_its_swap_is_decided_again_on_what_is_there_now(core: EmbeddedCore) -> None:
    child = refresh(core, create(core))
    get = core.store.get
    grandchildren = []

    def get_then_let_others(handle: str, now: int) -> Any:
        found = get(handle, now)
        core.store.get = get  # type: ignore[method-assign]
        grandchildren.append(refresh(core, child))  # accepts the child, mints the next one
        return found

    core.store.get = get_then_let_others  # type: ignore[method-assign]
    assert verify(core, child).new_access_token is not None
    lineage = stored(core, child.handle).lineage
    assert (lineage.current, lineage.newest) == (2, 3), "what the other request wrote is still there"
    assert refresh(core, child).refresh_token.text == grandchildren[0].refresh_token.text


def test_a_revoke_between_read_and_write_of_a_first_use_wins(core: EmbeddedCore) -> None:
    child = refresh(core, create(core))
    get = core.store.get

    def get_then_revoke(handle: str, now: int) -> Any:
        found = get(handle, now)
        core.store.remove([handle], now)
        return found

    core.store.get = get_then_revoke  # type: ignore[method-assign]
    with pytest.raises(SuperTokensUnauthorisedError):
        verify(core, child)


def test_a_request_that_always_loses_gives_up_with_an_error(core: EmbeddedCore) -> None:
    issued = create(core)
    child = refresh(core, issued)
    core.store.rotate = lambda *_, **__: False  # type: ignore[method-assign]
    for request in (lambda: refresh(core, issued), lambda: verify(core, child)):
        with pytest.raises(SuperTokensGeneralError, match="races"):
            request()


def test_a_record_says_nothing_secret(core: EmbeddedCore, store: SqliteStore) -> None:
    issued = create(core, anti_csrf=True)
    with sqlite3.connect(store._database.path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    for secret in (issued.access_token.text, issued.refresh_token.text, issued.anti_csrf_token):
        assert str(secret) not in dump
        assert str(secret) not in repr(issued)
