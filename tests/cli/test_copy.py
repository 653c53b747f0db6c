# SPDX-License-Identifier: Apache-2.0
"""`supertokens copy`: from any store into any other, with everybody logged in afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore, copying, system_clock
from supertokens.core.copying import StoreCopy
from supertokens.engine.signing_keys import StoredKey, StoredKeys
from supertokens.errors import SuperTokensGeneralError, SuperTokensTokenTheftError
from supertokens.stores.base import EVERYBODY, Movable, WholeSession
from supertokens.stores.memory import MemoryStore
from supertokens.stores.opening import open_store
from supertokens.testing import KeysOnce
from supertokens.testing.store_contract import a_record

from ..config.test_postgres_urls import PASSWORD, WRONG  # noqa: TID252 - tests is no package that could be imported
from ..postgres.conftest import MakeDatabase, make_database, programs, server  # noqa: F401, TID252 - fixtures
from .conftest import Run
from .test_keys import SEALING
from .test_terminal import bare, on_a_terminal

NewStore = Callable[[str], str]
DAY_MS = 86_400_000
VERY_MANY = 100_000 if os.environ.get("HYPOTHESIS_PROFILE") == "deep" else 2_000
FILE, SERVER = "sqlite", "postgresql"
DIRECTIONS = [(FILE, FILE), (FILE, SERVER), (SERVER, FILE), (SERVER, SERVER)]


@pytest.fixture
def new(tmp_path: Path, request: pytest.FixtureRequest) -> NewStore:
    """Makes an empty store of a kind, and returns what names it. A server is started for those that need one only."""
    numbers = iter(range(100))

    def make(kind: str) -> str:
        if kind == FILE:
            return f"sqlite:///{tmp_path}/{next(numbers)}.sqlite3"
        made: MakeDatabase = request.getfixturevalue("make_database")
        return made()

    return make


@pytest.fixture
def opened() -> Iterator[Callable[..., EmbeddedCore]]:
    """Opens the core of an app on a store."""
    cores: list[EmbeddedCore] = []

    def open_core(url: str, config: Config | None = None) -> EmbeddedCore:
        cores.append(EmbeddedCore(config or Config(), open_store(url)))
        return cores[-1]

    yield open_core
    for core in cores:
        core.close()


Opened = Callable[..., EmbeddedCore]


def with_keys(core: EmbeddedCore) -> EmbeddedCore:
    KeysOnce.put_into(core.store, system_clock() - 3_600_000)
    return core


def log_in(core: EmbeddedCore, user: str = "ada") -> str:
    return core.create_session(user, {"n": 1.0}, {"cart": [1, None]}, anti_csrf=False).handle


def movable(core: EmbeddedCore) -> Movable:
    assert isinstance(core.store, Movable)
    return core.store


def fill(core: EmbeddedCore, many: int) -> list[str]:
    """Put `many` sessions into the store of `core`, faster than by logging in."""
    now = system_clock()
    sessions = [
        WholeSession(a_record(number, created_at=now, expires_at=now + DAY_MS, last_seen_at=now), "{}")
        for number in range(1, many + 1)
    ]
    store = movable(core)
    stored = store.read_keys(now)
    empty = StoredKeys([], now)
    for purpose in {key.purpose for key in stored.keys}:
        store.remove_keys(purpose, [key.id for key in stored.of(purpose)])
    assert store.begin_copy("filling")
    for start in range(0, many, 500):
        assert store.put_sessions("filling", sessions[start : start + 500], [])
    assert store.finish_copy("filling", empty._replace(keys=stored.keys))
    return [each.record.handle for each in sessions]


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_everybody_stays_logged_in(run: Run, new: NewStore, opened: Opened, source: str, target: str) -> None:
    here, there = new(source), new(target)
    before = with_keys(opened(here))
    ada = before.create_session("ada", {"role": "admin"}, {"cart": [1, 2.5]}, anti_csrf=True)
    lost = before.create_session("bob", {}, {}, anti_csrf=False)
    answer = before.refresh(lost.refresh_token.text, anti_csrf=False)  # which never arrives
    stolen = before.create_session("eve", {}, {}, anti_csrf=False)
    child = before.refresh(stolen.refresh_token.text, anti_csrf=False)
    grandchild = before.refresh(child.refresh_token.text, anti_csrf=False)
    revoked = before.create_session("ada", {}, {}, anti_csrf=False)
    before.revoke_sessions([revoked.handle])
    before.store.create(a_record(99, created_at=1, expires_at=system_clock() - 1), "{}")
    result = run("copy", "--from", here, "--to", there)
    assert result.exit_code == 0, result.output
    assert "3 sessions and " in result.stdout
    after = opened(there)
    verified = after.verify(ada.access_token.text, check_anti_csrf=False, check_database=True)
    assert (verified.user_id, verified.jwt_payload) == ("ada", {"role": "admin"})
    assert after.session_data(ada.handle) == {"cart": [1, 2.5]}
    assert after.session_handles("ada") == [ada.handle], "what was revoked stays so"
    shown = {"anti_csrf": True, "anti_csrf_token": ada.anti_csrf_token}
    assert after.refresh(ada.refresh_token.text, **shown).handle == ada.handle
    again = after.refresh(lost.refresh_token.text, anti_csrf=False)
    assert (again.handle, again.refresh_token.text) == (lost.handle, answer.refresh_token.text)
    assert after.refresh(grandchild.refresh_token.text, anti_csrf=False).handle == stolen.handle
    with pytest.raises(SuperTokensTokenTheftError):
        after.refresh(stolen.refresh_token.text, anti_csrf=False)
    assert len(before.session_handles("ada")) == 1, "the source stays as it is"


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_all_that_is_kept_of_a_session_goes_along(
    run: Run, new: NewStore, opened: Opened, source: str, target: str
) -> None:
    here, there = new(source), new(target)
    before = with_keys(opened(here))
    now = system_clock()
    strange = a_record(7, user_id="a\0\1\N{SNOWMAN}", jwt_payload='{"n":1.0,"s":"\\u0000\\ud800"}')
    strange = replace(strange, created_at=now, expires_at=now + DAY_MS, last_seen_at=None, auth_time=5, remember=False)
    before.store.create(strange, '{"1": 1e400}')
    before.store.note_v2()
    assert run("copy", "--from", here, "--to", there).exit_code == 0
    one, other = movable(before), movable(opened(there))
    assert one.whole_sessions(now, after="", limit=9) == other.whole_sessions(now, after="", limit=9) != []
    assert one.read_keys(now)._replace(now=0) == other.read_keys(now)._replace(now=0)
    assert other.read_keys(now).has_v2


@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_sealed_keys_stay_sealed_and_the_command_needs_no_encryption_key(
    run: Run, new: NewStore, opened: Opened, source: str, target: str
) -> None:
    here, there = new(source), new(target)
    sealed = Config(encryption_key=SEALING)
    before = opened(here, sealed)
    issued = before.create_session("ada", {}, {}, anti_csrf=False)
    result = run("copy", "--from", here, "--to", there)
    assert result.exit_code == 0, result.output
    assert "not sealed" not in result.stderr
    stored = open_store(there).read_keys(0)
    assert stored.keys == before.store.read_keys(0).keys
    assert stored.sealed_with == before.store.read_keys(0).sealed_with is not None
    assert opened(there, sealed).refresh(issued.refresh_token.text, anti_csrf=False).user_id == "ada"
    with pytest.raises(SuperTokensGeneralError, match="sealed with an encryption key"):
        opened(there).refresh(issued.refresh_token.text, anti_csrf=False)


def test_keys_in_the_clear_are_named(run: Run, new: NewStore, opened: Opened) -> None:
    here = new(FILE)
    with_keys(opened(here))
    assert "not sealed with 'encryption_key'" in run("copy", "--from", here, "--to", new(FILE)).stderr


# Interrupted


@pytest.mark.slow
@pytest.mark.parametrize("target", [FILE, SERVER])
def test_a_copy_that_was_killed_is_completed_by_the_next_one(
    run: Run, environment: dict[str, str], new: NewStore, opened: Opened, target: str
) -> None:
    here, there = new(FILE), new(target)
    before = with_keys(opened(here))
    handles = fill(before, 5000)
    command = [sys.executable, "-m", "supertokens.cli", "copy", "--from", here, "--to", there]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        assert process.stderr.readline().startswith("copying: ")
        process.kill()
    assert process.returncode == -signal.SIGKILL
    after = opened(there)
    with pytest.raises(SuperTokensGeneralError, match="a copy that is not finished"):
        log_in(after)
    copied = after.session_handles("user")
    assert 0 < len(copied) < 5000
    before.revoke_sessions([copied[0]])
    result = run("copy", "--from", here, "--to", there)
    assert result.exit_code == 0, result.output
    assert "1 removed" in result.stdout
    [written] = re.findall(r"(\d+) written", result.stdout)
    assert int(written) <= 5000 - len(copied), "the rest"
    assert sorted(after.session_handles("user")) == sorted(set(handles) - {copied[0]})
    assert log_in(opened(there))


@pytest.fixture
def pages_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copying, "_SESSIONS_AT_ONCE", 3)


def nothing(*_: object) -> None:
    """Watch no progress."""


class InterruptionError(Exception):
    """Comes in the middle of a copy."""


@pytest.mark.usefixtures("pages_of_three")
@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_what_changed_since_an_interruption_is_brought_over(
    new: NewStore, opened: Opened, source: str, target: str
) -> None:
    here, there = new(source), new(target)
    before, after = with_keys(opened(here)), opened(there)
    users = [f"user-{number}" for number in range(12)]
    issued = [before.create_session(user, {}, {}, anti_csrf=False) for user in users]
    issued.sort(key=lambda each: each.handle)

    def interrupt(what: str, done: int, total: int) -> None:
        if done == 9:
            raise InterruptionError

    with pytest.raises(InterruptionError):
        StoreCopy(movable(before), movable(after), system_clock(), interrupt).copy()
    before.revoke_sessions([issued[0].handle, issued[8].handle])
    child = before.refresh(issued[1].refresh_token.text, anti_csrf=False)
    before.update_session_data(issued[2].handle, {"n": 2})
    fresh = log_in(before, "fresh")
    again = StoreCopy(movable(before), movable(after), system_clock(), nothing)
    done = again.copy()
    assert (done.sessions, done.removed) == (11, 2)
    assert 5 <= done.written <= 6
    assert again.verify().sessions == 11
    assert again.finish() == len(before.store.read_keys(0).keys)
    assert after.session_handles(issued[0].user_id) == after.session_handles(issued[8].user_id) == []
    assert after.session_handles("fresh") == [fresh]
    assert after.session_data(issued[2].handle) == {"n": 2}
    assert after.refresh(child.refresh_token.text, anti_csrf=False).handle == issued[1].handle


@pytest.mark.usefixtures("pages_of_three")
def test_changes_while_it_runs_are_found_and_brought_over_by_the_next_one(new: NewStore, opened: Opened) -> None:
    before, after = with_keys(opened(new(FILE))), opened(new(FILE))
    handles = sorted(log_in(before) for _ in range(10))
    copy = StoreCopy(movable(before), movable(after), system_clock(), nothing)
    copy.copy()
    before.revoke_sessions([handles[0]])
    with pytest.raises(SuperTokensGeneralError, match="something still uses the source"):
        copy.verify()
    with pytest.raises(SuperTokensGeneralError, match="not finished"):
        log_in(after)
    copy.copy()
    assert copy.verify().sessions == 9
    copy.finish()
    assert handles[0] not in after.session_handles("ada")


def test_ahead_of_a_stop_most_is_copied_and_the_target_stays_closed(run: Run, new: NewStore, opened: Opened) -> None:
    here, there = new(FILE), new(FILE)
    before = with_keys(opened(here))
    handles = [log_in(before) for _ in range(3)]
    for written in (3, 0):
        result = run("copy", "--from", here, "--to", there, "--ahead")
        assert result.exit_code == 0
        assert f"({written} written, 0 removed). It cannot be used yet" in result.stdout
    with pytest.raises(SuperTokensGeneralError, match="not finished"):
        log_in(opened(there))
    listed = run("keys", "list", "--database", there.removeprefix("sqlite:///"))
    assert listed.exit_code == 1
    assert "run 'supertokens copy' again" in listed.stderr
    before.revoke_sessions(handles[:1])
    added = log_in(before)
    assert "(1 written, 1 removed)" in run("copy", "--from", here, "--to", there).stdout
    assert sorted(opened(there).session_handles("ada")) == sorted([*handles[1:], added])


# What it refuses


@pytest.mark.parametrize("target", [FILE, SERVER])
def test_a_target_with_sessions_or_keys_of_its_own_is_refused_and_left_as_it_is(
    run: Run, new: NewStore, opened: Opened, target: str
) -> None:
    here, keys_only, session_only = new(FILE), new(target), new(target)
    log_in(with_keys(opened(here)))
    with_keys(opened(keys_only))
    now = system_clock()
    opened(session_only).store.create(a_record(1, created_at=now, expires_at=now + DAY_MS), "{}")
    for there in (keys_only, session_only):
        state = movable(opened(there)).whole_sessions(now, after="", limit=9), opened(there).store.read_keys(0).keys
        result = run("copy", "--from", here, "--to", there)
        assert result.exit_code == 1
        assert "the target already has sessions or keys" in result.stderr
        assert state == (
            movable(opened(there)).whole_sessions(now, after="", limit=9), opened(there).store.read_keys(0).keys
        )  # fmt: skip


@pytest.mark.parametrize("target", [FILE, SERVER])
def test_a_copy_that_is_finished_is_never_written_to_again(
    run: Run, new: NewStore, opened: Opened, target: str
) -> None:
    """Its sessions have gone on: an older state of them would be taken for theft."""
    here, there = new(FILE), new(target)
    before = with_keys(opened(here))
    issued = before.create_session("ada", {}, {}, anti_csrf=False)
    earlier = StoreCopy(movable(before), movable(opened(there)), system_clock(), nothing)
    earlier.copy()
    assert run("copy", "--from", here, "--to", there).exit_code == 0
    after = opened(there)
    child = after.refresh(issued.refresh_token.text, anti_csrf=False)
    assert "is in use, and is not written to again" in run("copy", "--from", here, "--to", there).stderr
    with pytest.raises(SuperTokensGeneralError, match="another copy has finished it"):
        earlier.finish()
    name = before.store.read_keys(0).of("refresh")[0].id
    assert movable(after).put_sessions(name, [], [issued.handle]) is False
    assert after.refresh(child.refresh_token.text, anti_csrf=False).handle == issued.handle


def test_the_beginning_of_a_copy_of_another_source_is_refused(run: Run, new: NewStore, opened: Opened) -> None:
    one, other, there = new(FILE), new(FILE), new(FILE)
    log_in(opened(one))
    log_in(opened(other))
    assert run("copy", "--from", one, "--to", there, "--ahead").exit_code == 0
    result = run("copy", "--from", other, "--to", there)
    assert result.exit_code == 1
    assert "an unfinished copy of another source" in result.stderr
    assert "the source is itself an unfinished copy" in run("copy", "--from", there, "--to", new(FILE)).stderr
    assert run("copy", "--from", one, "--to", there).exit_code == 0


def test_keys_that_were_made_anew_meanwhile_are_not_mixed_with_sessions_of_before(
    new: NewStore, opened: Opened
) -> None:
    before, after = opened(new(FILE)), opened(new(FILE))
    log_in(before)
    copy = StoreCopy(movable(before), movable(after), system_clock(), nothing)
    copy.copy()
    before.keys.replace_all(system_clock())
    with pytest.raises(SuperTokensGeneralError, match="the keys of the source were created anew"):
        copy.finish()
    assert after.store.read_keys(0).keys == []


def test_keys_that_an_app_made_in_the_target_meanwhile_are_not_overwritten(new: NewStore, opened: Opened) -> None:
    before, after = with_keys(opened(new(FILE))), opened(new(FILE))
    copy = StoreCopy(movable(before), movable(after), system_clock(), nothing)
    copy.copy()
    stray = StoredKey("stray", "refresh", 1, b"x" * 32)
    assert after.store.add_key(stray, None, None)
    with pytest.raises(SuperTokensGeneralError, match="something has started using it"):
        copy.finish()
    assert after.store.read_keys(0).keys == [stray]


def test_a_handle_that_is_none_is_refused(new: NewStore, opened: Opened) -> None:
    before = with_keys(opened(new(FILE)))
    now = system_clock()
    before.store.create(a_record(1, handle="A", created_at=now, expires_at=now + DAY_MS), "{}")
    with pytest.raises(SuperTokensGeneralError, match="with an invalid handle"):
        StoreCopy(movable(before), movable(opened(new(FILE))), now, nothing).copy()


def test_one_database_under_two_names_is_refused(run: Run, new: NewStore, opened: Opened, tmp_path: Path) -> None:
    here = new(FILE)
    log_in(with_keys(opened(here)))
    path = Path(here.removeprefix("sqlite:///"))
    (tmp_path / "link").symlink_to(path)
    for name in (here, path, f"{tmp_path}/./{path.name}", tmp_path / "link"):
        result = run("copy", "--from", here, "--to", name)
        assert result.exit_code == 2
        assert "Invalid value for '--to': is the same database as --from" in result.stderr


def test_a_source_that_is_not_there_or_has_no_keys_is_refused(run: Run, new: NewStore, opened: Opened) -> None:
    missing = run("copy", "--from", "missing.sqlite3", "--to", "other.sqlite3")
    assert missing.exit_code == 2
    assert "Invalid value for '--from': there is no file missing.sqlite3" in missing.stderr
    assert not Path("missing.sqlite3").exists()
    assert not Path("other.sqlite3").exists()
    empty = new(FILE)
    opened(empty).store.read_keys(0)
    assert "nobody is logged in" in run("copy", "--from", empty, "--to", new(FILE)).stderr


@pytest.mark.parametrize(("url", "part"), WRONG)
@pytest.mark.parametrize("option", ["--from", "--to"])
def test_a_wrong_url_is_refused_by_its_option_and_no_password_is_shown(
    run: Run, url: str, part: str, option: str
) -> None:
    names = {"--from": "here.sqlite3", "--to": "there.sqlite3"} | {option: url}
    result = run("copy", *(each for pair in names.items() for each in pair))
    assert result.exit_code == 2
    assert f"Invalid value for '{option}'" in result.stderr
    assert part in " ".join(result.stderr.split())
    assert PASSWORD not in result.output
    assert not Path("there.sqlite3").exists()


def test_a_store_in_memory_cannot_be_named(run: Run) -> None:
    for name in ("memory://", ":memory:", "sqlite://"):
        assert run("copy", "--from", name, "--to", "x.sqlite3").exit_code == 2


# What it says


def test_programs_get_json_and_others_a_line_for_each_tenth(run: Run, new: NewStore, opened: Opened) -> None:
    here = new(FILE)
    before = with_keys(opened(here))
    fill(before, 1000)
    result = run("copy", "--from", here, "--to", new(FILE), "--json")
    said = json.loads(result.stdout)
    keys = len(before.store.read_keys(0).keys)
    assert said.pop("sha256") == StoreCopy(movable(before), movable(before), system_clock(), nothing).verify().sha256
    assert said == {"finished": True, "sessions": 1000, "written": 1000, "removed": 0, "keys": keys}
    lines = result.stderr.splitlines()
    assert lines[0] == "copying: 200 of 1,000 sessions"
    assert lines[-1] == "verifying: 1,000 of 1,000 sessions"
    assert 3 < len(lines) <= 30
    ahead = json.loads(run("copy", "--from", here, "--to", new(FILE), "--ahead", "--json").stdout)
    assert (ahead["finished"], ahead["keys"], ahead["sha256"]) == (False, 0, None)


def test_on_a_terminal_a_bar_is_drawn(
    environment: dict[str, str], tmp_path: Path, new: NewStore, opened: Opened
) -> None:
    here = new(FILE)
    fill(with_keys(opened(here)), 1000)
    status, screen = on_a_terminal(["copy", "--from", here, "--to", new(FILE)], environment, tmp_path)
    assert status == 0
    assert "━" in screen
    assert "1000/1000" in bare(screen)
    assert "copying: 200 of" not in screen


# In any state of both sides


class MovableMemory(MemoryStore):
    """A store in memory that can be moved: the contract at its shortest."""

    copy_of: str | None = None

    def read_keys(self, now: int) -> StoredKeys:
        return super().read_keys(now)._replace(copy_of=self.copy_of)

    def whole_sessions(self, now: int, *, after: str, limit: int) -> list[WholeSession]:
        found = [WholeSession(*kept) for kept in self._sessions.values()]
        found = [each for each in found if each.record.expires_at > now and each.record.handle > after]
        return sorted(found, key=lambda each: each.record.handle)[:limit]

    def begin_copy(self, copy_of: str) -> bool:
        self.copy_of = copy_of
        return True

    def put_sessions(self, copy_of: str, sessions: list[WholeSession], gone: list[str]) -> bool:  # type: ignore[override]
        assert self.copy_of == copy_of
        assert len(sessions) <= 3
        assert len(gone) <= 3
        for each in sessions:
            self._sessions[each.record.handle] = (each.record, each.session_data)
        for handle in gone:
            del self._sessions[handle]
        return True

    def finish_copy(self, copy_of: str, keys: StoredKeys) -> bool:
        self.copy_of = None
        return all(self.add_key(key, None, None) for key in keys.keys)


SIDES = st.dictionaries(st.integers(1, 30), st.integers(1, 2), max_size=20)


@pytest.mark.usefixtures("pages_of_three")
@given(SIDES, SIDES)
def test_whatever_was_left_there_the_target_becomes_what_the_source_is(
    mine: dict[int, int], theirs: dict[int, int]
) -> None:
    source, target = MovableMemory(), MovableMemory()
    for store, sessions in ((source, mine), (target, theirs)):
        for number, version in sessions.items():
            record = a_record(number, created_at=1, expires_at=1000)
            store.create(replace(record, lineage=record.lineage._replace(newest=version)), "{}")
    assert source.add_key(StoredKey("refresh-key", "refresh", 1, b"x"), None, None)
    copy = StoreCopy(source, target, 10, nothing)
    done = copy.copy()
    assert copy.verify().sessions == len(mine) == done.sessions
    assert done.removed == len(theirs.keys() - mine.keys())
    assert done.written == sum(theirs.get(number) != version for number, version in mine.items())
    assert copy.finish() == 1
    assert source._sessions == target._sessions


@pytest.mark.slow
@pytest.mark.parametrize(("source", "target"), DIRECTIONS)
def test_very_many_sessions(run: Run, new: NewStore, opened: Opened, source: str, target: str) -> None:
    here, there = new(source), new(target)
    before = with_keys(opened(here))
    fill(before, VERY_MANY)
    issued = before.create_session("ada", {}, {}, anti_csrf=False)
    began = time.monotonic()
    result = run("copy", "--from", here, "--to", there)
    print(f"\n  {source} to {target}: {VERY_MANY + 1:,} sessions in {time.monotonic() - began:.1f} s")
    assert result.exit_code == 0, result.output
    after = opened(there)
    assert after.store.count_sessions(EVERYBODY, system_clock()) == VERY_MANY + 1
    assert after.refresh(issued.refresh_token.text, anti_csrf=False).user_id == "ada"


@pytest.mark.parametrize("kind", [FILE, SERVER])
def test_a_store_that_has_lost_a_session_is_not_called_a_copy(new: NewStore, opened: Opened, kind: str) -> None:
    before, after = with_keys(opened(new(FILE))), opened(new(kind))
    handles = [log_in(before) for _ in range(3)]
    copy = StoreCopy(movable(before), movable(after), system_clock(), nothing)
    copy.copy()
    assert after.store.remove(handles[:1], system_clock()) == handles[:1]
    with pytest.raises(SuperTokensGeneralError, match="3 sessions now and the copy 2"):
        copy.verify()


def test_help_has_examples(run: Run) -> None:
    assert re.search(r"Examples:\n +supertokens copy --from ", run("copy", "--help").stdout)
