# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal

import pytest

from supertokens.stores.base import Store
from supertokens.stores.memory import MemoryStore
from supertokens.testing import StoreContract
from supertokens.testing.store_contract import a_record


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore()


def test_a_child_that_is_forked_while_a_thread_writes_can_write() -> None:
    store = MemoryStore()
    with store._lock.own:
        child = os.fork()
        if child == 0:
            signal.alarm(30)  # of a child that waits for ever
            written = False
            try:
                store.create(a_record(), "{}")
                written = True
            finally:
                os._exit(0 if written else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
