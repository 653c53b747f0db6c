# SPDX-License-Identifier: Apache-2.0
"""The app as a whole: what it leaves on the disk, what the environment sets, and how it stays small."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

import jotter
from jotter import _secret_key, create_app, users

from .conftest import PASSWORD, Visitor, goes_to

EXAMPLE: Final = Path(jotter.__file__).parent.parent


def test_a_user_and_a_session_outlive_the_process(tmp_path: Path) -> None:
    before = Visitor(create_app(tmp_path))
    before.sign_up("ada")
    after = Visitor(create_app(tmp_path))
    for name, value in before.cookies().items():
        after.client.set_cookie(name, value)
    assert after.is_logged_in()
    assert goes_to(Visitor(create_app(tmp_path)).log_in("ada")) == "/"


def test_passwords_are_kept_as_argon2id_hashes_that_others_cannot_read_and_in_no_other_place(tmp_path: Path) -> None:
    Visitor(create_app(tmp_path)).sign_up("ada")
    with closing(sqlite3.connect(tmp_path / "jotter.sqlite3")) as database:
        [(stored,)] = database.execute("SELECT password_hash FROM users")
    assert stored.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert {file.name for file in tmp_path.iterdir()} > {"jotter.sqlite3", "sessions.sqlite3", "secret_key"}
    for file in tmp_path.iterdir():
        assert file.stat().st_mode & 0o077 == 0, f"others can read {file.name}"
        assert PASSWORD.encode() not in file.read_bytes()
    assert "hash" not in repr(users.User("id", "ada", "member", 1, 0))


@pytest.mark.usefixtures("cheap_hashes")
def test_a_hash_of_older_parameters_is_made_anew_at_the_log_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(tmp_path)
    Visitor(app).sign_up("ada")
    monkeypatch.undo()
    users._hash_of_nobody.cache_clear()
    assert goes_to(Visitor(app).log_in("ada")) == "/"
    with closing(sqlite3.connect(tmp_path / "jotter.sqlite3")) as database:
        [(stored,)] = database.execute("SELECT password_hash FROM users")
    assert "m=65536" in stored
    assert goes_to(Visitor(app).log_in("ada")) == "/"


def test_the_key_of_flash_messages_is_made_once_and_readable_by_nobody_else(tmp_path: Path) -> None:
    create_app(tmp_path / "app")
    (tmp_path / "app" / "secret_key").unlink()
    keys: list[object] = []
    ready = threading.Barrier(7)

    def make() -> None:
        # Not a whole app: Python 3.11 cannot parse in threads at the same time, as Werkzeug does for its routes.
        ready.wait(timeout=20)
        keys.append(_secret_key(tmp_path / "app"))

    threads = [threading.Thread(target=make) for _ in range(7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    keys.append(create_app(tmp_path / "app").config["SECRET_KEY"])
    file = tmp_path / "app" / "secret_key"
    assert keys == [file.read_bytes()] * 8
    assert len(file.read_bytes()) == 32
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


def test_the_environment_sets_folder_secret_and_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOTTER_FOLDER", str(tmp_path / "here"))
    monkeypatch.setenv("JOTTER_SECRET_KEY", "from the environment")
    monkeypatch.setenv("JOTTER_SUPERTOKENS_COOKIE_SECURE", "true")
    app = create_app()
    assert (tmp_path / "here" / "jotter.sqlite3").exists()
    assert not (tmp_path / "here" / "secret_key").exists()
    assert app.config["SECRET_KEY"] == "from the environment"
    assert "Secure" in Visitor(app).sign_up("ada").headers.getlist("Set-Cookie")[-1]


def test_it_can_be_taken_in_at_one_sitting() -> None:
    sizes = {path: len(path.read_text("utf-8").splitlines()) for path in (EXAMPLE / "jotter").glob("*.py")}
    assert max(sizes.values()) <= 200
    assert sum(sizes.values()) <= 800
    assert not list(EXAMPLE.rglob("*.js"))


def test_the_readme_says_what_each_file_shows() -> None:
    readme = (EXAMPLE / "README.md").read_text("utf-8")
    for path in (EXAMPLE / "jotter").rglob("*"):
        name = path.relative_to(EXAMPLE).as_posix()
        if path.suffix in (".py", ".css"):
            assert f"`{name}`" in readme, name
