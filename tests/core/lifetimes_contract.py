# SPDX-License-Identifier: Apache-2.0
"""How long sessions, tokens and cookies live, wherever the core runs: a part of `CoreContract`."""

from __future__ import annotations

import pytest

from supertokens.errors import SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError
from supertokens.testing import FakeClock

from .verbs import MakeCore, create, refresh, verify

__all__ = ["LifetimesContract"]

HOUR = 3_600_000
CLOSING = 5_000
"""Half a grace period."""
ABSOLUTE = {"session_max_lifetime": 7200}
SHORT = {"short_session_validity": 7200, "access_token_validity": 600}


class LifetimesContract:
    def test_a_session_is_remembered_unless_it_is_said_otherwise(self, make_core: MakeCore, clock: FakeClock) -> None:
        core = make_core()
        for options, remember in (({}, True), ({"remember": True}, True), ({"remember": False}, False)):
            issued = create(core, **options)
            assert issued.remember is remember
            assert core.session(issued.handle).remember is remember
            child = refresh(core, issued)
            assert child.remember is remember
            first = verify(core, child)
            assert first.cookie_life == child.cookie_life
            changed = core.regenerate(first.new_access_token.text, {})  # type: ignore[union-attr]
            assert changed.cookie_life == child.cookie_life
            ends = clock() + (144_000 * 60_000 if remember else 24 * HOUR)
            assert {issued.refresh_token.expires_at, child.refresh_token.expires_at} == {ends}
            assert core.session(issued.handle).expires_at == ends

    def test_a_session_that_is_not_remembered_ends_sooner_when_idle(
        self, make_core: MakeCore, clock: FakeClock
    ) -> None:
        core = make_core(**SHORT)
        kept, dropped = create(core), create(core, remember=False)
        clock.advance(seconds=7199)
        child = refresh(core, dropped)
        verify(core, child)
        assert core.session(dropped.handle).expires_at == clock() + 2 * HOUR, "its use extends it"
        clock.advance(seconds=7200)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, child)
        refresh(core, kept)

    def test_a_session_ends_at_its_absolute_end_however_much_it_is_used(
        self, make_core: MakeCore, clock: FakeClock
    ) -> None:
        core = make_core(**ABSOLUTE)
        issued, ends = create(core), clock() + 2 * HOUR
        for _ in range(8):
            assert issued.refresh_token.expires_at == issued.id_refresh_token.expires_at == ends
            assert issued.access_token.expires_at == min(clock() + HOUR, ends)
            clock.advance(minutes=14)
            issued = refresh(core, issued)
            verified = verify(core, issued)
            assert verified.new_access_token is not None
            assert verified.new_access_token.expires_at == issued.access_token.expires_at
            assert verified.cookie_life == (ends, True)
            assert core.session(issued.handle).expires_at == ends
        clock.now = ends - CLOSING - 1
        issued = refresh(core, issued)
        assert issued.access_token.expires_at == ends
        clock.now = ends - 1
        newest = verify(core, issued, check_database=True).new_access_token
        assert newest is not None
        assert core.session(issued.handle).expires_at == ends
        clock.now = ends
        for each in (issued.access_token.text, newest.text):
            with pytest.raises(SuperTokensTryRefreshTokenError):
                verify(core, each)
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, issued)
        with pytest.raises(SuperTokensUnauthorisedError):
            core.session(issued.handle)
        assert core.session_handles("user") == []

    def test_the_absolute_end_is_a_whole_second_so_that_the_record_does_not_outlive_the_last_token(
        self, make_core: MakeCore, clock: FakeClock
    ) -> None:
        core = make_core(**ABSOLUTE)
        clock.now += 999
        issued = create(core)
        ends = clock() - 999 + 2 * HOUR
        assert core.session(issued.handle).expires_at == ends
        clock.now = ends - CLOSING - 1
        child = refresh(core, issued)
        assert child.access_token.expires_at == ends
        clock.now = ends - 1
        verify(core, child)
        clock.now = ends
        with pytest.raises(SuperTokensUnauthorisedError):
            refresh(core, child)

    @pytest.mark.parametrize("grace", [10, 60, 0])
    def test_half_a_grace_period_before_its_absolute_end_a_session_is_served_and_not_refreshed(
        self, make_core: MakeCore, clock: FakeClock, grace: int
    ) -> None:
        """A token for less than clocks may be apart would be dead on arrival, and its holder looks like a thief."""
        core = make_core(**ABSOLUTE, refresh_token_rotation_grace_period=grace)
        issued, ends = create(core), clock() + 2 * HOUR
        clock.now = ends - grace * 500 - 1
        issued = refresh(core, issued)
        clock.now += 1
        for in_place in (False, True):
            with pytest.raises(SuperTokensUnauthorisedError):
                refresh(core, issued, in_place=in_place)
        if grace:
            marked = verify(core, issued, check_database=True)
            assert marked.new_access_token is not None, "its first use counts up to the end"
        assert core.session_handles("user") == ([issued.handle] if grace else [])

    def test_a_first_use_that_comes_late_extends_no_further_than_the_absolute_end(
        self, make_core: MakeCore, clock: FakeClock
    ) -> None:
        core = make_core(**ABSOLUTE)
        issued = create(core, remember=False)
        ends = clock() + 2 * HOUR
        child = refresh(core, issued)
        clock.advance(minutes=59)
        verified = verify(core, child)
        assert core.session(issued.handle).expires_at == ends
        assert verified.cookie_life == (ends, False)
