# SPDX-License-Identifier: Apache-2.0
"""Ending everybody's sessions: after a restore from a backup, or once keys have been stolen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supertokens.stores.base import EVERYBODY, SessionStore

__all__ = ["revoke_everybody"]

_AT_ONCE: Final = 500
"""A write of so many holds up the others for milliseconds."""


def revoke_everybody(store: SessionStore, now: int) -> Iterator[int]:
    """End all sessions that were created before `now` (ms), some at a time; yield how many each time.

    Those that are created meanwhile live on: whoever logs in after the start has shown who he is.
    """
    after = None
    while page := store.sessions(EVERYBODY, now, after=after, limit=_AT_ONCE):
        after = page[-1].cursor
        yield len(store.remove([each.handle for each in page if each.created_at < now], now))
