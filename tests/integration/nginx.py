# SPDX-License-Identifier: Apache-2.0
"""A real nginx in front of an application, with the defaults of everything that a test does not set."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from werkzeug.serving import WSGIRequestHandler, make_server

from .certificate import certificate_in, trusting

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_PATIENCE: Final = 10  # seconds
_CONFIGURATION: Final = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    proxy_cache_path {folder}/cache keys_zone=pages:1m;
    server {{
        listen 127.0.0.1:{port}{ssl};
        {certificate}
        {server}
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            {location}
        }}
    }}
}}
"""


class Quiet(WSGIRequestHandler):
    """A server's side of a connection that logs nothing."""

    def log(self, type: str, message: str, *args: object) -> None:  # noqa: A002
        pass


@contextmanager
def served(application: WSGIApplication) -> Iterator[int]:
    """Serve `application` on a free port of the loopback interface; gives the port."""
    server = make_server("127.0.0.1", 0, application, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Proxy:
    """A running nginx; `folder` holds its log."""

    def __init__(self, port: int, folder: Path, tls: ssl.SSLContext | None) -> None:
        self.port = port
        self._folder = folder
        self._tls = tls

    def ask(self, method: str, path: str, headers: dict[str, str] | None = None) -> tuple[HTTPResponse, bytes]:
        """Return the response to one request, on a connection of its own, and its body."""
        if self._tls is None:
            connection = HTTPConnection("127.0.0.1", self.port, timeout=_PATIENCE)
        else:
            connection = HTTPSConnection("127.0.0.1", self.port, timeout=_PATIENCE, context=self._tls)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return response, response.read()
        finally:
            connection.close()

    @property
    def errors(self) -> str:
        """Return what nginx has complained of."""
        return (self._folder / "error.log").read_text("utf-8")


@contextmanager
def nginx(
    application: WSGIApplication, folder: Path, *, location: str = "", server: str = "", tls: bool = False
) -> Iterator[Proxy]:
    """Serve `application` through nginx, with `location` and `server` added to the blocks of these names.

    The port is ours before nginx runs, and handed over as a running nginx hands it to its successor: in the
    variable NGINX (nginx.org/en/docs/control.html, "Upgrading Executable on the Fly").
    """
    executable = executable_or_skip()
    folder.mkdir(parents=True, exist_ok=True)
    with served(application) as upstream, socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        certificate, key = certificate_in(folder) if tls else ("", "")
        configuration = folder / "nginx.conf"
        configuration.write_text(
            _CONFIGURATION.format(
                user="user root;" if os.geteuid() == 0 else "",
                folder=folder,
                port=port,
                ssl=" ssl" if tls else "",
                certificate=f"ssl_certificate {certificate}; ssl_certificate_key {key};" if tls else "",
                server=server,
                upstream=upstream,
                location=location,
            ),
            "utf-8",
        )
        process = subprocess.Popen(
            [executable, "-e", str(folder / "error.log"), "-p", str(folder), "-c", str(configuration)],
            env={**os.environ, "NGINX": f"{listening.fileno()};"},
            pass_fds=[listening.fileno()],
            stderr=subprocess.DEVNULL,
        )
        try:
            proxy = Proxy(port, folder, trusting(certificate) if tls else None)
            wait_until_answered(proxy, process)
            yield proxy
        finally:
            process.terminate()
            process.wait(_PATIENCE)


def executable_or_skip() -> str:
    """Return where nginx is; without one, the test is skipped, and in CI fails."""
    found = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if found is None:
        reason = "no nginx, which stands in front of the app in this test: apt-get install nginx-light"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return found


def wait_until_answered(proxy: Proxy, process: subprocess.Popen[bytes]) -> None:
    """Return once nginx answers: connections are taken before it runs, since the port is open."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        assert process.poll() is None, proxy.errors
        try:
            proxy.ask("GET", "/is-it-there")
        except OSError:
            assert time.monotonic() < deadline, proxy.errors
        else:
            return
