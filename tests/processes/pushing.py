# SPDX-License-Identifier: Apache-2.0
"""Workers with `revocation: push` that check tokens while somebody revokes their sessions, and say when they saw it.

Run as a program, this is one of them: ``pushing.py DATABASE FOLDER NUMBER``. All processes read one monotonic clock.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Final, NamedTuple

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.engine.session import IssuedSession
from supertokens.errors import SuperTokensUnauthorisedError
from supertokens.stores.opening import open_store

__all__ = ["PUSH", "Lags", "lags_of_workers", "lets_in", "until_it_is_told"]

MAX_LAG_S: Final = 0.25
PUSH: Final = Config(access_token_blacklisting=True, revocation="push", revocation_max_lag=MAX_LAG_S)
_DEADLINE_S: Final = 120
_BETWEEN_CHECKS_S: Final = 0.001


class Lags(NamedTuple):
    """What was seen of all revocations by all workers (seconds)."""

    seen_after: list[float]
    """How long after a revocation had returned each worker first refused, in order."""
    let_in_after: float
    """The longest time after a revocation had returned at which a check began that still let its session in."""

    def percentile(self, percent: int) -> float:
        """Return what so many of 100 revocations were seen within (seconds)."""
        return self.seen_after[len(self.seen_after) * percent // 100]

    def __str__(self) -> str:
        p50, p99 = self.percentile(50), self.percentile(99)
        figures = f"p50 {1000 * p50:.1f} ms, p99 {1000 * p99:.1f} ms, max {1000 * self.seen_after[-1]:.1f} ms"
        return f"{len(self.seen_after)} revocations seen by workers with push: {figures}"


def lets_in(core: EmbeddedCore, issued: IssuedSession | str) -> bool:
    text = issued if isinstance(issued, str) else issued.access_token.text
    try:
        core.verify(text, check_anti_csrf=False, check_database=True)
    except SuperTokensUnauthorisedError:
        return False
    return True


def until_it_is_told(core: EmbeddedCore, texts: list[str]) -> None:
    """Check the tokens until the store need not be asked for them. Raise AssertionError if that never happens."""
    feed, deadline = core._comparisons.feed, time.monotonic() + _DEADLINE_S
    assert feed is not None
    while not all(_is_told(core, text) for text in texts):
        assert time.monotonic() < deadline, "the feed was never current"
        time.sleep(_BETWEEN_CHECKS_S)


def _is_told(core: EmbeddedCore, text: str) -> bool:
    assert core._comparisons.feed is not None
    assert lets_in(core, text)
    known = core._tokens.verify(text, core.clock(), False, None)
    return core._comparisons.feed.vouches_for(known.token.handle, known.asked_at)


def lags_of_workers(database: str, folder: Path, *, workers: int, revokes: int, pause_s: float) -> Lags:
    """Let so many processes check tokens while their sessions are revoked, one by one, with a pause after each."""
    core = EmbeddedCore(Config(), open_store(database))
    sessions = [core.create_session("ada", {"n": number}, {}, anti_csrf=False) for number in range(revokes)]
    (folder / "tokens.json").write_text(json.dumps([issued.access_token.text for issued in sessions]))
    commands = [[sys.executable, __file__, database, str(folder), str(number)] for number in range(workers)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE) for command in commands]
    try:
        for process in processes:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
        returned = []
        for issued in sessions:
            assert core.revoke_sessions([issued.handle])
            returned.append(time.monotonic())
            time.sleep(pause_s)
        assert [process.wait(_DEADLINE_S) for process in processes] == [0] * workers
    finally:
        for process in processes:
            process.kill()
            process.communicate()
        core.close()
    said = [json.loads((folder / f"seen-{number}.json").read_text()) for number in range(workers)]
    seen = sorted(at - done for each in said for at, done in zip(each["refused"], returned, strict=True))
    late = max(at - done for each in said for at, done in zip(each["let_in"], returned, strict=True))
    return Lags(seen, late)


def main(database: str, folder: str, number: str) -> None:
    """Check each token until its session is refused, in the order in which they are revoked."""
    core = EmbeddedCore(PUSH, open_store(database))
    texts: list[str] = json.loads((Path(folder) / "tokens.json").read_text())
    until_it_is_told(core, texts)
    print("ready", flush=True)
    said: dict[str, list[Any]] = {"refused": [], "let_in": []}
    deadline = time.monotonic() + _DEADLINE_S
    for text in texts:
        let_in, began = 0.0, time.monotonic()
        while lets_in(core, text):
            let_in = began
            assert began < deadline, "a revocation was never seen"
            time.sleep(_BETWEEN_CHECKS_S)
            began = time.monotonic()
        said["refused"].append(time.monotonic())
        said["let_in"].append(let_in)
    (Path(folder) / f"seen-{number}.json").write_text(json.dumps(said))
    assert len([each for each in threading.enumerate() if each.name == "supertokens-feed"]) == 1
    core.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
