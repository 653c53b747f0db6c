# SPDX-License-Identifier: Apache-2.0
"""Tables in a PostgreSQL database: whose they are, which version they have, and how they are upgraded.

They have their own schema, so that they can be in an application's database, and nothing depends on a search path.
"""

from __future__ import annotations

from typing import Final

import psycopg
from psycopg import errors

from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.postgres_connections import PostgresConnection

__all__ = ["KEYS_MUTEX", "USER_MUTEXES", "PostgresSchema"]

KEYS_MUTEX: Final = 0
USER_MUTEXES: Final = 256
"""Rows that logins lock if sessions are limited: for one user always the same row, chosen by a hash."""

_TABLES: Final = f"""
CREATE TABLE supertokens.property (name text COLLATE "C" PRIMARY KEY, value text NOT NULL);
INSERT INTO supertokens.property VALUES ('application', 'supertokens-sessions');
CREATE TABLE supertokens.key (
    id text COLLATE "C" PRIMARY KEY,
    purpose text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    material bytea NOT NULL,
    position bigint NOT NULL
);
CREATE TABLE supertokens.mutex (number integer PRIMARY KEY, times_taken bigint NOT NULL) WITH (fillfactor = 10);
INSERT INTO supertokens.mutex SELECT number, 0 FROM generate_series({KEYS_MUTEX}, {USER_MUTEXES}) AS number;
CREATE TABLE supertokens.session (
    handle uuid PRIMARY KEY,
    user_id text COLLATE "C" NOT NULL,
    jwt_payload text NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    uses_static_key boolean NOT NULL,
    anti_csrf boolean NOT NULL,
    remember boolean NOT NULL,
    last_seen_at bigint,
    auth_time bigint,
    user_agent text,
    address text,
    current bigint NOT NULL,
    parent bigint NOT NULL,
    newest bigint NOT NULL,
    handed_out_at bigint NOT NULL,
    fingerprint bytea,
    session_data text NOT NULL
) WITH (fillfactor = 85);
CREATE INDEX session_by_user ON supertokens.session (user_id, created_at, handle);
CREATE INDEX session_by_expiry ON supertokens.session (expires_at);
"""
# user_id: two ids that a collation of the database considers equal must never be one user.
# fillfactor: a refresh changes no index, so the new version of a row fits on the same page as the old one.
# mutex: a row is written, not just locked, so that it also works if transactions are serializable.
_FEED: Final = """
CREATE TABLE supertokens.feed (
    one integer PRIMARY KEY CHECK (one = 1), generation bigint NOT NULL, leased_until bigint, forgotten bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO supertokens.feed VALUES (1, (random() * 4e18)::bigint, NULL, 0);
CREATE TABLE supertokens.feed_position (one integer PRIMARY KEY CHECK (one = 1), value bigint NOT NULL)
    WITH (fillfactor = 10);
INSERT INTO supertokens.feed_position VALUES (1, 0);
CREATE TABLE supertokens.feed_entry (
    position bigint NOT NULL, handle uuid NOT NULL, kind text NOT NULL, at bigint NOT NULL,
    PRIMARY KEY (position, handle)
);
CREATE FUNCTION supertokens.next_feed_position() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    is_leased boolean;
    place bigint;
BEGIN
    SELECT leased_until IS NOT NULL INTO is_leased FROM supertokens.feed FOR SHARE;
    IF is_leased THEN
        INSERT INTO supertokens.feed_position AS counter VALUES (1, 1)
            ON CONFLICT (one) DO UPDATE SET value = counter.value + 1 RETURNING value INTO place;
        NOTIFY supertokens_feed;
    END IF;
    RETURN place;
END $$;
CREATE FUNCTION supertokens.announce_ended() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
BEGIN
    IF EXISTS (SELECT FROM gone) THEN
        place := supertokens.next_feed_position();
        IF place IS NOT NULL THEN
            INSERT INTO supertokens.feed_entry
                SELECT place, handle, 'ended', (extract(epoch FROM clock_timestamp()) * 1000)::bigint FROM gone;
        END IF;
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION supertokens.announce_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint := supertokens.next_feed_position();
BEGIN
    IF place IS NOT NULL THEN
        INSERT INTO supertokens.feed_entry VALUES (
            place, OLD.handle, CASE WHEN OLD.handle <> NEW.handle THEN 'ended' ELSE 'payload' END,
            (extract(epoch FROM clock_timestamp()) * 1000)::bigint
        );
    END IF;
    RETURN NULL;
END $$;
CREATE FUNCTION supertokens.announce_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE supertokens.feed SET generation = (random() * 4e18)::bigint;
    NOTIFY supertokens_feed;
    RETURN NULL;
END $$;
CREATE TRIGGER announce_truncated AFTER TRUNCATE ON supertokens.session
    FOR EACH STATEMENT EXECUTE FUNCTION supertokens.announce_truncated();
CREATE TRIGGER announce_ended AFTER DELETE ON supertokens.session REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION supertokens.announce_ended();
CREATE TRIGGER announce_changed AFTER UPDATE OF handle, jwt_payload ON supertokens.session
    FOR EACH ROW WHEN (OLD.handle <> NEW.handle OR OLD.jwt_payload COLLATE "C" <> NEW.jwt_payload)
    EXECUTE FUNCTION supertokens.announce_changed()
"""
# Triggers, so that no statement and no program can fail to announce a change.
# feed, FOR SHARE: a lease waits for the changes that have not seen it, and later changes wait for the lease.
# feed_position: locked until the commit, so that entries become visible in the order of their positions.
_SCHEMA: Final = (_TABLES, _FEED)
"""Steps: the first creates version 1 of the tables, and each further one the next version. A step is never changed."""

