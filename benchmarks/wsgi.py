# SPDX-License-Identifier: Apache-2.0
"""Requests to a WSGI application without a socket, as a browser behind gunicorn would make them (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any, Final

__all__ = ["HEADERS", "Answer", "Client", "browser_request", "cookies_after", "require_ok"]

Answer = tuple[str, list[tuple[str, str]]]
"""Status line and headers."""

Environ = dict[str, Any]

HEADERS: Final = {
    "Host": "127.0.0.1:8000",
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en-GB,en;q=0.5",
    "Accept-Encoding": "gzip, deflate, br, zstd",
}
"""What a browser sends with each request."""


class Client:
    """Calls an application the way a server does, and reads its answer to the end. For one thread."""

    def __init__(self, application: Callable[..., Any]) -> None:
        self._application = application
        self._answer: Answer = ("", [])

    def __call__(self, environ: Environ) -> Answer:
        body = self._application(environ, self._start_response)
        for _ in body:
            pass
        body.close()
        return self._answer

    def _start_response(self, status: str, headers: list[tuple[str, str]], _: object = None) -> None:
        self._answer = (status, headers)


def browser_request(
    method: str, path: str, cookies: Mapping[str, str] | None = None, headers: Mapping[str, str] | None = None
) -> Environ:
    """The environment of one request. An application writes into it, so that each request needs a copy."""
    sent = {**HEADERS, **(headers or {})}
    if cookies:
        sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in cookies.items())
    environ: Environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "8000",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "REMOTE_PORT": "50000",
        "SERVER_SOFTWARE": "benchmarks",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if method == "POST":
        environ["CONTENT_LENGTH"] = "0"
    for name, value in sent.items():
        environ["HTTP_" + name.upper().replace("-", "_")] = value
    return environ


def cookies_after(answer: Answer, before: Mapping[str, str] | None = None) -> dict[str, str]:
    """The jar of a browser that had `before` and got `answer`; paths and ages are left out of account."""
    jar = dict(before or {})
    for name, value in answer[1]:
        if name == "Set-Cookie":
            pair = value.partition(";")[0]
            cookie, _, text = pair.partition("=")
            jar[cookie] = text
    return jar


def require_ok(answers: list[Answer]) -> None:
    """Raises RuntimeError unless every answer is a 200: what fails early is fast."""
    statuses = {status for status, _ in answers}
    if statuses != {"200 OK"}:
        raise RuntimeError(f"a measured request was answered {', '.join(sorted(statuses))}")
