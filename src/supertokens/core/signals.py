# SPDX-License-Identifier: Apache-2.0
"""Events of sessions, sent to all listeners. Signals, audit and metrics attach here."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Literal

from supertokens.engine.value import Value

__all__ = ["Event", "EventKind", "Listener", "Signals"]

EventKind = Literal["created", "refreshed", "renewed", "revoked", "theft", "refused"]

_log = logging.getLogger("supertokens")


class Event(Value, frozen=True, kw_only=True):
    """Something that has happened to a session. It holds no token.

    `kind`: ``created``; ``refreshed`` (by the refresh API) or ``renewed`` (in place, by the server); ``revoked``;
    ``theft``; ``refused`` (a request that showed something and was turned away, for the `reason`).
    `handle` and `user_id` are None where they are not known.
    """

    unshown = frozenset(("user_id",))

    kind: EventKind
    handle: str | None = None
    user_id: str | None = None
    reason: str = ""


Listener = Callable[[Event], None]


class Signals:
    """The listeners of one core. They are called in the process that decided, after what happened is stored."""

    def __init__(self) -> None:
        self._listeners: tuple[Listener, ...] = ()

    def connect(self, listener: Listener) -> None:
        """Call `listener` with every event from now on, in the thread that caused it."""
        self._listeners = (*self._listeners, listener)

    def send(self, event: Event) -> None:
        """Call all listeners with `event`. A failure of one is logged, and changes nothing."""
        for listener in self._listeners:
            try:
                listener(event)
            except Exception:  # noqa: BLE001 - it is not ours, and what it listens to has happened
                _log.exception("a listener failed on a session's event %r", event.kind)
