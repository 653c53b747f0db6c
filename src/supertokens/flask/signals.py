# SPDX-License-Identifier: Apache-2.0
"""What happens to sessions, as blinker signals, like Flask's own.

Each is sent with the app as its sender and an `event` (handle, user id and reason, if they are known; never a token),
after the change is stored. A receiver that fails is logged, and changes nothing.
"""

from __future__ import annotations

import weakref
from typing import Final

import flask
from blinker import NamedSignal, Namespace

from supertokens.core import Event, EventKind

__all__ = [
    "session_created", "session_refreshed", "session_refused", "session_renewed", "session_revoked",
    "token_theft_detected",
]  # fmt: skip

_signals: Final = Namespace()

session_created: Final = _signals.signal("session-created")
session_refreshed: Final = _signals.signal("session-refreshed")
session_renewed: Final = _signals.signal("session-renewed")
session_revoked: Final = _signals.signal("session-revoked")
token_theft_detected: Final = _signals.signal("token-theft-detected")
session_refused: Final = _signals.signal("session-refused")

_BY_KIND: Final[dict[EventKind, NamedSignal]] = {
    "created": session_created,
    "refreshed": session_refreshed,
    "renewed": session_renewed,
    "revoked": session_revoked,
    "theft": token_theft_detected,
    "refused": session_refused,
}


def send(app: weakref.ref[flask.Flask], event: Event) -> None:
    """Send the signal of `event` for `app`, unless the app no longer exists."""
    sender = app()
    if sender is not None:
        _BY_KIND[event.kind].send(sender, event=event)
