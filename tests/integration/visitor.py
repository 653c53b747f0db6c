# SPDX-License-Identifier: Apache-2.0
"""A browser in front of a WSGI application, and what a response does to its cookies."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import SimpleCookie
from typing import TYPE_CHECKING, Any, Final

from werkzeug.test import Client, TestResponse

from supertokens.testing import Browser, FakeClock

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

OURS: Final = ("sAccessToken", "sIdRefreshToken", "sRefreshToken")

DIALECTS: Final[Mapping[str, Mapping[str, str]]] = {
    "modern": {"st-auth-mode": "cookie", "rid": "anti-csrf"},
    "legacy": {"supertokens-sdk-name": "website", "supertokens-sdk-version": "4.2.0"},
    "plain": {},
}
"""The headers by which each kind of browser library is known."""


class Visitor:
    """One cookie jar in front of `application`; `headers` go with every request."""

    def __init__(
        self, application: WSGIApplication, clock: FakeClock, headers: Mapping[str, str] | None = None
    ) -> None:
        self.browser = Browser(clock)
        self.headers = dict(headers or {})
        self._client = Client(application, use_cookies=False)

    def call(self, method: str, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> TestResponse:
        """Send one request with the cookies of the jar, and keep what the response sets.

        `options` are those of `werkzeug.test.EnvironBuilder`.
        """
        cookies = self.browser.cookie_header(path.partition("?")[0])
        sent = {"User-Agent": "Firefox", **self.headers, **({"Cookie": cookies} if cookies else {}), **(headers or {})}
        options.setdefault("environ_base", {}).setdefault("REMOTE_ADDR", "127.0.0.1")
        response = self._client.open(path, method=method, headers=sent, **options)
        self.browser.take(response.headers)
        return response

    def get(self, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> TestResponse:
        return self.call("GET", path, headers, **options)

    def post(self, path: str, headers: Mapping[str, str] | None = None, **options: Any) -> TestResponse:
        return self.call("POST", path, headers, **options)

    def log_in(self, user: str) -> TestResponse:
        """Log in at the route of `views.add_views`."""
        response = self.post(f"/login?user={user}")
        assert response.status_code == 200, response.text
        return response

    def refresh(self) -> TestResponse:
        """Refresh; the new pair is not used yet, so that its access token is marked."""
        response = self.post("/session/refresh")
        assert response.status_code == 200, response.text
        return response

    @property
    def cookies(self) -> set[str]:
        """Return the names of our cookies that the jar holds."""
        return {name for name in OURS if self.browser.value(name) is not None}


def set_cookies(response: TestResponse) -> dict[str, str]:
    """Return the values of our cookies that `response` sets, by name; empty for one that it deletes.

    Raises AssertionError if it says two things about one cookie.
    """
    found: dict[str, str] = {}
    seen = set()
    for line in response.headers.getlist("Set-Cookie"):
        [(name, morsel)] = SimpleCookie(line).items()
        identity = (name, morsel["domain"], morsel["path"])
        assert identity not in seen, f"{name} is set twice"
        seen.add(identity)
        if name in OURS:
            found[name] = found.get(name, "") or morsel.value
    return found


def deleted(response: TestResponse) -> set[str]:
    """Return the names of our cookies that `response` deletes and does not set."""
    return {name for name, value in set_cookies(response).items() if not value}
