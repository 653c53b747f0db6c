# SPDX-License-Identifier: Apache-2.0
"""An encryption key is rolled out worker by worker, and no request fails: add it everywhere, seal, drop the old one."""

from __future__ import annotations

import hashlib
import logging
import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import cycle, permutations
from pathlib import Path

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core.keys import AWAITS_SEALING
from supertokens.engine.sealing import Sealer, sealed_with
from supertokens.engine.session import IssuedSession
from supertokens.engine.signing_keys import generate_signing_material
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .core_contract import create, refresh, verify

FIRST, SECOND = (hashlib.sha256(name).digest() for name in (b"first", b"second"))
Keys = tuple[bytes, ...]
HOURS_OF_A_KEY = 24


@pytest.fixture(scope="module")
def some_keys() -> list[bytes]:
    return [generate_signing_material() for _ in range(4)]


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch: pytest.MonkeyPatch, some_keys: list[bytes]) -> None:
    """Making an RSA key takes a tenth of a second, and these tests make hundreds."""
    pool = cycle(some_keys)
    monkeypatch.setattr("supertokens.core.key_maker.generate_signing_material", lambda _: next(pool))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "sessions.sqlite3"


def worker(path: Path, clock: FakeClock, keys: Keys) -> EmbeddedCore:
    return EmbeddedCore(Config(encryption_key=keys or None), SqliteStore(path, synchronous="normal"), clock=clock)


def seals(path: Path) -> set[str | None]:
    """What the keys in the store are sealed with, and what the store says of it."""
    stored = SqliteStore(path).read_keys(0)
    return {stored.sealed_with, *(sealed_with(key.material) for key in stored.keys)}


def name(key: bytes) -> str | None:
    return Sealer([key]).first


class Deployment:
    """Some workers on one store, each replaced by one with other keys when `deploy` gets to it."""

    def __init__(self, path: Path, clock: FakeClock, keys: Keys = (), workers: int = 3) -> None:
        self.path, self.clock = path, clock
        self.workers = [worker(path, clock, keys) for _ in range(workers)]
        self.sessions: list[IssuedSession] = []

    def deploy(self, keys: Keys) -> Iterator[None]:
        """Replace worker by worker; yields before the first one, and after each."""
        yield
        for number in range(len(self.workers)):
            self.workers[number].close()
            self.workers[number] = worker(self.path, self.clock, keys)
            yield

    def use(self, chance: random.Random) -> None:
        """Every worker serves a log-in, a check and a refresh of sessions of others; keys are due now and then."""
        for core in chance.sample(self.workers, len(self.workers)):
            issued = create(core)
            for other in self.workers:
                assert verify(other, issued).handle == issued.handle
            self.sessions.append(refresh(chance.choice(self.workers), issued))
        for session in chance.sample(self.sessions, min(5, len(self.sessions))):
            self.sessions.remove(session)
            self.sessions.append(refresh(chance.choice(self.workers), session))
        self.clock.advance(hours=chance.choice([0, 1 / 60, 1, HOURS_OF_A_KEY]), seconds=chance.choice([0, 31, 61]))

    def assert_nobody_was_logged_out(self) -> None:
        for session in self.sessions:
            for core in self.workers:
                assert core.session(session.handle).user_id == "user"
            verify(self.workers[0], refresh(self.workers[0], session))


@pytest.mark.parametrize("seed", range(12))
def test_a_key_is_added_changed_and_the_old_one_dropped_without_one_failed_request(
    path: Path, clock: FakeClock, seed: int
) -> None:
    chance = random.Random(seed)
    deployment = Deployment(path, clock)
    deployment.use(chance)
    assert seals(path) == {None}
    for _ in deployment.deploy((FIRST,)):
        deployment.use(chance)
        assert seals(path) == {None}, "a worker without the key has to read what the others write"
    chance.choice(deployment.workers).keys.seal(clock())
    for _ in range(2):
        deployment.use(chance)
        assert seals(path) == {name(FIRST)}
    for _ in deployment.deploy((SECOND, FIRST)):
        deployment.use(chance)
        assert seals(path) == {name(FIRST)}, "a worker without the second key has to read what the others write"
    chance.choice(deployment.workers).keys.seal(clock())
    for _ in range(2):
        deployment.use(chance)
        assert seals(path) == {name(SECOND)}
    for _ in deployment.deploy((SECOND,)):
        deployment.use(chance)
        assert seals(path) == {name(SECOND)}
    deployment.assert_nobody_was_logged_out()


