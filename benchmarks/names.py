# SPDX-License-Identifier: Apache-2.0
"""What the cases are called: in the tables, in the results and where goals refer to them."""

from __future__ import annotations

from typing import Final

# Requests through WSGI
BARE_GET: Final = "bare Flask, GET"
BARE_POST: Final = "bare Flask, POST"
OURS_GET: Final = "ours, GET, token seen before"
OURS_POST: Final = "ours, POST with anti-CSRF, seen before"
OURS_QUERY: Final = "ours, GET, blacklisting `query` on SQLite, seen before"
OURS_PUSH: Final = "ours, GET, blacklisting `push` on SQLite, seen before"
OURS_FIRST_SIGHT: Final = "ours, GET, first sight of a token"
OURS_OPEN: Final = "ours, GET, a route that is not protected"
OURS_CREATE: Final = "ours, create (log in)"
OURS_REFRESH: Final = "ours, refresh"
OURS_FIRST_USE: Final = "ours, GET, first use of a refreshed token"
OURS_LOGOUT: Final = "ours, revoke (log out)"
OURS_PAGE: Final = "ours, GET, `renewal: server`, seen before"
OURS_RENEWED: Final = "ours, GET, renewed in place"
OURS_RENEWED_TOGETHER: Final = "ours, GET, renewed in place, 30 requests of one page, each"

# The peers in Flask
SIGNED_COOKIE: Final = "Flask's signed cookie, GET"
JWT_EXTENDED_HS256: Final = "Flask-JWT-Extended HS256, GET"
JWT_EXTENDED_RS256: Final = "Flask-JWT-Extended RS256, GET"
FLASK_LOGIN: Final = "Flask-Login, user in memory, GET"
FLASK_LOGIN_SQLITE: Final = "Flask-Login, user in SQLite, GET"
FILE_SESSION: Final = "Flask-Session in files, GET"
SQLITE_SESSION: Final = "Flask-Session in SQLite, GET"
VALKEY_SESSION: Final = "Flask-Session on Valkey, GET"
SUPERTOKENS_FLASK: Final = "supertokens-flask 1.4.1, GET"
PEERS: Final = (
    SIGNED_COOKIE, JWT_EXTENDED_HS256, JWT_EXTENDED_RS256, FLASK_LOGIN, FLASK_LOGIN_SQLITE, FILE_SESSION,
    SQLITE_SESSION, VALKEY_SESSION, SUPERTOKENS_FLASK,
)  # fmt: skip

# Peers in processes of their own, and the bare routes of those processes
SUPERTOKENS_PYTHON_BARE: Final = "bare Flask beside supertokens-python, GET"
SUPERTOKENS_PYTHON: Final = "supertokens-python 0.31.4, GET"
DJANGO_BARE: Final = "bare Django, GET"
DJANGO_CACHED_DB: Final = "Django sessions, `cached_db` on locmem, GET"
DJANGO_DB: Final = "Django sessions, `db` on SQLite, GET"
DJANGO_SIGNED: Final = "Django sessions, signed cookie, GET"
FASTAPI_BARE: Final = "bare FastAPI, GET"
OURS_FASTAPI: Final = "ours in FastAPI, GET, token seen before"
STARLETTE_BARE: Final = "bare Starlette, GET"
OURS_STARLETTE: Final = "ours in Starlette, GET, token seen before"
OURS_DJANGO: Final = "ours in Django, GET, token seen before"
DJANGO_PROJECT: Final = "bare Django, middleware of `startproject`, GET"
OURS_DJANGO_PROJECT: Final = "ours in Django, middleware of `startproject`, GET, token seen before"
BETTER_AUTH: Final = "better-auth-server in FastAPI, in memory, GET"
CRUDAUTH: Final = "crudauth, session and user in memory, GET"
FASTAPI_USERS: Final = "fastapi-users, JWT, user in memory, GET"
BARE_OF: Final = {
    SUPERTOKENS_PYTHON: SUPERTOKENS_PYTHON_BARE,
    DJANGO_CACHED_DB: DJANGO_BARE,
    DJANGO_DB: DJANGO_BARE,
    DJANGO_SIGNED: DJANGO_BARE,
    BETTER_AUTH: FASTAPI_BARE,
    CRUDAUTH: FASTAPI_BARE,
    FASTAPI_USERS: FASTAPI_BARE,
    OURS_FASTAPI: FASTAPI_BARE,
    OURS_STARLETTE: STARLETTE_BARE,
    OURS_DJANGO: DJANGO_BARE,
    OURS_DJANGO_PROJECT: DJANGO_PROJECT,
}
"""Each of those, and its own bare route."""

# What requests are made of
EXCHANGE: Final = "transport: request to session, without Flask"
CORE_SEEN: Final = "core.verify, seen before"
CORE_FIRST_SIGHT: Final = "core.verify, first sight"
CORE_REFRESH: Final = "core.refresh"
REFRESHING_VIEW: Final = "core.refresh called by a bare route's view"
REVOKE_USER: Final = "core.revoke_user, a user with 5 sessions"
STORE_GET: Final = "store.get (SQLite)"
RSA_SIGN: Final = "one RSA-2048 sign"
RSA_VERIFY: Final = "one RSA-2048 verify"
VERIFY_AND_DECODE: Final = "one RSA-2048 verify, base64 and JSON of the claims"
EC_SIGN: Final = "one ES256 sign"
EC_VERIFY: Final = "one ES256 verify"
SIGN_AND_INSERT: Final = "one RSA-2048 sign and one durable insert"
SIGN_AND_UPDATE: Final = "one RSA-2048 sign, one read and one update without fsync"
FSYNC: Final = "one fsync of 4 KiB"

