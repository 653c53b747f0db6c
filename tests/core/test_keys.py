# SPDX-License-Identifier: Apache-2.0
"""When the keys are read, and what that must not hold up."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore, embedded
from supertokens.engine import base64url
from supertokens.engine.key_set import PublicKey
from supertokens.engine.session import IssuedSession
from supertokens.engine.signing_keys import MAX_V2_KEYS, StoredKey
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

from .core_contract import create, refresh, verify


def naming(issued: IssuedSession, kid: str) -> str:
    """The access token, saying that another key signed it."""
    header = base64url.encode(f'{{"alg":"RS256","typ":"JWT","version":"5","kid":"{kid}"}}'.encode())
    return f"{header}.{issued.access_token.text.split('.', 1)[1]}"


def naming_unknown_refresh_key(issued: IssuedSession) -> str:
    raw = base64url.decode(issued.refresh_token.text)
    return base64url.encode(raw[:1] + bytes(8) + raw[9:])


@pytest.fixture
def readings(core: EmbeddedCore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """When the keys are read from the store, from here on."""
    core.keys.ring_for_signing(clock())
    moments: list[int] = []
    read = core.store.read_keys

    def counted(now: int) -> Any:
        moments.append(now)
        return read(now)

    monkeypatch.setattr(core.store, "read_keys", counted)
    return moments


@contextmanager
def a_thread_that_reads(core: EmbeddedCore, now: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Future[Any]]:
    """Within, another thread is in the middle of reading the keys."""
    reading, may_go_on = threading.Event(), threading.Event()
    read = core.store.read_keys

    def slow(now: int) -> Any:
        reading.set()
        assert may_go_on.wait(30)
        return read(now)

    with ThreadPoolExecutor(1) as thread, monkeypatch.context() as patch:
        patch.setattr(core.store, "read_keys", slow)
        busy = thread.submit(core.keys.rotate, now, drop_old=False)
        assert reading.wait(30)
        try:
            yield busy
        finally:
            may_go_on.set()


def test_a_token_that_names_an_unknown_key_waits_for_no_thread_that_reads(
    core: EmbeddedCore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = create(core)
    clock.advance(seconds=2)
    forged = naming(issued, f"d-{clock()}")

    def ask() -> None:
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, forged)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, naming_unknown_refresh_key(issued))
        assert verify(core, issued).user_id == "user"

    with ThreadPoolExecutor(1) as asking, a_thread_that_reads(core, clock(), monkeypatch) as busy:
        asking.submit(ask).result(timeout=30)
        assert not busy.done()


def test_whether_verify_waits_for_nothing_is_told_without_reading_or_waiting(
    core: EmbeddedCore, clock: FakeClock, readings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, old = create(core), create(core, version="2")
    marked = refresh(core, create(core))
    clock.advance(seconds=2)
    unknown = naming(issued, f"d-{clock()}")
    garbage = f"{issued.access_token.text[:-4]}AAAA"

    def told() -> list[bool]:
        texts = (issued.access_token.text, old.access_token.text, garbage, "x", marked.access_token.text, unknown)
        return [core.verifies_at_once(text) for text in texts]

    assert told() == [True, True, True, True, False, False]
    with ThreadPoolExecutor(1) as asking, a_thread_that_reads(core, clock(), monkeypatch):
        assert asking.submit(told).result(timeout=30) == [True, True, True, True, False, False]
    readings.clear()
    clock.advance(seconds=61)
    assert told() == [False] * 6, "the ring has to be read again first"
    assert readings == []


def dynamic_keys(core: EmbeddedCore) -> set[str]:
    return {key.id for key in core.store.read_keys(0).of("dynamic")}


@pytest.mark.parametrize("reading", [1, 2, 3])
@pytest.mark.parametrize("drop_old", [True, False])
def test_a_worker_that_makes_a_key_never_deletes_one_that_another_made_meanwhile(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock, reading: int, drop_old: bool
) -> None:
    other = EmbeddedCore(Config(), SqliteStore(store._database.path, synchronous="normal"), clock=clock)
    create(core)
    clock.advance(seconds=5)
    read, theirs = core.store.read_keys, []

    def read_then_let_the_other_rotate(now: int) -> Any:
        found = read(now)
        readings.append(clock())
        if len(readings) == reading:
            clock.advance(seconds=1)
            theirs.append(other.keys.rotate(clock(), drop_old=True))
        return found

    readings: list[int] = []
    core.store.read_keys = read_then_let_the_other_rotate  # type: ignore[method-assign]
    core.keys.rotate(clock(), drop_old=drop_old)
    core.store.read_keys = read  # type: ignore[method-assign]
    assert dynamic_keys(core) >= set(theirs)
    assert dynamic_keys(core)
    clock.advance(seconds=61)
    verify(other, create(core))


def test_forged_names_of_new_keys_cause_one_reading_a_second(
    core: EmbeddedCore, clock: FakeClock, readings: list[int]
) -> None:
    issued = create(core)
    clock.advance(seconds=5)
    for second in range(1, 5):
        for number in range(200):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, naming(issued, f"d-{clock() + number}"))
            with pytest.raises(SuperTokensUnauthorisedError):
                refresh(core, naming_unknown_refresh_key(issued))
            assert len(readings) == second
            clock.now += 4
        clock.advance(seconds=0.2)


@pytest.mark.parametrize(
    ("after_the_reading", "expected"),
    [(-30_000, 0), (-29_999, 1), (1, 1), (65_000, 1), (65_001, 0), (10**13, 0), (-(10**12), 0)],
)
def test_a_name_that_no_key_made_since_the_last_reading_can_have_causes_none(
    core: EmbeddedCore, clock: FakeClock, readings: list[int], after_the_reading: int, expected: int
) -> None:
    issued = create(core)
    forged = naming(issued, f"d-{clock() + after_the_reading}")
    clock.advance(seconds=5)
    for _ in range(3):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, forged)
    assert len(readings) == expected


def test_a_token_of_a_new_key_is_good_where_the_keys_were_read_while_that_key_was_on_its_way_to_the_store(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = EmbeddedCore(Config(), SqliteStore(store._database.path, synchronous="normal"), clock=clock)
    create(core)
    clock.advance(seconds=5)
    add = core.store.add_key

    def add_to_a_busy_file(key: StoredKey, after: str | None, sealed_with: str | None) -> bool:
        clock.advance(seconds=10)
        other.keys.ring_for_verifying(clock())
        clock.advance(seconds=1)
        return add(key, after, sealed_with)

    monkeypatch.setattr(core.store, "add_key", add_to_a_busy_file)
    core.keys.rotate(clock(), drop_old=True)
    issued = create(core)
    assert verify(other, issued).handle == issued.handle


def test_a_clock_that_is_set_back_does_not_lengthen_the_minute_of_a_dropped_key(
    store: SqliteStore, clock: FakeClock
) -> None:
    since_start = 0.0
    core = EmbeddedCore(Config(), store, clock=clock, monotonic=lambda: since_start)
    issued = create(core)
    clock.advance(seconds=1)
    dropping = EmbeddedCore(Config(), SqliteStore(store._database.path, synchronous="normal"), clock=clock)
    dropped = core.keys.ring_for_signing(clock()).dynamic[0].kid
    newest = dropping.keys.rotate(clock(), drop_old=True)
    clock.advance(seconds=-59)
    since_start = 30.0
    assert core.keys.ring_for_verifying(clock()).dynamic[0].kid == dropped, "as it may be"
    clock.advance(seconds=61)
    since_start = 60.001
    assert not core.verifies_at_once(issued.access_token.text)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, issued)
    assert core.keys.ring_for_signing(clock()).dynamic[0].kid == newest
    assert core.verifies_at_once(create(core).access_token.text)


def test_a_clock_that_is_set_back_does_not_lengthen_the_time_that_a_dropped_key_signs(
    store: SqliteStore, clock: FakeClock
) -> None:
    since_start = 0.0
    core = EmbeddedCore(Config(), store, clock=clock, monotonic=lambda: since_start)
    core.keys.ring_for_signing(clock())
    clock.advance(seconds=1)
    dropping = EmbeddedCore(Config(), SqliteStore(store._database.path, synchronous="normal"), clock=clock)
    newest = dropping.keys.rotate(clock(), drop_old=True)
    clock.advance(seconds=-29)
    since_start = 30.001
    assert core.keys.ring_for_signing(clock()).dynamic[0].kid == newest


# V2


@pytest.fixture
def signature_checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The key of each RSA signature check, from here on."""
    checks: list[str] = []
    check = PublicKey.is_signature

    def counted(key: PublicKey, signature: bytes, data: bytes) -> bool:
        checks.append(key.kid)
        return check(key, signature, data)

    monkeypatch.setattr(PublicKey, "is_signature", counted)
    return checks


