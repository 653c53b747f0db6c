# SPDX-License-Identifier: Apache-2.0
"""Short histories of many clients on one session, each searched for an order in which a single client had it so.

An operation takes effect at one moment between its beginning and its end (Herlihy and Wing, "Linearizability"). So a
revoke that has returned is seen by every check that begins afterwards, and of a parent's children one is accepted.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import NamedTuple

import pytest
from msgspec.structs import replace

from supertokens.core import system_clock
from supertokens.engine.rotation import NEW_SESSION
from supertokens.engine.session import SessionRecord, new_handle
from supertokens.stores.base import Store
from supertokens.stores.opening import open_store
from supertokens.testing.store_contract import a_record

CLIENTS = 5
OPERATIONS = 4
HISTORIES = 1_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 300


class Done(NamedTuple):
    """An operation on the serial of the newest child: `wanted` is what `swap` takes it to be. None: no session."""

    began: int
    ended: int
    name: str
    wanted: int | None
    becomes: int | None
    answer: object


def explains(state: int | None, done: Done) -> tuple[bool, int | None]:
    """Return whether a session in `state` answers so, and its state from then on."""
    if done.name == "get":
        return done.answer == state, state
    if done.name == "remove":
        return done.answer == (state is not None), None
    swapped = state is not None and state == done.wanted
    return done.answer == swapped, done.becomes if swapped else state


def is_linearizable(history: list[Done], state: int | None = 1) -> bool:
    """Search all orders in which no operation comes before one that had ended when it began."""
    seen: set[tuple[frozenset[int], int | None]] = set()

    def search(left: frozenset[int], state: int | None) -> bool:
        if not left:
            return True
        if (left, state) in seen:
            return False
        seen.add((left, state))
        first_end = min(history[each].ended for each in left)
        for each in left:
            if history[each].began <= first_end:
                fits, becomes = explains(state, history[each])
                if fits and search(left - {each}, becomes):
                    return True
        return False

    return search(frozenset(range(len(history))), state)


class Client:
    """One of those who get, rotate and revoke a session, in an order of its own."""

    def __init__(self, store: Store, record: SessionRecord, number: int, seed: int, meeting: Barrier) -> None:
        self._store, self._record, self._number, self._meeting = store, record, number, meeting
        self._random = random.Random(seed * CLIENTS + number)
        self._last_seen = record

    def run(self) -> list[Done]:
        self._meeting.wait(60)
        return [self._one(number) for number in range(OPERATIONS)]

    def _one(self, number: int) -> Done:
        name = self._random.choices(["get", "swap", "remove"], [4, 5, 1])[0]
        wanted = becomes = None
        began = time.monotonic_ns()
        if name == "get":
            found = self._store.get(self._record.handle, 0)
            answer: object = None if found is None else found.record.lineage.newest
            self._last_seen = self._last_seen if found is None else found.record
        elif name == "remove":
            answer = self._store.remove([self._record.handle], 0) != []
        else:
            seen = self._last_seen
            wanted, becomes = seen.lineage.newest, 100 * (self._number + 1) + number
            child = replace(seen, lineage=seen.lineage._replace(newest=becomes))
            answer = self._store.rotate(seen, child, durable=self._random.random() < 0.5)
            self._last_seen = child if answer else seen
        return Done(began, time.monotonic_ns(), name, wanted, becomes, answer)


@pytest.fixture
def stores(url: str) -> Iterator[list[Store]]:
    """A store for each client, as if each were on a host of its own."""
    opened = [open_store(url) for _ in range(CLIENTS)]
    yield opened
    for each in opened:
        each.close()


def test_every_history_has_an_order_in_which_one_client_alone_had_it_so(stores: list[Store]) -> None:
    now, removed, lost = system_clock(), 0, 0
    with ThreadPoolExecutor(CLIENTS) as threads:
        for seed in range(HISTORIES):
            handle = new_handle(random.Random(seed).randbytes(16))
            record = a_record(1, handle=handle, created_at=now, expires_at=now + 600_000, lineage=NEW_SESSION)
            stores[0].create(record, "{}")
            meeting = Barrier(CLIENTS)
            clients = [Client(store, record, number, seed, meeting) for number, store in enumerate(stores)]
            run: Callable[[Client], list[Done]] = Client.run
            history = [done for each in threads.map(run, clients) for done in each]
            assert len(history) == CLIENTS * OPERATIONS == 20
            assert is_linearizable(history), history
            removed += any(done.name == "remove" for done in history)
            lost += sum(done.name == "swap" and not done.answer for done in history)
    assert removed > HISTORIES // 4
    assert lost > HISTORIES, "they did meet"


def test_the_search_finds_histories_that_no_order_explains() -> None:
    revoked = Done(0, 1, "remove", None, None, True)
    assert is_linearizable([revoked, Done(2, 3, "get", None, None, None)])
    assert not is_linearizable([revoked, Done(2, 3, "get", None, None, 1)]), "a revoke that had returned was not seen"
    assert is_linearizable([revoked, Done(0, 3, "get", None, None, 1)]), "they overlap"
    first, second = Done(0, 9, "swap", 1, 100, True), Done(0, 9, "swap", 1, 200, True)
    assert not is_linearizable([first, second]), "two children of one parent were accepted"
    assert is_linearizable([first, second._replace(answer=False)])
    assert not is_linearizable([revoked, Done(2, 3, "swap", 1, 100, True)]), "a revoked session came back"
