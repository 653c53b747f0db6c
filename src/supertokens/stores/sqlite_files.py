# SPDX-License-Identifier: Apache-2.0
"""The file of a database: its URI for SQLite, its creation, and checks that do not open it.

Nothing here opens a file that exists: closing any descriptor of it drops the locks that SQLite holds on it in this
process (SQLite, "How To Corrupt An SQLite Database File", section 2.2).
"""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final
from urllib.parse import quote

from supertokens.errors import SuperTokensGeneralError
from supertokens.forks import ProcessLock

__all__ = ["DatabaseFile"]

_log = logging.getLogger("supertokens")

_FILE_MODE: Final = 0o600
_FOLDER_MODE: Final = 0o700


class DatabaseFile:
    """The file at `path`. Its text is the path, made printable whatever bytes it contains."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._said_in: int | None = None
        self._making = ProcessLock()

    def __str__(self) -> str:
        return os.fsencode(self.path).decode("utf-8", "backslashreplace")

    def uri(self, **parameters: str | int) -> str:
        """Return the file's URI for SQLite, with `parameters` such as ``mode="ro"``."""
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"file:{quote(os.fsencode(self.path))}?{query}"

    def beside(self, suffix: str) -> Path:
        """Return the path of a file that SQLite keeps next to it, such as ``-wal``."""
        return self.path.with_name(self.path.name + suffix)

    def has_log(self) -> bool:
        """Return whether there is a non-empty log next to it."""
        try:
            return os.stat(self.beside("-wal")).st_size > 0
        except OSError:
            return False

    def make(self) -> None:
        """Create the file and its folder, if missing, for the owner only.

        Raises OSError, and SuperTokensGeneralError for a dangling symbolic link.
        """
        if self.path.is_symlink() and not self.path.exists():
            raise SuperTokensGeneralError(
                f"the session database {self} is a symbolic link to {os.readlink(self.path)!r}, which does not exist:"
                " create that file, or set 'database' to where sessions are to be kept"
            )
        self.path.parent.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
        # Before SQLite would create it with the process's umask.
        with self._making.own, suppress(FileExistsError):
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _FILE_MODE))

    def say_once(self) -> None:
        """Log, once in this process, where the file is, and whether users other than its owner may read it."""
        if self._said_in == os.getpid():
            return
        self._said_in = os.getpid()
        _log.info("sessions are kept in %s", self)
        with suppress(OSError):
            mode = stat.S_IMODE(os.stat(self.path).st_mode)
            if mode & 0o077:
                _log.warning(
                    "the session database %s has mode %04o: other users of this machine may be able to read sessions"
                    " and keys. Run 'chmod 600 %s'",
                    self, mode, self,
                )  # fmt: skip

    def failure(self, error: Exception) -> SuperTokensGeneralError:
        """Return the exception to raise for an `error` of the system or of SQLite, with a hint on how to fix it."""
        return SuperTokensGeneralError(
            f"the session database {self} failed: {error}. {self._not_allowed() or _ELSEWHERE}"
        )

    def _not_allowed(self) -> str:
        """Return the permissions that this process lacks, or "" if none."""
        for path, needed, what in (
            (self.path, os.R_OK | os.W_OK, "read and write it"),
            (self.beside("-wal"), os.R_OK | os.W_OK, "read and write it"),
            (self.beside("-shm"), os.R_OK | os.W_OK, "read and write it"),
            (self.path.parent, os.W_OK | os.X_OK, "write into that folder"),
        ):
            try:
                found = os.stat(path)
            except FileNotFoundError:
                continue
            except OSError:
                return ""
            if not os.access(path, needed, effective_ids=os.access in os.supports_effective_ids):
                owner, mode, user = _user(found.st_uid), stat.S_IMODE(found.st_mode), _user(os.geteuid())
                return (
                    f"{DatabaseFile(path)} belongs to {owner} and has mode {mode:04o}, and this process runs as {user},"
                    f" which has to {what}: run 'chown {user}' on it, or set 'database' to a file elsewhere."
                )
        return ""


_ELSEWHERE: Final = "If it should be elsewhere, set 'database'."


def _user(uid: int) -> str:
    import pwd  # only on systems with such users, and only after a failure

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
