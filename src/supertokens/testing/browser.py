# SPDX-License-Identifier: Apache-2.0
"""A browser: its cookie jar, what its pages' scripts remember from session headers, and its tabs, which share both."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Self

from supertokens.testing.apps import config_of
from supertokens.testing.clients import Client
from supertokens.testing.clock import FakeClock, SkewedClock
from supertokens.testing.framework_clients import client_of
from supertokens.testing.jar import (
    Jar,
    JarCookie,
    Way,
    cookie_of_line,
    in_order,
    is_sent,
    is_trustworthy,
    keep,
    path_matches,
)
from supertokens.testing.network import Network
from supertokens.testing.tab import Tab

__all__ = ["DIALECTS", "Browser", "Dialect"]

Dialect = Literal["plain", "legacy", "modern", "header"]

DIALECTS: Final[Mapping[str, Mapping[str, str]]] = {
    "plain": {},
    "legacy": {"supertokens-sdk-name": "website", "supertokens-sdk-version": "4.2.0"},
    "modern": {"st-auth-mode": "cookie", "rid": "anti-csrf"},
    "header": {"st-auth-mode": "header", "rid": "anti-csrf"},
}
"""The request headers that tell each kind of client (docs/browsers.md)."""


class Browser:
    """One browser connected to `app`: an app of a supported framework, a framework's test client, or a `Client`.

    `clock` is the time; the browser's own clock may be skewed from it. `url`: where the app is, by default where its
    test client says, or http://localhost. `dialect`: which browser library its pages have. Without an `app` it is only
    a cookie jar.

    >>> browser = Browser(FakeClock())
    >>> browser.take([("Set-Cookie", "theme=dark; Path=/; Max-Age=60")], "http://localhost/")
    >>> browser.cookie_header("http://localhost/notes")
    'theme=dark'
    """

    def __init__(
        self,
        clock: FakeClock,
        app: object = None,
        *,
        url: str | None = None,
        user_agent: str = "Firefox",
        dialect: Dialect = "plain",
    ) -> None:
        self._client = None if app is None else client_of(app)
        self._clock = clock
        self.clock = SkewedClock(clock)
        """This machine's own clock, by which cookies expire."""
        self.url = url or ("http://localhost" if self._client is None else self._client.url)
        self.user_agent = user_agent
        self.dialect: Dialect = dialect
        self.network = Network(clock)
        self.jar: Jar = {}
        self.id_refresh_token: str | None = None
        self.anti_csrf: str | None = None
        self.front_token: dict[str, Any] | None = None
        """What the header `front-token` has told scripts: user id (`uid`), expiry (`ate`, ms) and payload (`up`)."""
        self.access_token: str | None = None
        self.refresh_token: str | None = None
        """The tokens that a script keeps in header mode."""

    @property
    def client(self) -> Client:
        """Return the client to which requests are sent. Raise RuntimeError without an app."""
        if self._client is None:
            raise RuntimeError("this browser has no app: Browser(clock, app)")
        return self._client

    @property
    def refresh_path(self) -> str:
        """Return where a library refreshes: the app's `refresh_api_path`."""
        config = config_of(self.client.app)
        return "/session/refresh" if config is None else config.refresh_api_path

    @property
    def expired_status(self) -> int:
        """Return the status that tells a library to refresh: `session_expired_status_code`."""
        config = config_of(self.client.app)
        return 401 if config is None else config.session_expired_status_code

    def tab(self, url: str | None = None) -> Tab:
        """Open a tab, on a page of the app, or on the page `url`, which may be another site's.

        >>> evil = Browser(FakeClock()).tab("https://evil.example/")
        """
        return Tab(self, url or f"{self.url.rstrip('/')}/")

    def copy(self, *, user_agent: str | None = None) -> Self:
        """Return another browser for the same app, such as a thief's, with copies of all cookies and script state.

        `user_agent`: the thief's; None: the same as this one's.
        """
        other = type(self)(
            self._clock, self._client, url=self.url, user_agent=user_agent or self.user_agent, dialect=self.dialect
        )
        other.jar, other.front_token = dict(self.jar), self.front_token
        other.id_refresh_token, other.anti_csrf = self.id_refresh_token, self.anti_csrf
        other.access_token, other.refresh_token = self.access_token, self.refresh_token
        return other

    def restart(self) -> None:
        """Close the browser and open it again: cookies without Max-Age and Expires are dropped."""
        self.jar = {place: cookie for place, cookie in self.jar.items() if cookie.persistent}

    def take(
        self,
        headers: Iterable[tuple[str, str]],
        url: str | None = None,
        *,
        way: Way | None = None,
        by_script: bool = True,
    ) -> None:
        """Store the cookies that the `headers` of a response set, and what they tell a page's script.

        `url`: the URL of the request; None: the browser's only site, all of whose cookies are accepted. `way`: how the
        request came about, by default from a page of the same site. `by_script`: whether a script sees the headers, as
        it does not in a navigation.
        """
        for name, value in headers:
            if name.lower() == "set-cookie":
                now = self.clock()
                cookie = cookie_of_line(value, url, now, way or Way())
                if cookie is not None:
                    keep(self.jar, cookie, now, over_https=url is None or is_trustworthy(url))
            elif by_script:
                self._tell_script(name.lower(), value)

    def cookie_header(self, target: str, *, way: Way | None = None, method: str = "GET") -> str:
        """Return the Cookie header of a request `method` for `target`, a URL; empty if it has none.

        `way`: as for `take`. If `target` is a path, the request goes to the browser's only site.
        """
        if target.startswith("/"):
            sent = [each for each in self._living() if path_matches(target, each.path)]
        else:
            now = self.clock()
            sent = [each for each in self.jar.values() if is_sent(each, target, now, way or Way(), method)]
        return "; ".join(f"{cookie.name}={cookie.value}" for cookie in in_order(sent))

    def value(self, name: str) -> str | None:
        """Return the value of the newest live cookie called `name`."""
        values = [cookie.value for cookie in self._living() if cookie.name == name]
        return values[-1] if values else None

    def script_cookies(self, url: str) -> dict[str, str]:
        """Return what `document.cookie` shows to a script of the page `url`: all cookies that are not HttpOnly."""
        now = self.clock()
        seen = [each for each in self.jar.values() if not each.http_only and is_sent(each, url, now, Way())]
        return {cookie.name: cookie.value for cookie in reversed(in_order(seen))}

    def session_headers(self, path: str) -> dict[str, str]:
        """Return what a library adds to a request for `path`: its dialect, and in header mode the token."""
        headers = dict(DIALECTS[self.dialect])
        token = self.refresh_token if path == self.refresh_path else self.access_token
        return {**headers, "Authorization": f"Bearer {token}"} if token else headers

    def _living(self) -> list[JarCookie]:
        now = self.clock()
        return [cookie for cookie in self.jar.values() if cookie.expires_at > now]

    def _tell_script(self, name: str, value: str) -> None:
        if name == "id-refresh-token":
            self.id_refresh_token = None if value == "remove" else value.partition(";")[0]
            if self.id_refresh_token is None:
                self.anti_csrf = None
        elif name == "front-token":
            self.front_token = None if value == "remove" else json.loads(base64.b64decode(value))
            if self.front_token is None:
                self.anti_csrf = None
        elif name == "anti-csrf":
            self.anti_csrf = value
        elif name == "st-access-token":
            self.access_token = value or None
        elif name == "st-refresh-token":
            self.refresh_token = value or None
