# SPDX-License-Identifier: Apache-2.0
"""Users: names, roles, and passwords as argon2id hashes."""

from __future__ import annotations

import re
import secrets
import sqlite3
import time
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal
from uuid import uuid4

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError

from jotter.database import connection

__all__ = [
    "MAX_PASSWORD",
    "MIN_PASSWORD",
    "NameTakenError",
    "Role",
    "User",
    "add",
    "by_name",
    "change_password",
    "everybody",
    "is_password_of",
    "name_problem",
    "password_problem",
    "set_role",
    "version",
    "with_password",
]

Role = Literal["member", "admin"]

MIN_PASSWORD: Final = 12  # characters; long ones beat complicated ones (NIST SP 800-63B, 3.1.1.2)
MAX_PASSWORD: Final = 256
HASHER = PasswordHasher()  # argon2id, as RFC 9106 recommends it for 64 MiB of memory
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,31}")
_COLUMNS: Final = "id, name, role, version, joined_at"


class NameTakenError(Exception):
    """Another user has this name."""


@dataclass(frozen=True, slots=True)
class User:
    """A user. `version` changes with password and role; `joined_at` is in ms since the epoch."""

    id: str
    name: str
    role: Role
    version: int
    joined_at: int

    @property
    def payload(self) -> dict[str, str]:
        """Return what the user's access tokens carry, so that pages know it without asking the database."""
        return {"name": self.name, "role": self.role}


def name_problem(name: str) -> str | None:
    """Return what is wrong with a new user's name."""
    if _NAME.fullmatch(_normal_name(name)):
        return None
    return "1 to 32 letters from a to z, digits, and . _ - inside."


def password_problem(password: str) -> str | None:
    """Return what is wrong with a new password."""
    if len(password) < MIN_PASSWORD:
        return f"At least {MIN_PASSWORD} characters. A few words are fine."
    if len(password) > MAX_PASSWORD:
        return f"At most {MAX_PASSWORD} characters."
    return None


def add(name: str, password: str) -> User:
    """Add a user. Raise NameTakenError; the insert decides, so that of two sign-ups at one time one is refused."""
    # A number would be reused after its user is deleted, and a leftover session would then belong to the new user.
    user = User(str(uuid4()), _normal_name(name), "member", 1, round(time.time() * 1000))
    row = (user.id, user.name, user.role, user.version, user.joined_at, _hashed(password))
    try:
        with connection() as database:
            database.execute(f"INSERT INTO users ({_COLUMNS}, password_hash) VALUES (?, ?, ?, ?, ?, ?)", row)
    except sqlite3.IntegrityError as error:
        raise NameTakenError from error
    return user


def with_password(name: str, password: str) -> User | None:
    """Return the user of that name if the password is right."""
    return _checked("name", _normal_name(name), password)


def is_password_of(user_id: str, password: str) -> bool:
    """Return whether the password is the user's."""
    return _checked("id", user_id, password) is not None


def change_password(user_id: str, password: str) -> None:
    """Give the user another password."""
    with connection() as database:
        database.execute(
            "UPDATE users SET password_hash = ?, version = version + 1 WHERE id = ?", (_hashed(password), user_id)
        )


def set_role(user: User, role: Role) -> None:
    """Give the user another role."""
    with connection() as database:
        database.execute("UPDATE users SET role = ?, version = version + 1 WHERE id = ?", (role, user.id))


def by_name(name: str) -> User | None:
    """Return the user of that name."""
    found = _row("name", _normal_name(name))
    return None if found is None else _user(found)


def version(user_id: str) -> int | None:
    """Return what `User.version` is now; None for a user who is gone."""
    found = _row("id", user_id)
    return None if found is None else found["version"]


def everybody() -> list[User]:
    """Return all users by name."""
    return [_user(row) for row in connection().execute(f"SELECT {_COLUMNS} FROM users ORDER BY name")]


def _checked(column: Literal["name", "id"], value: str, password: str) -> User | None:
    """Return the user if the password is right. An unknown user costs a hash, too: time does not tell who exists."""
    found = _row(column, value)
    stored = _hash_of_nobody() if found is None else found["password_hash"]
    try:
        HASHER.verify(stored, _normal_password(password))
    except VerifyMismatchError:
        return None
    if found is None:
        return None
    if HASHER.check_needs_rehash(stored):  # made with other parameters than argon2-cffi's current ones
        with connection() as database:
            database.execute(
                "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?",
                (_hashed(password), found["id"], stored),
            )
    return _user(found)


@cache
def _hash_of_nobody() -> str:
    return HASHER.hash(secrets.token_hex())


def _hashed(password: str) -> str:
    return HASHER.hash(_normal_password(password))


def _row(column: Literal["name", "id"], value: str) -> sqlite3.Row | None:
    query = f"SELECT {_COLUMNS}, password_hash FROM users WHERE {column} = ?"
    found: sqlite3.Row | None = connection().execute(query, (value,)).fetchone()
    return found


def _user(row: sqlite3.Row) -> User:
    return User(row["id"], row["name"], row["role"], row["version"], row["joined_at"])


def _normal_name(name: str) -> str:
    return name.strip().lower()


def _normal_password(password: str) -> str:
    return unicodedata.normalize("NFKC", password)  # one password, however the keyboard composes its letters
