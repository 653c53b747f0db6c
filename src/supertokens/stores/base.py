# SPDX-License-Identifier: Apache-2.0
"""The contract between the core and a store. `supertokens.testing.StoreContract` is this page as tests.

For every method:

* A moment is in integer milliseconds. `now` is the caller's clock; a store that has a clock of its own uses that
  instead and says so in what it returns.
* **Expired is absent**: a session with ``expires_at <= now`` is not seen, swept or not. (A configuration that was
  shortened since may end it sooner; the core sees to that.)
* A missing handle is an answer (None, False, an empty list), not an error.
* The write is the verdict: a conditional statement's count of affected rows decides a race. An update never creates.
* What returned is durable, unless `durable=False` was asked for. What raised happened entirely or not at all.
* A failure of the store raises SuperTokensGeneralError with the driver's error as its cause and no secret in its
  text. What a bounded retry can heal has been retried by then.
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
    "FeedReader", "Found", "KeyStore", "Migrating", "Movable", "Probing", "SessionLimit", "SessionStore", "Store",
    "WholeSession",
]  # fmt: skip


class Everybody(Enum):
    """All users. A type of its own: no user id, no None and no empty string can come to mean that by mistake."""

    EVERYBODY = "everybody"


EVERYBODY: Final = Everybody.EVERYBODY


class Found(NamedTuple):
    """A record, and the time at which it was read by the clock that counts for it (ms)."""

    record: SessionRecord
    now: int


class WholeSession(Value, frozen=True):
    """A session with all that a store keeps of it."""

    unshown = frozenset(("session_data",))

    record: SessionRecord
    session_data: str


class SessionLimit(NamedTuple):
    """How many sessions a user may have, and whether those go for a new one that were not seen for longest."""

    most: int
    evicts: bool


MAX_EVICTED: Final = 500
"""Sessions that one log-in deletes at most, where a limit is introduced; the next ones delete the rest."""


class FeedEntry(NamedTuple):
    """What was announced of the session `handle`: that it is gone, or that its payload is another one."""

    handle: str
    kind: Literal["ended", "payload"]
    at: int
    """When, by the clock that counts for the store (ms). For people: no rule rests on it."""


MAX_ENTRIES: Final = 20_000
"""Entries that one reading of a feed returns at most. A reader that is further behind does better to begin anew."""


class SessionStore(Protocol):
    """Sessions: ten methods."""

    def create(
        self,
        record: SessionRecord,
        session_data: str,
        *,
        limit: SessionLimit | None = None,
        replaces: Sequence[str] = (),
    ) -> list[str] | None:
        """Insert a session, and delete those of the handles `replaces` that exist. Return the handles of all that were
        deleted; None, with nothing written, if the user has as many sessions as `limit` allows and none may go for it.

        A handle that exists is an error, never an update: it would take a session over. What is replaced does not count
        for the limit. Everything happens in one step where the store can do that; where it cannot, a user has never
        more sessions beyond the limit than log in at the same time.
        """

    def get(self, handle: str, now: int) -> Found | None:
        """The session, read from where writes are decided (the primary)."""

    def get_session_data(self, handle: str, now: int) -> str | None:
        """The session data: kept apart, since it may be large and no check needs it."""

    def rotate(self, seen: SessionRecord, becomes: SessionRecord, *, durable: bool) -> bool:
        """Replace handle, lineage, expiry, time of last use, client, `anti_csrf` and `uses_static_key` by those of
        `becomes` if the session still has the (current, newest, handed_out_at) of `seen`. Payload, data and
        `auth_time`, which others may have updated since, stay.

        Return False if the race is lost or the session is gone. `durable=False` lets a crash lose the write.
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
        """Replace what is given. Return False if there is no such session, or if its data is not `if_session_data`,
        where that is given: to the byte, since 1 and 1.0 are not the same text.
        """

    def remove(self, handles: Sequence[str], now: int) -> list[str]:
        """Delete sessions. Return the handles of those that existed, each once, in the order given.

        Many are deleted in steps that let other writers in between, so that an error may come when some are gone. A
        caller that deletes many by several calls need not pause.
        """

    def remove_user(self, user_id: str, now: int) -> list[str]:
        """Delete all sessions that a user has now, in steps as `remove` does. Return their handles.

        A session that the user begins meanwhile stays.
        """

    def sessions(
        self, user_id: str | Everybody, now: int, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        """Return the user's sessions by (created_at, handle), oldest first; EVERYBODY's by handle.

        `after`: only those behind that place. `limit`: at most so many of them. Reading page after page, each with the
        cursor of the last session of the one before, meets every session that lives all the while exactly once.
        """

    def count_sessions(self, user_id: str | Everybody, now: int) -> int:
        """Return how many sessions the user has, or EVERYBODY."""

    def sweep(self, now: int, *, limit: int) -> int:
        """Delete at most `limit` expired sessions. Return how many there were. A crash may lose this write."""


class KeyStore(Protocol):
    """Keys: shared by all workers, so they live with the sessions. Six methods."""

    def read_keys(self, now: int) -> StoredKeys:
        """Return all keys in the order in which they were added, with what the store says of them, of one moment."""

    def add_key(self, key: StoredKey, after: str | None, sealed_with: str | None) -> bool:
        """Insert `key` if the key of its purpose that was added last is `after` (None: there is none yet), and if the
        store says that its keys are sealed with `sealed_with`. A store without any key says so from then on.

        False: another worker was faster, and its key is to be used.
        """

    def reseal_keys(self, seen: Sequence[StoredKey], becomes: Sequence[StoredKey], sealed_with: str) -> bool:
        """Replace the keys `seen`, which are all that the store has, by `becomes`, and say from then on that they are
        sealed with `sealed_with`; all in one step. False: the keys are no longer those.
        """

    def remove_keys(self, purpose: KeyPurpose, ids: Sequence[str]) -> None:
        """Delete keys. Ids that do not exist are passed over."""

    def remove_all_keys(self) -> None:
        """Delete all keys, and what the store says of their sealing: it is as if it never had any."""

    def note_v2(self) -> None:
        """Have `read_keys` say from then on that a V2 access token was minted."""


@runtime_checkable
class Checking(Protocol):
    """A store that reads a session's payload in less time than its record, for each check under blacklisting."""

    def get_payload(self, handle: str, now: int, *, seen_within: int, created_within: int | None) -> str | None:
        """Return the payload of a session that was last seen less than `seen_within` (ms) ago and, unless that is
        None, created less than `created_within` ago; read from where writes are decided.

        None: there is no such session, or `get` has to tell. So it is where a record does not say when it was last
        seen.
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
    """A store that can take out of its files what was replaced or deleted there."""

    def erase(self) -> None:
        """Leave nothing, in any file of the store, of what `reseal_keys` has replaced.

        Raises SuperTokensGeneralError where something that is going on prevents it: it can be called again.
        """


@runtime_checkable
class Migrating(Protocol):
    """A store whose tables have a version."""

    def migrate(self) -> tuple[int, int]:
        """Bring the tables to the version that this program knows. Returns the version from before (0: there were no
        tables), and that of now.
        """


@runtime_checkable
class Probing(Protocol):
    """A store that can show that it takes writes, for those who ask whether requests can be served."""

    def prove_writable(self, within: int) -> None:
        """Write something that changes nothing.

        Raises SuperTokensGeneralError if that fails: where others hold a lock, after about `within` (ms).
        """


@runtime_checkable
class Copying(Protocol):
    """A store that can be copied into a file, and made what such a file says, while others use it."""

    def back_up(self, target: Path, *, overwrite: bool, progress: Callable[[int, int], object]) -> int:
        """Copy everything into the new file `target`, which only its owner may read. Return how many sessions it has.

        `overwrite`: replace a file that is there. `progress`: called with the parts that are done, and with all.

        Raise OSError, and SuperTokensGeneralError.
        """

    def restore(self, source: Path, *, progress: Callable[[int, int], object]) -> int:
        """Replace everything by what the copy `source` has. Return how many sessions those are.

        What fails has changed nothing. `progress` and errors: as for `back_up`.
        """


class Store(SessionStore, KeyStore, Protocol):
    """What an EmbeddedCore stands on."""

    def close(self) -> None:
        """Let go of all connections. A later call opens them again."""


@runtime_checkable
class Movable(Store, Protocol):
    """A store of which another one can be made a copy, to take its place, and which can be such a copy itself.

    Until it is finished, `read_keys` says of which store it is the copy, so that nobody works with a part of it.
    """

    def whole_sessions(self, now: int, *, after: str, limit: int) -> list[WholeSession]:
        """Return at most `limit` sessions that live at `now`, the caller's in every store, in the order of their
        handles: those whose handle comes after `after`, which is empty to begin with.
        """

    def begin_copy(self, copy_of: str) -> bool:
        """Have this store, which has neither sessions nor keys, be an unfinished copy of the store `copy_of`.

        Return False, with nothing changed, if it has some or is a copy of another one; True if it is that copy already.
        """

    def put_sessions(self, copy_of: str, sessions: Sequence[WholeSession], gone: Sequence[str]) -> bool:
        """Write `sessions`, each in the place of the one of its handle if there is one, and delete those of the handles
        `gone`, all in one step. Return False, with nothing changed, unless this is an unfinished copy of `copy_of`.
        """

    def finish_copy(self, copy_of: str, keys: StoredKeys) -> bool:
        """Take over `keys`, sealed or not as they are, and what their store said of them, and be a store like any other
        from then on. Return False, with nothing changed, unless this is an unfinished copy of `copy_of` without keys.
        """
