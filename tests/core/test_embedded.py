# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine import access_token as access_tokens
from supertokens.engine.access_token import TokenVersion
from supertokens.engine.session import IssuedSession, SessionRecord, VerifiedSession
from supertokens.errors import (
    SuperTokensGeneralError,
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

PAYLOAD = {"role": "admin", "n": [1, 2.5, None]}
GRACE = 10


def create(core: EmbeddedCore, **options: Any) -> IssuedSession:
    options = {"anti_csrf": False} | options
    return core.create_session("user", PAYLOAD, {"cart": [1, 2]}, **options)


def verify(core: EmbeddedCore, issued: IssuedSession | str, **options: Any) -> VerifiedSession:
    text = issued if isinstance(issued, str) else issued.access_token.text
    return core.verify(text, **({"check_anti_csrf": False} | options))


def refresh(core: EmbeddedCore, issued: IssuedSession | str, **options: Any) -> IssuedSession:
    text = issued if isinstance(issued, str) else issued.refresh_token.text
    return core.refresh(text, **({"anti_csrf": False} | options))


def stored(core: EmbeddedCore, handle: str) -> SessionRecord:
    """The record as the store has it, expired or not."""
    found = core.store.get(handle, 0)
    assert found is not None
    return found.record


def core_with(store: SqliteStore, clock: FakeClock, **settings: Any) -> EmbeddedCore:
    return EmbeddedCore(Config(**settings), store, clock=clock)


# Create and verify


def test_a_new_session_is_verified_as_what_it_was_created_as(core: EmbeddedCore) -> None:
    issued = create(core)
    verified = verify(core, issued)
    assert (verified.handle, verified.user_id, verified.jwt_payload) == (issued.handle, "user", PAYLOAD)
    assert verified.new_access_token is None
    assert core.session_data(issued.handle) == {"cart": [1, 2]}


def test_lives_are_those_of_the_configuration(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    assert issued.access_token.expires_at == clock() // 1000 * 1000 + 3_600_000
    assert issued.refresh_token.expires_at == clock() + 144_000 * 60_000
    assert issued.id_refresh_token.expires_at == issued.refresh_token.expires_at


def test_an_access_token_is_good_through_its_last_second_and_not_after(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    clock.now = issued.access_token.expires_at
    verify(core, issued)
    clock.now += 1
    with pytest.raises(SuperTokensTryRefreshTokenError, match="expired"):
        verify(core, issued)


def test_a_refresh_token_is_no_access_token_and_back(core: EmbeddedCore) -> None:
    issued = create(core)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, issued.refresh_token.text)
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, issued.access_token.text)
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, issued.id_refresh_token.text)


def test_tokens_of_another_deployment_are_refused(core: EmbeddedCore, tmp_path: Path, clock: FakeClock) -> None:
    other = EmbeddedCore(Config(), SqliteStore(tmp_path / "other.sqlite3"), clock=clock)
    theirs = create(other)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, theirs)
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, theirs)


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


def test_a_session_with_the_static_key_stays_with_it(core: EmbeddedCore) -> None:
    issued = create(core, static_key=True)
    child = refresh(core, issued)
    renewed = verify(core, child).new_access_token
    assert renewed is not None
    header = core.keys.to_verify(core._clock()).static.header
    assert all(text.startswith(header) for text in (issued.access_token.text, child.access_token.text, renewed.text))
    changed = refresh(core, child, static_key=False)
    assert not changed.access_token.text.startswith(header)
    assert not stored(core, issued.handle).uses_static_key


# The lineage, example by example (protocol-1, C.8)


def test_a_refresh_gives_a_child_whose_first_use_gives_a_token_without_the_marker(core: EmbeddedCore) -> None:
    issued = create(core)
    child = refresh(core, issued)
    first = verify(core, child)
    assert first.new_access_token is not None
    assert verify(core, first.new_access_token.text).new_access_token is None
    again = verify(core, child)
    assert again.new_access_token is not None, "in flight before the browser saw the new cookie"


