# SPDX-License-Identifier: Apache-2.0
"""A protected GET when many sessions are active: which of them asks next is drawn, each as likely as the others."""

from __future__ import annotations

import gc
import random
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks import names
from benchmarks.apps import bare_app, cores_in, minted_token, sessions_app
from benchmarks.our_requests import requests_case
from benchmarks.rounds import Case, Loop, Once
from benchmarks.wsgi import Client, browser_request, require_ok
from supertokens.core import EmbeddedCore

__all__ = ["active_session_cases"]

_SIGNERS: Final = 4
_WARM_UP: Final = 30_000
"""Requests: two for each session where the cache has room for all, and enough to fill it where it has not."""

_SEED: Final = 20_261_129


@contextmanager
def active_session_cases(
    folder: Path, counts: Sequence[int] = names.ACTIVE_SESSIONS, cached: int = names.CACHED_SESSIONS
) -> Iterator[list[Case]]:
    """An app for each of `counts`, whose sessions have all been seen. `cached`: how many the cache is weighed with."""
    with ExitStack() as stack:
        core = partial(cores_in(folder, stack), "active")  # one file, so that all have the same keys
        signer = core()
        with ThreadPoolExecutor(_SIGNERS) as pool:  # signing lets go of Python's lock
            tokens = list(pool.map(lambda _: minted_token(signer), range(max(*counts, cached))))
        yield [
            requests_case(names.BARE_GET, bare_app(), _request(tokens[0])),
            *(_active(core(), tokens[:count]) for count in counts),
            Once(names.CACHE_BYTES, lambda: _taken_by(core(), tokens[:cached])),
        ]


def _active(core: EmbeddedCore, tokens: Sequence[str]) -> Loop:
    client = Client(sessions_app(core))
    for token in [*tokens, *tokens][:_WARM_UP]:  # the second time around they are no newcomers
        require_ok([client(_request(token))])
    draw = random.Random(_SEED)  # noqa: S311 - who asks next is no secret
    return Loop(names.with_active(len(tokens)), client, _drawn(draw, tokens), require_ok)


def _drawn(draw: random.Random, tokens: Sequence[str]) -> Callable[[int], Sequence[dict[str, Any]]]:
    return lambda count: [_request(token) for token in draw.choices(tokens, k=count)]


def _request(token: str) -> dict[str, Any]:
    # A text of its own, as it comes from a socket: none that has been hashed before.
    return browser_request("GET", "/me", {"sAccessToken": token, "sIdRefreshToken": "0" * 43})


def _taken_by(core: EmbeddedCore, tokens: Sequence[str]) -> float:
    """Return the bytes that Python has allocated for good when each token has been seen twice."""
    client = Client(sessions_app(core))
    require_ok([client(_request(tokens[0]))])  # makes what is made but once
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for token in (*tokens, *tokens):
            require_ok([client(_request(token))])
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return float(after - before)
