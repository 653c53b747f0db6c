# SPDX-License-Identifier: Apache-2.0
"""Cases of one thread: requests through WSGI without a socket, ours and the peers', and what they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from benchmarks import names
from benchmarks.apps import cores_in
from benchmarks.our_requests import our_cases, requests_case
from benchmarks.peers import (
    flask_login_in_memory,
    flask_login_in_sqlite,
    flask_session_in_files,
    flask_session_in_sqlite,
    flask_session_on_valkey,
    jwt_extended,
    signed_cookie,
    supertokens_flask_1_4_1,
)
from benchmarks.rounds import Case
from benchmarks.units import decoding_case, fsync_case, signature_cases, write_cases

__all__ = ["per_request_cases"]


@contextmanager
def per_request_cases(folder: Path) -> Iterator[list[Case]]:
    """Open stores in `folder`, and a Valkey server, for as long as the cases are used."""
    with ExitStack() as stack:
        core = cores_in(folder, stack)
        plain_core = core("plain")
        yield [
            *our_cases(core, plain_core),
            requests_case(names.SIGNED_COOKIE, *signed_cookie()),
            requests_case(names.JWT_EXTENDED_HS256, *jwt_extended("HS256")),
            requests_case(names.JWT_EXTENDED_RS256, *jwt_extended("RS256")),
            requests_case(names.FLASK_LOGIN, *flask_login_in_memory()),
            requests_case(names.FLASK_LOGIN_SQLITE, *stack.enter_context(flask_login_in_sqlite(folder))),
            requests_case(names.FILE_SESSION, *stack.enter_context(flask_session_in_files(folder / "sessions"))),
            requests_case(names.SQLITE_SESSION, *stack.enter_context(flask_session_in_sqlite(folder))),
            requests_case(names.VALKEY_SESSION, *stack.enter_context(flask_session_on_valkey())),
            requests_case(names.SUPERTOKENS_FLASK, *supertokens_flask_1_4_1(plain_core)),
            *signature_cases(),
            decoding_case(plain_core),
            *stack.enter_context(write_cases(folder)),
            stack.enter_context(fsync_case(folder / "fsync")),
        ]
