# SPDX-License-Identifier: Apache-2.0
"""The contract between the core and a store. `supertokens.testing.StoreContract` is this page as tests.

For every method:

* Times are integer milliseconds. `now` is the caller's clock; a store with its own clock uses that instead, and returns
  the time that it used.
* **Expired means absent**: a session with ``expires_at <= now`` is never returned, whether or not it has been swept.
  (A configuration that was shortened since may end it sooner; the core takes care of that.)
* A missing handle is a result (None, False, an empty list), not an error.
* The write is the verdict: a conditional statement's count of affected rows decides a race. An update never creates.
* What has returned is durable, unless the caller passed `durable=False`. What has raised happened completely or not at
  all.
* A failure of the store raises SuperTokensGeneralError, with the driver's error as its cause and no secret in its
  message, after any bounded retries that can help.
* Any thread may call, and any process that shares the store; a store survives a fork.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Final, Literal, NamedTuple, Protocol, runtime_checkable

from supertokens.engine.session import ListedSession, SessionCursor, SessionRecord
from supertokens.engine.signing_keys import KeyPurpose, StoredKey, StoredKeys
from supertokens.engine.value import Value

__all__ = [
    "EVERYBODY", "MAX_ENTRIES", "MAX_EVICTED", "Announcing", "Checking", "Copying", "Erasing", "Everybody", "FeedEntry",
    "FeedReader", "KeyStore", "Migrating", "Movable", "Probing", "SessionLimit", "SessionStore", "Store",
    "TimestampedRecord", "WholeSession",
]  # fmt: skip


class Everybody(Enum):
    """All users. It has its own type, so that no user id, None or empty string can come to mean that by mistake."""

    EVERYBODY = "everybody"


EVERYBODY: Final = Everybody.EVERYBODY


class TimestampedRecord(NamedTuple):
    """A record, with the time (ms) of the authoritative clock when it was read."""

    record: SessionRecord
    now: int


class WholeSession(Value, frozen=True):
    """A session with everything that a store keeps about it."""

    unshown = frozenset(("session_data",))

    record: SessionRecord
    session_data: str


class SessionLimit(NamedTuple):
    """How many sessions a user may have, and whether the longest unused ones are evicted to make room for a new one."""

    most: int
    evicts: bool


MAX_EVICTED: Final = 500
"""The most sessions that one login deletes, when a limit is introduced; later logins delete the rest."""


class FeedEntry(NamedTuple):
    """What was announced of the session `handle`: that it is gone, or that its payload is another one."""

    handle: str
    kind: Literal["ended", "payload"]
    at: int
    """When, by the clock that counts for the store (ms). For people: no rule rests on it."""


MAX_ENTRIES: Final = 20_000
"""Entries that one reading of a feed returns at most. A reader that is further behind does better to begin anew."""


class SessionStore(Protocol):
    """Stores sessions: ten methods."""

    def create(
        self,
        record: SessionRecord,
        session_data: str,
        *,
        limit: SessionLimit | None = None,
        replaces: Sequence[str] = (),
    ) -> list[str] | None:
        """Insert a session, and delete those of the handles `replaces` that exist.

        Return the handles of all deleted sessions; or None, with nothing written, if the user already has as many
        sessions as `limit` allows and none may be evicted. An existing handle is an error, never an update, which would
        take over a session. Replaced sessions do not count towards the limit. Everything happens in one step if the
        store can do that; if not, a user exceeds the limit by no more sessions than are created at the same time.
        """

    def get(self, handle: str, now: int) -> TimestampedRecord | None:
        """Return the session, read from where writes are decided (the primary)."""

    def get_session_data(self, handle: str, now: int) -> str | None:
        """Return the session data. It is separate because it may be large and no check needs it."""

    def rotate(self, seen: SessionRecord, becomes: SessionRecord, *, durable: bool) -> bool:
        """Replace handle, lineage, expiry, time of last use, client, `anti_csrf` and `uses_static_key` with those of
        `becomes`, if the session still has the (current, newest, handed_out_at) of `seen`.

        Payload, data and `auth_time` are kept, since others may have updated them. Return False if another request was
        faster or the session no longer exists. With `durable=False`, a crash may lose the write.
        """

    def update(
        self,
        handle: str,
        now: int,
        *,
        jwt_payload: str | None = None,
        session_data: str | None = None,
        if_session_data: str | None = None,
        auth_time: int | None = None,
    ) -> bool:
        """Replace the given values.

        Return False if there is no such session, or if `if_session_data` is given and the data differs from it:
        compared byte by byte, since 1 and 1.0 are not the same text.
        """

    def remove(self, handles: Sequence[str], now: int) -> list[str]:
        """Delete sessions. Return the handles of those that existed, each once, in the given order.

        Large numbers are deleted in steps that let other writers in between, so an error may be raised after some are
        deleted. A caller that deletes many in several calls need not pause between them.
        """

    def remove_user(self, user_id: str, now: int) -> list[str]:
        """Delete all sessions that a user has now, in steps as `remove` does. Return their handles.

        A session that the user begins in the meantime is kept.
        """

    def sessions(
        self, user_id: str | Everybody, now: int, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        """Return the user's sessions ordered by (created_at, handle); those of EVERYBODY ordered by handle.

        `after`: return only those after that position. `limit`: return at most that many. Reading page by page, each
        with the cursor of the last session of the previous page, returns every session that exists throughout exactly
        once.
        """

    def count_sessions(self, user_id: str | Everybody, now: int) -> int:
        """Return the number of sessions of the user, or of EVERYBODY."""

    def sweep(self, now: int, *, limit: int) -> int:
        """Delete at most `limit` expired sessions. Return the number deleted. A crash may lose this write."""


class KeyStore(Protocol):
    """Stores keys with the sessions, since all workers share them. Six methods."""

    def read_keys(self, now: int) -> StoredKeys:
        """Return a consistent view of all keys, in the order in which they were added, and of how they are sealed."""

    def add_key(self, key: StoredKey, after: str | None, sealed_with: str | None) -> bool:
        """Insert `key` if the last key added for its purpose is `after` (None: there is none yet), and if the store
        records that its keys are sealed with `sealed_with`. An empty store records that from then on.

        Return False if another worker was faster; its key is then to be used.
        """

    def reseal_keys(self, seen: Sequence[StoredKey], becomes: Sequence[StoredKey], sealed_with: str) -> bool:
        """Replace the keys `seen` with `becomes`, and record that they are sealed with `sealed_with`; all in one step.

        Return False if `seen` are not, or no longer, all keys of the store.
        """

    def remove_keys(self, purpose: KeyPurpose, ids: Sequence[str]) -> None:
        """Delete keys. Ids that do not exist are ignored."""

    def remove_all_keys(self) -> None:
        """Delete all keys and the record of how they were sealed, as if there had never been any."""

    def note_v2(self) -> None:
        """Record, for `read_keys`, that a V2 access token has been issued."""


@runtime_checkable
class Checking(Protocol):
    """A store that can read a session's payload faster than its record, for each check with blacklisting."""

    def get_payload(self, handle: str, now: int, *, seen_within: int, created_within: int | None) -> str | None:
        """Return the payload of a session that was last seen less than `seen_within` (ms) ago and, unless that is None,
        created less than `created_within` (ms) ago; read from where writes are decided.

        Return None if there is no such session, or if only `get` can tell, as when a record does not say when it was
        last seen.
        """


