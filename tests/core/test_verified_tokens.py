# SPDX-License-Identifier: Apache-2.0
"""What keeping verified tokens must not cost."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import flask
import pytest
from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core.issuer import verified
from supertokens.core.verified_tokens import DEFAULT_BYTES, VerifiedToken, VerifiedTokens
from supertokens.engine.access_token import mint, verify_signature
from supertokens.engine.key_set import VerifyingKeys
from supertokens.engine.session import IssuedSession
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
    clock.now = issued.access_token.expires_at
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


def test_memory_stays_within_its_bound_and_what_is_in_use_stays_in(core: EmbeddedCore, clock: FakeClock) -> None:
    most = 512 * 1024
    ring = core.keys.to_verify(clock())
    issued = create(core)
    token = verify_signature(issued.access_token.text, ring)
    payload = {"name": "x" * 200, "roles": ["a", "b", "c"], "deep": {"n": [1, 2, 3]}}
    hot = issued.access_token.text
    gc.collect()
    tracemalloc.start()
    kept = VerifiedTokens(most)
    kept.get(hot, ring)
    kept.add(hot, VerifiedToken(token, verified(token)), ring)
    peak = 0
    for number in range(400):
        other = replace(token, user_id=f"user-{number}", jwt_payload=payload)
        text = mint(other, ring.dynamic[0])
        again = verify_signature(text, ring)
        kept.add(text, VerifiedToken(again, verified(again)), ring)
        assert kept.get(hot, ring) is not None, "it is in use"
        del other, text, again
        peak = max(peak, tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert peak <= most
    assert sum(map(len, generations(kept))) > 20
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
