# SPDX-License-Identifier: Apache-2.0
"""A Hypothesis state machine: the real core on a real SQLite file, against the promises made to an honest client.

The client has one cookie jar and several tabs. Its requests and answers are lost, late and reordered, the clock
moves, others update and revoke; the claims of docs/how-it-works.md hold in every run. A thief's turn comes last, since
it ends the session.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import find, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.refresh_token import authenticate
from supertokens.engine.session import IssuedSession
from supertokens.errors import (
    SuperTokensTokenTheftError,
    SuperTokensTryRefreshTokenError,
    SuperTokensUnauthorisedError,
)
from supertokens.stores.base import Store
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce

GRACE = 10
ACCESS_LIFE = 60
REFRESH_LIFE_MINUTES = 60


@dataclass
class Jar:
    refresh_token: str
    access_token: str
    dies_at: int


@dataclass
class Request:
    """A refresh on its way to a worker."""

    refresh_token: str
    lost_after: int


@dataclass
class Answer:
    """The answer on its way back."""

    issued: IssuedSession
    lost_after: int


class HonestClient(RuleBasedStateMachine):
    way: float = GRACE / 2
    """The longest that a request, or an answer, is under way (seconds): W >= q + r."""

    @initialize(anti_csrf=st.booleans(), binding=st.sampled_from(["user-agent", "none"]))
    def log_in(self, anti_csrf: bool, binding: str) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.clock = FakeClock()
        self.config = Config(
            access_token_validity=ACCESS_LIFE,
            refresh_token_validity=REFRESH_LIFE_MINUTES,
            refresh_token_rotation_grace_period=GRACE,
            refresh_token_rotation_grace_binding=binding,
            enable_anti_csrf=anti_csrf,
        )
        store = self.store()
        KeysOnce.put_into(store, self.clock())
        store.close()
        self.workers = [self.worker(), self.worker()]
        self.anti_csrf = anti_csrf
        issued = self.workers[0].create_session("user", {"n": 0}, {}, anti_csrf=anti_csrf)
        self.handle, self.value = issued.handle, issued.anti_csrf_token
        self.jar = Jar(issued.refresh_token.text, issued.access_token.text, issued.access_token.expires_at)
        self.requests: list[Request] = []
        self.answers: list[Answer] = []
        self.stale: list[str] = []
        self.payload = 0
        self.revoked = False
        self.highest = (1, 1)

    def worker(self) -> EmbeddedCore:
        return EmbeddedCore(self.config, self.store(), clock=self.clock)

    def store(self) -> Store:
        """Return a store, the same one for all workers, that goes by the caller's clock."""
        return SqliteStore(Path(self.folder.name) / "sessions.sqlite3", synchronous="normal")

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            for worker in self.workers:
                worker.close()
            self.folder.cleanup()

    @property
    def expects_life(self) -> bool:
        return not self.revoked

    @property
    def may_refresh(self) -> bool:
        """What the claim asks of a client: one refresh at a time, or only when the access token has died."""
        return self.clock() > self.jar.dies_at or not (self.requests or self.answers)

    @precondition(lambda self: self.may_refresh)
    @rule(tabs=st.integers(2, 3))
    def tabs_send_a_refresh(self, tabs: int) -> None:
        if self.clock() <= self.jar.dies_at:
            tabs = 1
        for _ in range(tabs):
            self.requests.append(Request(self.jar.refresh_token, self.clock() + round(1000 * self.way)))

    @precondition(lambda self: self.requests)
    @rule(worker=st.sampled_from([0, 1]), data=st.data(), duplicated=st.booleans())
    def a_request_arrives(self, worker: int, data: st.DataObject, duplicated: bool) -> None:
        request = data.draw(st.sampled_from(self.requests))
        if not duplicated:
            self.requests.remove(request)
        try:
            issued = self.workers[worker].refresh(
                request.refresh_token, anti_csrf=self.anti_csrf, anti_csrf_token=self.value, client="Firefox"
            )
        except SuperTokensUnauthorisedError:
            assert not self.expects_life, "an honest client was logged out"
            return
        assert self.expects_life, "a revoked session was refreshed"
        assert issued.anti_csrf_token == self.value, "tabs may never disagree about it"
        self.answers.append(Answer(issued, self.clock() + round(1000 * self.way)))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def an_answer_arrives(self, data: st.DataObject) -> None:
        answer = data.draw(st.sampled_from(self.answers))
        self.answers.remove(answer)
        issued = answer.issued
        if issued.refresh_token.text != self.jar.refresh_token:
            self.stale.append(self.jar.refresh_token)
        self.jar = Jar(issued.refresh_token.text, issued.access_token.text, issued.access_token.expires_at)

    @rule(worker=st.sampled_from([0, 1]), check_database=st.booleans(), lost=st.booleans())
    def a_tab_calls(self, worker: int, check_database: bool, lost: bool) -> None:
        try:
            verified = self.workers[worker].verify(
                self.jar.access_token,
                check_anti_csrf=self.anti_csrf,
                anti_csrf_token=self.value,
                check_database=check_database,
                client="Firefox",
            )
        except SuperTokensTryRefreshTokenError:
            return
        except SuperTokensUnauthorisedError:
            assert not self.expects_life, "an honest client was logged out"
            return
        assert verified.user_id == "user"
        if check_database:
            assert self.expects_life, "a revoked session passed a check that asks the store"
            assert verified.jwt_payload == {"n": self.payload}
        if verified.new_access_token is not None and not lost:
            self.jar.access_token = verified.new_access_token.text
            self.jar.dies_at = verified.new_access_token.expires_at

    @rule(seconds=st.sampled_from([1, GRACE / 2, GRACE, GRACE + 1, 600]))
    def time_passes(self, seconds: float) -> None:
        self.clock.advance(seconds=seconds)
        self.lose_what_is_late()

    @rule()
    def the_access_token_dies(self) -> None:
        self.clock.now = max(self.clock.now, self.jar.dies_at + 1)
        self.lose_what_is_late()

    def lose_what_is_late(self) -> None:
        self.requests = [request for request in self.requests if request.lost_after >= self.clock()]
        self.answers = [answer for answer in self.answers if answer.lost_after >= self.clock()]
        if self.revoked or self.workers[0].store.get(self.handle, self.clock()) is None:
            self.revoked = True

    @rule(worker=st.sampled_from([0, 1]))
    def somebody_updates_the_payload(self, worker: int) -> None:
        if self.expects_life:
            self.payload += 1
            self.workers[worker].update_jwt_payload(self.handle, {"n": self.payload})

    @rule(worker=st.sampled_from([0, 1]))
    def a_worker_restarts(self, worker: int) -> None:
        self.workers[worker].close()
        self.workers[worker] = self.worker()

    @precondition(lambda self: not (self.requests or self.answers))
    @rule(worker=st.sampled_from([0, 1]))
    def somebody_revokes(self, worker: int) -> None:
        existed = not self.revoked
        assert self.workers[worker].revoke_sessions([self.handle]) == ([self.handle] if existed else [])
        self.revoked = True

    @precondition(lambda self: self.stale and not (self.requests or self.answers or self.revoked))
    @rule(data=st.data())
    def a_thief_replays_a_replaced_token(self, data: st.DataObject) -> None:
        """With another hint, or late: theft, and what the victim holds goes on working until somebody revokes."""
        self.clock.advance(seconds=GRACE + 1)
        token = data.draw(st.sampled_from(self.stale))
        core = self.workers[0]
        known = authenticate(token, core.keys.ring_for_verifying(self.clock()).refresh)
        found = core.store.get(self.handle, self.clock())
        if found is None or known.serial >= found.record.lineage.current:
            return  # its successor was not seen in use: nothing tells it from a lost answer
        if known.parent == found.record.lineage.current:
            return
        with pytest.raises(SuperTokensTokenTheftError):
            core.refresh(token, anti_csrf=self.anti_csrf, anti_csrf_token=self.value, client="curl")

    @invariant()
    def serials_never_go_back(self) -> None:
        if not hasattr(self, "handle"):
            return
        found = self.workers[0].store.get(self.handle, self.clock())
        if found is None:
            return
        lineage = found.record.lineage
        assert lineage.parent < lineage.current <= lineage.newest
        assert lineage.current >= self.highest[0]
        assert lineage.newest >= self.highest[1]
        self.highest = (lineage.current, lineage.newest)


