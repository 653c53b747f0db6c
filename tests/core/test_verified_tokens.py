# SPDX-License-Identifier: Apache-2.0
"""What keeping verified tokens must not cost."""

from __future__ import annotations

import gc
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flask
import pytest
from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core.issuer import verified
from supertokens.core.verified_tokens import DEFAULT_BYTES, VerifiedToken, VerifiedTokens
from supertokens.engine.access_token import AccessToken, mint, verify_signature
from supertokens.engine.key_set import VerifyingKeys
from supertokens.engine.session import IssuedSession
from supertokens.engine.signing_keys import KeyRing
from supertokens.engine.user_data import JsonObject, encode_object
from supertokens.errors import SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError
from supertokens.flask import SuperTokens, create_new_session, get_session
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

MILLION = 1_000_000
BYTES_OF_ONE = 8192
"""About what an entry of an ordinary payload is taken for."""


def create(core: EmbeddedCore, user: str = "user") -> IssuedSession:
    return core.create_session(user, {"user": user, "list": [1]}, {}, anti_csrf=False)


def verify(core: EmbeddedCore, text: str, *, check_database: bool = False) -> str:
    return core.verify(text, check_anti_csrf=False, check_database=check_database).user_id


def entry_of(text: str, ring: VerifyingKeys) -> VerifiedToken:
    token = verify_signature(text, ring)
    return VerifiedToken(token, verified(token))


def generations(kept: VerifiedTokens) -> tuple[dict[str, VerifiedToken], dict[str, VerifiedToken]]:
    """The younger and the older one."""
    return kept._kept[1:]


def test_a_session_revoked_under_blacklisting_is_refused_on_the_very_next_call_though_kept(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock
) -> None:
    issued = create(core)
    other_process = EmbeddedCore(Config(), store, clock=clock)
    for revoke in (core.revoke_sessions, other_process.revoke_sessions):
        issued = create(core)
        for _ in range(3):
            verify(core, issued.access_token.text, check_database=True)
        revoke([issued.handle])
        with pytest.raises(SuperTokensUnauthorisedError):
            verify(core, issued.access_token.text, check_database=True)


def test_expiry_is_honoured_to_the_millisecond(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    verify(core, issued.access_token.text)
    clock.now = issued.access_token.expires_at - 1
    verify(core, issued.access_token.text)
    clock.now += 1
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, issued.access_token.text)


def test_a_dropped_key_refuses_kept_tokens_at_once_here_and_within_a_minute_elsewhere(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock
) -> None:
    other = EmbeddedCore(Config(), store, clock=clock)
    issued = create(core)
    verify(core, issued.access_token.text)
    verify(other, issued.access_token.text)
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=True)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, issued.access_token.text)
    clock.advance(seconds=60)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(other, issued.access_token.text)


def test_a_kept_token_survives_a_reading_of_the_ring_that_changed_nothing(
    core: EmbeddedCore, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = create(core)
    verify(core, issued.access_token.text)
    clock.advance(minutes=5)
    monkeypatch.setattr("supertokens.core.authentic.verify_signature", None)
    verify(core, issued.access_token.text)


def test_a_token_that_differs_in_one_bit_from_a_kept_one_is_verified_in_full(core: EmbeddedCore) -> None:
    text = create(core).access_token.text
    verify(core, text)
    for position in range(len(text)):
        flipped = text[:position] + chr(ord(text[position]) ^ 1) + text[position + 1 :]
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, flipped)


def test_of_a_marked_token_only_the_signature_is_kept_never_the_outcome(core: EmbeddedCore) -> None:
    issued = create(core)
    child = core.refresh(issued.refresh_token.text, anti_csrf=False)
    core.verify(child.access_token.text, check_anti_csrf=False)
    core.revoke_sessions([issued.handle])
    with pytest.raises(SuperTokensUnauthorisedError):
        core.verify(child.access_token.text, check_anti_csrf=False)


