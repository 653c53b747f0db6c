# SPDX-License-Identifier: Apache-2.0
"""Copies all sessions and keys of one store into another, which is to replace it: everybody stays logged in.

Both are read side by side, in the order of the handles, and the copy is made equal to its source, whatever an earlier,
interrupted copy has left there: so a session revoked since then does not survive in the copy. Until the copy is
finished, no core uses it; after that, no copy writes to it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

import msgspec

from supertokens.engine.session import is_handle
from supertokens.engine.signing_keys import StoredKeys
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import EVERYBODY, Movable, WholeSession

__all__ = ["Copied", "Digest", "StoreCopy"]

_SESSIONS_AT_ONCE: Final = 200
"""Per transaction, for which others wait milliseconds, and in memory, each with up to `max_session_data_bytes`."""

Progress = Callable[[str, int, int], object]
"""Called with the current step, the number of sessions done, and the total."""


class Copied(NamedTuple):
    """The result of one run: the number of sessions in the source, written to the target, and deleted there."""

    sessions: int
    written: int
    removed: int


class Digest(NamedTuple):
    """The contents of a store: the number of its sessions, and the SHA-256 of everything kept about them, in hex."""

    sessions: int
    sha256: str


class StoreCopy:
    """A copy of `source` into `target`. `progress`: see `Progress`.

    `now`: the time, by the caller's clock (ms), used to decide which sessions have expired.

    Every method may raise SuperTokensGeneralError; what it had copied by then stays, and nothing else has changed.
    """

    def __init__(self, source: Movable, target: Movable, now: int, progress: Progress) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        stored = source.read_keys(now)
        self._now = stored.now  # by the clock of the source, if it has one: it has decided about these sessions so far
        self._name = _name_of(stored)

    def copy(self) -> Copied:
        """Make the sessions of the target equal to those of the source; expired sessions are left out."""
        if not self._target.begin_copy(self._name):
            raise SuperTokensGeneralError(_why_not(self._target.read_keys(self._now), self._name))
        total = self._source.count_sessions(EVERYBODY, self._now)
        sessions = written = removed = 0
        for mine, theirs in self._side_by_side():
            there = {each.record.handle: each for each in theirs}
            differing = [each for each in mine if there.pop(each.record.handle, None) != each]
            for each in differing:
                if not is_handle(each.record.handle):
                    raise SuperTokensGeneralError("the source has a session with an invalid handle: revoke it first")
            gone = list(there)
            if (differing or gone) and not self._target.put_sessions(self._name, differing, gone):
                raise SuperTokensGeneralError(_OVERTAKEN)
            sessions, written, removed = sessions + len(mine), written + len(differing), removed + len(gone)
            self._progress("copying", sessions, max(total, sessions))
        return Copied(sessions, written, removed)

    def verify(self) -> Digest:
        """Read both stores again, and return their contents. Raise SuperTokensGeneralError unless it is the same."""
        here, there = self._digest(self._source, "verifying the source"), self._digest(self._target, "verifying")
        if here != there:
            raise SuperTokensGeneralError(
                f"the source has {here.sessions} sessions now and the copy {there.sessions}, or others: something still"
                " uses the source. Stop it, and run the same command again; what is copied already stays"
            )
        return here

    def finish(self) -> int:
        """Copy the keys to the target, which makes it usable. Return the number of keys."""
        secret = self._source.read_keys(self._now)
        if _name_of(secret) != self._name or not self._target.finish_copy(self._name, secret):
            raise SuperTokensGeneralError(_OVERTAKEN)
        copied = self._target.read_keys(self._now)
        if copied._replace(now=secret.now) != secret:
            raise SuperTokensGeneralError("the target does not keep the keys that were given to it")
        return len(copied.keys)

    def _side_by_side(self) -> Iterator[tuple[list[WholeSession], list[WholeSession]]]:
        """Yield the sessions of source and target, one range of handles at a time."""
        after = ""
        while True:
            pages = [
                store.whole_sessions(self._now, after=after, limit=_SESSIONS_AT_ONCE)
                for store in (self._source, self._target)
            ]
            ends = [page[-1].record.handle for page in pages if len(page) == _SESSIONS_AT_ONCE]
            if not ends:
                yield pages[0], pages[1]
                return
            after = min(ends)
            mine, theirs = ([each for each in page if each.record.handle <= after] for page in pages)
            yield mine, theirs

    def _digest(self, store: Movable, what: str) -> Digest:
        total = store.count_sessions(EVERYBODY, self._now)
        sessions, digest, after = 0, hashlib.sha256(), ""
        while page := store.whole_sessions(self._now, after=after, limit=_SESSIONS_AT_ONCE):
            for each in page:
                digest.update(msgspec.msgpack.encode(each))
            after = page[-1].record.handle
            sessions += len(page)
            self._progress(what, sessions, max(total, sessions))
        return Digest(sessions, digest.hexdigest())


_OVERTAKEN: Final = (
    "the target is no longer an unfinished copy of this source: another copy has finished it, or something has started"
    " using it, or the keys of the source were created anew. Use it, or empty it and start again"
)


def _name_of(stored: StoredKeys) -> str:
    """Return a unique name for the store of `stored`: the id of its first refresh key, which is random."""
    if stored.copy_of is not None:
        raise SuperTokensGeneralError("the source is itself an unfinished copy: finish that one first")
    refresh = stored.of("refresh")
    if not refresh:
        raise SuperTokensGeneralError("the source has no keys, so nobody is logged in: there is nothing to copy")
    return refresh[0].id


def _why_not(stored: StoredKeys, name: str) -> str:
    if stored.copy_of not in (None, name):
        return "the target is an unfinished copy of another source: copy from that one, or empty the target"
    return (
        "the target already has sessions or keys, which are not from this copy (a finished copy is in use, and is not"
        " written to again): use another target, or empty it"
    )
