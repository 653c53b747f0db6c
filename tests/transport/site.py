# SPDX-License-Identifier: Apache-2.0
"""A site without a framework: its edge on a core in memory, and visitors whose requests come by WSGI or by ASGI."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import quote

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.errors import SuperTokensError
from supertokens.stores.memory import MemoryStore
from supertokens.testing import Browser, FakeClock, KeysOnce
from supertokens.transport import Header, Request, RequestSession, Session, SessionEdge, from_asgi, from_wsgi, verbs

__all__ = [
    "HEADER_MODE", "LEGACY", "MODERN", "PLAIN", "MakeRequest", "Response", "Site", "Visitor", "by_asgi", "by_wsgi",
    "cookies_in", "deleted_in", "header_in", "set_in",
]  # fmt: skip

LEGACY = {"supertokens-sdk-name": "website"}
MODERN = {"st-auth-mode": "cookie"}
HEADER_MODE = {"st-auth-mode": "header"}
PLAIN: dict[str, str] = {}

MakeRequest = Callable[..., Request]


def by_wsgi(
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    scheme: str = "http",
    mount: str = "",
    peer: str | None = "127.0.0.1",
    server: str = "localhost",
) -> Request:
    """Return a request as a WSGI server hands it on; `mount` and `path` are decoded."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": mount.encode().decode("latin-1"),
        "PATH_INFO": path.encode().decode("latin-1"),
        "wsgi.url_scheme": scheme,
        "SERVER_NAME": server,
        "SERVER_PORT": "80",
    }
    if peer is not None:
        environ["REMOTE_ADDR"] = peer
    for name, value in (headers or {}).items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    return from_wsgi(environ)


def by_asgi(
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    *,
    scheme: str = "http",
    mount: str = "",
    peer: str | None = "127.0.0.1",
    server: str = "localhost",
) -> Request:
    """Return the same request as an ASGI server hands it on."""
    scope: dict[str, Any] = {
        "type": "http",
        "method": method,
        "root_path": mount,
        "path": mount + path,
        "raw_path": quote(mount + path).encode(),
        "scheme": scheme,
        "server": (server, 80),
        "client": None if peer is None else (peer, 50_000),
        "headers": [
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in (headers or {}).items()
        ],
    }
    return from_asgi(scope)


class Response:
    """What a framework's response is to the edge: something that has headers."""

    def __init__(self, *headers: Header) -> None:
        self.headers = list(headers)


def _rewrite(response: Response, change: Callable[[list[Header]], list[Header]]) -> None:
    response.headers = change(response.headers)


class Site:
    """The edge of one application."""

    def __init__(
        self,
        clock: FakeClock,
        make_request: MakeRequest = by_wsgi,
        *,
        explicit: Collection[str] = (),
        as_raised: Callable[[SuperTokensError], SuperTokensError] = lambda error: error,
        **options: Any,
    ) -> None:
        config = Config(**options)
        self.clock = clock
        self.make_request = make_request
        self.store = MemoryStore()
        KeysOnce.put_into(self.store, clock())
        self.core = EmbeddedCore(config, self.store, clock=clock)
        self.edge = SessionEdge(
            config, lambda: self.core, rewrite=_rewrite, as_raised=as_raised, explicit=explicit, clock=clock
        )

    def asked(self, request: Request) -> RequestSession:
        """Return the session of a request that is about to be asked for, as an integration does before each verb."""
        owner = RequestSession(self.edge, came_in=self.edge.monotonic())
        owner.request, owner.is_asked = request, True
        return owner

    def handles(self, user_id: str = "ada") -> list[str]:
        return self.core.session_handles(user_id)


class Visitor:
    """A browser in front of a site: one jar, one dialect. Its requests are for the site's own path and no mount."""

    def __init__(self, site: Site, dialect: Mapping[str, str] = PLAIN, agent: str = "Firefox") -> None:
        self.site = site
        self.dialect = dialect
        self.agent = agent
        self.browser = Browser(site.clock)

    def ask(
        self, method: str = "GET", path: str = "/me", headers: Mapping[str, str] | None = None, **where: Any
    ) -> RequestSession:
        """Send a request with the cookies of the jar; `headers` come on top of them, and of what the dialect sends."""
        cookies = self.browser.cookie_header(where.get("mount", "") + path)
        sent = {"host": "localhost", "user-agent": self.agent, **self.dialect}
        if cookies:
            sent["cookie"] = cookies
        return self.site.asked(self.site.make_request(method, path, {**sent, **(headers or {})}, **where))

    def take(self, owner: RequestSession, *headers: Header) -> list[Header]:
        """Have the response with `headers` leave, and return them as they reach the browser."""
        left = owner.sent_headers(list(headers))
        self.browser.take(left)
        return left

    def log_in(self, user_id: str = "ada", payload: object = None, **where: Any) -> list[Header]:
        owner = self.ask("POST", "/login", **where)
        verbs.create(owner, user_id, {"role": "admin"} if payload is None else payload, None)
        return self.take(owner)

    def check(self, headers: Mapping[str, str] | None = None, **where: Any) -> list[Header]:
        owner = self.ask("GET", "/me", headers, **where)
        verbs.verify(owner, check_anti_csrf=False)
        return self.take(owner)

    def refresh(self, headers: Mapping[str, str] | None = None, **where: Any) -> list[Header]:
        owner = self.ask("POST", "/session/refresh", headers, **where)
        verbs.refresh(owner)
        return self.take(owner)

    def session(self, method: str = "GET") -> Session:
        """Return the session of a new request."""
        return verbs.verify(self.ask(method), check_anti_csrf=False)

    def cookie(self, name: str) -> str:
        """Return the value of a cookie that the jar must have."""
        value = self.browser.value(name)
        assert value is not None, f"the browser has no {name}"
        return value

    @property
    def cookies(self) -> set[str]:
        """The names of the cookies in the jar."""
        return {cookie.name for cookie in self.browser.jar.values()}


def cookies_in(headers: list[Header]) -> list[str]:
    """Return the Set-Cookie lines."""
    return [value for name, value in headers if name.lower() == "set-cookie"]


def set_in(headers: list[Header]) -> dict[str, str]:
    """Return the cookies that are given a value, by name. None may be set twice."""
    pairs = [line.partition(";")[0].partition("=") for line in cookies_in(headers)]
    given = [(name, value) for name, _, value in pairs if value]
    assert len(dict(given)) == len(given), "a cookie is set twice"
    return dict(given)


def deleted_in(headers: list[Header]) -> set[str]:
    """Return the names of the cookies that are deleted, and set nowhere."""
    names = {line.partition("=")[0] for line in cookies_in(headers) if "; Max-Age=0;" in line}
    return names - set_in(headers).keys()


def header_in(headers: list[Header], wanted: str) -> str | None:
    """Return the value of a header, or None. It may not be there twice."""
    values = [value for name, value in headers if name.lower() == wanted.lower()]
    assert len(values) <= 1, f"{wanted} is there {len(values)} times"
    return values[0] if values else None