class FeedReader(Protocol):
    """Follows what an `Announcing` store announces, for one thread of one process."""

    def lease(self, now: int, lasts: int) -> None:
        """Have everything announced that is written once this has returned, for `lasts` (ms) at least.

        Raise SuperTokensGeneralError.
        """

    def start(self) -> None:
        """Go to the end of what has been announced, once there is a lease. Raise SuperTokensGeneralError."""

    def read(self) -> list[FeedEntry] | None:
        """Return everything that was announced since the last reading, of what was committed when this was called.

        None: something may be missing, since the lease ended meanwhile, entries were removed unread, there are more
        than MAX_ENTRIES, or the store was put back to an earlier state. `lease` and `start` are needed then.

        Raise SuperTokensGeneralError.
        """

    def wait(self, stopped: threading.Event) -> None:
        """Wait until something may have been announced, or `stopped` is set; a part of the greatest lag at most."""

    def close(self) -> None:
        """Let go of the connection. The lease runs out by itself."""


@runtime_checkable
class Announcing(Protocol):
    """A store that announces, while somebody holds a lease, each session that is gone and each payload that changed.

    An entry is written in the transaction of the change itself, whoever makes it. Also for a session that was swept: a
    clock that was ahead may have swept one that others still take for a living one.
    """

    def feed_reader(self, max_lag_s: float) -> FeedReader:
        """Return a reader that is to see what is announced within `max_lag_s` (seconds), and sooner if it can."""

    def sweep_feed(self, now: int, *, kept_for: int, limit: int) -> int:
        """Delete at most `limit` entries that are older than `kept_for` (ms), and end a lease that has run out.

        Return how many entries there were. Readers that have not seen them, or held that lease, find out.
        """