def forged_v2(issued: IssuedSession, number: int) -> str:
    signed, _, _ = issued.access_token.text.rpartition(".")
    return f"{signed}.{b64encode(number.to_bytes(256, 'big')).decode()}"


def test_a_forged_v2_token_costs_nothing_where_none_was_ever_minted(
    core: EmbeddedCore, tmp_path: Path, clock: FakeClock, signature_checks: list[str]
) -> None:
    elsewhere = SqliteStore(tmp_path / "elsewhere.sqlite3", synchronous="normal")
    KeysOnce.put_into(elsewhere, clock())
    authentic = create(EmbeddedCore(Config(), elsewhere, clock=clock), version="2")
    for text in (authentic.access_token.text, *(forged_v2(authentic, number) for number in range(20))):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, text)
        assert core.authentic_access_token(text) is None
    assert signature_checks == []


def test_forged_v2_tokens_cost_three_checks_each_at_most_however_many_keys_there_are(
    core: EmbeddedCore, clock: FakeClock, signature_checks: list[str]
) -> None:
    issued = create(core, version="2")
    for _ in range(10):
        core.keys.rotate(clock(), drop_old=False)
        clock.advance(seconds=61)
    for number in range(20):
        signature_checks.clear()
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, forged_v2(issued, number))
        assert len(signature_checks) <= MAX_V2_KEYS == 3
    signature_checks.clear()
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, naming(create(core), core.keys.ring_for_verifying(clock()).dynamic[1].kid))
    assert len(signature_checks) == 1, "a V5 token names its key"