_WHAT_IS_THERE: Final = """
SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'supertokens'),
    (SELECT count(*) FROM pg_catalog.pg_class WHERE relnamespace =
        (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'supertokens')),
    current_setting('server_encoding'),
    (SELECT format_type(a.atttypid, a.atttypmod) || ' COLLATE ' || quote_ident(collname)
        FROM pg_catalog.pg_attribute AS a JOIN pg_catalog.pg_collation AS c ON c.oid = a.attcollation
        WHERE a.attname = 'user_id' AND a.attrelid = (SELECT t.oid FROM pg_catalog.pg_class AS t
            JOIN pg_catalog.pg_namespace AS n ON n.oid = t.relnamespace
            WHERE n.nspname = 'supertokens' AND t.relname = 'session'))
"""
_VERSION: Final = (
    "SELECT max(value) FILTER (WHERE name = 'application'), max(value) FILTER (WHERE name = 'schema')"
    " FROM supertokens.property"
)
_NOTE_VERSION: Final = (
    "INSERT INTO supertokens.property VALUES ('schema', %s) ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value"
)
_ANOTHER_WAS_FASTER: Final = (
    errors.UniqueViolation, errors.DuplicateSchema, errors.DuplicateTable, errors.SerializationFailure,
)  # fmt: skip
_MAX_TRIES: Final = 10


class PostgresSchema:
    """The tables in one database. `name`: the name of the database in messages."""

    def __init__(self, name: str) -> None:
        self._name = name

    @property
    def newest(self) -> int:
        """The version that this program works with."""
        return len(_SCHEMA)

    def version(self, connection: PostgresConnection) -> int:
        """Return the version of the tables; 0 if there are none.

        Raise SuperTokensGeneralError if they belong to another program or a newer version, or are not reliable.
        """
        exists, tables, encoding, user_ids = self._look(connection)
        if encoding != "UTF8":
            raise SuperTokensGeneralError(
                f"the database {self._name} has the encoding {encoding}, which cannot hold every user id: make one with"
                " ENCODING 'UTF8' (and TEMPLATE template0), and point 'database' to it"
            )
        if not exists or not tables:
            return 0
        version = self._said_version(connection)
        if version > self.newest:
            raise SuperTokensGeneralError(
                f"the database {self._name} was written by a newer version (schema {version}, this one knows"
                f" {self.newest}): update supertokens-sessions, or point 'database' to another one"
            )
        if user_ids != 'text COLLATE "C"':
            raise SuperTokensGeneralError(
                f"in the database {self._name}, supertokens.session.user_id has the type {user_ids}, by which two users"
                ' may be taken for one: ALTER TABLE supertokens.session ALTER user_id TYPE text COLLATE "C"'
            )
        return version

    def bring_up_to_date(self, connection: PostgresConnection) -> int:
        """Run the missing steps, each in its own transaction. Return the previous version."""
        before = self.version(connection)
        for _ in range(_MAX_TRIES):
            version = self.version(connection)
            if version == self.newest:
                return before
            try:
                self._take_step(connection, version)
            except _ANOTHER_WAS_FASTER:
                continue
        raise SuperTokensGeneralError(
            f"the tables of the database {self._name} were changed by other processes in all {_MAX_TRIES} attempts:"
            " try again"
        )

    def _take_step(self, connection: PostgresConnection, version: int) -> None:
        with connection.transaction():
            if version == 0:
                exists, *_ = self._look(connection)
                if not exists:  # if an administrator has created it, the privilege for that is not needed
                    connection.execute("CREATE SCHEMA supertokens", prepare=False)
            elif self._locked_version(connection) != version:
                return
            connection.execute(_SCHEMA[version], prepare=False)
            connection.execute(_NOTE_VERSION, (str(version + 1),), prepare=False)

    def _locked_version(self, connection: PostgresConnection) -> int:
        lock = "SELECT value FROM supertokens.property WHERE name = 'schema' FOR UPDATE"
        row = connection.execute(lock, prepare=False).fetchone()
        return 0 if row is None else int(row[0])

    def _look(self, connection: PostgresConnection) -> tuple[bool, int, str, str | None]:
        row = connection.execute(_WHAT_IS_THERE, prepare=False).fetchone()
        assert row is not None
        exists, tables, encoding, user_ids = row
        return exists, tables, encoding, user_ids

    def _said_version(self, connection: PostgresConnection) -> int:
        try:
            row = connection.execute(_VERSION, prepare=False).fetchone()
        except (errors.UndefinedTable, errors.UndefinedColumn, errors.DatatypeMismatch, errors.UndefinedFunction):
            row = None
        application, version = row or (None, None)
        if application != "supertokens-sessions" or version is None or not version.isdecimal():
            raise SuperTokensGeneralError(
                f"the schema 'supertokens' of the database {self._name} belongs to another program: point 'database' to"
                " another one"
            )
        return int(version)


def is_missing_right(error: psycopg.Error) -> bool:
    """Return whether the database user lacks the privilege for the statement."""
    return isinstance(error, errors.InsufficientPrivilege)
