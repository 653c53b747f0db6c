# SPDX-License-Identifier: Apache-2.0
"""From a request to its reply: which family, which route, which checks in which order (DESIGN, section 6).

An unknown path is 404 before anything else. Then: API key, version, method, body, fields, logic (protocol-1, A.2).
What can be refused without the body is refused before the body is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from supertokens.service import legacy, modern, openapi, shared
from supertokens.service.api_keys import ApiKeys
from supertokens.service.fields import read_body, read_fields, read_query
from supertokens.service.replies import RefusedError, Reply, json_reply
from supertokens.service.routes import METHODS, MODERN_VERSIONS, OLD_VERSIONS, VERSIONS, Backend, Call, Route

__all__ = ["Dispatcher", "Found", "Head", "all_routes"]

Paths = dict[str, dict[str, Route]]

_APP: Final = "appid-"
_PUBLIC: Final = "public"
_ID: Final = re.compile("[a-z0-9-]+")
_VERSION: Final = re.compile(r"\d+(\.\d+)*")


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its body. `path` is percent-decoded; a header is None where it is missing."""

    method: str
    path: str
    query: str
    header: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class Found:
    """The route of a request that has passed all checks that need no body."""

    route: Route
    version: str


def all_routes() -> tuple[Route, ...]:
    """Every route that there is."""
    return (*shared.OPERATIONS, openapi_route(), *shared.ROUTES, *legacy.ROUTES, *modern.ROUTES)


def openapi_route() -> Route:
    def document(backend: Backend, call: Call) -> Reply:
        return json_reply(openapi.document(all_routes()))

    return Route(
        "GET", "/openapi.json", document, "This document", VERSIONS,
        outcomes=(), needs_api_key=False, needs_version=False, at_once=shared.at_once,
    )  # fmt: skip


class Dispatcher:
    """Answers requests with the routes of both families."""

    def __init__(self, backend: Backend, api_keys: ApiKeys, base_path: str = "") -> None:
        self.backend = backend
        self._api_keys = api_keys
        self._base_path = base_path.rstrip("/")
        self._operations = _by_path((*shared.OPERATIONS, openapi_route()))
        self._old = _by_path((*_spoken(shared.ROUTES, OLD_VERSIONS), *legacy.ROUTES))
        self._only_old = frozenset(route.path for route in legacy.ROUTES)
        self._modern = _by_path((*_spoken(shared.ROUTES, MODERN_VERSIONS), *modern.ROUTES))

    def find(self, head: Head) -> Found:
        """The route, all that can be checked without the body being checked. Raises RefusedError."""
        operation = self._operations.get(head.path)
        if operation is not None:
            return Found(_of_method(operation, head.method), VERSIONS[-1])
        version = head.header("cdi-version")
        methods, family, stranger = self._route(self._below_base_path(head.path), version)
        route = methods.get(head.method)
        any_route = route or next(iter(methods.values()))
        if any_route.needs_api_key and not self._api_keys.accept(_api_key(head, family)):
            raise RefusedError(401, "Invalid API key")
        if any_route.needs_version and version is not None and version not in VERSIONS:
            malformed = any_route.versions is MODERN_VERSIONS and not _VERSION.fullmatch(version)
            raise RefusedError(400, "cdi-version header is invalid" if malformed else _unsupported(version))
        spoken = version if version in family else family[-1] if family is MODERN_VERSIONS else family[0]
        route = _of_method(methods, head.method)
        if stranger is not None:
            raise RefusedError(400, f"AppId or tenantId not found => {stranger}")
        if spoken in route.gate:
            raise RefusedError(400, route.gate[spoken])
        return Found(route, spoken)

    def call(self, found: Found, head: Head, body: bytes) -> Call:
        """The call, its fields read. Raises RefusedError."""
        route = found.route
        if route.body is None:
            return Call(found.version, read_query(head.query, route.query) if route.query else {})
        # JSON is in UTF-8 (RFC 8259, 8.1). Cores of old went by HTTP's default of their time (protocol-1, A.1).
        usual_charset = "iso-8859-1" if found.version in OLD_VERSIONS else "utf-8"
        given = read_body(body, head.header("content-type"), usual_charset)
        return Call(found.version, read_fields(given, route.body, found.version))

    def _route(self, path: str, version: str | None) -> tuple[dict[str, Route], tuple[str, ...], str | None]:
        """The methods of the path, the versions of its family, and whose it is if not of the public tenant."""
        if path not in self._old and path not in self._modern:
            path = _as_servlet(path)
            if not path:
                raise _not_found()
        if version in OLD_VERSIONS or (version not in MODERN_VERSIONS and path in self._only_old):
            found = self._old.get(path)
            if found is None:
                raise _not_found()
            return found, OLD_VERSIONS, None
        found, stranger = self._modern_path(path)
        if found is None or (version is None and path == "/"):
            raise _not_found()
        return found, MODERN_VERSIONS, stranger

    def _modern_path(self, path: str) -> tuple[dict[str, Route] | None, str | None]:
        path = path.lower().removesuffix("/") or "/"
        if path in self._modern:
            return self._modern.get(path), None
        segments = path.split("/")[1:]
        app = segments.pop(0).removeprefix(_APP) if segments[0].startswith(_APP) else _PUBLIC
        names_tenant = len(segments) > 1 and _rest(segments) not in self._modern
        tenant = segments.pop(0) if names_tenant or segments == [_PUBLIC] else _PUBLIC
        found = self._modern.get(_rest(segments))
        if found is None or not (_ID.fullmatch(app) and _ID.fullmatch(tenant)):
            return None, None
        return found, None if app == tenant == _PUBLIC else f"appId: {app}, tenantId: {tenant}"

    def _below_base_path(self, path: str) -> str:
        if not self._base_path:
            return path
        if not f"{path}/".startswith(f"{self._base_path}/"):
            raise _not_found()
        return path[len(self._base_path) :] or "/"


def _by_path(routes: Iterable[Route]) -> Paths:
    paths: Paths = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method] = route
    return paths


def _spoken(routes: Iterable[Route], versions: tuple[str, ...]) -> Iterable[Route]:
    return (route for route in routes if not set(versions).isdisjoint(route.versions))


def _of_method(methods: dict[str, Route], method: str) -> Route:
    route = methods.get(method)
    if route is None:
        raise RefusedError(405 if method in METHODS else 501, "Method not supported")
    return route


def _not_found() -> RefusedError:
    return RefusedError(404, "Not found")


def _unsupported(version: str) -> str:
    return f"cdi-version {version} not supported"


def _rest(segments: list[str]) -> str:
    return "/" + "/".join(segments)


def _as_servlet(path: str) -> str:
    """The path as a servlet container normalises it (protocol-1, A.1): no parameters, no empty or dot segments.

    Empty for what is below no root.
    """
    kept: list[str] = []
    root, *segments = path.split("/")
    if root or not segments:
        return ""
    name = ""
    for segment in segments:
        name = segment.partition(";")[0]
        if name == "..":
            if not kept:
                return ""
            kept.pop()
        elif name not in ("", "."):
            kept.append(name)
    return _rest(kept) + ("/" if name in ("", ".", "..") and kept else "")


def _api_key(head: Head, family: tuple[str, ...]) -> str | None:
    key = head.header("api-key")
    if key is None and family is MODERN_VERSIONS:
        authorization = (head.header("authorization") or "").strip()
        return authorization[7:] if authorization[:7].lower() == "bearer " else authorization
    return key