def test_the_first_use_extends_the_session(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    was = core.session(issued.handle).expires_at
    clock.advance(days=50)
    child = refresh(core, issued)
    assert core.session(issued.handle).expires_at == was
    verify(core, child)
    assert core.session(issued.handle).expires_at == clock() + 144_000 * 60_000


def test_tabs_that_refresh_together_get_the_same_child(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    first = refresh(core, issued, client="Firefox")
    clock.advance(seconds=GRACE)
    second = refresh(core, issued, client="Firefox")
    assert first.refresh_token.text == second.refresh_token.text
    assert first.id_refresh_token.text == second.id_refresh_token.text
    assert core.refreshes == {3: 1, 2: 1}


def test_a_straggler_gets_the_current_pair(core: EmbeddedCore) -> None:
    issued = create(core)
    child = refresh(core, issued)
    verify(core, child)
    late = refresh(core, issued)
    assert late.refresh_token.text == child.refresh_token.text
    assert verify(core, late).new_access_token is None
    assert core.refreshes[5] == 1


def test_a_lost_answer_never_logs_out(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    for _ in range(5):
        refresh(core, issued)
        clock.advance(hours=3)
    verify(core, refresh(core, issued))


def test_a_replaced_token_that_comes_back_late_is_theft_and_the_core_revokes_nothing(
    core: EmbeddedCore, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    issued = create(core)
    child = refresh(core, issued)
    verify(core, child)
    clock.advance(seconds=GRACE + 1)
    with caplog.at_level(logging.WARNING), pytest.raises(SuperTokensTokenTheftError) as theft:
        refresh(core, issued)
    assert (theft.value.session_handle, theft.value.user_id) == (issued.handle, "user")
    assert "theft" in caplog.text
    assert issued.handle in caplog.text
    refresh(core, child)


def test_a_replaced_token_from_another_client_is_theft_at_once(core: EmbeddedCore) -> None:
    issued = create(core)
    child = refresh(core, issued, client="Firefox")
    verify(core, child, client="Firefox")
    with pytest.raises(SuperTokensTokenTheftError):
        refresh(core, issued, client="curl")


def test_the_client_does_not_count_where_it_is_not_bound(store: SqliteStore, clock: FakeClock) -> None:
    core = core_with(store, clock, refresh_token_rotation_grace_binding="none")
    issued = create(core)
    child = refresh(core, issued, client="Firefox")
    assert refresh(core, issued, client="curl").refresh_token.text == child.refresh_token.text


def test_without_a_grace_period_each_refresh_mints_a_sibling_and_the_loser_is_theft(
    store: SqliteStore, clock: FakeClock
) -> None:
    core = core_with(store, clock, refresh_token_rotation_grace_period=0)
    issued = create(core)
    one, other = refresh(core, issued), refresh(core, issued)
    assert one.refresh_token.text != other.refresh_token.text
    verify(core, one)
    assert verify(core, other).new_access_token is None, "a branch left behind lives out its minutes"
    for stale in (other, issued):
        with pytest.raises(SuperTokensTokenTheftError):
            refresh(core, stale)
    refresh(core, one)


def test_a_child_that_comes_back_without_its_access_token_used_is_accepted(core: EmbeddedCore) -> None:
    issued = create(core)
    child = refresh(core, issued)
    grandchild = refresh(core, child)
    assert verify(core, child).new_access_token is not None
    assert verify(core, grandchild).new_access_token is not None


# Anti-CSRF


def test_anti_csrf_is_checked_where_it_is_asked_for(core: EmbeddedCore) -> None:
    issued = create(core, anti_csrf=True)
    assert issued.anti_csrf_token is not None
    verify(core, issued)
    verify(core, issued, check_anti_csrf=True, anti_csrf_token=issued.anti_csrf_token)
    for wrong in (None, "", "wrong", issued.anti_csrf_token + "x", "\ud800"):
        with pytest.raises(SuperTokensTryRefreshTokenError, match="anti-csrf"):
            verify(core, issued, check_anti_csrf=True, anti_csrf_token=wrong)


def test_a_token_issued_without_a_value_fails_the_check_and_gets_one_by_its_refresh(core: EmbeddedCore) -> None:
    """Switching anti-CSRF on logs nobody out."""
    issued = create(core, anti_csrf=False)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, issued, check_anti_csrf=True, anti_csrf_token="x")
    child = refresh(core, issued, anti_csrf=True)
    verify(core, child, check_anti_csrf=True, anti_csrf_token=child.anti_csrf_token)


def test_the_value_stays_the_same_for_the_whole_session(core: EmbeddedCore) -> None:
    issued = create(core, anti_csrf=True)
    value = issued.anti_csrf_token
    child = refresh(core, issued, anti_csrf=True, anti_csrf_token=value)
    assert refresh(core, child, anti_csrf=True, anti_csrf_token=value).anti_csrf_token == value


def test_without_a_grace_period_each_pair_has_a_value_of_its_own(store: SqliteStore, clock: FakeClock) -> None:
    core = core_with(store, clock, refresh_token_rotation_grace_period=0)
    issued = create(core, anti_csrf=True)
    child = refresh(core, issued, anti_csrf=True, anti_csrf_token=issued.anti_csrf_token)
    assert child.anti_csrf_token != issued.anti_csrf_token
    verify(core, child, check_anti_csrf=True, anti_csrf_token=child.anti_csrf_token)
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, child, anti_csrf=True, anti_csrf_token=issued.anti_csrf_token)


def test_a_refresh_without_the_value_is_for_the_caller_to_judge_and_a_wrong_one_never_passes(
    core: EmbeddedCore,
) -> None:
    issued = create(core, anti_csrf=True)
    with pytest.raises(SuperTokensUnauthorisedError, match="Anti CSRF"):
        refresh(core, issued, anti_csrf=True)
    refresh(core, issued, anti_csrf=True, anti_csrf_mode="if_sent")
    for mode in ("required", "if_sent"):
        with pytest.raises(SuperTokensUnauthorisedError, match="Anti CSRF"):
            refresh(core, issued, anti_csrf=True, anti_csrf_mode=mode, anti_csrf_token="wrong")


def test_a_stolen_stale_token_without_its_value_cannot_raise_theft(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core, anti_csrf=True)
    value = issued.anti_csrf_token
    child = refresh(core, issued, anti_csrf=True, anti_csrf_token=value)
    verify(core, child)
    clock.advance(minutes=1)
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, issued, anti_csrf=True)
    with pytest.raises(SuperTokensTokenTheftError):
        refresh(core, issued, anti_csrf=True, anti_csrf_token=value)


# Revocation


def test_a_revoked_session_is_gone_for_every_verb_but_offline_verify(core: EmbeddedCore) -> None:
    issued = create(core)
    child = refresh(core, issued)
    assert core.revoke_sessions([issued.handle, "nope", issued.handle]) == [issued.handle]
    assert core.revoke_sessions([issued.handle]) == []
    verify(core, issued)
    for gone in (
        lambda: verify(core, child),
        lambda: verify(core, issued, check_database=True),
        lambda: refresh(core, issued),
        lambda: refresh(core, child),
        lambda: core.regenerate(issued.access_token.text, {}),
        lambda: core.session_data(issued.handle),
        lambda: core.session(issued.handle),
        lambda: core.update_session_data(issued.handle, {}),
        lambda: core.update_jwt_payload(issued.handle, {}),
    ):
        with pytest.raises(SuperTokensUnauthorisedError):
            gone()
    assert core.session_handles("user") == []


def test_all_sessions_of_a_user_are_revoked_and_nobody_elses(core: EmbeddedCore) -> None:
    mine = [create(core).handle for _ in range(3)]
    other = core.create_session("other", {}, {}, anti_csrf=False)
    assert sorted(core.session_handles("user")) == sorted(mine)
    assert sorted(core.revoke_user("user")) == sorted(mine)
    assert core.revoke_user("user") == []
    assert core.session_handles("other") == [other.handle]


@pytest.mark.parametrize(
    "handle", ["", "nope", "\ud800", "x" * 100_000, "7B0AA0A2-3F4C-4F0E-8A43-0123456789AB", "a\0b"]
)
def test_a_handle_that_cannot_be_one_names_no_session(core: EmbeddedCore, handle: str) -> None:
    assert core.revoke_sessions([handle]) == []
    for verb in (core.session, core.session_data):
        with pytest.raises(SuperTokensUnauthorisedError):
            verb(handle)
    with pytest.raises(SuperTokensUnauthorisedError):
        core.update_session_data(handle, {})


@pytest.mark.parametrize("user_id", ["", "nobody", "\ud800", "x" * 100_000, "a\0b", "'; DROP TABLE session; --"])
def test_a_user_id_that_nobody_has_has_no_sessions(core: EmbeddedCore, user_id: str) -> None:
    create(core)
    assert core.session_handles(user_id) == core.revoke_user(user_id) == []
    assert len(core.session_handles("user")) == 1


def test_one_string_instead_of_a_list_of_handles_is_the_callers_mistake(core: EmbeddedCore) -> None:
    with pytest.raises(TypeError, match="list"):
        core.revoke_sessions("7b0aa0a2-3f4c-4f0e-8a43-0123456789ab")


def test_an_expired_session_is_gone_swept_or_not(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    clock.now = issued.refresh_token.expires_at + 1
    with pytest.raises(SuperTokensUnauthorisedError):
        refresh(core, issued)
    assert core.session_handles("user") == []
    assert core.sweep() == 1
    assert core.sweep() == 0


def test_creating_sessions_sweeps_expired_ones_now_and_then(core: EmbeddedCore, clock: FakeClock) -> None:
    create(core)
    clock.advance(days=200)
    create(core)
    assert core.sweep() == 0, "it was swept already"


# Payload and data


def test_a_payload_changed_by_handle_shows_after_the_next_refresh(core: EmbeddedCore) -> None:
    issued = create(core)
    core.update_jwt_payload(issued.handle, {"new": 1})
    assert verify(core, issued).jwt_payload == PAYLOAD
    assert refresh(core, issued).jwt_payload == {"new": 1}


def test_a_changed_payload_shows_at_once_where_the_database_is_asked(core: EmbeddedCore) -> None:
    issued = create(core)
    assert verify(core, issued, check_database=True).new_access_token is None
    core.update_jwt_payload(issued.handle, {"new": 1.0})
    verified = verify(core, issued, check_database=True)
    assert verified.jwt_payload == {"new": 1.0}
    assert verified.new_access_token is not None
    assert verify(core, verified.new_access_token.text, check_database=True).new_access_token is None
    core.update_jwt_payload(issued.handle, {"new": 1})
    again = verify(core, verified.new_access_token.text, check_database=True)
    assert again.new_access_token is None, "1 equals 1.0"
    core.update_jwt_payload(issued.handle, {"new": True})
    assert verify(core, verified.new_access_token.text, check_database=True).new_access_token is not None


def test_a_branch_left_behind_still_sees_a_changed_payload_where_the_database_is_asked(
    store: SqliteStore, clock: FakeClock
) -> None:
    core = core_with(store, clock, refresh_token_rotation_grace_period=0)
    issued = create(core)
    one, other = refresh(core, issued), refresh(core, issued)
    verify(core, one)
    core.update_jwt_payload(issued.handle, {"new": 1})
    assert verify(core, other).jwt_payload == PAYLOAD
    assert verify(core, other, check_database=True).jwt_payload == {"new": 1}


def test_regenerate_stores_the_payload_and_keeps_expiry_and_marker(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    child = refresh(core, issued)
    clock.advance(minutes=10)
    verified = core.regenerate(child.access_token.text, {"x": 1})
    assert verified.new_access_token is not None
    assert verified.new_access_token.expires_at == child.access_token.expires_at
    token = core.authentic_access_token(verified.new_access_token.text)
    assert token is not None
    assert (token.jwt_payload, token.serial, token.parent) == ({"x": 1}, 2, 1)
    assert refresh(core, issued).jwt_payload == {"x": 1}, "the parent may still be refreshed"


def test_regenerate_without_a_payload_reuses_the_stored_one(core: EmbeddedCore) -> None:
    issued = create(core)
    core.update_jwt_payload(issued.handle, {"stored": 1})
    verified = core.regenerate(issued.access_token.text, None)
    assert verified.jwt_payload == {"stored": 1}
    assert verified.new_access_token is not None


def test_regenerate_with_an_expired_token_stores_and_gives_none(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    clock.advance(hours=2)
    verified = core.regenerate(issued.access_token.text, {"x": 1})
    assert verified.new_access_token is None
    assert core.session(issued.handle).jwt_payload == {"x": 1}


def test_regenerate_with_a_forged_token_is_unauthorised_and_writes_nothing(core: EmbeddedCore) -> None:
    issued = create(core)
    header, body, signature = issued.access_token.text.split(".")
    for forged in (f"{header}.{body}.{'A' * len(signature)}", "", "a.b.c"):
        with pytest.raises(SuperTokensUnauthorisedError):
            core.regenerate(forged, {"forged": True})
    assert core.session(issued.handle).jwt_payload == {"role": "admin", "n": [1, 2.5, None]}


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


def test_session_data_is_replaced_as_a_whole(core: EmbeddedCore) -> None:
    issued = create(core)
    core.update_session_data(issued.handle, {"a": None})
    assert core.session_data(issued.handle) == {"a": None}


# Keys


def test_a_rotation_of_the_signing_key_logs_nobody_out(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    for _ in range(60):
        clock.advance(minutes=59)
        issued = refresh(core, issued)
        renewed = verify(core, issued)
        assert renewed.new_access_token is not None
        clock.advance(minutes=59)
        verify(core, renewed.new_access_token.text)
    kids = {stored.id for stored in core.store.read_keys() if stored.purpose == "dynamic"}
    assert len(kids) <= 2, "keys that nothing names any more are deleted"
    assert f"d-{FakeClock()()}" not in kids


def test_a_token_signed_just_before_the_change_outlives_it(core: EmbeddedCore, clock: FakeClock) -> None:
    create(core)
    clock.advance(hours=23, minutes=59, seconds=1)
    create(core)  # publishes the next key
    clock.advance(seconds=59)
    old = create(core)
    clock.advance(seconds=2)
    new = create(core)
    assert old.access_token.text.split(".")[0] != new.access_token.text.split(".")[0]
    clock.advance(minutes=59)
    verify(core, old)
    verify(core, new)


def test_another_process_knows_a_new_key_before_it_signs(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock
) -> None:
    other = EmbeddedCore(Config(), store, clock=clock)
    verify(other, create(core))
    clock.advance(hours=24)
    for _ in range(10):
        verify(other, create(core))
        clock.advance(seconds=15)


def test_a_dropped_key_is_refused_everywhere_within_a_minute(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock
) -> None:
    other = EmbeddedCore(Config(), store, clock=clock)
    issued = create(core)
    verify(other, issued)
    clock.advance(seconds=5)
    core.keys.rotate(clock(), drop_old=True)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(core, issued)
    clock.advance(seconds=56)
    with pytest.raises(SuperTokensTryRefreshTokenError):
        verify(other, issued)
    verify(other, refresh(core, issued))


def test_a_token_of_a_key_made_after_the_last_reading_causes_one_reading(
    core: EmbeddedCore, store: SqliteStore, clock: FakeClock
) -> None:
    other = EmbeddedCore(Config(), store, clock=clock)
    verify(other, create(core))
    clock.advance(seconds=5)
    core.keys.rotate(clock(), drop_old=True)
    verify(other, create(core))


def test_forged_key_names_do_not_become_a_load_on_the_store(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    key = core.keys.to_verify(clock()).dynamic[0]
    readings = 0
    read = core.store.read_keys

    def counted() -> Any:
        nonlocal readings
        readings += 1
        return read()

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


def test_keys_are_sealed_where_an_encryption_key_is_configured(
    tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "sealed.sqlite3"
    KeysOnce.put_into(SqliteStore(path), clock())
    plain = {key.id: key.material for key in SqliteStore(path).read_keys()}
    issued = create(EmbeddedCore(Config(), SqliteStore(path), clock=clock))
    old, new = "00" * 32, "11" * 32
    first = EmbeddedCore(Config(encryption_key=old), SqliteStore(path), clock=clock)
    verify(first, issued)
    sealed = {key.id: key.material for key in SqliteStore(path).read_keys()}
    assert sealed.keys() == plain.keys()
    assert all(plain[key_id] not in sealed[key_id] for key_id in sealed)
    second = EmbeddedCore(Config(encryption_key=f"{new},{old}"), SqliteStore(path), clock=clock)
    verify(second, issued)
    third = EmbeddedCore(Config(encryption_key=new), SqliteStore(path), clock=clock)
    refresh(third, issued)
    for wrong in (Config(), Config(encryption_key=old)):
        with pytest.raises(SuperTokensGeneralError, match="encryption_key"):
            verify(EmbeddedCore(wrong, SqliteStore(path), clock=clock), issued)
    with sqlite3.connect(path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    assert not any(material.hex().upper() in dump.upper() for material in plain.values())


# The store fails


class FailingStore(SqliteStore):
    failing = False

    def __getattribute__(self, name: str) -> Any:
        if name in _STORE_METHODS and object.__getattribute__(self, "failing"):
            raise SuperTokensGeneralError("the store is gone") from OSError("unplugged")
        return object.__getattribute__(self, name)


_STORE_METHODS = {
    "create", "get", "get_session_data", "rotate", "confirm", "update", "remove", "remove_user", "handles_of_user",
    "sweep", "read_keys", "add_key",
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
    core.keys.to_sign(clock())
    create(core)  # sweeps, which it does every ten minutes

    def cost(verb: Any) -> tuple[list[str], Any]:
        calls.clear()
        outcome = verb()
        return list(calls), outcome

    taken, issued = cost(lambda: create(core))
    assert taken == ["create"]
    assert cost(lambda: verify(core, issued))[0] == []
    assert cost(lambda: verify(core, issued, check_database=True))[0] == ["get"]
    taken, child = cost(lambda: refresh(core, issued))
    assert taken == ["get", "rotate"]
    assert cost(lambda: refresh(core, issued))[0] == ["get", "rotate"], "a second tab"
    taken, first = cost(lambda: verify(core, child))
    assert taken == ["confirm"]
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


def test_a_refresh_that_always_loses_gives_up_with_an_error(core: EmbeddedCore) -> None:
    issued = create(core)
    core.store.rotate = lambda *_, **__: False  # type: ignore[method-assign]
    with pytest.raises(SuperTokensGeneralError, match="races"):
        refresh(core, issued)


def test_a_clock_that_jumps_back_never_raises_theft_for_the_only_client(core: EmbeddedCore, clock: FakeClock) -> None:
    issued = create(core)
    for hours in (5, -3, 2, -4, 48, -47):
        clock.advance(hours=hours)
        issued = refresh(core, issued)
        verified = core.verify(issued.access_token.text, check_anti_csrf=False)
        assert verified.user_id == "user"


def test_a_record_says_nothing_secret(core: EmbeddedCore, store: SqliteStore) -> None:
    issued = create(core, anti_csrf=True)
    with sqlite3.connect(store._database.path) as connection:
        dump = "\n".join(connection.iterdump())
    connection.close()
    for secret in (issued.access_token.text, issued.refresh_token.text, issued.anti_csrf_token):
        assert str(secret) not in dump
        assert str(secret) not in repr(issued)


def test_many_lineage_rows_are_reached_by_the_same_child(core: EmbeddedCore) -> None:
    """Whatever row answers, one serial has one text."""
    issued = create(core)
    texts = {refresh(core, issued).refresh_token.text for _ in range(3)}
    child = refresh(core, issued)
    verify(core, child)
    texts.add(refresh(core, issued).refresh_token.text)
    assert texts == {child.refresh_token.text}
    assert stored(core, issued.handle).lineage.last == 2
