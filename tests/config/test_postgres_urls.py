# SPDX-License-Identifier: Apache-2.0
"""URLs of PostgreSQL databases: what they mean, and what is said of those that cannot be right."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.config import Config, ConfigError
from supertokens.config.databases import parse_database
from supertokens.config.postgres_urls import PostgresUrl

PASSWORD = "correct-horse"


def parsed(url: str) -> PostgresUrl:
    server = parse_database(url).server
    assert server is not None
    return server


@pytest.mark.parametrize(
    ("url", "name", "parameters"),
    [
        (
            "postgresql://app:correct-horse@db.internal:6432/sessions",
            "db.internal:6432/sessions",
            {"user": "app", "password": PASSWORD, "host": "db.internal", "port": "6432", "dbname": "sessions"},
        ),
        ("postgres://db/x", "db/x", {"host": "db", "dbname": "x"}),
        ("PostgreSQL://db/x", "db/x", {"host": "db", "dbname": "x"}),
        ("postgresql:///x", "localhost/x", {"dbname": "x"}),
        (
            "postgresql://a%40b:p%3A%2F%3F%23%40%25@db/x%2Fy",
            "db/x/y",
            {"user": "a@b", "password": "p:/?#@%", "host": "db", "dbname": "x/y"},
        ),
        (
            "postgresql://[2001:db8::1]:5433/x",
            "2001:db8::1:5433/x",
            {"host": "2001:db8::1", "port": "5433", "dbname": "x"},
        ),
        (
            "postgresql://u@db1,db2:5433/x?target_session_attrs=primary",
            "db1,db2:5433/x",
            {"user": "u", "host": "db1,db2", "port": ",5433", "dbname": "x", "target_session_attrs": "primary"},
        ),
        (
            "postgresql://u@/x?host=/run/postgresql&port=5433",
            "/run/postgresql:5433/x",
            {"user": "u", "host": "/run/postgresql", "port": "5433", "dbname": "x"},
        ),
        (
            "postgresql://u@db/x?sslmode=verify-full&sslrootcert=/etc/ca.pem&connect_timeout=3",
            "db/x",
            {
                "user": "u",
                "host": "db",
                "dbname": "x",
                "sslmode": "verify-full",
                "sslrootcert": "/etc/ca.pem",
                "connect_timeout": "3",
            },
        ),
        ("postgresql://?host=db&dbname=x", "db/x", {"host": "db", "dbname": "x"}),
    ],
)
def test_a_url_says_what_the_driver_is_told(url: str, name: str, parameters: dict[str, str]) -> None:
    found = parsed(url)
    assert (found.name, found.pooled, found.secret) == (name, False, parameters)


def test_a_url_may_say_that_there_is_a_pooler_which_the_driver_is_not_told() -> None:
    assert parsed("postgresql://db/x?pooler=1") == PostgresUrl("db/x", True, {"host": "db", "dbname": "x"})
    assert parsed("postgresql://db/x?pooler=0").pooled is False


WRONG = [
    ("postgresql:app:correct-horse@db/x", "'//' after 'postgresql:'"),
    ("postgresql:/app:correct-horse@db/x", "'//' after 'postgresql:'"),
    ("postgresql:", "'//' after 'postgresql:'"),
    ("postgresql://", "name a database"),
    ("postgresql://app:correct-horse@db", "name a database"),
    ("postgresql://app:correct-horse@db/", "name a database"),
    ("postgresql://app:correct-horse@db?sslmode=require", "name a database"),
    ("postgresql://app:correct-horse@db/x/y", "write '/' in a database name"),
    ("postgresql://app:correct-horse@db:/x", "a port from 1"),
    ("postgresql://app:correct-horse@db:0/x", "a port from 1"),
    ("postgresql://app:correct-horse@db:65536/x", "a port from 1"),
    ("postgresql://app:correct-horse@db:-1/x", "a port from 1"),
    ("postgresql://app:correct-horse@db:54 32/x", "no space"),
    ("postgresql://app:correct-horse@db:port/x", "a port from 1"),
    ("postgresql://app:correct-horse@db:٥٤٣٢/x", "a port from 1"),
    ("postgresql://app:correct-horse@:5432/x", "name a host"),
    ("postgresql://app:correct-horse@db1,,db2/x", "name a host"),
    ("postgresql://app:correct-horse@db1,/x", "name a host"),
    ("postgresql://app:correct-horse@2001:db8::1/x", "write an IPv6 address"),
    ("postgresql://app:correct-horse@[2001:db8::1/x", "']' after an IPv6 address"),
    ("postgresql://app:correct-horse@[2001:db8::1]5432/x", "']' after an IPv6 address"),
    ("postgresql://app:correct-horse@[db]/x", "an IPv6 address between"),
    ("postgresql://app:correct@horse@db/x", "no '@', ':' or '[' in the password"),
    ("postgresql://app:correct:horse@db/x", "no '@', ':' or '[' in the password"),
    ("postgresql://app@correct-horse:x@db/x", "in the user"),
    ("postgresql://app:@db/x", "a password between"),
    ("postgresql://:correct-horse@db/x", "name the user"),
    ("postgresql://@db/x", "name the user"),
    ("postgresql://db/x?password=correct-horse", "name the user"),
    ("postgresql://app:correct#horse@db/x", "not have a fragment"),
    ("postgresql://app:correct-horse@db/x#y", "not have a fragment"),
    ("postgresql://app:correct/horse@db/x", "a port from 1"),
    ("postgresql://app:correct?horse@db/x", "a port from 1"),
    ("postgresql://app:correct-horse@db/x?horse", "in a password, write '?' as"),
    ("postgresql://app:correct%horse@db/x", "after each '%' in the password"),
    ("postgresql://app%:correct-horse@db/x", "after each '%' in the user"),
    ("postgresql://app:correct-horse@db%/x", "after each '%' in the host"),
    ("postgresql://app:correct-horse@db/x%", "after each '%' in the database"),
    ("postgresql://app:correct-horse%00@db/x", "no %00 in the password"),
    ("postgresql://app:correct-horse%ff@db/x", "UTF-8 in the password"),
    ("postgresql://app:correct-horse@db/x\n", "no control character"),
    (" postgresql://app:correct-horse@db/x", "begin with a scheme"),
    ("postgresql://app:correct-horse@db/x?", "libpq's parameters"),
    ("postgresql://app:correct-horse@db/x?sslmod=require", "did you mean 'sslmode'?"),
    ("postgresql://app:correct-horse@db/x?sslmode", "a value for the parameter 'sslmode'"),
    ("postgresql://app:correct-horse@db/x?sslmode=", "a value for the parameter 'sslmode'"),
    ("postgresql://app:correct-horse@db/x?sslmode=full", "one of disable, allow"),
    ("postgresql://app:correct-horse@db/x?sslmode=require&sslmode=disable", "'sslmode' only once"),
    ("postgresql://app:correct-horse@db/x?password=correct-horse", "'password' only once"),
    ("postgresql://app:correct-horse@db/x?target_session_attrs=any", "sessions are read and written on the primary"),
    (
        "postgresql://app:correct-horse@db/x?target_session_attrs=read-only",
        "sessions are read and written on the primary",
    ),
    ("postgresql://app:correct-horse@db/x?connect_timeout=soon", "a whole number from 1 to 600"),
    ("postgresql://app:correct-horse@db/x?connect_timeout=0", "a whole number from 1 to 600"),
    ("postgresql://app:correct-horse@db/x?pooler=yes", "one of 0, 1"),
    ("postgresql://app:correct-horse@db/x?pooler=1&options=-csearch_path%3Dx", "'options' with 'pooler=1'"),
    ("postgresql://app:correct-horse@a,b,c/x?port=1,2", "as many ports as hosts"),
    ("postgresql://app:correct-horse@a,b/x?hostaddr=127.0.0.1", "as many addresses"),
    ("postgresql://app:correct-horse@db/x?port=99999", "a port from 1"),
]


@pytest.mark.parametrize(("url", "part"), WRONG)
def test_the_part_that_is_wrong_is_named_and_nothing_of_the_password(url: str, part: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Config(database=url)
    message = str(refused.value)
    assert "'database' must" in message
    assert part in message
    assert "correct" not in message
    assert "horse" not in message
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_there_are_more_than_forty_wrong_forms() -> None:
    assert len({url for url, _ in WRONG}) == len(WRONG) > 40


def test_neither_the_url_nor_the_configuration_shows_the_password() -> None:
    url = "postgresql://app:correct-horse@db/x?sslpassword=correct-horse"
    assert PASSWORD not in repr(parsed(url))
    assert PASSWORD not in repr(Config(database=url))
    assert Config(database=url).database_name == "db/x"
    assert Config(database=url).sqlite_path is None


@given(st.text())
def test_any_text_behind_the_scheme_is_a_url_or_refused(rest: str) -> None:
    for url in (f"postgresql:{rest}", f"postgresql://{rest}", f"postgresql://db/x?{rest}"):
        with suppress(ValueError):
            assert parsed(url).secret["dbname"]
