# SPDX-License-Identifier: Apache-2.0
"""A session as it is stored, and the credentials handed out for it: two types, never mixed.

Times are integer milliseconds since the epoch, UTC.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple
from uuid import UUID

from supertokens.engine.noted_client import NOTHING_NOTED, NotedClient
from supertokens.engine.rotation import Lineage
from supertokens.engine.user_data import JsonObject
from supertokens.engine.value import Value

__all__ = [
    "MAX_USER_ID_BYTES", "CookieLife", "Credential", "IssuedSession", "ListedSession", "SessionCursor",
    "SessionInformation", "SessionRecord", "VerifiedSession", "can_be_user_id", "is_handle", "new_handle",
]  # fmt: skip

MAX_USER_ID_BYTES: Final = 512
"""Longest user id, in UTF-8, that the Python verbs accept."""

_HANDLE_BYTES: Final = 16
_HANDLE: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def new_handle(random_bytes: bytes) -> str:
    """Return a session handle, a lower-case version 4 UUID, of 16 `random_bytes`. It is a name, not a secret."""
    return str(UUID(bytes=random_bytes, version=4))


def handle_to_bytes(handle: str) -> bytes:
    """Return the 16 bytes of the session handle `handle`. Raises ValueError for another text."""
    # As UUID would, in a quarter of its time.
    raw = bytes.fromhex(handle.replace("-", ""))
    if len(raw) != _HANDLE_BYTES:
        raise ValueError("not a session handle")
    return raw


def handle_from_bytes(raw: bytes) -> str:
    """Return the session handle of 16 bytes, as `handle_to_bytes` gives them."""
    digits = raw.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def is_handle(text: str) -> bool:
    """Return whether `text` has the form of a handle. Nothing else names a session."""
    return _HANDLE.fullmatch(text) is not None


def can_be_user_id(text: str) -> bool:
    """Return whether a user of the name `text` can have sessions: a lone surrogate cannot be stored."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


class SessionRecord(Value, frozen=True, kw_only=True):
    """Everything that a store keeps about a session except the session data, which is read separately."""

    unshown = frozenset(("jwt_payload",))

    handle: str
    user_id: str
    jwt_payload: str
    """JSON text of an object."""
    created_at: int
    expires_at: int
    uses_static_key: bool
    """Whether its access tokens are signed by the static key."""
    anti_csrf: bool
    """Whether the newest pair was issued with an anti-CSRF value."""
    remember: bool
    """Whether the browser keeps its cookies when it is closed."""
    last_seen_at: int | None
    """When it was last known to be used; None in the record of an earlier version, which did not say so."""
    auth_time: int | None
    """When the user last confirmed their identity; None: when it was created."""
    client: NotedClient
    """The client that last received the newest pair, if recorded."""
    lineage: Lineage


class SessionInformation(Value, frozen=True, kw_only=True):
    """What may be reported about a session by its handle; its data is read separately."""

    unshown = frozenset(("jwt_payload",))

    handle: str
    user_id: str
    jwt_payload: JsonObject
    created_at: int
    expires_at: int
    remember: bool = True
    auth_time: int | None = None
    """When the user last confirmed their identity; None if the core does not say."""


class CookieLife(NamedTuple):
    """How long a browser keeps a session's cookies: until a moment (ms), or until it is closed if not `remember`."""

    until: int
    remember: bool


class SessionCursor(NamedTuple):
    """A place in a list of sessions. The session that it was taken from need not exist any more."""

    created_at: int
    handle: str


class ListedSession(Value, frozen=True, kw_only=True):
    """What a list shows about a session: not its payload or its data, which may be large."""

    handle: str
    user_id: str
    created_at: int
    refreshed_at: int | None
    """When a refresh last handed out the newest pair; None if that is not known, as before the first one."""
    expires_at: int
    last_seen_at: int | None
    """When it was last known to be used; None where nothing says so."""
    remember: bool
    client: NotedClient = NOTHING_NOTED

    @property
    def cursor(self) -> SessionCursor:
        """Return the place in the list behind this session."""
        return SessionCursor(self.created_at, self.handle)

    @property
    def seen_at(self) -> int:
        """Return when the session is known to have been used last: no earlier than when it was created."""
        return next(each for each in (self.last_seen_at, self.refreshed_at, self.created_at) if each is not None)


class Credential(Value, frozen=True):
    """A token as it goes to the client."""

    unshown = frozenset(("text",))

    text: str
    created_at: int
    expires_at: int


class IssuedSession(Value, frozen=True, kw_only=True):
    """The result of create and refresh."""

    unshown = frozenset(("anti_csrf_token", "jwt_payload"))

    handle: str
    user_id: str
    jwt_payload: JsonObject
    access_token: Credential
    refresh_token: Credential
    id_refresh_token: Credential
    anti_csrf_token: str | None
    remember: bool = True
    revoked: tuple[str, ...] = ()
    """Handles of sessions that ended for it: those that it replaces, and those beyond the user's limit."""

    @property
    def cookie_life(self) -> CookieLife:
        return CookieLife(self.refresh_token.expires_at, self.remember)


class VerifiedSession(Value, frozen=True, kw_only=True):
    """The result of verify and regenerate.

    `new_access_token`: the client must replace its own with it; `cookie_life`: how long it keeps that in a cookie, if
    the core says so. One result may be returned many times: callers that hand out `jwt_payload` must hand out a copy.
    """

    unshown = frozenset(("jwt_payload",))

    handle: str
    user_id: str
    jwt_payload: JsonObject
    new_access_token: Credential | None = None
    cookie_life: CookieLife | None = None
