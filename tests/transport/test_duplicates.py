# SPDX-License-Identifier: Apache-2.0
"""Of several cookies of one name the one that counts is found among authentic ones, with few questions to the core."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from supertokens.core import Core
from supertokens.engine import base64url
from supertokens.engine.session import IssuedSession
from supertokens.testing import FakeClock
from supertokens.transport import duplicates
from supertokens.transport.duplicates import (
    CONFLICTING_SESSIONS,
    ConflictingSessionsError,
    Picked,
    handles_of_access_tokens,
    handles_of_refresh_tokens,
    pick_access_token,
    pick_refresh_token,
)

from .site import Site


def handles_in(access: list[str], refresh: list[str], core: Any) -> list[str]:
    return list(dict.fromkeys([*handles_of_access_tokens(access, core), *handles_of_refresh_tokens(refresh, core)]))


@pytest.fixture
def site(clock: FakeClock) -> Site:
    return Site(clock)


@pytest.fixture
def core(site: Site) -> Core:
    return site.core


@pytest.fixture
def asked(core: Core, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the core is asked about; each question about a refresh token may be a call over the network."""
    made: list[str] = []

    def counted(verb: Callable[..., Any]) -> Callable[..., Any]:
        def ask(text: str) -> Any:
            made.append(text)
            return verb(text)

        return ask

    for name in ("authentic_access_token", "authentic_refresh_token"):
        monkeypatch.setattr(core, name, counted(getattr(core, name)))
    return made


def session_of(core: Core, user_id: str = "ada") -> IssuedSession:
    return core.create_session(user_id, {}, {}, anti_csrf=False)


def forged(token: str, *, serial: int | None = None, handle: int | None = None) -> str:
    """Return a refresh token that says it is of another serial, or of another session."""
    raw = bytearray(base64url.decode(token))
    if handle is not None:
        raw[9:25] = UUID(int=handle).bytes
    if serial is not None:
        raw[25:33] = serial.to_bytes(8, "big")
    return base64url.encode(bytes(raw))


def next_of(core: Core, issued: IssuedSession) -> IssuedSession:
    """Return the pair after `issued`, whose child has been used."""
    child = core.refresh(issued.refresh_token.text, anti_csrf=False)
    core.verify(child.access_token.text, check_anti_csrf=False)
    return child


# Access tokens


def test_of_one_session_the_newest_access_token_counts_wherever_it_stands(core: Core, clock: FakeClock) -> None:
    first = session_of(core)
    clock.advance(seconds=5)
    second = next_of(core, first)
    texts = [first.access_token.text, second.access_token.text]
    for values in (texts, texts[::-1], [*texts, texts[0]], ["a.b.c", *texts]):
        assert pick_access_token(values, core, clock()) == Picked(second.access_token.text, may_settle=True)


def test_of_two_sessions_of_one_user_the_newer_counts(core: Core, clock: FakeClock) -> None:
    older = session_of(core)
    clock.advance(seconds=5)
    newer = session_of(core)
    for values in (
        [older.access_token.text, newer.access_token.text],
        [newer.access_token.text, older.access_token.text],
    ):
        assert pick_access_token(values, core, clock()) == Picked(newer.access_token.text, may_settle=True)


def test_live_access_tokens_of_different_users_conflict(core: Core, clock: FakeClock) -> None:
    values = [session_of(core, user).access_token.text for user in ("ada", "mallory")]
    with pytest.raises(ConflictingSessionsError) as refused:
        pick_access_token(values, core, clock())
    assert refused.value.reason == CONFLICTING_SESSIONS


@pytest.mark.parametrize(("ms_left", "conflict"), [(1, True), (0, False)])
def test_an_expired_access_token_of_another_user_does_not_count_and_lets_nothing_be_settled(
    core: Core, clock: FakeClock, ms_left: int, conflict: bool
) -> None:
    """Otherwise a planted one could be set as the visitor's own, once that has expired."""
    ada = session_of(core, "ada")
    clock.now = ada.access_token.expires_at - ms_left
    mallory = session_of(core, "mallory")
    values = [ada.access_token.text, mallory.access_token.text]
    if conflict:
        with pytest.raises(ConflictingSessionsError):
            pick_access_token(values, core, clock())
    else:
        assert pick_access_token(values, core, clock()) == Picked(mallory.access_token.text, may_settle=False)


