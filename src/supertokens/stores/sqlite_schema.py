# SPDX-License-Identifier: Apache-2.0
"""The schema of a file: whether it is ours, which version its tables have, and how to upgrade them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite_commits import transaction
from supertokens.stores.sqlite_files import DatabaseFile
from supertokens.stores.sqlite_waiting import waiting_in_sqlite

__all__ = ["SqliteSchema"]

_APPLICATION_ID: Final = 0x53544B53
"""In the file's header (SQLite, "Database File Format", 1.3.17), so that our files can be recognised."""

_WAIT_FOR_OTHERS_MS: Final = 1000

_WHOSE: Final = f"""
SELECT user_version, application_id, (SELECT count(*) FROM sqlite_schema),
    application_id = {_APPLICATION_ID} OR (
        application_id = 0 AND 3 = (SELECT count(*) FROM sqlite_schema WHERE name IN ('session', 'tombstone', 'key'))
    )
FROM pragma_user_version, pragma_application_id
"""


class SqliteSchema:
    """The tables of one file. `steps`: statements, of which the n-th turn version n - 1 into version n."""

    def __init__(self, file: DatabaseFile, steps: Sequence[str]) -> None:
        self._file = file
        self._steps = steps

    @property
    def newest(self) -> int:
        """Return the version that this program works with."""
        return len(self._steps)

    def version(self, connection: sqlite3.Connection) -> int:
        """Return the version of the tables; 0 for an empty file.

        Raise SuperTokensGeneralError if the file is another program's, or a newer one's.
        """
        # One statement, so that another process's changes are seen completely or not at all.
        version, application, tables, ours = connection.execute(_WHOSE).fetchone()
        if not ours and (tables or version or application):
            raise SuperTokensGeneralError(
                f"the database {self._file} belongs to another program: point 'database' to a file of its own"
            )
        if version > self.newest:
            raise SuperTokensGeneralError(
                f"the database {self._file} was written by a newer version (schema {version}, this one knows"
                f" {self.newest}): update supertokens-sessions, or point 'database' to another file"
            )
        return int(version)

    def require_newest(self, version: int) -> None:
        """Raise SuperTokensGeneralError unless `version` can be used without an upgrade."""
        if version < self.newest:
            raise SuperTokensGeneralError(
                f"the database {self._file} has schema {version}, and {self.newest} is needed to read it:"
                " run 'supertokens migrate'"
            )

    def bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        """Apply the missing steps, in one transaction."""
        with transaction(connection):
            for step in self._steps[self.version(connection) :]:  # which another process may have brought by now
                for statement in step.strip().split(";\n"):
                    connection.execute(statement)
            connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {self.newest}")
        with waiting_in_sqlite(connection, _WAIT_FOR_OTHERS_MS):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # so that the file itself has its mark
