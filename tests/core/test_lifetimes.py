# SPDX-License-Identifier: Apache-2.0
"""How long a session lives, against a second account of it: each life, remembered or not, while the configuration is
shortened and lengthened, answers are lost, and children come back late or never.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.lifetimes import Lifetimes
from supertokens.engine.session import VerifiedSession
from supertokens.errors import SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError
from supertokens.stores.memory import MemoryStore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce
from supertokens.testing.store_contract import a_record

ACCESS = [100, 600]
SHORT = [601, 1200, 3000]
IDLE_MINUTES = [20, 60]
MOST = [None, 11, 900, 4000]


class Lives(RuleBasedStateMachine):
    """`promised`, `seen`: what the record has to say; `ends` is when the session ends by that and by the settings."""

    @initialize(remember=st.booleans(), odd=st.integers(0, 999), data=st.data())
    def log_in(self, remember: bool, odd: int, data: st.DataObject) -> None:
        self.clock = FakeClock()
        self.clock.now += odd
        self.store = MemoryStore()
        KeysOnce.put_into(self.store, self.clock())
        self.remember = remember
        self.the_configuration_changes(data)
        issued = self.core.create_session("user", {}, {}, anti_csrf=False, remember=remember)
        self.handle, self.created = issued.handle, self.clock()
        self.accepted = self.refresh_token = issued.refresh_token.text
        self.access_token, self.dies_at = issued.access_token.text, issued.access_token.expires_at
        self.seen, self.promised = self.clock(), self.extended()
        assert issued.cookie_life == (self.promised, remember)

    @rule(data=st.data())
    def the_configuration_changes(self, data: st.DataObject) -> None:
        """A worker starts anew, with settings that are longer or shorter than before."""
        self.config = Config(
            access_token_validity=data.draw(st.sampled_from(ACCESS)),
            refresh_token_validity=data.draw(st.sampled_from(IDLE_MINUTES)),
            short_session_validity=data.draw(st.sampled_from(SHORT)),
            session_max_lifetime=data.draw(st.sampled_from(MOST)),
        )
        self.core = EmbeddedCore(self.config, self.store, clock=self.clock)

    # The second account

    @property
    def idle(self) -> int:
        minutes = round(self.config.refresh_token_validity * 60_000)
        return minutes if self.remember else min(minutes, 1000 * (self.config.short_session_validity or 0))

    @property
    def bound(self) -> int:
        most = self.config.session_max_lifetime
        return 10**15 if most is None else (self.created + 1000 * most) - (self.created % 1000)

    @property
    def ends(self) -> int:
        return min(self.promised, self.seen + self.idle, self.bound)

    @property
    def lives(self) -> bool:
        return self.clock() < self.ends

    @property
    def may_be_refreshed(self) -> bool:
        """Half a grace period before its absolute end a session is refreshed no more."""
        return self.lives and self.clock() < self.bound - 5000

    def extended(self) -> int:
        return min(self.clock() + self.idle, self.bound if hasattr(self, "created") else self.bound_of_new)

    @property
    def bound_of_new(self) -> int:
        self.created = self.clock()
        return self.bound

    def is_used(self) -> None:
        self.seen, self.promised = self.clock(), self.extended()

    # What a client does

    @rule(lost=st.booleans(), in_place=st.booleans())
    def it_refreshes(self, lost: bool, in_place: bool) -> None:
        """Its answer may be `lost`: then the client goes on with what it had."""
        try:
            issued = self.core.refresh(self.refresh_token, anti_csrf=False, client="Firefox", in_place=in_place)
        except SuperTokensUnauthorisedError:
            assert not self.may_be_refreshed, "a living session was refused"
            return
        assert self.may_be_refreshed, "an ended session was refreshed"
        if self.refresh_token != self.accepted or in_place:
            self.accepted = self.refresh_token
            self.is_used()
        assert issued.cookie_life == (self.extended(), self.remember), "no cookie outlives the absolute end"
        whole = min(self.clock() + 1000 * self.config.access_token_validity, self.bound) // 1000 * 1000
        assert issued.access_token.expires_at == whole > self.clock() - 1000
        if not lost:
            self.refresh_token = issued.refresh_token.text
            self.access_token, self.dies_at = issued.access_token.text, issued.access_token.expires_at

    @rule(lost=st.booleans(), checks=st.booleans())
    def it_calls(self, lost: bool, checks: bool) -> None:
        """A first use may come late: minutes after the child was handed out, and after the session's end."""
        if self.clock() >= self.dies_at:
            with pytest.raises(SuperTokensTryRefreshTokenError):
                self.verify(checks)
            return
        token = self.core.authentic_access_token(self.access_token)
        assert token is not None
        asks = checks or token.parent_refresh_token_hash is not None
        try:
            verified = self.verify(checks)
        except SuperTokensUnauthorisedError:
            assert asks
            assert not self.lives, "a living session was refused"
            return
        assert self.lives or not asks, "a check of the record let an ended session pass"
        if token.parent_refresh_token_hash is None:
            return
        if self.accepted != self.refresh_token:
            self.accepted = self.refresh_token
            self.is_used()
        assert verified.new_access_token is not None
        assert verified.new_access_token.expires_at == min(self.dies_at, self.bound)
        assert verified.cookie_life == (self.extended(), self.remember)
        if not lost:
            self.access_token, self.dies_at = verified.new_access_token.text, verified.new_access_token.expires_at

    def verify(self, checks: bool) -> VerifiedSession:
        return self.core.verify(self.access_token, check_anti_csrf=False, check_database=checks, client="Firefox")

    @precondition(lambda self: self.lives)
    @rule(n=st.integers(0, 9))
    def its_payload_is_changed(self, n: int) -> None:
        changed = self.core.regenerate(self.access_token, {"n": n})
        assert (changed.new_access_token is None) is (self.clock() >= self.dies_at)
        if changed.new_access_token is not None:
            assert changed.new_access_token.expires_at == min(self.dies_at, self.bound)
            assert changed.cookie_life == (self.extended(), self.remember)

    @rule(seconds=st.sampled_from([0.001, 1, 11, 99, 600, 1200, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)

    @rule(before=st.sampled_from([0, 1, 1000, 5000, 5001]))
    def its_end_comes_near(self, before: int) -> None:
        self.clock.now = max(self.clock.now, self.ends - before)

    @rule()
    def its_access_token_dies(self) -> None:
        self.clock.now = max(self.clock.now, self.dies_at)

    @invariant()
    def everybody_says_the_same(self) -> None:
        if not hasattr(self, "promised"):
            return
        if not self.lives:
            for verb in (self.core.session, self.core.session_data):
                with pytest.raises(SuperTokensUnauthorisedError):
                    verb(self.handle)
            with pytest.raises(SuperTokensUnauthorisedError):
                self.core.update_session_data(self.handle, {})
            return
        told = self.core.session(self.handle)
        assert (told.expires_at, told.remember, told.created_at) == (self.ends, self.remember, self.created)
        assert self.core.session_data(self.handle) == {}


Lives.TestCase.settings = settings(
    settings.get_profile("default"), max_examples=settings().max_examples, stateful_step_count=30
)
TestLives = pytest.mark.slow(Lives.TestCase)


def test_a_configuration_that_was_shortened_counts_for_living_sessions_and_one_that_was_lengthened_does_not() -> None:
    clock, store = FakeClock(), MemoryStore()
    KeysOnce.put_into(store, clock())

    def core(**options: int) -> EmbeddedCore:
        return EmbeddedCore(Config(**options), store, clock=clock)

    issued = core(refresh_token_validity=600).create_session("user", {}, {}, anti_csrf=False)
    clock.advance(minutes=119)
    shorter, longer = core(refresh_token_validity=120), core(refresh_token_validity=6000)
    assert shorter.session(issued.handle).expires_at == issued.access_token.created_at + 120 * 60_000
    assert longer.session(issued.handle).expires_at == issued.access_token.created_at + 600 * 60_000
    clock.advance(minutes=1)
    with pytest.raises(SuperTokensUnauthorisedError):
        shorter.refresh(issued.refresh_token.text, anti_csrf=False)
    longer.refresh(issued.refresh_token.text, anti_csrf=False)


@given(
    lifetimes=st.builds(
        Lifetimes, st.just(1000), st.integers(1, 9000), st.integers(1, 9000), st.none() | st.integers(1, 9000)
    ).filter(lambda lifetimes: lifetimes.short_idle <= lifetimes.idle),
    created=st.integers(0, 5000),
    seen=st.none() | st.integers(0, 5000),
    expires=st.integers(1, 20_000),
    remember=st.booleans(),
    now=st.integers(0, 20_000),
)
def test_a_session_has_ended_from_its_end_on(
    lifetimes: Lifetimes, created: int, seen: int | None, expires: int, remember: bool, now: int
) -> None:
    seen = None if seen is None else created + seen
    record = a_record(created_at=created, last_seen_at=seen, expires_at=expires, remember=remember)
    if now < expires:  # what the store has said already
        assert lifetimes.has_ended(record, now) is (now >= lifetimes.end_of(record))
        seen_within, created_within = lifetimes.beyond_doubt()
        lately = seen is not None and seen > now - seen_within
        if lately and (created_within is None or created > now - created_within):
            assert not lifetimes.has_ended(record, now), "so the payload alone is read"


@pytest.mark.parametrize(
    ("options", "remember", "lives"),
    [
        ({"refresh_token_validity": 120}, True, 7200),
        ({"short_session_validity": 600, "access_token_validity": 300}, True, 3600),  # the token's own end
        ({"short_session_validity": 600, "access_token_validity": 300}, False, 600),
        ({"session_max_lifetime": 1500}, True, 1500),
    ],
)
def test_a_check_that_asks_the_database_sees_the_end_of_a_session_that_was_used_lately(
    store: SqliteStore, clock: FakeClock, options: dict[str, int], remember: bool, lives: int
) -> None:
    started = EmbeddedCore(Config(), store, clock=clock)
    text = started.create_session("user", {}, {}, anti_csrf=False, remember=remember).access_token.text
    core, begun = EmbeddedCore(Config(**options), store, clock=clock), clock()
    for second in range(0, 3601, 100):
        clock.now = begun + second * 1000
        if second < min(lives, 3600):
            assert core.verify(text, check_anti_csrf=False, check_database=True).new_access_token is None
            continue
        with pytest.raises((SuperTokensUnauthorisedError, SuperTokensTryRefreshTokenError)):
            core.verify(text, check_anti_csrf=False, check_database=True)


def test_a_token_that_replaces_one_from_before_the_bound_was_set_does_not_outlive_it() -> None:
    clock, store = FakeClock(), MemoryStore()
    KeysOnce.put_into(store, clock())
    before = EmbeddedCore(Config(), store, clock=clock)
    child = before.refresh(before.create_session("user", {}, {}, anti_csrf=False).refresh_token.text, anti_csrf=False)
    bounded = EmbeddedCore(Config(session_max_lifetime=1000), store, clock=clock)
    ends = clock() + 1_000_000
    first = bounded.verify(child.access_token.text, check_anti_csrf=False)
    changed = bounded.regenerate(child.access_token.text, {"n": 1})
    for each in (first, changed):
        assert each.new_access_token is not None
        assert each.new_access_token.expires_at == ends
        token = bounded.authentic_access_token(each.new_access_token.text)
        assert token is not None
        assert token.expires_at == ends