HonestClient.TestCase.settings = settings(
    settings.get_profile("default"), max_examples=3 * settings().max_examples, stateful_step_count=30
)
TestAnHonestClientIsNeverLoggedOut = pytest.mark.slow(HonestClient.TestCase)


class SlowNetwork(HonestClient):
    way = 2 * GRACE
    """W < q + r: outside of the claim."""


class First:
    """Draws the first of what there is."""

    def draw(self, strategy: st.SearchStrategy[Any]) -> Any:
        return find(strategy, lambda _: True)


def test_the_machine_is_able_to_fail_where_the_network_is_slower_than_the_grace_period() -> None:
    """Two tabs refresh; one request is late; the other's child is used; the late one comes back as a theft."""
    machine = SlowNetwork()
    try:
        machine.log_in(anti_csrf=False, binding="user-agent")
        machine.the_access_token_dies()
        machine.tabs_send_a_refresh(tabs=2)
        machine.a_request_arrives(worker=0, data=First(), duplicated=False)
        machine.an_answer_arrives(data=First())
        machine.a_tab_calls(worker=1, check_database=False, lost=False)
        machine.time_passes(seconds=GRACE + 1)
        with pytest.raises(SuperTokensTokenTheftError):
            machine.a_request_arrives(worker=1, data=First(), duplicated=False)
    finally:
        machine.teardown()
