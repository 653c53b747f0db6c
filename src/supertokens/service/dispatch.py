# SPDX-License-Identifier: Apache-2.0
"""From a request to its reply: which family, which route, which checks in which order (docs/service.md).

An unknown path is 404 before anything else. Then: API key, version, method, body, fields, logic
(docs/protocol/cdi2.md#order-of-the-checks). What can be refused without the body is refused before the body is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from supertokens.config.addresses import is_loopback
from supertokens.service import cdi2, cdi5, openapi, shared
from supertokens.service.api_keys import ApiKeys
from supertokens.service.callers import Callers, host_of
from supertokens.service.fields import read_body, read_fields, read_query
from supertokens.service.replies import RefusedError, Reply, json_reply
from supertokens.service.request_head import RequestHead
from supertokens.service.routes import CDI2_VERSIONS, CDI5_VERSIONS, METHODS, VERSIONS, Backend, Call, Route

__all__ = ["Dispatcher", "FoundRoute", "all_routes"]

Methods = dict[str, Route]
Paths = dict[str, Methods]

_PUBLIC: Final = "public"
_OF_THE_PUBLIC_TENANT: Final = ("", "/appid-public", "/public", "/appid-public/public")
_ID: Final = "[a-z0-9-]+"
_VERSION: Final = re.compile(r"\d+(\.\d+)*")


class _Place(NamedTuple):
    """What a path leads to: its routes by method, and the versions of the interface that exist there.

    `tenant`: whose the path is, where that is not the one that there is.
    """

    methods: Methods
    versions: tuple[str, ...]
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRoute:
    """The route of a request that has passed all checks that need no body."""

    route: Route
    version: str
    may_know_the_machine: bool


def all_routes() -> tuple[Route, ...]:
    """Return every route of the service."""
    return (*shared.OPERATIONS, openapi_route(), *shared.ROUTES, *cdi2.ROUTES, *cdi5.ROUTES)


def openapi_route() -> Route:
    def document(backend: Backend, call: Call) -> Reply:
        return json_reply(openapi.document(all_routes()))

    return Route(
        "GET", "/openapi.json", document, "This document", VERSIONS,
        outcomes=(), needs_api_key=False, needs_version=False, at_once=shared.at_once,
    )  # fmt: skip


class Dispatcher:
    """Answers requests with the routes of both families.

    A path is one of those in the tables, to the letter: what a proxy in front lets through by its rules must be what
    is answered here. So there are no dot segments, no parameters and no other case.
    """

    def __init__(self, backend: Backend, api_keys: ApiKeys, base_path: str = "") -> None:
        self.backend = backend
        self._callers = Callers(api_keys, listens_on_loopback=is_loopback(backend.config.host))
        base = self._base = base_path.rstrip("/")
        cdi5_routes = (*_spoken(shared.ROUTES, CDI5_VERSIONS), *cdi5.ROUTES)
        self._operations = _by_path((*shared.OPERATIONS, openapi_route()))
        self._cdi2 = _by_path((*_spoken(shared.ROUTES, CDI2_VERSIONS), *cdi2.ROUTES), lambda path: (base + path,))
        self._only_cdi2 = frozenset(base + route.path for route in cdi2.ROUTES)
        self._cdi5 = _by_path(cdi5_routes, lambda path: _cdi5_spellings(base, path))
        self._roots = frozenset((base, f"{base}/"))
        self._of_other_tenants = _paths_of_tenants(base, [route.path for route in cdi5_routes if route.path != "/"])

    def find(self, head: RequestHead) -> FoundRoute:
        """Return the route of the request `head`, after all checks that need no body.

        Raise RefusedError.
        """
        host = host_of(head)
        version = head.header("cdi-version")
        methods, versions, tenant = self._place(head.path, version)
        any_route = methods.get(head.method) or next(iter(methods.values()))
        key = _api_key(head, versions)
        self._callers.check(head, host, any_route, key)
        if any_route.needs_version and version is not None and version not in VERSIONS:
            malformed = any_route.versions is CDI5_VERSIONS and not _VERSION.fullmatch(version)
            raise RefusedError(400, "cdi-version header is invalid" if malformed else _unsupported(version))
        spoken = _spoken_version(version, versions)
        route = _of_method(methods, head.method)
        if tenant is not None:
            raise RefusedError(400, f"AppId or tenantId not found => {tenant}")
        if spoken in route.gate:
            raise RefusedError(400, route.gate[spoken])
        return FoundRoute(route, spoken, route.tells_of_the_machine and self._callers.may_know_the_machine(head, key))

    def call(self, found: FoundRoute, head: RequestHead, body: bytes) -> Call:
        """Return the call of the route in `found`, with the fields that it declares read from `head` and `body`.

        Raise RefusedError.
        """
        route = found.route
        if route.body is None:
            values = read_query(head.query, route.query) if route.query else {}
            return Call(found.version, values, found.may_know_the_machine)
        # JSON is in UTF-8 (RFC 8259, 8.1). The 2.x cores followed HTTP's default of their time
        # (docs/protocol/cdi2.md#transport).
        usual_charset = "iso-8859-1" if found.version in CDI2_VERSIONS else "utf-8"
        given = read_body(body, head.header("content-type"), usual_charset)
        return Call(found.version, read_fields(given, route.body, found.version))

    def _place(self, path: str, version: str | None) -> _Place:
        """Return what `path` leads to. Raise RefusedError (404) if its family has no such path.

        `version` chooses the family. If it is missing, or not one that is spoken, the path chooses.
        """
        if path in self._operations:
            return _Place(self._operations[path], VERSIONS)
        if version in CDI2_VERSIONS or (version not in CDI5_VERSIONS and path in self._only_cdi2):
            if path in self._cdi2:
                return _Place(self._cdi2[path], CDI2_VERSIONS)
        elif path in self._cdi5 and not (version is None and path in self._roots):
            return _Place(self._cdi5[path], CDI5_VERSIONS)
        elif found := self._of_other_tenants.fullmatch(path):
            named = f"appId: {found['app'] or _PUBLIC}, tenantId: {found['tenant'] or _PUBLIC}"
            return _Place(self._cdi5[self._base + found["path"]], CDI5_VERSIONS, named)
        raise RefusedError(404, "Not found")


def _by_path(routes: Iterable[Route], spellings: Callable[[str], Iterable[str]] = lambda path: (path,)) -> Paths:
    """Return `routes` by their paths, in all the `spellings` of each, and by method."""
    paths: Paths = {}
    for route in routes:
        for path in spellings(route.path):
            paths.setdefault(path, {})[route.method] = route
    return paths


def _cdi5_spellings(base: str, path: str) -> Iterator[str]:
    """Yield `path` below `base` with each way to name the public tenant, with and without a slash at its end."""
    for prefix in _OF_THE_PUBLIC_TENANT:
        whole = f"{base}{prefix}{path.rstrip('/')}"
        yield f"{whole}/"
        if whole:
            yield whole


def _paths_of_tenants(base: str, paths: Iterable[str]) -> re.Pattern[str]:
    """Return the pattern of `paths` below `base` with the name of an app, a tenant, or both before them."""
    any_path = "|".join(map(re.escape, paths))
    return re.compile(rf"{re.escape(base)}(?:/appid-(?P<app>{_ID}))?(?:/(?P<tenant>{_ID}))?(?P<path>{any_path})/?")


def _spoken(routes: Iterable[Route], versions: tuple[str, ...]) -> Iterable[Route]:
    return (route for route in routes if not set(versions).isdisjoint(route.versions))


def _of_method(methods: dict[str, Route], method: str) -> Route:
    route = methods.get(method)
    if route is None:
        raise RefusedError(405 if method in METHODS else 501, "Method not supported")
    return route


def _spoken_version(asked: str | None, versions: tuple[str, ...]) -> str:
    """Return the one of `versions` to speak: the one `asked` for, or the default of the family.

    That is 1.0 in the old family (docs/protocol/cdi2.md#order-of-the-checks), the newest in the modern one
    (docs/protocol/cdi5.md#transport).
    """
    if asked in versions:
        return asked
    return versions[0] if versions is CDI2_VERSIONS else versions[-1]


def _unsupported(version: str) -> str:
    return f"cdi-version {version} not supported"


def _api_key(head: RequestHead, versions: tuple[str, ...]) -> str | None:
    key = head.header("api-key")
    if key is None and versions is not CDI2_VERSIONS:
        authorization = (head.header("authorization") or "").strip()
        return authorization[7:] if authorization[:7].lower() == "bearer " else authorization
    return key
