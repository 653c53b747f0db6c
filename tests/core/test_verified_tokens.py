# SPDX-License-Identifier: Apache-2.0
"""What keeping verified tokens must not cost."""

from __future__ import annotations

import gc
import os
import random
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flask
import pytest
from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core.issuer import verified_session
from supertokens.core.verified_tokens import VerifiedToken, VerifiedTokens
from supertokens.engine.access_token import AccessToken, mint, verify_signature
from supertokens.engine.key_set import VerifyingKeys
from supertokens.engine.session import IssuedSession
from supertokens.engine.user_data import JsonObject, encode_object
from supertokens.errors import SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError
from supertokens.flask import SuperTokens, create_new_session, get_session
from supertokens.remote import RemoteCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

MILLION = 1_000_000


def create(core: EmbeddedCore, user: str = "user") -> IssuedSession:
    return core.create_session(user, {"user": user, "list": [1]}, {}, anti_csrf=False)


def verify(core: EmbeddedCore, text: str, *, check_database: bool = False) -> str:
    return core.verify(text, check_anti_csrf=False, check_database=check_database).user_id


def entry_of(text: str, ring: VerifyingKeys) -> VerifiedToken:
    token = verify_signature(text, ring)
    return VerifiedToken(token, verified_session(token))


def texts_in(kept: VerifiedTokens) -> set[str]:
    return set(kept.kept.by_text)


def cache_of(core: EmbeddedCore) -> VerifiedTokens:
    return core._tokens._cache


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
    monkeypatch.setattr("supertokens.core.token_verifier.verify_signature", None)
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

    monkeypatch.setattr("supertokens.core.token_verifier.verify_signature", counted)
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


@pytest.mark.slow
def test_a_million_checks_by_sixteen_threads_never_mix_two_sessions(core: EmbeddedCore) -> None:
    """Every answer is compared; entries are pushed out and verified again all the time."""
    users = [f"user-{number}" for number in range(64)]
    texts = {user: create(core, user).access_token.text for user in users}
    core._tokens._cache = VerifiedTokens(56)

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


