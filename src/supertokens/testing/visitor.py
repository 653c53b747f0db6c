# SPDX-License-Identifier: Apache-2.0
"""A client of a `Site`: a browser with a jar, or a program that keeps its tokens itself."""

from __future__ import annotations

from collections.abc import Mapping

from supertokens.testing.browser import DIALECTS, Browser
from supertokens.testing.clock import FakeClock
from supertokens.testing.integration import Response, Site

__all__ = ["DIALECTS", "Visitor"]


class Visitor:
    """A client that uses one dialect. In header mode it sends its access token, or its refresh token to refresh."""

    def __init__(self, site: Site, clock: FakeClock, dialect: str = "plain", agent: str = "Firefox") -> None:
        self.site = site
        self.dialect = dialect
        self.agent = agent
        self.browser = Browser(clock)

    @property
    def keeps_cookies(self) -> bool:
        """Return whether the client's tokens are in cookies."""
        return self.dialect != "header"

    def call(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, *, mount: str = "", scheme: str = "http"
    ) -> Response:
        """Send the request `method` `path` with the client's tokens; `headers` are added.

        `mount` and `scheme`: see `Site.call`.
        """
        sent = {"Host": "localhost", "User-Agent": self.agent, **DIALECTS[self.dialect]}
        cookies = self.browser.cookie_header(mount + path)
        if cookies:
            sent["Cookie"] = cookies
        token = self.browser.refresh_token if path == "/session/refresh" else self.browser.access_token
        if token:
            sent["Authorization"] = f"Bearer {token}"
        reply = self.site.call(method, path, list({**sent, **(headers or {})}.items()), mount=mount, scheme=scheme)
        self.browser.take(reply.headers)
        return reply

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        return self.call("GET", path, headers)

    def post(self, path: str, headers: Mapping[str, str] | None = None) -> Response:
        return self.call("POST", path, headers)

    def log_in(self, user_id: str = "ada", *, mount: str = "") -> Response:
        """Create a session for `user_id` in the app mounted at `mount`. Raise AssertionError if that fails."""
        return self._succeeds(self.call("POST", f"/login/{user_id}", mount=mount))

    def refresh(self, *, mount: str = "") -> Response:
        """Get the next pair of tokens from the app mounted at `mount`. Raise AssertionError if that fails."""
        return self._succeeds(self.call("POST", "/session/refresh", mount=mount))

    @property
    def has_session(self) -> bool:
        """Return whether the client has any token left."""
        return (
            bool(self.browser.jar)
            if self.keeps_cookies
            else bool(self.browser.access_token or self.browser.refresh_token)
        )

    def _succeeds(self, reply: Response) -> Response:
        assert reply.status == 200, f"{reply.status} {reply.text}"
        return reply
