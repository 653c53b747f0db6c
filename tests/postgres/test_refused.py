# SPDX-License-Identifier: Apache-2.0
"""Databases that cannot be used: said in words, without a secret, and left as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from supertokens.core import system_clock
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.opening import open_store
from supertokens.stores.postgres import PostgresStore
from supertokens.testing.store_contract import a_record

from .server import PostgresServer, free_port

PASSWORD = "correct-horse"


@pytest.fixture
def bare(server: PostgresServer, request: pytest.FixtureRequest) -> Iterator[str]:
    """The name of an empty database."""
    name = f"bare_{abs(hash(request.node.nodeid))}"
    with server.administrator() as administrator:
        administrator.execute(f"CREATE DATABASE {name} STRATEGY file_copy")
        yield name
        administrator.execute(f"DROP DATABASE {name} WITH (FORCE)")


def refusal(url: str, **options: float) -> str:
    """What is said when `url` is used; the error, its causes and its traceback have no password."""
    store = open_store(url, **options)  # type: ignore[arg-type]
    with pytest.raises(SuperTokensGeneralError) as refused:
        store.create(a_record(), "{}")
    store.close()
    assert isinstance(refused.value.__cause__, psycopg.Error | None)
    assert PASSWORD not in "".join(traceback.format_exception(refused.value))
    assert PASSWORD not in repr(store)
    return str(refused.value)


def tables(server: PostgresServer, name: str) -> list[tuple[str, str]]:
    query = "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema !~ '^(pg_|inform)'"
    with server.administrator(name) as administrator:
        return sorted(administrator.execute(query).fetchall())


def execute(server: PostgresServer, name: str, *statements: str) -> None:
    with server.administrator(name) as administrator:
        for statement in statements:
            administrator.execute(statement)


@pytest.mark.parametrize(
    "statements",
    [
        ["CREATE TABLE supertokens.session (id text)"],
        ["CREATE TABLE supertokens.property (name text, value text)"],
        ["CREATE TABLE supertokens.property (name text, value bytea)", "CREATE TABLE supertokens.x (id text)"],
        ["CREATE TABLE supertokens.property (other int)"],
        ["CREATE VIEW supertokens.property AS SELECT 'application' AS name, 'other' AS value"],
    ],
)
def test_a_schema_of_another_program_is_refused_and_left_as_it_is(
    server: PostgresServer, bare: str, statements: list[str]
) -> None:
    execute(server, bare, "CREATE SCHEMA supertokens", *statements)
    before = tables(server, bare)
    assert "belongs to another program" in refusal(server.url(bare))
    assert tables(server, bare) == before


def test_tables_of_other_names_in_the_database_disturb_nobody(server: PostgresServer, bare: str) -> None:
    execute(
        server, bare, "CREATE TABLE public.session (id text)", "CREATE SCHEMA other", "CREATE TABLE other.key (id int)"
    )
    store = open_store(server.url(bare))
    assert store.create(a_record(), "{}") == []
    store.close()
    execute(server, bare, "SELECT id FROM public.session", "SELECT id FROM other.key")


def test_a_newer_version_is_refused_and_left_as_it_is(server: PostgresServer, bare: str) -> None:
    store = open_store(server.url(bare))
    assert isinstance(store, PostgresStore)
    assert store.migrate() == (0, 2)
    assert store.migrate() == (2, 2)
    store.close()
    execute(server, bare, "UPDATE supertokens.property SET value = '99' WHERE name = 'schema'")
    for act in (refusal, lambda url: refusal_of_migration(url)):
        assert "was written by a newer version (schema 99, this one knows 2)" in act(server.url(bare))
    execute(server, bare, "UPDATE supertokens.property SET value = 'x' WHERE name = 'schema'")
    assert "another program" in refusal(server.url(bare))


def refusal_of_migration(url: str) -> str:
    store = open_store(url)
    assert isinstance(store, PostgresStore)
    with pytest.raises(SuperTokensGeneralError) as refused:
        store.migrate()
    store.close()
    return str(refused.value)


def test_tables_are_not_made_where_that_was_not_asked_for(server: PostgresServer, bare: str) -> None:
    store = open_store(server.url(bare), makes_tables=False)
    with pytest.raises(SuperTokensGeneralError, match="has schema 0, and 2 is needed: run 'supertokens migrate'"):
        store.read_keys(0)
    store.close()
    assert tables(server, bare) == []


def test_a_column_of_user_ids_with_another_collation_is_refused(server: PostgresServer, url: str) -> None:
    """One that takes two ids for one would let the one user in as the other."""
    alter = 'ALTER TABLE supertokens.session ALTER user_id TYPE text COLLATE "default"'
    execute(server, url.rpartition("/")[2], alter)
    assert 'has the type text COLLATE "default", by which two users may be taken for one' in refusal(url)


def test_a_column_of_user_ids_of_a_type_that_ignores_case_is_refused(server: PostgresServer, url: str) -> None:
    """As `citext` does whatever the collation is. Collations that do are ICU's, and this server is built without it."""
    alter = 'ALTER TABLE supertokens.session ALTER user_id TYPE public.citext COLLATE "C"'
    execute(server, url.rpartition("/")[2], "CREATE EXTENSION citext SCHEMA public", alter)
    assert 'has the type citext COLLATE "C", by which two users may be taken for one' in refusal(url)


