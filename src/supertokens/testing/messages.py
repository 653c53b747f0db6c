# SPDX-License-Identifier: Apache-2.0
"""A request as a browser sends it, and a response as an app has sent it."""

from __future__ import annotations

import json
from typing import Any, Final, NamedTuple

from supertokens.transport.cookies import COOKIE_KINDS

__all__ = ["Request", "Response", "ResponseLostError"]

_MAX_SHOWN: Final = 200


class Request(NamedTuple):
    """A request. `url` has scheme and host; `headers` in the order sent, one entry for each field.

    >>> Request("GET", "http://localhost/me", [("Accept", "*/*")])
    <Request GET http://localhost/me>
    """

    method: str
    url: str
    headers: list[tuple[str, str]]
    body: bytes = b""

    def __repr__(self) -> str:
        return f"<Request {self.method} {self.url}>"  # no tokens


class Response(NamedTuple):
    """A response as it was sent. `headers` in the order sent, one entry for each field.

    >>> response = Response(200, [("Content-Type", "application/json")], '{"user": "ada"}')
    >>> response.header("content-type"), response.json()["user"]
    ('application/json', 'ada')
    """

    status: int
    headers: list[tuple[str, str]]
    text: str

    def __repr__(self) -> str:
        return f"<Response {self.status} {self.text[:_MAX_SHOWN]!r}>"  # no tokens

    def json(self) -> Any:
        """Return the body, parsed as JSON. Raise ValueError if it is not JSON."""
        return json.loads(self.text)

    def header(self, name: str) -> str | None:
        """Return the value of the header `name`, or None. Raise AssertionError if it is there more than once."""
        values = [value for each, value in self.headers if each.lower() == name.lower()]
        assert len(values) <= 1, f"{name} is there {len(values)} times"
        return values[0] if values else None

    @property
    def set_cookies(self) -> dict[str, str]:
        """Return the session cookies that are set to a value, by name."""
        return {name: value for name, value, _ in self._our_cookies() if value}

    @property
    def deleted_cookies(self) -> set[str]:
        """Return the names of the session cookies that are deleted and not set."""
        deleted = {name for name, value, line in self._our_cookies() if not value and "; Max-Age=0;" in line}
        return deleted - self.set_cookies.keys()

    @property
    def touches_cookies(self) -> bool:
        """Return whether any session cookie is set or deleted."""
        return bool(self._our_cookies())

    def _our_cookies(self) -> list[tuple[str, str, str]]:
        lines = [value for name, value in self.headers if name.lower() == "set-cookie"]
        pairs = [(*line.partition(";")[0].partition("=")[::2], line) for line in lines]
        return [pair for pair in pairs if pair[0].removeprefix("__Host-") in COOKIE_KINDS]


class ResponseLostError(ConnectionError):
    """No response has reached the browser: the network lost it, or the request, or the worker died."""
