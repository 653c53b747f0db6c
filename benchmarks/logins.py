# SPDX-License-Identifier: Apache-2.0
"""What a login costs, by the algorithm that signs and by what is noted of the client, beside what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import flask

from benchmarks import names
from benchmarks.apps import bare_app, cores_in, sessions_app
from benchmarks.our_requests import first_sight_case, login_case, refresh_case, requests_case
from benchmarks.rounds import Case
from benchmarks.units import ec_signature_cases, fsync_case, signature_cases, write_cases
from benchmarks.wsgi import browser_request

__all__ = ["login_cases"]


@contextmanager
def login_cases(folder: Path) -> Iterator[list[Case]]:
    """Open a store in `folder` for each case."""
    with ExitStack() as stack:
        core = cores_in(folder, stack)

        def app(name: str, **options: Any) -> flask.Flask:
            return sessions_app(core(name, **options), **options)

        with_ec: dict[str, Any] = {"access_token_signing_algorithm": "ES256"}
        yield [
            requests_case(names.BARE_POST, bare_app(), browser_request("POST", "/me")),
            login_case(names.LOGIN_RS256, app("login-rs256")),
            login_case(names.LOGIN_ES256, app("login-es256", **with_ec)),
            login_case(names.LOGIN_UNNOTED, app("login-unnoted", record_client="none")),
            login_case(names.LOGIN_ADDRESS, app("login-address", record_client="address")),
            refresh_case(names.REFRESH_RS256, core("refresh-rs256")),
            refresh_case(names.REFRESH_ES256, core("refresh-es256", **with_ec), **with_ec),
            first_sight_case(names.FIRST_SIGHT_RS256, core("sight-rs256")),
            first_sight_case(names.FIRST_SIGHT_ES256, core("sight-es256", **with_ec), **with_ec),
            *signature_cases(),
            *ec_signature_cases(),
            *stack.enter_context(write_cases(folder)),
            stack.enter_context(fsync_case(folder / "fsync")),
        ]