def test_where_all_have_expired_different_users_conflict_and_one_users_newest_counts(
    core: Core, clock: FakeClock
) -> None:
    older = session_of(core)
    clock.advance(seconds=5)
    newer = session_of(core)
    mallory = session_of(core, "mallory")
    clock.advance(hours=2)
    values = [older.access_token.text, newer.access_token.text]
    assert pick_access_token(values, core, clock()) == Picked(newer.access_token.text, may_settle=True)
    with pytest.raises(ConflictingSessionsError):
        pick_access_token([*values, mallory.access_token.text], core, clock())


def test_where_no_access_token_is_authentic_the_first_is_presented_and_nothing_settled(
    core: Core, clock: FakeClock
) -> None:
    for values in (["x", "y"], ["a.b.c", "x"], ["", ""]):
        assert pick_access_token(values, core, clock()) == Picked(values[0], may_settle=False)


def test_of_distinct_access_tokens_eight_are_looked_at(core: Core, clock: FakeClock, asked: list[str]) -> None:
    good = session_of(core).access_token.text
    header, body, signature = good.split(".")
    forgeries = [f"{header}.{body}.{number:03}{signature[3:]}" for number in range(500)]
    assert pick_access_token([*forgeries[:7], good, *forgeries[7:]], core, clock()).text == good
    assert len(asked) == 8
    asked.clear()
    assert pick_access_token([*forgeries[:8], good], core, clock()) == Picked(forgeries[0], may_settle=False)
    assert asked == forgeries[:8]


def test_the_same_access_token_many_times_is_looked_at_once_and_garbage_not_at_all(
    core: Core, clock: FakeClock, asked: list[str]
) -> None:
    good = session_of(core).access_token.text
    garbage = [*map(str, range(100)), "a.b", "a.b.c.d", "..."]
    assert pick_access_token([*garbage, *[good] * 100], core, clock()) == Picked(good, may_settle=True)
    assert asked == [good]


# Refresh tokens


def test_of_one_session_the_refresh_token_of_the_highest_serial_counts(core: Core, asked: list[str]) -> None:
    first = session_of(core)
    second = next_of(core, first)
    third = next_of(core, second)
    texts = [issued.refresh_token.text for issued in (second, first, third)]
    for values in (texts, texts[::-1], [*texts, *texts], [*texts, "garbage"]):
        asked.clear()
        assert pick_refresh_token(values, core) == Picked(third.refresh_token.text, may_settle=True)
        assert asked == [third.refresh_token.text]


def test_the_last_that_is_left_need_not_be_asked_about(core: Core, asked: list[str]) -> None:
    good = session_of(core).refresh_token.text
    assert pick_refresh_token([good, good, "garbage"], core) == Picked(good, may_settle=True)
    assert asked == []
    newer = forged(good, serial=9)
    assert pick_refresh_token([newer, good], core) == Picked(good, may_settle=True)
    assert asked == [newer]


def test_of_distinct_forged_serials_three_are_asked_about(core: Core, asked: list[str]) -> None:
    good = session_of(core).refresh_token.text
    forgeries = [forged(good, serial=serial) for serial in range(500, 100, -1)]
    assert pick_refresh_token([*forgeries[:3], good], core).text == good
    assert asked == forgeries[:3]
    asked.clear()
    pick_refresh_token([*forgeries, good], core)
    assert asked == forgeries[:3]


def test_of_distinct_sessions_four_are_asked_about_and_eight_are_looked_at(core: Core, asked: list[str]) -> None:
    good = session_of(core).refresh_token.text
    forgeries = [forged(good, handle=number) for number in range(1, 500)]
    assert pick_refresh_token([*forgeries[:3], good, *forgeries[3:]], core) == Picked(good, may_settle=True)
    assert asked == [*forgeries[:3], good]
    asked.clear()
    assert pick_refresh_token([*forgeries, good], core) == Picked(forgeries[0], may_settle=False)
    assert asked == forgeries[:4]


