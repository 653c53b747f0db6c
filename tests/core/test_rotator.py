# SPDX-License-Identifier: Apache-2.0
"""What a refresh writes, and what of it stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.session import SessionRecord
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce


class Noting(SqliteStore):
    """A store that notes which rotations have to survive a power cut."""

    def rotate(self, before: SessionRecord, after: SessionRecord, *, durable: bool) -> bool:
        self.durable = [*getattr(self, "durable", []), durable]
        return super().rotate(before, after, durable=durable)


@pytest.fixture
def store(tmp_path: Path, clock: FakeClock) -> Noting:
    made = Noting(tmp_path / "sessions.sqlite3", synchronous="normal")
    KeysOnce.put_into(made, clock())
    return made


def test_what_was_seen_in_use_survives_a_power_cut_and_what_was_handed_out_need_not(
    store: Noting, core: EmbeddedCore
) -> None:
    first = core.create_session("user", {}, {}, anti_csrf=False)
    second = core.refresh(first.refresh_token.text, anti_csrf=False)
    assert store.durable == [False], "a child that was handed out"
    core.verify(second.access_token.text, check_anti_csrf=False)
    assert store.durable == [False, True], "its first use"
    core.refresh(core.refresh(second.refresh_token.text, anti_csrf=False).refresh_token.text, anti_csrf=False)
    assert store.durable == [False, True, False, True], "a child that comes back to be refreshed"
    store.close()


@pytest.mark.parametrize("asked_first", [True, False])
def test_a_repeated_child_keeps_the_anti_csrf_value_that_it_was_minted_with(
    store: Noting, clock: FakeClock, *, asked_first: bool
) -> None:
    core = EmbeddedCore(Config(), store, clock=clock)
    first = core.create_session("user", {}, {}, anti_csrf=True)
    token, value = first.refresh_token.text, first.anti_csrf_token
    child = core.refresh(token, anti_csrf=asked_first, anti_csrf_token=value)
    repeated = core.refresh(token, anti_csrf=not asked_first, anti_csrf_token=value)
    assert repeated.refresh_token.text == child.refresh_token.text
    assert repeated.anti_csrf_token == child.anti_csrf_token
    assert (child.anti_csrf_token is not None) == asked_first
    store.close()