def test_a_store_that_begins_with_a_key_is_sealed_from_its_first_byte(path: Path, clock: FakeClock) -> None:
    deployment = Deployment(path, clock, (FIRST, SECOND))
    deployment.use(random.Random(0))
    assert seals(path) == {name(FIRST)}
    for core in deployment.workers:
        assert not core.keys.awaits_sealing(clock())


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_workers_with_and_without_the_key_that_begin_at_once_agree(
    path: Path, clock: FakeClock, order: tuple[int, ...]
) -> None:
    """A mistake of the deployment: whoever was first decides, and the others say what is missing, or serve."""
    given = [(), (FIRST,), (SECOND, FIRST)]
    first, *others = (given[index] for index in order)
    issued = create(worker(path, clock, first))
    sealed = name(first[0]) if first else None
    assert seals(path) == {sealed}
    for keys in others:
        core = worker(path, clock, keys)
        if sealed is None or sealed in {name(key) for key in keys}:
            assert verify(core, issued).user_id == verify(core, create(core)).user_id == "user"
        else:
            with pytest.raises(SuperTokensGeneralError, match="'encryption_key' lacks here: give it to this process"):
                verify(core, issued)
    assert seals(path) == {sealed}


def test_a_worker_without_the_key_says_after_sealing_what_it_lacks(path: Path, clock: FakeClock) -> None:
    issued = create(worker(path, clock, ()))
    worker(path, clock, (FIRST,)).keys.seal(clock())
    for core in (worker(path, clock, ()), worker(path, clock, (SECOND,))):
        with pytest.raises(SuperTokensGeneralError, match="give it to this process too") as raised:
            verify(core, issued)
        assert str(name(FIRST)) in str(raised.value)
        assert FIRST.hex() not in str(raised.value)
    assert verify(worker(path, clock, (SECOND, FIRST)), issued).user_id == "user", "the cure"


def test_a_running_worker_without_the_key_serves_on_for_a_minute_and_then_names_the_cure(
    path: Path, clock: FakeClock
) -> None:
    forgotten, core = worker(path, clock, ()), worker(path, clock, (FIRST,))
    issued = create(forgotten)
    core.keys.seal(clock())
    clock.advance(seconds=60)
    assert verify(forgotten, issued).user_id == "user"
    clock.advance(seconds=1)
    with pytest.raises(SuperTokensGeneralError, match="give it to this process too"):
        verify(forgotten, issued)


