# SPDX-License-Identifier: Apache-2.0
"""Routes that belong to neither family: those common to all cores, and those for orchestrators."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from supertokens.service.fields import STRING, Field
from supertokens.service.replies import Reply, json_reply, text_reply
from supertokens.service.routes import CDI2_VERSIONS, CDI5_VERSIONS, VERSIONS, Backend, Call, Route
from supertokens.stores.base import Probing

__all__ = ["OPERATIONS", "READY", "ROUTES"]

_LOCKED_FOR_MS: Final = 500
"""How long others may hold the store's lock where requests can still be said to be served."""


def hello(backend: Backend, call: Call) -> Reply:
    return text_reply(200, "Hello")


def versions(backend: Backend, call: Call) -> Reply:
    """Return all versions; to a program that names an old one, those of its family, as the original does."""
    return json_reply({"versions": CDI2_VERSIONS if call.version in CDI2_VERSIONS else VERSIONS})


def config(backend: Backend, call: Call) -> Reply:
    """Return the path of the config.yaml to a program of the operator, which knows the process id."""
    if not call.may_know_the_machine or call["pid"] != str(backend.pid):
        return json_reply({"status": "NOT ALLOWED"})
    return json_reply({"status": "OK", "path": backend.config_path or ""})


def health(backend: Backend, call: Call) -> Reply:
    """Return that the process answers. This says nothing about the store."""
    return json_reply({"status": "OK"})


def ready(backend: Backend, call: Call) -> Reply:
    """Return that the store can be read and written, and that a key signs; `service.readiness` asks.

    Raise SuperTokensGeneralError otherwise.
    """
    store, keys = backend.core.store, backend.core.keys
    now = backend.clock()
    store.read_keys(now)
    key, _ = keys.signing(now)
    if isinstance(store, Probing):
        store.prove_writable(_LOCKED_FOR_MS)
    answer = {"status": "OK", "signingKeyAgeSeconds": max(0, now - key.created_at) // 1000}
    return json_reply(answer | ({"warnings": ["the keys are not sealed"]} if keys.awaits_sealing(now) else {}))


def at_once(backend: Backend, call: Call) -> bool:
    return True


def _hello_routes() -> tuple[Route, ...]:
    get = Route(
        "GET", "/hello", hello, "Whether this is a core", VERSIONS, outcomes=(), needs_api_key=False, at_once=at_once
    )
    at_root = replace(get, path="/", versions=CDI5_VERSIONS)
    return (
        replace(get, answers_browsers=True),
        *(replace(get, method=each) for each in ("POST", "PUT", "DELETE")),
        at_root,
    )


ROUTES: Final = (
    *_hello_routes(),
    Route(
        "GET", "/apiversion", versions, "The versions of the interface that are spoken", VERSIONS,
        outcomes=(), needs_version=False, at_once=at_once,
    ),
    Route(
        "GET", "/config", config, "Where the configuration is, for callers who know the process id", VERSIONS,
        query=(Field("pid", STRING, "Process id of the service"),), outcomes=("OK", "NOT ALLOWED"),
        needs_api_key=False, tells_of_the_machine=True, at_once=at_once,
    ),
)  # fmt: skip


def _operation(path: str, handler: Callable[[Backend, Call], Reply], summary: str, **more: object) -> Route:
    return Route("GET", path, handler, summary, VERSIONS, needs_api_key=False, needs_version=False, **more)  # type: ignore[arg-type]


READY: Final = _operation(
    "/ready", ready, "Whether requests can be served (readiness)", outcomes=("OK", "UNAVAILABLE"), answers_browsers=True
)

OPERATIONS: Final = (_operation("/health", health, "Whether the process answers (liveness)", at_once=at_once), READY)
"""Routes of our own, outside of every version of the interface."""
