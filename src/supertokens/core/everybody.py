# SPDX-License-Identifier: Apache-2.0
"""Ending everybody's sessions: after a restore from a backup, or once keys have been stolen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supertokens.stores.base import EVERYBODY, SessionStore

__all__ = ["count_everybody", "revoke_everybody"]

_AT_ONCE: Final = 500
"""A write of so many holds up the others for milliseconds."""


def count_everybody(store: SessionStore, now: int) -> int:
    """How many sessions there are."""
    return len(store.handles_of_user(EVERYBODY, now))


def revoke_everybody(store: SessionStore, now: int) -> Iterator[int]:
    """End all sessions that were created before `now` (ms), some at a time; yields how many each time.

    Those that are created meanwhile live on: whoever logs in after the start has shown who he is.
    """
    while handles := store.handles_of_user(EVERYBODY, now, created_before=now, limit=_AT_ONCE):
        # By the same `now` as they were found: what is not removed here has been removed by others, so this ends.
        yield len(store.remove(handles, now))
