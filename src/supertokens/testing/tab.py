# SPDX-License-Identifier: Apache-2.0
"""A tab of a browser: requests by a page's script, and navigations by the user."""

from __future__ import annotations

import json as json_module
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode, urljoin, urlsplit

from supertokens.testing.jar import Way, is_trustworthy, site_of
from supertokens.testing.messages import Request, Response, ResponseLostError
from supertokens.testing.network import InFlight

if TYPE_CHECKING:
    from supertokens.testing.browser import Browser

__all__ = ["Tab"]

_MAX_REFRESHES: Final = 10
_MAX_REDIRECTS: Final = 20
_KEEPS_METHOD: Final = (307, 308)
_REDIRECTS: Final = (301, 302, 303, *_KEEPS_METHOD)


class Tab:
    """A page of a browser that shows `url`. Paths are the app's, relative or absolute; the jar is the browser's.

    `get`, `post` and `request` send requests like a page's script, `fetch` like a browser library, which refreshes;
    `visit`, `follow` and `submit` are navigations.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self.browser = browser
        self.url = url

    @property
    def cookies(self) -> dict[str, str]:
        """Return the cookies that a script of the page can read."""
        return self.browser.script_cookies(self.url)

    # What a script sends

    def start(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
    ) -> InFlight:
        """Send a request, and return it in flight. `headers` are added; `json` or `form` is the body.

        >>> tab.start("POST", "/session/refresh").lose()
        """
        body, kind = _body(json, form)
        return self._start(method, path, body, {**kind, **(headers or {})})

    def request(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a request as `start` does, and return the response. Raise ResponseLostError if the network lost it.

        >>> tab.request("PUT", "/notes/1", json={"text": "milk"}).status
        200
        """
        return self._carried(self.start(method, path, headers=headers, json=json, form=form))

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Response:
        """Send a GET, as `request` does.

        >>> tab.get("/me").json()["user"]
        'ada'
        """
        return self.request("GET", path, headers=headers)

    def post(
        self,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        form: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a POST, as `request` does.

        >>> tab.post("/login", json={"user": "ada"}).status
        200
        """
        return self.request("POST", path, headers=headers, json=json, form=form)

    def refresh(self) -> Response:
        """Call the refresh API, as a library does. Return the response; raise as `request`.

        >>> tab.refresh().status
        200
        """
        return self.post(self.browser.refresh_path)

    def fetch(
        self,
        path: str,
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        json: object = None,
    ) -> Response:
        """Send a request as a browser library does: if the access token has expired, refresh and repeat the request.

        Return the last response, which is the refused one if the refresh fails. Raise as `request`.

        >>> clock.advance(hours=2)
        >>> tab.fetch("/me").status
        200
        """
        response = self.request(method, path, headers=headers, json=json)
        for _ in range(_MAX_REFRESHES):
            if response.status != self.browser.expired_status or not _is_success(self.refresh()):
                break
            response = self.request(method, path, headers=headers, json=json)
        return response

    # Where the user goes

    def visit(self, path: str) -> Response:
        """Open `path` from the address bar, and return the page's response after all redirects within the app.

        >>> tab.visit("/account").status
        200
        """
        self.url = ""
        return self._navigate("GET", path, b"", {})

    def follow(self, path: str) -> Response:
        """Follow a link of the tab's page to `path`; return as `visit`.

        >>> browser.tab("https://evil.example/").follow("/account").status
        200
        """
        return self._navigate("GET", path, b"", {})

    def submit(self, path: str, form: Mapping[str, str] | None = None) -> Response:
        """Send the `form` of the tab's page to `path` with POST; return as `visit`.

        >>> tab.submit("/login", {"user": "ada"}).status
        200
        """
        body, kind = _body(None, form or {})
        return self._navigate("POST", path, body, kind)

    def _navigate(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Response:
        for _ in range(_MAX_REDIRECTS):
            flight = self._start(method, path, body, headers, navigates=True)
            response = self._carried(flight)
            location = response.header("location") if response.status in _REDIRECTS else None
            target = "" if location is None else urljoin(flight.request.url, location)
            if location is None or _origin(target) != _origin(self.browser.url):
                self.url = flight.request.url
                return response
            path = target
            if response.status not in _KEEPS_METHOD:
                method, body, headers = "GET", b"", {}
        raise RuntimeError(f"more than {_MAX_REDIRECTS} redirects, the last one to {path}")

    def _start(
        self, method: str, path: str, body: bytes, headers: Mapping[str, str], *, navigates: bool = False
    ) -> InFlight:
        browser, url = self.browser, urljoin(self.browser.url, path)
        way = Way(not self.url or site_of(self.url) == site_of(url), navigates)
        sent = {
            "Host": urlsplit(url).netloc,
            "User-Agent": browser.user_agent,
            **self._told_by_browser(method, url, way),
        }
        cookies = browser.cookie_header(url, way=way, method=method)
        if cookies:
            sent["Cookie"] = cookies
        if not navigates and way.same_site:  # another site's script does not have these
            sent |= browser.session_headers(urlsplit(url).path)
            if browser.anti_csrf is not None:
                sent["anti-csrf"] = browser.anti_csrf
        request = Request(method, url, list({**sent, **headers}.items()), body)
        return InFlight(request, partial(browser.client.answer, request), partial(self._take, url, way))

    def _take(self, url: str, way: Way, response: Response) -> None:
        """Let the browser store what `response` from `url` sets, and the page's script read what it may."""
        by_script = not way.navigates and self._may_read(response, url)
        self.browser.take(response.headers, url, way=way, by_script=by_script)

    def _may_read(self, response: Response, url: str) -> bool:
        """Return whether a script of the page may read the headers of `response` from `url` (Fetch, CORS check)."""
        own = _origin(self.url)
        allowed = {name.lower(): value for name, value in response.headers}
        return own == _origin(url) or (
            allowed.get("access-control-allow-origin") == own
            and allowed.get("access-control-allow-credentials") == "true"
        )

    def _told_by_browser(self, method: str, url: str, way: Way) -> dict[str, str]:
        """Return the headers that the browser itself adds to a request `method` for `url`: no script can set them."""
        own, other = _origin(self.url), _origin(url)
        headers = {}
        if is_trustworthy(url):
            site = "same-origin" if own == other else "same-site" if way.same_site else "cross-site"
            headers["Sec-Fetch-Site"] = site if self.url else "none"
            headers["Sec-Fetch-Mode"] = "navigate" if way.navigates else "cors"
            headers["Sec-Fetch-Dest"] = "document" if way.navigates else "empty"
        if self.url and (method not in ("GET", "HEAD") or (own != other and not way.navigates)):
            headers["Origin"] = own
        if self.url and (own == other or own.startswith("http:") or other.startswith("https:")):
            headers["Referer"] = self.url.partition("#")[0] if own == other else f"{own}/"
        return headers

    def _carried(self, flight: InFlight) -> Response:
        response = self.browser.network.carry(flight)
        if response is None:
            raise ResponseLostError(f"no response to {flight.request.method} {flight.request.url}")
        return response


def _body(json: object, form: Mapping[str, str] | None) -> tuple[bytes, dict[str, str]]:
    if json is not None:
        return json_module.dumps(json).encode(), {"Content-Type": "application/json"}
    if form is not None:
        return urlencode(form).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    return b"", {}


def _is_success(response: Response) -> bool:
    return 200 <= response.status < 300


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme else ""