# How long after a revocation has returned another process refuses
PUSH_LAG_SQLITE: Final = "a revocation is seen by `push`, SQLite"
PUSH_LAG_POSTGRES: Final = "a revocation is seen by `push`, PostgreSQL"

# Active sessions
ACTIVE_SESSIONS: Final = (100, 1_000, 10_000, 100_000)
CACHED_SESSIONS: Final = 10_000
CACHE_BYTES: Final = f"the cache with {CACHED_SESSIONS:,} sessions, bytes"

# Logins
LOGIN_RS256: Final = "log in, RS256"
LOGIN_ES256: Final = "log in, ES256"
LOGIN_UNNOTED: Final = "log in, RS256, `record_client: none`"
LOGIN_ADDRESS: Final = "log in, RS256, `record_client: address`"
REFRESH_RS256: Final = "refresh, RS256"
REFRESH_ES256: Final = "refresh, ES256"
FIRST_SIGHT_RS256: Final = "GET, first sight of a token, RS256"
FIRST_SIGHT_ES256: Final = "GET, first sight of a token, ES256"

# The filled store
STORE_SIZES: Final = (10_000, 1_000_000)
LISTED_SESSIONS: Final = 10_000
FIRST_USE: Final = "core.verify, first use after a refresh"
REVOKE_ONE: Final = "core.revoke_sessions, one"
SWEEP: Final = "store.sweep, 500 expired sessions"
LIST_PAGE: Final = f"100 of a user's {LISTED_SESSIONS:,} sessions, by cursor"
LIST_ALL: Final = f"all of a user's {LISTED_SESSIONS:,} sessions, by cursor, 100 at a time"

# PostgreSQL
POSTGRES_CREATE: Final = "store.create (PostgreSQL)"
POSTGRES_CREATE_ALONE: Final = "the same insert by psycopg alone"
POSTGRES_REFRESH: Final = "store.get and store.rotate (PostgreSQL)"
POSTGRES_REFRESH_ALONE: Final = "the same two statements by psycopg alone"
POSTGRES_GET: Final = "store.get (PostgreSQL)"
POSTGRES_ACCEPT: Final = "store.rotate, a child that comes back (PostgreSQL)"
POSTGRES_REVOKE: Final = "store.remove, one (PostgreSQL)"

# Threads
VERIFY: Final = "core.verify, seen before"
PROTECTED: Final = "GET, token seen before"
STORE_CREATE: Final = "store.create"
STORE_CREATE_ALONE: Final = "store.create, each committed alone"
STORE_CREATE_BATCHES: Final = "SQLite's share: the same rows, 16 to a transaction"
CORE_CREATE: Final = "core.create_session"
LOGIN: Final = "POST /login"

# The core service
SERVICE_HELLO: Final = "service, /hello"
SERVICE_CREATE: Final = "service, create, CDI 5.4"
SERVICE_REFRESH: Final = "service, refresh, CDI 5.4"
SERVICE_VERIFY: Final = "service, verify, CDI 5.4"
SERVICE_CREATE_OLD: Final = "service, create, CDI 2.3"
SERVICE_REFRESH_OLD: Final = "service, refresh, CDI 2.3"
SERVICE_VERIFY_OLD: Final = "service, verify, CDI 2.3"
SERVICE: Final = (
    SERVICE_HELLO, SERVICE_CREATE, SERVICE_REFRESH, SERVICE_VERIFY, SERVICE_CREATE_OLD, SERVICE_REFRESH_OLD,
    SERVICE_VERIFY_OLD,
)  # fmt: skip
OPENSSL_SIGN: Final = "openssl speed rsa2048, sign, 1 core"
OPENSSL_VERIFY: Final = "openssl speed rsa2048, verify, 1 core"
SERVICE_START: Final = "service, from its start to its first reply"
SERVICE_RESIDENT: Final = "service at rest, memory of a worker (RSS), bytes"
SERVICE_PROPORTIONAL: Final = "service at rest, memory of a worker (PSS), bytes"
WORKERS_CREATE: Final = "service, create at saturation"
WORKERS_REVOKE: Final = "service, revoke at saturation"

# A real server
SERVER_BARE: Final = "gunicorn, bare Flask"
SERVER_PROTECTED: Final = "gunicorn, ours, token seen before"


def with_threads(name: str, threads: int) -> str:
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"


def with_workers(name: str, workers: int) -> str:
    return f"{name}, {workers} worker{'s' if workers > 1 else ''}"


def with_active(sessions: int) -> str:
    return f"ours, GET, {sessions:,} active sessions"


def in_store_of(name: str, sessions: int) -> str:
    return f"{name}, {sessions:,} sessions"


def p50(name: str) -> str:
    """Name the figure of a case whose percentiles are measured along with it."""
    return f"{name}: p50"


def p99(name: str) -> str:
    """Name the figure of a case whose percentiles are measured along with it."""
    return f"{name}: p99"
