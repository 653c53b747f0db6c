# SPDX-License-Identifier: Apache-2.0
"""Tell whether a missing session has ended or continues under another handle.

A renewal under another handle overtakes requests that the same browser has sent before. Their tokens are no longer
valid, but if their responses cleared the cookies, the browser would lose the new ones.

Only a renewal derives a handle: it takes the old one away in the very write that gives the new one, so that none is
ever given twice. A login over a session cannot promise that, and a handle that came again would bring old tokens
back to life.
"""

from __future__ import annotations

from collections.abc import Callable

from supertokens.core.keys import KeyKeeper
from supertokens.engine.refresh_token import successor_of
from supertokens.engine.rotation import NEW_SESSION
from supertokens.engine.session import is_handle
from supertokens.errors import SuperTokensUnauthorisedError
from supertokens.stores.base import SessionStore

__all__ = ["Successors"]


class Successors:
    """Finds the session that another one has become. `clock` gives ms since the epoch.

    `grace`: for how long (ms) after a renewal a request of before counts as overtaken; 0: never.
    """

    def __init__(self, keys: KeyKeeper, store: SessionStore, clock: Callable[[], int], grace: int) -> None:
        self._keys = keys
        self._store = store
        self._clock = clock
        self._grace = grace

    def gone(self, handle: str, message: str = "Session does not exist.") -> SuperTokensUnauthorisedError:
        """Return what to raise for the session `handle`, which is not stored: with `message`, if it has ended.

        Where it was renewed under another handle a moment ago, only this request is refused, and nothing is deleted. A
        holder of copied tokens learns no more than that.
        """
        if self._has_just_been_renewed(handle):
            return SuperTokensUnauthorisedError(
                "the session was given another handle while this request was on its way", reason="replaced",
                this_request_only=True,
            )  # fmt: skip
        return SuperTokensUnauthorisedError(message, reason="ended")

    def _has_just_been_renewed(self, handle: str) -> bool:
        key = self._keys.known_refresh_key()  # a process that has never read the keys has verified no token either
        if self._grace == 0 or key is None or not is_handle(handle):
            return False
        found = self._store.get(successor_of(key, handle), self._clock())
        if found is None or found.record.last_seen_at is None:
            return False
        # Until its first refresh, which is not due for an access token's life, it was last seen when it was renewed.
        return found.record.lineage == NEW_SESSION and found.now - found.record.last_seen_at <= self._grace