def test_more_than_eight_refresh_tokens_are_not_even_looked_at(core: Core) -> None:
    good = session_of(core).refresh_token.text
    stale = [forged(good, serial=0, handle=number) for number in range(1, 9)]
    assert pick_refresh_token([*stale, good], core).text == stale[0]
    assert pick_refresh_token([good, *stale], core).text == good


def test_of_two_sessions_of_one_user_the_younger_that_exists_counts(core: Core, clock: FakeClock) -> None:
    older = session_of(core)
    clock.advance(seconds=5)
    newer = session_of(core)
    texts = [older.refresh_token.text, newer.refresh_token.text]
    for values in (texts, texts[::-1]):
        assert pick_refresh_token(values, core) == Picked(newer.refresh_token.text, may_settle=True)
    core.revoke_sessions([newer.handle])
    assert pick_refresh_token(texts, core) == Picked(older.refresh_token.text, may_settle=False)
    core.revoke_sessions([older.handle])
    assert pick_refresh_token(texts, core).may_settle is False


def test_live_refresh_tokens_of_different_users_conflict_and_those_of_ended_sessions_do_not_count(core: Core) -> None:
    ada, mallory = session_of(core, "ada"), session_of(core, "mallory")
    texts = [ada.refresh_token.text, mallory.refresh_token.text]
    with pytest.raises(ConflictingSessionsError):
        pick_refresh_token(texts, core)
    core.revoke_sessions([ada.handle])
    assert pick_refresh_token(texts, core) == Picked(mallory.refresh_token.text, may_settle=False)


def test_where_no_refresh_token_has_the_form_of_one_the_first_is_presented(core: Core, asked: list[str]) -> None:
    assert pick_refresh_token(["x", "", "a.b.c"], core) == Picked("x", may_settle=False)
    assert asked == []


# All sessions that came


def test_the_handles_of_all_that_came_are_found_also_of_what_has_expired(core: Core, clock: FakeClock) -> None:
    ada = session_of(core, "ada")
    clock.advance(hours=2)
    mallory = session_of(core, "mallory")
    assert handles_in([ada.access_token.text, mallory.access_token.text], [ada.refresh_token.text], core) == [
        ada.handle, mallory.handle,
    ]  # fmt: skip
    assert handles_in([], [mallory.refresh_token.text, ada.refresh_token.text, "x"], core) == [
        mallory.handle,
        ada.handle,
    ]
    assert handles_in([], [], core) == []


def test_forged_tokens_name_no_session(core: Core) -> None:
    issued = session_of(core)
    header, body, signature = issued.access_token.text.split(".")
    assert (
        handles_in([f"{header}.{body}.{'AAA' + signature[3:]}"], [forged(issued.refresh_token.text, serial=7)], core)
        == []
    )


def test_garbage_and_copies_hide_no_session(core: Core, asked: list[str]) -> None:
    issued = session_of(core)
    garbage = [*map(str, range(20)), "a.b", "a.b.c.d"]
    assert handles_in([*garbage, issued.access_token.text], [], core) == [issued.handle]
    assert handles_in([], [*garbage, issued.refresh_token.text], core) == [issued.handle]
    other = session_of(core)
    asked.clear()
    assert handles_in([*[issued.access_token.text] * 20, other.access_token.text], [], core) == [
        issued.handle,
        other.handle,
    ]
    assert asked == [issued.access_token.text, other.access_token.text]


def test_the_sessions_that_came_cost_no_more_than_a_few_questions(core: Core, asked: list[str]) -> None:
    issued = session_of(core)
    header, body, signature = issued.access_token.text.split(".")
    access = [f"{header}.{body}.{number:03}{signature[3:]}" for number in range(500)]
    refresh = [forged(issued.refresh_token.text, handle=number) for number in range(1, 500)]
    assert handles_in(access, refresh, core) == []
    assert len(asked) == 8 + 4


# The warning


def test_whoever_plants_cookies_cannot_fill_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    monkeypatch.setattr(duplicates, "time", SimpleNamespace(monotonic=lambda: now))
    for now in (0.0, 0.1, 59.9, 60.0, 119.9):  # noqa: B007
        ConflictingSessionsError()
    assert len(caplog.records) == 2
    message = caplog.messages[0]
    assert message.index("older_cookie_domain") < message.index("cookie_prefix: host"), "a changed setting is likelier"