def test_sixteen_threads_that_add_at_once_keep_within_the_bound_and_lose_no_count(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    ring = core.keys.ring_for_verifying(clock())
    text = create(core).access_token.text
    kept = VerifiedTokens(20)
    kept.get("", ring)

    def add(number: int) -> None:
        for each in range(500):
            kept.add(f"{text}{number}.{each}", entry_of(text, ring), ring)
            kept.get(f"{text}{number}.{each % 7}", ring)

    with ThreadPoolExecutor(16) as threads:
        list(threads.map(add, range(16)))
    texts = texts_in(kept)
    assert 0 < len(texts) <= 20
    assert kept._characters == sum(map(len, texts))
    assert sorted([*kept._newcomers, *kept._proven]) == sorted(texts)


@pytest.mark.slow
def test_a_child_that_is_forked_while_a_thread_adds_begins_with_nothing(core: EmbeddedCore, clock: FakeClock) -> None:
    ring = core.keys.ring_for_verifying(clock())
    text = create(core).access_token.text
    kept = VerifiedTokens(3)
    kept.get("", ring)
    kept.kept.by_text[text] = entry_of(text, ring)  # so far the thread has come: it is in no queue yet
    child = os.fork()
    if child == 0:
        is_right = False
        try:
            for number in range(9):
                kept.add(f"{text}{number}", entry_of(text, ring), ring)
                kept.get(f"{text}{number}", ring)
            texts = texts_in(kept)
            is_right = len(texts) == 3 and text not in texts and kept._characters == sum(map(len, texts))
        finally:
            os._exit(0 if is_right else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert text in texts_in(kept), "the parent goes on with what it has"


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
    assert texts_in(cache_of(core)) == {text}
    monkeypatch.setattr("supertokens.core.token_verifier.verify_signature", None)
    verify(core, text)


# About 900 characters, as the benchmark's.
PAYLOAD: JsonObject = {"role": "editor", "team": 42, "name": "Ada Lovelace", "plan": "pro"}


def entries(core: EmbeddedCore, number: int, payload: JsonObject = PAYLOAD) -> Iterator[tuple[str, VerifiedToken]]:
    """Different tokens with that payload, each found equal to the stored one, as under blacklisting."""
    ring = core.keys.ring_for_verifying(core._clock())
    token = entry_of(create(core).access_token.text, ring).token
    for user in range(number):
        text = mint(replace(token, user_id=f"user-{user}", jwt_payload=payload), ring.dynamic[0])
        entry = entry_of(text, ring)
        entry.stored_payload = encode_object(payload, "payload")
        yield text, entry


def fill(kept: VerifiedTokens, core: EmbeddedCore, offered: Iterator[tuple[str, VerifiedToken]]) -> int:
    """Keep all that are offered, and return how many there are in the end."""
    ring = core.keys.ring_for_verifying(core._clock())
    kept.get("", ring)
    for text, entry in offered:
        kept.add(text, entry, ring)
    return len(texts_in(kept))


def test_ten_thousand_active_sessions_fit_and_the_whole_cache_takes_at_most_32_mib(core: EmbeddedCore) -> None:
    most = Config().verified_token_cache
    kept = VerifiedTokens(most)
    some = 1_000
    offered = entries(core, some)
    next(offered)  # whatever is made once
    gc.collect()
    tracemalloc.start()
    try:
        assert fill(kept, core, offered) == some - 1
        gc.collect()
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert 850 < len(next(iter(texts_in(kept)))) < 1000
    assert most >= 10_000
    assert taken / (some - 1) * most <= 32 * 2**20


@pytest.mark.parametrize("most", [0, 1, 2, 9, 10, 11, 50])
def test_no_more_tokens_are_kept_than_the_bound_says(core: EmbeddedCore, most: int) -> None:
    assert fill(VerifiedTokens(most), core, entries(core, 60)) == most


def test_of_longer_tokens_fewer_are_kept_and_none_that_no_browser_would_send(core: EmbeddedCore) -> None:
    kept = VerifiedTokens(40)
    assert 0 < fill(kept, core, entries(core, 40, {"long": "x" * 3000})) <= 40 * 1024 // 4000
    assert kept._characters <= 40 * 1024
    before = texts_in(kept)
    fill(kept, core, entries(core, 1, {"long": "x" * 7000}))
    assert texts_in(kept) == before
    fill(kept, core, entries(core, 40))
    assert kept._characters == sum(map(len, texts_in(kept))) <= 40 * 1024


def test_the_setting_is_the_bound_of_either_core(store: SqliteStore, clock: FakeClock) -> None:
    core = EmbeddedCore(Config(verified_token_cache=3), store, clock=clock)
    remote = RemoteCore(Config(hosts=("http://localhost:1",), verified_token_cache=3), clock=clock)
    for each in (core, remote):
        assert each._tokens._cache._max_tokens == 3
    for _ in range(5):
        verify(core, create(core).access_token.text)
    assert len(texts_in(cache_of(core))) == 3


def test_what_no_token_carries_of_a_stored_payload_is_not_kept_with_it(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    core.update_jwt_payload(issued.handle, {"user": "user", "list": [1], "sub": "x" * 100_000})
    text = core.refresh(issued.refresh_token.text, anti_csrf=False).access_token.text
    renewed = core.verify(text, check_anti_csrf=False).new_access_token
    assert renewed is not None
    verify(core, renewed.text, check_database=True)
    verify(core, renewed.text, check_database=True)
    entry = cache_of(core).get(renewed.text, core.keys.ring_for_verifying(clock()))
    assert entry is not None
    assert entry.stored_payload is None


def test_a_flood_of_distinct_tokens_pushes_out_none_that_is_in_use(core: EmbeddedCore, clock: FakeClock) -> None:
    """The flood comes to a full cache, and between two uses of a token there are as many others as it holds."""
    ring = core.keys.ring_for_verifying(clock())
    kept = VerifiedTokens(200)
    made = list(entries(core, 1_000))
    active, flood = [text for text, _ in made[:150]], made[150:]
    fill(kept, core, iter(made[:200]))
    for text in active:
        assert kept.get(text, ring) is not None
    for start in range(0, len(flood), 200):
        for text, entry in flood[start : start + 200]:
            kept.add(text, entry, ring)
        assert texts_in(kept) >= set(active), "they are in use"
        for text in active:
            kept.get(text, ring)
    assert len(texts_in(kept)) == 200


@pytest.mark.parametrize("at_once", [False, True])
def test_a_flood_of_checks_pushes_out_no_token_that_is_in_use(
    store: SqliteStore, clock: FakeClock, at_once: bool
) -> None:
    core = EmbeddedCore(Config(verified_token_cache=40), store, clock=clock)

    def check(text: str) -> None:
        if at_once:
            core.verify_at_once(text, check_anti_csrf=False, anti_csrf_token=None)
        else:
            verify(core, text)

    made = [create(core).access_token.text for _ in range(190)]
    active, flood = made[:30], made[30:]
    for text in [*active, *active]:
        check(text)
    for start in range(0, len(flood), 40):
        for text in flood[start : start + 40]:
            check(text)
        assert texts_in(cache_of(core)) >= set(active), "they are in use"
        for text in active:
            check(text)


def test_tokens_that_are_no_longer_used_make_room_for_those_that_are(core: EmbeddedCore, clock: FakeClock) -> None:
    ring = core.keys.ring_for_verifying(clock())
    kept = VerifiedTokens(100)
    made = list(entries(core, 400))
    for start in range(0, 400, 80):  # as access tokens are replaced by newer ones, again and again
        active = made[start : start + 80]
        for _ in range(30):
            for text, entry in active:
                if kept.get(text, ring) is None:
                    kept.add(text, entry, ring)
        assert texts_in(kept) >= {text for text, _ in active}
    assert len(texts_in(kept)) == 100


def test_a_key_that_is_added_leaves_all_tokens_and_a_key_that_is_dropped_takes_them(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    old_ring = core.keys.ring_for_verifying(clock())
    kept = VerifiedTokens(10)
    fill(kept, core, entries(core, 5))
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=False)
    new_ring = core.keys.ring_for_verifying(clock())
    assert new_ring.by_header != old_ring.by_header
    texts = texts_in(kept)
    assert all(kept.get(text, new_ring) for text in texts)
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=True)
    assert not any(kept.get(text, core.keys.ring_for_verifying(clock())) for text in texts)


def test_a_token_verified_with_a_ring_that_has_been_replaced_is_not_kept(core: EmbeddedCore, clock: FakeClock) -> None:
    old_ring = core.keys.ring_for_verifying(clock())
    text = create(core).access_token.text
    token = verify_signature(text, old_ring)
    kept = VerifiedTokens(10)
    kept.get(text, old_ring)
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=True)
    new_ring = core.keys.ring_for_verifying(clock())
    assert kept.get(text, new_ring) is None
    kept.add(text, VerifiedToken(token, verified_session(token)), old_ring)
    assert kept.get(text, new_ring) is None


def test_a_caller_with_the_new_ring_gets_no_dropped_keys_token_while_another_still_asks_by_the_old_one(
    core: EmbeddedCore, clock: FakeClock
) -> None:
    old_ring = core.keys.ring_for_verifying(clock())
    text = create(core).access_token.text
    entry = entry_of(text, old_ring)
    clock.advance(seconds=1)
    core.keys.rotate(clock(), drop_old=True)
    new_ring = core.keys.ring_for_verifying(clock())
    kept = VerifiedTokens(10)

    def another_asks_by_the_old_one() -> None:
        kept.get("another", old_ring)
        kept.add(text, entry, old_ring)
        assert text in texts_in(kept)

    kept.get("another", new_ring)
    kept.get("another", new_ring)
    assert kept.get(Interrupted.by(another_asks_by_the_old_one, text), new_ring) is None


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
