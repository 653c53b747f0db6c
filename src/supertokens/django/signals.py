# SPDX-License-Identifier: Apache-2.0
"""What happens to sessions, as Django signals.

Each is sent with an `event` (handle, user id and reason, if they are known; never a token), after the change is stored.
A receiver that fails is logged, and changes nothing.
"""

from __future__ import annotations

from typing import Final

from django.dispatch import Signal

from supertokens.core import Event, EventKind

__all__ = [
    "send", "session_created", "session_refreshed", "session_refused", "session_renewed", "session_revoked",
    "token_theft_detected",
]  # fmt: skip

session_created: Final = Signal()
session_refreshed: Final = Signal()
session_renewed: Final = Signal()
session_revoked: Final = Signal()
token_theft_detected: Final = Signal()
session_refused: Final = Signal()

_BY_KIND: Final[dict[EventKind, Signal]] = {
    "created": session_created,
    "refreshed": session_refreshed,
    "renewed": session_renewed,
    "revoked": session_revoked,
    "theft": token_theft_detected,
    "refused": session_refused,
}


def send(event: Event) -> None:
    """Send the signal for `event`."""
    _BY_KIND[event.kind].send(sender=Event, event=event)
