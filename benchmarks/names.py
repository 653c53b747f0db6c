# SPDX-License-Identifier: Apache-2.0
"""What the cases are called: in the tables, in the results and where goals refer to them."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BARE_GET", "BARE_POST", "CORE_CREATE", "CORE_FIRST_SIGHT", "CORE_REFRESH", "CORE_SEEN", "EXCHANGE", "FSYNC",
    "JWT_EXTENDED_HS256", "JWT_EXTENDED_RS256", "LOGIN", "OPENSSL_SIGN", "OPENSSL_VERIFY", "OURS_CREATE",
    "OURS_FIRST_SIGHT", "OURS_GET", "OURS_OPEN", "OURS_PAGE", "OURS_POST", "OURS_QUERY", "OURS_REFRESH",
    "OURS_REFRESH_AND_USE", "OURS_RENEWED", "OURS_RENEWED_TOGETHER",
    "PEERS", "PROTECTED", "RSA_SIGN", "RSA_VERIFY", "SERVER_BARE", "SERVER_PROTECTED", "SERVICE", "SERVICE_CREATE",
    "SERVICE_CREATE_OLD", "SERVICE_PROPORTIONAL", "SERVICE_REFRESH", "SERVICE_REFRESH_OLD", "SERVICE_RESIDENT",
    "SERVICE_START", "SERVICE_VERIFY", "SERVICE_VERIFY_OLD", "SIGNED_COOKIE", "STORE_CREATE", "STORE_CREATE_ALONE",
    "STORE_CREATE_BATCHES", "STORE_GET", "SUPERTOKENS_FLASK", "VALKEY_SESSION", "VERIFY", "with_threads",
]  # fmt: skip

# Requests through WSGI
BARE_GET: Final = "bare Flask, GET"
BARE_POST: Final = "bare Flask, POST"
OURS_GET: Final = "ours, GET, token seen before"
OURS_POST: Final = "ours, POST with anti-CSRF, seen before"
OURS_QUERY: Final = "ours, GET, blacklisting `query` on SQLite, seen before"
OURS_FIRST_SIGHT: Final = "ours, GET, first sight of a token"
OURS_OPEN: Final = "ours, GET, a route that is not protected"
OURS_CREATE: Final = "ours, create (log in)"
OURS_REFRESH: Final = "ours, refresh"
OURS_REFRESH_AND_USE: Final = "ours, refresh and first use"
OURS_PAGE: Final = "ours, GET, `renewal: server`, seen before"
OURS_RENEWED: Final = "ours, GET, renewed in place"
OURS_RENEWED_TOGETHER: Final = "ours, GET, renewed in place, 30 requests of one page, each"
SIGNED_COOKIE: Final = "Flask's signed cookie, GET"
JWT_EXTENDED_HS256: Final = "Flask-JWT-Extended HS256, GET"
JWT_EXTENDED_RS256: Final = "Flask-JWT-Extended RS256, GET"
VALKEY_SESSION: Final = "Flask-Session on Valkey, GET"
SUPERTOKENS_FLASK: Final = "supertokens-flask 1.4.1, GET"
PEERS: Final = (SIGNED_COOKIE, JWT_EXTENDED_HS256, JWT_EXTENDED_RS256, VALKEY_SESSION, SUPERTOKENS_FLASK)

# What requests are made of
EXCHANGE: Final = "transport: request to session, without Flask"
CORE_SEEN: Final = "core.verify, seen before"
CORE_FIRST_SIGHT: Final = "core.verify, first sight"
CORE_REFRESH: Final = "core.refresh"
STORE_GET: Final = "store.get (SQLite)"
RSA_SIGN: Final = "one RSA-2048 sign"
RSA_VERIFY: Final = "one RSA-2048 verify"
FSYNC: Final = "one fsync of 4 KiB"

# Threads
VERIFY: Final = "core.verify, seen before"
PROTECTED: Final = "GET, token seen before"
STORE_CREATE: Final = "store.create"
STORE_CREATE_ALONE: Final = "store.create, each committed alone"
STORE_CREATE_BATCHES: Final = "SQLite's share: the same rows, 16 to a transaction"
CORE_CREATE: Final = "core.create_session"
LOGIN: Final = "POST /login"

# The core service
SERVICE_CREATE: Final = "service, create, CDI 5.4"
SERVICE_REFRESH: Final = "service, refresh, CDI 5.4"
SERVICE_VERIFY: Final = "service, verify, CDI 5.4"
SERVICE_CREATE_OLD: Final = "service, create, CDI 2.3"
SERVICE_REFRESH_OLD: Final = "service, refresh, CDI 2.3"
SERVICE_VERIFY_OLD: Final = "service, verify, CDI 2.3"
SERVICE: Final = (
    SERVICE_CREATE, SERVICE_REFRESH, SERVICE_VERIFY, SERVICE_CREATE_OLD, SERVICE_REFRESH_OLD, SERVICE_VERIFY_OLD,
)  # fmt: skip
OPENSSL_SIGN: Final = "openssl speed rsa2048, sign, 1 core"
OPENSSL_VERIFY: Final = "openssl speed rsa2048, verify, 1 core"
SERVICE_START: Final = "service, from its start to its first reply"
SERVICE_RESIDENT: Final = "service at rest, memory of a worker (RSS), bytes"
SERVICE_PROPORTIONAL: Final = "service at rest, memory of a worker (PSS), bytes"

# A real server
SERVER_BARE: Final = "gunicorn, bare Flask"
SERVER_PROTECTED: Final = "gunicorn, ours, token seen before"


def with_threads(name: str, threads: int) -> str:
    return f"{name}, {threads} thread{'s' if threads > 1 else ''}"