@runtime_checkable
class Erasing(Protocol):
    """A store that can remove replaced or deleted data from its files."""

    def erase(self) -> None:
        """Remove everything that `reseal_keys` has replaced from all files of the store.

        Raises SuperTokensGeneralError if an operation in progress prevents that; call it again later.
        """


@runtime_checkable
class Migrating(Protocol):
    """A store whose schema has a version."""

    def migrate(self) -> tuple[int, int]:
        """Upgrade the schema to the version that this program knows.

        Return the versions before (0: there were no tables) and after.
        """


@runtime_checkable
class Probing(Protocol):
    """A store that can prove that it accepts writes, for readiness checks."""

    def prove_writable(self, within: int) -> None:
        """Make a write that changes nothing.

        Raises SuperTokensGeneralError if it fails: if others hold a lock, after about `within` (ms).
        """


@runtime_checkable
class Copying(Protocol):
    """A store that can be copied to a file, and restored from one, while in use."""

    def back_up(self, target: Path, *, overwrite: bool, progress: Callable[[int, int], object]) -> int:
        """Copy everything into the new file `target`, readable only by its owner. Return the number of sessions in it.

        `overwrite`: replace an existing file. `progress`: called with the parts done and the total. Raises OSError, and
        SuperTokensGeneralError.
        """

    def restore(self, source: Path, *, progress: Callable[[int, int], object]) -> int:
        """Replace everything with the contents of the copy `source`. Return the number of sessions. A failure changes
        nothing.

        `progress` and errors: as for `back_up`.
        """


class Store(SessionStore, KeyStore, Protocol):
    """Everything that an EmbeddedCore needs from a store."""

    def close(self) -> None:
        """Close all connections. A later call opens them again."""


@runtime_checkable
class Movable(Store, Protocol):
    """A store that can be copied to another one, which takes its place, and that can be such a copy itself.

    Until the copy is finished, `read_keys` says which store it is a copy of, so that nobody works with part of it.
    """

    def whole_sessions(self, now: int, *, after: str, limit: int) -> list[WholeSession]:
        """Return at most `limit` sessions that are live at `now` (the caller's clock in every store), ordered by
        handle: those whose handle comes after `after`, which is empty at the beginning.
        """

    def begin_copy(self, copy_of: str) -> bool:
        """Make this store, which must have neither sessions nor keys, an unfinished copy of the store `copy_of`. Return
        False, with nothing changed, if it has any or is a copy of another store; True if it is already that copy.
        """

    def put_sessions(self, copy_of: str, sessions: Sequence[WholeSession], gone: Sequence[str]) -> bool:
        """Write `sessions`, replacing those with the same handles, and delete those with the handles `gone`, all in one
        step. Return False, with nothing changed, unless this is an unfinished copy of `copy_of`.
        """

    def finish_copy(self, copy_of: str, keys: StoredKeys) -> bool:
        """Adopt `keys` as they are, sealed or not, with what their store recorded about them, and become a regular
        store. Return False, with nothing changed, unless this is an unfinished copy of `copy_of` without keys.
        """
