# SPDX-License-Identifier: Apache-2.0
"""Worker processes for the tests of concurrency and crashes."""

from __future__ import annotations

import json
import os
import random
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Protocol

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.errors import SuperTokensError, SuperTokensSessionLimitError, SuperTokensUnauthorisedError
from supertokens.stores.opening import open_store

CONFIG = Config(refresh_token_rotation_grace_period=60)


class Meeting(Protocol):
    """A barrier of all threads of all processes."""

    def wait(self, timeout: float | None = None) -> int: ...


class Jar:
    """The cookie jar of one browser, shared by all its tabs: a file that is replaced as a whole."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[str, str]:
        refresh_token, access_token = json.loads(self._path.read_text())
        return refresh_token, access_token

    def write(self, refresh_token: str, access_token: str) -> None:
        new = self._path.with_suffix(f".{os.getpid()}-{threading.get_ident()}")
        new.write_text(json.dumps([refresh_token, access_token]))
        new.replace(self._path)


class Tab:
    """One of the 32. In a round all of them find the access token dead and refresh, each when it gets to it."""

    def __init__(self, core: EmbeddedCore, folder: Path, number: int, meeting: Meeting) -> None:
        self._core = core
        self._jars = [Jar(path) for path in sorted(folder.glob("shared-*.json"))]
        self._doomed = json.loads((folder / "doomed.json").read_text())
        self._number = number
        self._meeting = meeting
        self._random = random.Random(number)

    def run(self, rounds: int) -> None:
        for round_number in range(rounds):
            presented = [jar.read() for jar in self._jars]
            self._meeting.wait(120)
            for jar, (refresh_token, _) in zip(self._jars, presented, strict=True):
                issued = self._core.refresh(refresh_token, anti_csrf=False, client="Firefox")
                if self._random.random() < 0.5:
                    self._use(jar, issued.refresh_token.text, issued.access_token.text)
                else:
                    jar.write(issued.refresh_token.text, issued.access_token.text)
            self._own_session()
            self._meeting.wait(120)
            for jar in self._jars:
                self._use(jar, *jar.read())
            self._doomed_session(round_number)

    def _use(self, jar: Jar, refresh_token: str, access_token: str) -> None:
        new = self._core.verify(access_token, check_anti_csrf=False, check_database=True, client="Firefox")
        jar.write(refresh_token, access_token if new.new_access_token is None else new.new_access_token.text)

    def _own_session(self) -> None:
        issued = self._core.create_session(f"own-{self._number}", {}, {}, anti_csrf=False)
        assert self._core.revoke_sessions([issued.handle]) == [issued.handle]
        self._must_be_gone(issued.refresh_token.text)

    def _doomed_session(self, round_number: int) -> None:
        """All want to revoke the round's session, and see it gone once any of them has."""
        handle, refresh_token = self._doomed[round_number]
        mine = self._core.revoke_sessions([handle])
        if mine:
            say(revoked=handle)
        self._must_be_gone(refresh_token)

    def _must_be_gone(self, refresh_token: str) -> None:
        try:
            self._core.refresh(refresh_token, anti_csrf=False)
        except SuperTokensUnauthorisedError:
            return
        raise AssertionError("a revoked session was refreshed")


def tabs(database: str, folder: str, seed: int, threads: int, rounds: int, meeting: Meeting) -> None:
    """A process of `threads` tabs on one core."""
    core = EmbeddedCore(CONFIG, open_store(database))

    def run(number: int) -> None:
        try:
            Tab(core, Path(folder), number, meeting).run(rounds)
        except (SuperTokensError, AssertionError, threading.BrokenBarrierError) as error:
            say(failed=f"{type(error).__name__}: {error}; {error.__cause__!r}")

    _in_threads(run, [seed * threads + number for number in range(threads)])
    say(rows={str(row): count for row, count in core.refreshes.items()})


def log_ins(database: str, seed: int, threads: int, meeting: Meeting, *, evicts: bool) -> None:
    """Log one user in from each thread, all at the same moment, where three sessions are allowed."""
    action: Literal["oldest", "refuse"] = "oldest" if evicts else "refuse"
    core = EmbeddedCore(Config(max_sessions_per_user=3, session_limit_action=action), open_store(database))

    def run(number: int) -> None:
        core.session_handles("ada")  # the store is open when they meet
        meeting.wait(120)
        try:
            say(began=core.create_session("ada", {"n": number}, {}, anti_csrf=False).handle)
        except SuperTokensSessionLimitError:
            say(refused=number)
        except SuperTokensError as error:
            say(failed=f"{type(error).__name__}: {error}; {error.__cause__!r}")

    _in_threads(run, [seed * threads + number for number in range(threads)])


def load(database: str, seed: int) -> None:
    """Create and revoke from four threads, until somebody kills the process."""
    core = EmbeddedCore(CONFIG, open_store(database))

    def run(number: int) -> None:
        rng = random.Random(seed * 100 + number)
        mine: list[str] = []
        while True:
            if mine and rng.random() < 0.4:
                handle = mine.pop(rng.randrange(len(mine)))
                say(revoking=handle)
                core.revoke_sessions([handle])
                say(revoked=handle)
            else:
                issued = core.create_session("user", {"n": seed}, {"x": "y" * rng.randrange(5000)}, anti_csrf=False)
                mine.append(issued.handle)
                say(created=issued.handle)

    _in_threads(run, list(range(4)))


def _in_threads(run: Callable[[int], None], numbers: list[int]) -> None:
    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def say(**event: Any) -> None:
    """One line in one system call: what was said before a kill is in the pipe."""
    os.write(_spoken_to, json.dumps(event).encode() + b"\n")


_spoken_to = 1


def speak_to(descriptor: int) -> None:
    """Where `say` writes: standard output, unless the process was given another."""
    global _spoken_to
    _spoken_to = descriptor


if __name__ == "__main__":
    load(sys.argv[1], int(sys.argv[2]))
