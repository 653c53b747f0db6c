# SPDX-License-Identifier: Apache-2.0
"""Somebody with a browser in front of an app: cookies, or tokens in headers, and the anti-CSRF value."""

from __future__ import annotations

import base64
import copy
import http.client
import json
from typing import Any, Final, Self

from supertokens.testing import Browser, FakeClock
from tests.service.running import Answer

__all__ = ["Visitor"]

_TIMEOUT = 60.0  # seconds
REFRESH_PATHS: Final = ("/auth/session/refresh", "/session/refresh")


class Visitor:
    """`mode`: how tokens travel, `cookie` or `header`; None says nothing about it, as the libraries of the 1.0 era."""

    def __init__(self, port: int, clock: FakeClock, mode: str | None = None) -> None:
        self._port = port
        self._mode = mode
        self.browser = Browser(clock)
        self.access_token: str | None = None
        self.refresh_token: str | None = None
        self.front_token: dict[str, Any] | None = None

    def copy(self) -> Self:
        """Somebody who has stolen all of it."""
        thief = copy.copy(self)
        thief.browser = copy.copy(self.browser)
        thief.browser.jar = dict(self.browser.jar)
        return thief

    def get(self, path: str) -> Answer:
        return self.request("GET", path)

    def post(self, path: str, body: object = None, *, anti_csrf: bool = True) -> Answer:
        return self.request("POST", path, body, anti_csrf=anti_csrf)

    def request(self, method: str, path: str, body: object = None, *, anti_csrf: bool = True) -> Answer:
        """`anti_csrf` False leaves that value out."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT)
        data = None if body is None else json.dumps(body).encode()
        try:
            connection.request(method, path, data, self._headers(path, anti_csrf) | self._content(data))
            reply = connection.getresponse()
            content = reply.read()
        finally:
            connection.close()
        self._take(reply.getheaders())
        return Answer(reply.status, {name.lower(): value for name, value in reply.getheaders()}, content)

    @property
    def holds_a_session(self) -> bool:
        """Whether anything is left that could be shown to the app."""
        cookies = (self.browser.value(name) for name in ("sAccessToken", "sRefreshToken", "sIdRefreshToken"))
        return any((*cookies, self.access_token, self.refresh_token))

    def _headers(self, path: str, anti_csrf: bool) -> dict[str, str]:
        headers = {} if self._mode is None else {"st-auth-mode": self._mode}
        if cookies := self.browser.cookie_header(path):
            headers["Cookie"] = cookies
        if anti_csrf and self.browser.anti_csrf is not None:
            headers["anti-csrf"] = self.browser.anti_csrf
        if bearer := self.refresh_token if path in REFRESH_PATHS else self.access_token:
            headers["Authorization"] = f"Bearer {bearer}"
        return headers

    def _content(self, data: bytes | None) -> dict[str, str]:
        return {} if data is None else {"Content-Type": "application/json"}

    def _take(self, headers: list[tuple[str, str]]) -> None:
        self.browser.take(headers)
        for name, value in headers:
            if name.lower() == "st-access-token":
                self.access_token = value or None
            elif name.lower() == "st-refresh-token":
                self.refresh_token = value or None
            elif name.lower() == "front-token":
                self.front_token = None if value == "remove" else json.loads(base64.b64decode(value))
                if self.front_token is None:
                    self.browser.anti_csrf = None