def test_users_whose_names_differ_in_case_are_two(postgres: PostgresStore) -> None:
    now = system_clock()
    for number, user in enumerate(("ada", "Ada", "ADA"), start=1):
        postgres.create(a_record(number, user_id=user, created_at=now, expires_at=now + 99_999), "{}")
    assert postgres.remove_user("Ada", now) == [a_record(2).handle]
    assert [postgres.count_sessions(user, now) for user in ("ada", "Ada", "ADA")] == [1, 0, 1]


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_that_cannot_hold_every_user_id_is_refused(server: PostgresServer, encoding: str) -> None:
    name = f"in_{encoding.lower()}"
    execute(server, "postgres", f"CREATE DATABASE {name} TEMPLATE template0 ENCODING '{encoding}' LOCALE 'C'")
    assert f"has the encoding {encoding}" in refusal(server.url(name))
    assert tables(server, name) == []


def test_a_user_without_the_right_to_make_a_schema_is_told_what_an_administrator_can_do(
    server: PostgresServer, bare: str
) -> None:
    execute(server, bare, "CREATE ROLE poor LOGIN", f"REVOKE CREATE ON DATABASE {bare} FROM PUBLIC")
    url = server.url(bare, user="poor")
    assert "CREATE SCHEMA supertokens AUTHORIZATION" in refusal(url)
    assert tables(server, bare) == []
    execute(server, bare, "CREATE SCHEMA supertokens AUTHORIZATION poor")
    store = open_store(url)
    assert store.create(a_record(), "{}") == []
    store.close()
    execute(server, bare, "CREATE ROLE poorer LOGIN")
    assert "permission denied for schema supertokens" in refusal(server.url(bare, user="poorer"))
    execute(
        server,
        bare,
        "GRANT USAGE ON SCHEMA supertokens TO poorer",
        "GRANT SELECT ON ALL TABLES IN SCHEMA supertokens TO poorer",
    )
    assert "permission denied for table session" in refusal(server.url(bare, user="poorer"))


def test_a_user_whose_transactions_only_read_is_refused(server: PostgresServer, bare: str) -> None:
    execute(server, bare, "CREATE ROLE reader LOGIN", "ALTER ROLE reader SET default_transaction_read_only = on")
    assert "session is read-only" in refusal(server.url(bare, user="reader"), timeout_s=0.3)


