# SPDX-License-Identifier: Apache-2.0
"""Ending everybody's sessions: after a restore from a backup, or once keys have been stolen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from supertokens.core.embedded import EmbeddedCore
from supertokens.stores.base import EVERYBODY

__all__ = ["count_everybody", "revoke_everybody"]

_AT_ONCE: Final = 500
"""A write of so many holds up the others for milliseconds."""


def count_everybody(core: EmbeddedCore, now: int) -> int:
    """How many sessions there are."""
    return len(core.store.handles_of_user(EVERYBODY, now))


def revoke_everybody(core: EmbeddedCore, now: int) -> Iterator[int]:
    """End all sessions that were created before `now` (ms), some at a time; yields how many each time.

    Those that are created meanwhile live on: whoever logs in after the start has shown who he is.
    """
    while handles := core.store.handles_of_user(EVERYBODY, now, created_before=now, limit=_AT_ONCE):
        # A list from which nothing can be removed any more, because others remove too, is read again.
        yield len(core.revoke_sessions(handles))
