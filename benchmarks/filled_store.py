# SPDX-License-Identifier: Apache-2.0
"""What the number of stored sessions costs: the same operations on a store of a million and on an almost empty one."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks import names
from benchmarks.apps import PAYLOAD, USER_ID, open_benchmark_core
from benchmarks.records import add_sessions, new_record, refresh_token_of
from benchmarks.rounds import Case, Loop, Single
from supertokens.core import EmbeddedCore, system_clock
from supertokens.engine.session import IssuedSession, SessionCursor, SessionRecord

__all__ = ["filled_store_cases"]

_SESSIONS_OF_A_USER: Final = 4
_UNTOUCHED: Final = 10_000
_SWEPT: Final = 500
_PAGE: Final = 100
_SEED: Final = 20_261_129
_MANY: Final = "a user with many sessions"


@contextmanager
def filled_store_cases(
    folder: Path, sizes: Sequence[int] = names.STORE_SIZES, listed: int = names.LISTED_SESSIONS
) -> Iterator[list[Case]]:
    """Stores of `sizes` sessions; the last of them also has a user with `listed`."""
    with ExitStack() as stack:
        cases: list[Case] = []
        for size in sizes:
            core = open_benchmark_core(folder, f"filled-{size}")
            stack.callback(core.close)
            cases += _Filled(core, folder / f"filled-{size}.sqlite3", size).cases()
        add_sessions(folder / f"filled-{sizes[-1]}.sqlite3", _many(listed))
        yield [*cases, *_lists(core, listed)]


class _Filled:
    """A store with sessions of nobody in particular, and those of them that have not been touched."""

    def __init__(self, core: EmbeddedCore, path: Path, size: int) -> None:
        core.create_session(USER_ID, PAYLOAD, {}, anti_csrf=False)  # makes the tables and the keys
        self._core, self._path, self._size = core, path, size
        self._draw = random.Random(_SEED)  # noqa: S311 - which one is next is no secret
        self._fresh: list[SessionRecord] = []
        handles: list[str] = []

        def made() -> Iterator[SessionRecord]:
            for number in range(size):
                record = new_record(f"user-{number // _SESSIONS_OF_A_USER}")
                if number % max(2, size // _UNTOUCHED) == 0:
                    self._fresh.append(record)
                else:
                    handles.append(record.handle)
                yield record

        add_sessions(path, made())
        self._draw.shuffle(self._fresh)
        self._handles = handles

    def cases(self) -> list[Case]:
        """Return the operations on this store, each on sessions drawn from all of it."""
        core = self._core
        return [
            self._case(names.STORE_GET, lambda handle: core.store.get(handle, system_clock()), self._drawn, _all_there),
            self._case(names.CORE_CREATE, self._create, lambda count: [None] * count),
            self._case(names.CORE_REFRESH, self._refresh, self._refresh_tokens),
            self._case(names.FIRST_USE, self._use, self._unused, self._are_confirmed),
            self._case(names.REVOKE_ONE, lambda handle: core.revoke_sessions([handle]), self._fresh_handles, _revoked),
            self._case(names.SWEEP, self._sweep, self._expired, _swept),
        ]

    def _case(
        self,
        name: str,
        operation: Callable[[Any], Any],
        prepare: Callable[[int], Sequence[Any]],
        settle: Callable[[list[Any]], None] = lambda _: None,
    ) -> Loop:
        return Loop(names.in_store_of(name, self._size), operation, prepare, settle)

    def _drawn(self, count: int) -> Sequence[str]:
        return self._draw.choices(self._handles, k=count)

    def _take(self, count: int) -> list[SessionRecord]:
        """Sessions that no case has touched; where they run out, new ones are put into the store."""
        if len(self._fresh) < count:
            self._add(max(count, 1000))
        taken, self._fresh = self._fresh[:count], self._fresh[count:]
        return taken

    def _add(self, count: int) -> None:
        more = [new_record() for _ in range(count)]
        add_sessions(self._path, more)
        self._fresh += more

    def _create(self, _: None) -> IssuedSession:
        return self._core.create_session(USER_ID, PAYLOAD, {}, anti_csrf=False)

    def _refresh(self, token: str) -> IssuedSession:
        return self._core.refresh(token, anti_csrf=False)

    def _refresh_tokens(self, count: int) -> list[str]:
        return [refresh_token_of(self._core, record) for record in self._take(count)]

    def _unused(self, count: int) -> list[str]:
        return [self._refresh(token).access_token.text for token in self._refresh_tokens(count)]

    def _use(self, token: str) -> Any:
        return self._core.verify(token, check_anti_csrf=False)

    def _are_confirmed(self, outcomes: list[Any]) -> None:
        if any(outcome.new_access_token is None for outcome in outcomes):
            raise RuntimeError("the first use of a token was no first use")

    def _fresh_handles(self, count: int) -> list[str]:
        self._add(count)  # the store stays as large as it is
        return [record.handle for record in self._take(count)]

    def _sweep(self, _: None) -> int:
        return self._core.store.sweep(system_clock(), limit=_SWEPT)

    def _expired(self, count: int) -> list[None]:
        """Put sessions into the store that have just expired; they lie together, as those of one hour do."""
        add_sessions(self._path, (new_record(expires_at=1) for _ in range(count * _SWEPT)))
        return [None] * count


def _all_there(outcomes: list[Any]) -> None:
    if None in outcomes:
        raise RuntimeError("a stored session was not found")


def _revoked(outcomes: list[Any]) -> None:
    if any(len(handles) != 1 for handles in outcomes):
        raise RuntimeError("a session was not there to be revoked")


def _swept(outcomes: list[Any]) -> None:
    if set(outcomes) != {_SWEPT}:
        raise RuntimeError("a sweep found fewer expired sessions than there were")


# Lists


def _many(count: int) -> Iterator[SessionRecord]:
    now = system_clock()
    return (new_record(_MANY, created_at=now - count + number) for number in range(count))


def _lists(core: EmbeddedCore, listed: int) -> list[Case]:
    cursors = [each.cursor for each in core.sessions(_MANY)]
    draw = random.Random(_SEED)  # noqa: S311 - which page is next is no secret

    def drawn(count: int) -> Sequence[SessionCursor]:
        return draw.choices(cursors[: max(1, listed - _PAGE)], k=count)

    def full(outcomes: list[Any]) -> None:
        if any(len(page) != min(_PAGE, listed - 1) for page in outcomes):
            raise RuntimeError("a page of a list was not full")

    return [
        Loop(names.LIST_PAGE, lambda after: core.sessions(_MANY, after=after, limit=_PAGE), drawn, full),
        Single(names.LIST_ALL, lambda: _walk(core, listed)),
    ]


def _walk(core: EmbeddedCore, listed: int) -> None:
    found, after = 0, None
    while page := core.sessions(_MANY, after=after, limit=_PAGE):
        found, after = found + len(page), page[-1].cursor
    if found != listed:
        raise RuntimeError("a list did not meet every session once")