def test_two_cores_with_the_same_keys_each_verify_for_themselves(
    core: EmbeddedCore, tmp_path: Path, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = SqliteStore(tmp_path / "other.sqlite3", synchronous="normal")
    KeysOnce.put_into(store, clock())
    other = EmbeddedCore(Config(), store, clock=clock)
    text = create(core).access_token.text
    checked: list[str] = []

    def counted(text: str, keys: VerifyingKeys) -> AccessToken:
        checked.append(text)
        return verify_signature(text, keys)

    monkeypatch.setattr("supertokens.core.authentic.verify_signature", counted)
    for each in (core, other, core, other):
        verify(each, text)
    assert checked == [text, text], "once by each of them"
    verify(core, text, check_database=True)
    with pytest.raises(SuperTokensUnauthorisedError):
        verify(other, text, check_database=True)
    assert verify(core, text, check_database=True) == "user"


def test_two_cores_share_nothing(core: EmbeddedCore, tmp_path: Path, clock: FakeClock) -> None:
    other = EmbeddedCore(Config(), SqliteStore(tmp_path / "other.sqlite3"), clock=clock)
    issued = create(core)
    verify(core, issued.access_token.text)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(other, issued.access_token.text)


def test_a_million_checks_by_sixteen_threads_never_mix_two_sessions(core: EmbeddedCore) -> None:
    """Every answer is compared; half of the entries are pushed out and verified again all the time."""
    users = [f"user-{number}" for number in range(64)]
    texts = {user: create(core, user).access_token.text for user in users}
    core._seen = VerifiedTokens(100 * 8192)

    def check(seed: int) -> int:
        rng = random.Random(seed)
        wrong = 0
        for _ in range(MILLION // 16 // 64):
            rng.shuffle(users_of[seed])
            for user in users_of[seed]:
                answer = core.verify(texts[user], check_anti_csrf=False)
                wrong += answer.user_id != user or answer.jwt_payload["user"] != user
        return wrong

    users_of = [list(users) for _ in range(16)]
    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(check, range(16))) == [0] * 16


class Interrupted(str):
    """A text during whose first look-up something else happens."""

    __slots__ = ("meanwhile",)
    meanwhile: Callable[[], object] | None

    @classmethod
    def by(cls, meanwhile: Callable[[], object], text: str) -> Interrupted:
        interrupted = cls(text)
        interrupted.meanwhile = meanwhile
        return interrupted

    def __hash__(self) -> int:
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return super().__hash__()


class AnnouncedLock:
    """A lock that says so before a thread has to wait for it."""

    def __init__(self, announce: Callable[[], object]) -> None:
        self._lock = threading.Lock()
        self._announce = announce

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            self._announce()
            self._lock.acquire()

    def __exit__(self, *exception: object) -> None:
        self._lock.release()


def test_sixteen_threads_that_add_at_once_do_not_all_take_the_same_room(core: EmbeddedCore, clock: FakeClock) -> None:
    """Each stops where its entry goes in, and none goes on before all have come that far or wait for their turn."""
    ring = core.keys.to_verify(clock())
    text = create(core).access_token.text
    kept = VerifiedTokens(6 * BYTES_OF_ONE)
    kept.get("", ring)
    coming, all_are_here = threading.Semaphore(15), threading.Event()

    def one_more_is_here() -> None:
        if not coming.acquire(blocking=False):
            all_are_here.set()

    def stop() -> None:
        one_more_is_here()
        assert all_are_here.wait(30)

    def add(number: int) -> None:
        kept.add(Interrupted.by(stop, f"{text}{number}"), entry_of(text, ring), ring)

    kept._adding = AnnouncedLock(one_more_is_here)  # type: ignore[assignment]
    with ThreadPoolExecutor(16) as threads:
        list(threads.map(add, range(16)))
    assert 0 < max(map(len, generations(kept))) <= 3


def test_a_million_garbage_tokens_grow_nothing_and_push_out_no_token_in_use(
    core: EmbeddedCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = create(core).access_token.text
    verify(core, text)
    header, body, signature = text.split(".")
    garbage = (f"{number:x}" for number in range(MILLION))
    shaped = (f"{header}.{body}.{number:0{len(signature)}d}" for number in range(2_000))
    for candidate in garbage:
        try:
            core.verify(candidate, check_anti_csrf=False)
        except SuperTokensTryRefreshTokenError:
            continue
        raise AssertionError("garbage was accepted")
    for candidate in shaped:
        with pytest.raises(SuperTokensTryRefreshTokenError):
            verify(core, candidate)
    assert sum(map(len, generations(core._seen))) == 1
    monkeypatch.setattr("supertokens.core.authentic.verify_signature", None)
    verify(core, text)


ORDINARY: JsonObject = {"name": "x" * 200, "roles": ["a", "b", "c"], "deep": {"n": [1, 2, 3]}}


def fill(kept: VerifiedTokens, entries: Iterator[tuple[str, VerifiedToken]], ring: VerifyingKeys) -> int:
    """Keep all `entries`, and return the most that they took at a time (bytes)."""
    gc.collect()
    tracemalloc.start()
    kept.get("", ring)
    most = 0
    for text, entry in entries:
        kept.add(text, entry, ring)
        del text, entry
        most = max(most, tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return most


def entries_with(
    payload: JsonObject, token: AccessToken, ring: KeyRing, number: int
) -> Iterator[tuple[str, VerifiedToken]]:
    """Different tokens with that payload, which was found equal to the stored one."""

    def made(user: int) -> tuple[str, VerifiedToken]:
        text = mint(replace(token, user_id=f"user-{user}", jwt_payload=payload), ring.dynamic[0])
        entry = entry_of(text, ring)
        entry.stored_payload = encode_object(payload, "payload")
        return text, entry

    yield from map(made, range(number))


PAYLOADS: dict[str, JsonObject] = {
    "ordinary": ORDINARY,
    "empty lists": {"a": [[]] * 300},
    "lists of one": {"a": [[1.5]] * 500},
    "lists of five": {"a": [[1] * 5] * 60},
    "lists in lists": {"a": [[[[[[[[[[[1.5]]]]]]]]]]] * 60},
    "empty objects": {"a": [{}] * 300},
    "objects of one": {"a": [{"b": 1}] * 200},
    "objects of six": {"a": [{f"{number}": 1 for number in range(6)}] * 60},
    "objects in objects": {"a": [{"b": {"c": {}}}] * 100},
    "members": {f"{number:x}": number + 0.5 for number in range(300)},
    "short members": {"a": [{f"{number:x}": "éé" for number in range(172)}] * 5},
    "short strings": {"a": ["bb"] * 500},
    "numbers": {"a": [1000] * 500},
    "large numbers": {"a": [2**70] * 100},
    "one long string": {"a": "x" * 6000},
    "one emoji in a long string": {"a": "x" * 6000 + "\U0001f600"},
}


@pytest.mark.parametrize("payload", PAYLOADS.values(), ids=PAYLOADS)
def test_memory_stays_within_its_bound_whatever_the_payloads_are_made_of(
    core: EmbeddedCore, clock: FakeClock, payload: JsonObject
) -> None:
    most = 512 * 1024
    ring = core.keys.to_verify(clock())
    kept = VerifiedTokens(most)
    token = entry_of(create(core).access_token.text, ring).token
    assert fill(kept, entries_with(payload, token, ring, 60), ring) <= most
    young, old = generations(kept)
    assert young
    assert old, "more than fits was offered"


def test_memory_stays_within_its_bound_for_texts_of_any_length(core: EmbeddedCore, clock: FakeClock) -> None:
    most = 64 * 1024
    ring = core.keys.to_verify(clock())
    kept = VerifiedTokens(most)
    text = create(core).access_token.text
    assert fill(kept, ((f"{number}", entry_of(text, ring)) for number in range(400)), ring) <= most
    assert all(generations(kept))


def test_a_token_that_is_larger_than_a_generation_is_not_kept_and_pushes_out_nothing(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    most = 64 * 1024
    ring = core.keys.to_verify(clock())
    kept = VerifiedTokens(most)
    text = create(core).access_token.text
    token = entry_of(text, ring).token
    kept.get("", ring)
    kept.add(text, entry_of(text, ring), ring)
    for payload in ({"a": "x" * most}, {"a": [{"b": 1}] * 1000}):
        assert fill(kept, entries_with(payload, token, ring, 3), ring) <= most
    assert [list(generation) for generation in generations(kept)] == [[text], []]


def test_what_no_token_carries_of_a_stored_payload_is_not_kept_with_it(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    core.update_jwt_payload(issued.handle, {"user": "user", "list": [1], "sub": "x" * 100_000})
    text = core.refresh(issued.refresh_token.text, anti_csrf=False).access_token.text
    renewed = core.verify(text, check_anti_csrf=False).new_access_token
    assert renewed is not None
    verify(core, renewed.text, check_database=True)
    verify(core, renewed.text, check_database=True)
    entry = core._seen.get(renewed.text, core.keys.to_verify(clock()))
    assert entry is not None
    assert entry.stored_payload is None


def test_what_is_in_use_stays_in_while_others_are_pushed_out(core: EmbeddedCore, clock: FakeClock) -> None:
    ring = core.keys.to_verify(clock())
    hot = create(core).access_token.text
    kept = VerifiedTokens(512 * 1024)
    kept.get(hot, ring)
    kept.add(hot, entry_of(hot, ring), ring)
    for text, entry in entries_with(ORDINARY, entry_of(hot, ring).token, ring, 400):
        kept.add(text, entry, ring)
        assert kept.get(hot, ring) is not None, "it is in use"
    assert 20 < sum(map(len, generations(kept))) < 400
    assert DEFAULT_BYTES == 16 * 1024 * 1024


def test_a_token_verified_with_a_ring_that_has_been_replaced_is_not_kept(core: EmbeddedCore, clock: FakeClock) -> None:
    old_ring = core.keys.to_verify(clock())
    text = create(core).access_token.text
    token = verify_signature(text, old_ring)
    kept = VerifiedTokens()
    kept.get(text, old_ring)
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=True)
    new_ring = core.keys.to_verify(clock())
    assert kept.get(text, new_ring) is None
    kept.add(text, VerifiedToken(token, verified(token)), old_ring)
    assert kept.get(text, new_ring) is None


def test_a_caller_with_the_new_ring_gets_no_dropped_keys_token_while_another_still_asks_by_the_old_one(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    old_ring = core.keys.to_verify(clock())
    text = create(core).access_token.text
    entry = entry_of(text, old_ring)
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=True)
    new_ring = core.keys.to_verify(clock())
    kept = VerifiedTokens(8 * BYTES_OF_ONE)

    def another_asks_by_the_old_one() -> None:
        kept.get("another", old_ring)
        kept.add(text, entry, old_ring)
        while text in generations(kept)[0]:
            kept.add(f"{text}{len(generations(kept)[0])}", entry, old_ring)

    kept.get("another", new_ring)
    kept.get("another", new_ring)
    assert kept.get(Interrupted.by(another_asks_by_the_old_one, text), new_ring) is None


def test_a_dropped_key_refuses_its_tokens_of_either_generation(core: EmbeddedCore, clock: FakeClock) -> None:
    old_ring = core.keys.to_verify(clock())
    entry = entry_of(create(core).access_token.text, old_ring)
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=True)
    new_ring = core.keys.to_verify(clock())
    kept = VerifiedTokens(8 * BYTES_OF_ONE)
    kept.get("", old_ring)
    texts = [f"token {number}" for number in range(40)]
    while not generations(kept)[1]:
        kept.add(texts.pop(), entry, old_ring)
    texts = [text for generation in generations(kept) for text in generation]
    assert [kept.get(text, new_ring) for text in texts] == [None] * len(texts)


def test_a_caller_that_changes_its_payload_changes_nobody_elses(tmp_path: Path, clock: FakeClock) -> None:
    store = SqliteStore(tmp_path / "sessions.sqlite3")
    KeysOnce.put_into(store, clock())
    app = flask.Flask("an_app")
    SuperTokens(app, core=EmbeddedCore(Config(), store, clock=clock))
    with app.test_request_context(environ_base={"REMOTE_ADDR": "127.0.0.1"}):
        session = create_new_session(flask.Response(), "user", {"roles": ["reader"], "deep": {"a": {}}})
        headers = {"Cookie": f"sAccessToken={session.get_access_token()}"}
    for _ in range(3):
        with app.test_request_context(headers=headers):
            session = get_session(None, False)
            payload = session.get_jwt_payload()
            assert payload == {"roles": ["reader"], "deep": {"a": {}}}
            payload["roles"].append("admin")
            payload["deep"]["a"]["b"] = 1
            payload["new"] = True
            assert session.get_jwt_payload() is payload, "one request sees one payload"