@pytest.mark.parametrize("database", ["missing", "postgres?sslmode=require", "postgres?application_name=x&user=nobody"])
def test_what_the_server_refuses_is_said_in_its_words(server: PostgresServer, database: str) -> None:
    url = server.url(database, user=f"postgres:{PASSWORD}") if "user=" not in database else server.url(database)
    if "user=" in database:
        url = url.replace("postgres@", "")
    said = refusal(url, timeout_s=0.3)
    assert any(part in said for part in ("does not exist", "does not support SSL"))


def test_where_no_server_is_the_address_is_named_and_no_password() -> None:
    port = free_port()
    said = refusal(f"postgresql://app:{PASSWORD}@127.0.0.1:{port}/x", timeout_s=0.3)
    assert f"127.0.0.1:{port}/x failed" in said
    assert "Connection refused" in said
    assert PASSWORD not in said
    said = refusal(f"postgresql://app:{PASSWORD}@no-such-host.invalid/x", timeout_s=0.3)
    assert "no-such-host.invalid/x failed" in said


def test_two_sessions_of_one_handle_are_refused_without_naming_it(postgres: PostgresStore) -> None:
    record = a_record(user_id="personal")
    postgres.create(record, "{}")
    with pytest.raises(SuperTokensGeneralError) as refused:
        postgres.create(record, "{}")
    assert "personal" not in str(refused.value)
    assert record.handle not in str(refused.value)


def test_a_process_goes_on_with_the_connections_it_gets_where_the_server_gives_no_more(
    server: PostgresServer, url: str
) -> None:
    name = url.rpartition("/")[2]
    execute(
        server, name, "CREATE ROLE few LOGIN CONNECTION LIMIT 2", "GRANT USAGE ON SCHEMA supertokens TO few",
        "GRANT ALL ON ALL TABLES IN SCHEMA supertokens TO few",
    )  # fmt: skip
    store = open_store(server.url(name, user="few"), pool_size=8)
    now = system_clock()
    with ThreadPoolExecutor(8) as threads:
        done = threads.map(
            lambda number: store.create(a_record(number, created_at=now, expires_at=now + 99_999), "{}"), range(1, 100)
        )
        assert list(done) == [[]] * 99
    assert store.count_sessions("user", now) == 99
    store.close()
    other = server.url(name, user="few")
    with psycopg.connect(other), psycopg.connect(other):
        assert "too many connections" in refusal(other, timeout_s=0.3)


@pytest.fixture
def small_disk(tmp_path_factory: pytest.TempPathFactory, server: PostgresServer) -> Iterator[Path]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("making a small disk needs root, and the program mount")
    folder = server.folder / "small"
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", str(folder)], capture_output=True
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be made here: {done.stderr.decode().strip()}")
    inside = folder / "space"
    inside.mkdir()
    server.programs.own(inside)
    yield inside
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_fails_writes_and_not_reads_and_leaves_nothing_half_written(
    server: PostgresServer, small_disk: Path
) -> None:
    execute(server, "postgres", f"CREATE TABLESPACE small LOCATION '{small_disk}'")
    execute(server, "postgres", "CREATE DATABASE full_one TEMPLATE template_of_tests TABLESPACE small")
    store = open_store(server.url("full_one"))
    now, made = system_clock(), 0

    def fill() -> None:
        nonlocal made
        while True:
            record = a_record(made + 1, created_at=now, expires_at=now + 999_999)
            store.create(record, '{"x":"' + os.urandom(20_000).hex() + '"}')
            made += 1

    with pytest.raises(SuperTokensGeneralError, match="No space left on device"):
        fill()
    assert made > 10
    assert store.count_sessions("user", now) == made
    assert store.get(a_record(1).handle, now) is not None
    assert store.remove([a_record(1).handle], now) == [a_record(1).handle]
    store.close()
    execute(server, "postgres", "DROP DATABASE full_one WITH (FORCE)", "DROP TABLESPACE small")
