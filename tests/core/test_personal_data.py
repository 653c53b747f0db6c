# SPDX-License-Identifier: Apache-2.0
"""What is kept of a user's sessions, where the core has the store in its own hands."""

from __future__ import annotations

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core.stored_sessions import MAX_LOST_RACES
from supertokens.engine.noted_client import NOTHING_NOTED, NotedClient
from supertokens.engine.session import SessionRecord
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock, KeysOnce

from .verbs import create, refresh, verify

PHONE = NotedClient("Phone", "192.0.2.7")


class RacedStore(MemoryStore):
    """Another request refreshes a session whenever somebody is about to swap it, `races` times."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__()
        self.clock = clock
        self.races = 0

    def rotate(self, seen: SessionRecord, becomes: SessionRecord, *, durable: bool) -> bool:
        if self.races:
            self.races -= 1
            self.clock.now += 1
            lineage = seen.lineage._replace(handed_out_at=self.clock())
            assert super().rotate(seen, SessionRecord(**{**_fields(seen), "lineage": lineage}), durable=durable)
        return super().rotate(seen, becomes, durable=durable)


def _fields(record: SessionRecord) -> dict[str, object]:
    return {name: getattr(record, name) for name in record.__struct_fields__}


@pytest.fixture
def store(clock: FakeClock) -> RacedStore:
    store = RacedStore(clock)
    KeysOnce.put_into(store, clock())
    return store


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_forgetting_a_client_undoes_nothing_of_what_a_request_does_at_the_same_time(
    store: RacedStore, clock: FakeClock
) -> None:
    core = EmbeddedCore(Config(), store, clock=clock)
    issued = create(core, noted=PHONE)
    pending = refresh(core, issued, noted=PHONE)
    store.races = MAX_LOST_RACES - 1
    assert core.forget_clients("user") == [issued.handle]
    found = store.get(issued.handle, clock())
    assert found is not None
    assert (found.record.client, found.record.lineage.handed_out_at) == (NOTHING_NOTED, clock())
    verify(core, refresh(core, pending))


def test_forgetting_gives_up_where_a_session_does_not_come_to_rest(store: RacedStore, clock: FakeClock) -> None:
    core = EmbeddedCore(Config(), store, clock=clock)
    create(core, noted=PHONE)
    store.races = MAX_LOST_RACES
    with pytest.raises(SuperTokensGeneralError, match="races"):
        core.forget_clients("user")


def test_clients_of_sessions_that_only_the_configuration_has_ended_are_forgotten_too(
    store: RacedStore, clock: FakeClock
) -> None:
    handle = create(EmbeddedCore(Config(), store, clock=clock), noted=PHONE).handle
    clock.advance(hours=3)
    core = EmbeddedCore(Config(session_max_lifetime=7200), store, clock=clock)
    assert core.sessions("user") == []
    assert core.forget_clients("user") == [handle]
    found = store.get(handle, clock())
    assert found is not None
    assert found.record.client == NOTHING_NOTED