def test_a_key_that_is_given_and_not_sealed_with_is_a_warning_once_in_each_process(
    path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    create(worker(path, clock, ()))
    assert not worker(path, clock, ()).keys.awaits_sealing(clock())
    assert caplog.messages == []
    for keys in ((FIRST,), (SECOND, FIRST)):
        caplog.clear()
        core = worker(path, clock, keys)
        for _ in range(3):
            create(core)
            clock.advance(minutes=2)
        assert core.keys.awaits_sealing(clock())
        assert caplog.messages == [AWAITS_SEALING]
        core.keys.seal(clock())
        assert not core.keys.awaits_sealing(clock())
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert not worker(path, clock, (SECOND, FIRST)).keys.awaits_sealing(clock()), "the old one may stay"
        assert worker(path, clock, (FIRST, SECOND)).keys.awaits_sealing(clock()), "the first is to seal"
    assert caplog.messages == [AWAITS_SEALING]


def test_a_key_that_is_made_while_the_store_is_sealed_is_not_left_in_the_clear(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, core = worker(path, clock, (FIRST,)), worker(path, clock, (FIRST,))
    create(slow)
    clock.advance(hours=HOURS_OF_A_KEY)
    add = slow.store.add_key

    def add_after_sealing(*what: object) -> bool:
        core.keys.seal(clock())
        return add(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(slow.store, "add_key", add_after_sealing)
    create(slow)
    assert seals(path) == {name(FIRST)}
    clock.advance(minutes=5)
    create(slow)
    assert seals(path) == {name(FIRST)}
    assert len(slow.store.read_keys(0).of("dynamic")) == 2


def test_sealing_while_another_worker_makes_a_key_seals_that_one_too(
    path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, core = worker(path, clock, (FIRST,)), worker(path, clock, (FIRST,))
    create(other)
    made: list[str] = []
    reseal = core.store.reseal_keys

    def make_one_first(*what: object) -> bool:
        if not made:
            made.append(other.keys.rotate(clock() + 1, drop_old=False))
        return reseal(*what)  # type: ignore[arg-type]

    monkeypatch.setattr(core.store, "reseal_keys", make_one_first)
    assert core.keys.seal(clock()) == 4
    assert seals(path) == {name(FIRST)}
    assert made[0] in {key.id for key in core.store.read_keys(0).keys}


def test_sealing_without_a_key_is_a_mistake_of_the_caller(path: Path, clock: FakeClock) -> None:
    with pytest.raises(ValueError, match="no 'encryption_key' to seal with"):
        worker(path, clock, ()).keys.seal(clock())


def test_sealing_fails_where_the_keys_are_sealed_with_one_that_is_not_given(path: Path, clock: FakeClock) -> None:
    create(worker(path, clock, (FIRST,)))
    with pytest.raises(SuperTokensGeneralError, match="give it to this process too"):
        worker(path, clock, (SECOND,)).keys.seal(clock())
    assert seals(path) == {name(FIRST)}


# The key is lost


def test_where_the_key_is_lost_all_keys_can_be_made_anew_and_everybody_logs_in_again(
    path: Path, clock: FakeClock
) -> None:
    running = worker(path, clock, (FIRST,))
    issued = create(running)
    with pytest.raises(SuperTokensGeneralError):
        create(worker(path, clock, (SECOND,)))
    saviour = worker(path, clock, (SECOND,))
    saviour.keys.replace_all(clock())
    assert seals(path) == {name(SECOND)}
    fresh = create(saviour)
    clock.advance(seconds=61)
    with pytest.raises(SuperTokensGeneralError, match="give it to this process too"):
        verify(running, issued)
    for core in (saviour, worker(path, clock, (SECOND,))):
        assert verify(core, fresh).user_id == "user"


def test_a_backup_of_the_sealed_store_lets_nobody_forge(
    path: Path, clock: FakeClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("supertokens.core.key_maker.generate_signing_material", generate_signing_material)
    core = worker(path, clock, ())
    issued = create(core)
    secrets = [key.material for key in core.store.read_keys(0).keys]
    sealing = worker(path, clock, (FIRST,))
    sealing.keys.seal(clock())
    copy = tmp_path / "backup.sqlite3"
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    for thief in (worker(copy, clock, ()), worker(copy, clock, (SECOND,))):
        for use in (create, lambda core: core.keys.rotate(clock(), drop_old=True), lambda core: verify(core, issued)):
            with pytest.raises(SuperTokensGeneralError, match="encryption_key"):
                use(thief)
    content = copy.read_bytes()
    assert not any(piece in content for secret in secrets for piece in pieces(secret))
    # What a thief makes of the copy with keys of their own is worth nothing where the real ones are.
    stolen = worker(copy, clock, (SECOND,))
    stolen.keys.replace_all(clock())
    forged = create(stolen)
    assert sealing.authentic_access_token(forged.access_token.text) is None
    assert sealing.authentic_refresh_token(forged.refresh_token.text) is None


def pieces(secret: bytes) -> list[bytes]:
    return [secret[start : start + 16] for start in range(0, len(secret) - 15, 16)]