def test_v2_tokens_of_the_key_before_the_rotation_are_good_for_their_whole_life(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    issued = create(core, version="2")
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=False)
    for _ in range(58):
        clock.advance(minutes=1)
        assert verify(core, issued).handle == issued.handle
        assert verify(core, create(core, version="2")).user_id == "user"


def test_the_store_is_told_once_that_a_v2_token_was_minted_before_it_goes_out(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = EmbeddedCore(Config(), SqliteStore(store._database.path, synchronous="normal"), clock=clock)
    create(core)
    create(other)
    told: list[int] = []
    note = store.note_v2

    def fails() -> None:
        told.append(clock())
        raise SuperTokensGeneralError("the disk is full")

    monkeypatch.setattr(store, "note_v2", fails)
    with pytest.raises(SuperTokensGeneralError):
        create(core, version="2")
    assert core.session_handles("user") == other.session_handles("user")
    assert len(core.session_handles("user")) == 2, "no session without its token"
    monkeypatch.setattr(store, "note_v2", lambda: (told.append(clock()), note()))
    for _ in range(3):
        issued = create(core, version="2")
        assert verify(core, issued).handle == issued.handle
        clock.advance(minutes=2)
        refresh(core, issued, version="2")
    assert len(told) == 2
    clock.advance(seconds=61)
    issued = create(core, version="2")
    assert verify(other, issued).handle == issued.handle


def test_a_core_that_serves_v2_callers_accepts_it_from_the_start(
    store: SqliteStore, tmp_path: Path, clock: FakeClock
) -> None:
    elsewhere = SqliteStore(tmp_path / "elsewhere.sqlite3", synchronous="normal")
    KeysOnce.put_into(elsewhere, clock())
    issued = create(EmbeddedCore(Config(), elsewhere, clock=clock), version="2")
    for accepts in (True, False):
        core = EmbeddedCore(Config(), store, clock=clock, accepts_v2=accepts)
        assert (core.authentic_access_token(issued.access_token.text) is not None) is accepts


def test_forged_names_of_static_keys_cause_one_reading_a_second(
    core: EmbeddedCore, clock: FakeClock, readings: list[int]
) -> None:
    issued = create(core, static_key=True)
    clock.advance(seconds=5)
    for number in range(1, 200):
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, naming(issued, f"s-00000000-0000-4000-8000-{number:012x}"))
    assert len(readings) == 1


# The refresh token that was looked at last


def test_a_refresh_token_that_has_just_been_looked_at_is_not_authenticated_again(
    core: EmbeddedCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued, asked = create(core), []
    authenticate = embedded.refresh_tokens.authenticate
    monkeypatch.setattr(
        embedded.refresh_tokens, "authenticate", lambda token, keys: asked.append(token) or authenticate(token, keys)
    )
    position = core.authentic_refresh_token(issued.refresh_token.text)
    child = refresh(core, issued)
    assert asked == [issued.refresh_token.text]
    assert position == (issued.handle, 1)
    assert child.handle == issued.handle


def test_a_token_that_differs_from_the_one_before_is_authenticated(core: EmbeddedCore) -> None:
    text, other = create(core).refresh_token.text, create(core)
    flipped = text[:60] + ("A" if text[60] != "A" else "B") + text[61:]
    for wrong in (flipped, text[:-1], f"{text}A", "é" * len(text), ""):
        assert core.authentic_refresh_token(text) is not None
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, wrong)
    assert core.authentic_refresh_token(text) is not None
    assert refresh(core, other).handle == other.handle


def test_a_refresh_token_whose_key_has_gone_is_refused_however_recently_it_was_looked_at(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    issued = create(core)
    clock.advance(seconds=1)
    assert core.authentic_refresh_token(issued.refresh_token.text) is not None
    core.keys.replace_all(clock())
    assert core.authentic_refresh_token(issued.refresh_token.text) is None
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, issued)
