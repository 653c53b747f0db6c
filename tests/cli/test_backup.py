# SPDX-License-Identifier: Apache-2.0
"""`supertokens backup` and `restore`."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from supertokens.core import EmbeddedCore

from .conftest import Command, Run


def test_a_backup_and_the_way_back(run: Run, core: EmbeddedCore, database: str, tmp_path: Path) -> None:
    kept = core.create_session("ada", {}, {}, anti_csrf=False)
    copied = run("backup", tmp_path / "copy", database)
    assert copied.exit_code == 0
    assert "Saved 1 session and the keys to" in copied.stdout
    assert (tmp_path / "copy").stat().st_mode & 0o777 == 0o600
    core.revoke_sessions([kept.handle])
    later = core.create_session("ada", {}, {}, anti_csrf=False)
    restored = run("restore", tmp_path / "copy", database, "--yes")
    assert restored.exit_code == 0
    assert "revoked since the backup are active again" in restored.stderr
    assert "supertokens sessions revoke --all" in restored.stderr
    assert core.session_handles("ada") == [kept.handle], "seen by a process that had it open"
    assert later.handle != kept.handle
    assert core.refresh(kept.refresh_token.text, anti_csrf=False).user_id == "ada"


def test_a_backup_does_not_replace_a_file_without_force(
    run: Run, core: EmbeddedCore, database: str, tmp_path: Path
) -> None:
    (tmp_path / "copy").write_text("precious")
    refused = run("backup", tmp_path / "copy", database)
    assert refused.exit_code == 1
    assert "exists already; choose another name, or add --force" in refused.stderr
    assert (tmp_path / "copy").read_text() == "precious"
    assert run("backup", tmp_path / "copy", database, "--force").exit_code == 0


def test_a_restore_asks_first(run: Run, core: EmbeddedCore, database: str, tmp_path: Path) -> None:
    run("backup", tmp_path / "copy", database)
    handle = core.create_session("ada", {}, {}, anti_csrf=False).handle
    assert run("restore", tmp_path / "copy", database).exit_code == 2
    assert core.session_handles("ada") == [handle]


def test_programs_get_json(run: Run, core: EmbeddedCore, database: str, tmp_path: Path) -> None:
    core.create_session("ada", {}, {}, anti_csrf=False)
    made = json.loads(run("backup", tmp_path / "copy", database, "--json").stdout)
    assert made == {"file": str(tmp_path / "copy"), "sessions": 1, "bytes": (tmp_path / "copy").stat().st_size}
    restored = json.loads(run("restore", tmp_path / "copy", database, "--yes", "--json").stdout)
    assert restored == {"file": database.removeprefix("--database="), "sessions": 1}


@pytest.mark.parametrize("name", ["nowhere", "notes"])
def test_what_is_no_backup_is_an_error(run: Run, core: EmbeddedCore, database: str, tmp_path: Path, name: str) -> None:
    (tmp_path / "notes").write_text("no database" * 1000)
    result = run("restore", tmp_path / name, database, "--yes")
    assert result.exit_code == 1
    assert name in result.stderr


def test_a_database_that_is_not_there_cannot_be_backed_up(run: Run, tmp_path: Path) -> None:
    result = run("backup", "copy", "--database", tmp_path / "none.sqlite3")
    assert result.exit_code == 1
    assert "there is no database" in result.stderr
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_help_has_examples(command: Command, name: str) -> None:
    shown = command(name, "--help").stdout
    assert re.search(rf"Examples:\n +supertokens {name} ", shown)
