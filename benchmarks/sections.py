# SPDX-License-Identifier: Apache-2.0
"""The groups that `make bench` measures, each in rounds of its own, and how long."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.active_sessions import active_session_cases
from benchmarks.filled_store import filled_store_cases
from benchmarks.logins import login_cases
from benchmarks.other_peers import other_peer_cases
from benchmarks.our_frameworks import framework_cases
from benchmarks.per_request import per_request_cases
from benchmarks.postgres import postgres_cases
from benchmarks.push import push_cases
from benchmarks.real_server import server_cases
from benchmarks.rounds import Case
from benchmarks.service import at_rest_cases, service_cases
from benchmarks.service_workers import worker_cases
from benchmarks.threaded import create_cases, verify_cases

__all__ = ["SECTIONS", "Length", "Section", "groups"]


class Length(NamedTuple):
    """How often and how long: rounds, seconds per batch, and slices of operations that are timed one by one."""

    rounds: int
    seconds: float
    slices: int


@dataclass(frozen=True)
class Section:
    """Cases that are measured in the same rounds. `needs`: programs without which it is left out."""

    name: str
    about: str
    cases: Callable[[Path], AbstractContextManager[list[Case]]]
    full: Length
    quick: Length
    needs: tuple[str, ...] = ()


SECTIONS: Final = (
    Section(
        "per request",
        "requests through WSGI, ours and the peers' in Flask, and the parts and units that they are made of",
        per_request_cases,
        full=Length(60, 0.020, 12),
        quick=Length(10, 0.004, 2),
    ),
    Section(
        "active sessions",
        "a protected GET with 100 … 100,000 sessions asked uniformly, and what the cache takes",
        active_session_cases,
        full=Length(40, 0.020, 8),
        quick=Length(5, 0.004, 2),
    ),
    Section(
        "log-in",
        "RS256 beside ES256, with and without a note of the client, beside one signature and one durable insert",
        login_cases,
        full=Length(40, 0.025, 12),
        quick=Length(5, 0.005, 2),
    ),
    Section(
        "filled store",
        "a store of a million sessions beside one of ten thousand, and the sessions of a user who has 10,000",
        filled_store_cases,
        full=Length(30, 0.020, 12),
        quick=Length(3, 0.005, 2),
    ),
    Section(
        "PostgreSQL",
        "the store on a PostgreSQL server, beside psycopg alone, and with a million sessions beside ten thousand",
        postgres_cases,
        full=Length(20, 0.050, 6),
        quick=Length(3, 0.010, 2),
    ),
    Section(
        "push",
        "how long after a revocation has returned workers with `revocation: push` refuse, on SQLite and PostgreSQL",
        push_cases,
        full=Length(5, 0.0, 0),
        quick=Length(1, 0.0, 0),
    ),
    Section(
        "other peers",
        "peers in processes of their own, each beside its own bare route: supertokens-python, Django, FastAPI",
        other_peer_cases,
        full=Length(40, 0.020, 8),
        quick=Length(5, 0.004, 2),
    ),
    Section(
        "frameworks",
        "a check in FastAPI, Starlette and Django, beside the bare route and the peers of each",
        framework_cases,
        full=Length(60, 0.020, 8),
        quick=Length(10, 0.004, 2),
    ),
    Section(
        "verify by threads",
        "checks by 1, 4 and 16 threads of a process",
        verify_cases,
        full=Length(25, 0.150, 3),
        quick=Length(4, 0.050, 1),
    ),
    Section(
        "create by threads",
        "creates and logins by 1 and 16 threads of a process",
        create_cases,
        full=Length(12, 0.400, 2),
        quick=Length(3, 0.100, 1),
    ),
    Section(
        "real server",
        "gunicorn with 2 workers, asked by wrk",
        server_cases,
        full=Length(10, 2.0, 0),
        quick=Length(2, 1.0, 0),
        needs=("wrk",),
    ),
    Section(
        "service at rest",
        "start and memory of `supertokens start`",
        at_rest_cases,
        full=Length(5, 0.0, 0),
        quick=Length(1, 0.0, 0),
    ),
    Section(
        "service",
        "`supertokens start` with its defaults, asked by wrk",
        service_cases,
        full=Length(6, 1.0, 0),
        quick=Length(1, 1.0, 0),
        needs=("wrk", "openssl"),
    ),
    Section(
        "service by workers",
        "creates and revocations at saturation: 2 workers beside 1",
        worker_cases,
        full=Length(7, 1.0, 0),
        quick=Length(1, 1.0, 0),
        needs=("wrk",),
    ),
)


def groups() -> str:
    """Return what there is for `--only`, for the help."""
    width = max(len(section.name) for section in SECTIONS)
    return "\n".join(f"  {section.name:{width}}  {section.about}" for section in SECTIONS)
