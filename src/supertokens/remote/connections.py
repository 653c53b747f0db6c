# SPDX-License-Identifier: Apache-2.0
"""Send one request to one host, over connections that are kept open: urllib3 with strict limits.

No redirects, no proxies from the environment, no compression. An answer has to arrive whole, within its time and its
size. Failures are told apart by one question: can the host have seen the request?
"""

from __future__ import annotations

import io
import os
import socket
import ssl
import time
from collections.abc import Iterable, Mapping, Sequence
from http.client import HTTPResponse
from queue import Empty, LifoQueue
from typing import Any, Final

try:
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool, HTTPSConnectionPool, Timeout
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError
    from urllib3.util import parse_url
except ModuleNotFoundError as error:
    raise ModuleNotFoundError("'hosts' needs urllib3: pip install 'supertokens-sessions[remote]'") from error

from supertokens.engine.value import Value

__all__ = ["MAX_ANSWER_BYTES", "Answer", "Connections", "NoAnswerError", "NotSentError", "TimesUpError"]

_INHERITED: Final[list[object]] = []
MAX_ANSWER_BYTES: Final = 64 * 1024 * 1024
"""A longer answer is refused; the list of a million handles takes 39 MB."""

_KEPT_OPEN: Final = 64
_BYTES_AT_ONCE: Final = 1024 * 1024
_MIN_TIMEOUT_S: Final = 0.001  # zero would mean not to wait at all, and less is no timeout


class NotSentError(Exception):
    """No connection came about: the host has seen nothing of the request."""


class NoAnswerError(Exception):
    """The host may have seen the request, and there is no answer that could be read."""


class TimesUpError(NoAnswerError):
    """It did not arrive in time."""


class Answer(Value, frozen=True):
    """The response of a host, whatever it says."""

    unshown = frozenset(("body",))

    status: int
    body: bytes


class _UntilDeadline(io.RawIOBase):
    """A socket that receives until a deadline: a socket's own timeout is per piece, and pieces may trickle in."""

    def __init__(self, raw: io.RawIOBase, sock: socket.socket) -> None:
        self._raw = raw
        self._socket = sock
        self._deadline = time.monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._socket.settimeout(left)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _TimelyResponse(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_UntilDeadline(self.fp.detach(), sock))


class _Prompt(HTTPConnection):
    """`timeout` is for the whole of connecting, however many addresses the host has; urllib3 allows it to each."""

    response_class = _TimelyResponse

    def connect(self) -> None:
        super().connect()
        self.sock.settimeout(self.timeout)  # for sending; `_new_conn` leaves what is left for TLS

    def _new_conn(self) -> socket.socket:
        try:
            addresses = socket.getaddrinfo(self._dns_host, self.port, type=socket.SOCK_STREAM)
            return _first_to_connect(addresses, self.timeout or 0, self.socket_options or ())
        except (OSError, UnicodeError) as error:
            raise NewConnectionError(self, str(error)) from error


class _Plain(_Prompt):
    pass


class _Tls(_Prompt, HTTPSConnection):
    pass


class _OfThisProcess(LifoQueue[Any]):
    """Has nothing for a forked child, and does not even look: a thread of the parent may have held the lock.

    A child drops its parent's pools, but urllib3 takes everything out of them nevertheless, at exit at the latest.
    """

    def __init__(self, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._process = os.getpid()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        if os.getpid() != self._process:
            raise Empty
        return super().get(block, timeout)


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain
    QueueCls = _OfThisProcess


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls
    QueueCls = _OfThisProcess


class Connections:
    """To one host, whose base URL may have a path; for any thread."""

    def __init__(self, url: str) -> None:
        self._url = parse_url(url)
        self._prefix = (self._url.path or "").rstrip("/")
        self._pool_of = os.getpid(), self._new_pool()

    def _new_pool(self) -> HTTPConnectionPool:
        options: dict[str, Any] = {"port": self._url.port, "maxsize": _KEPT_OPEN, "retries": False}
        if self._url.scheme == "https":
            return _TlsPool(self._url.host or "", ssl_context=ssl.create_default_context(), **options)
        return _PlainPool(self._url.host or "", **options)

    @property
    def _pool(self) -> HTTPConnectionPool:
        """Return this process's pool. A parent's pool is kept and not used: its sockets and its lock are shared."""
        process, pool = self._pool_of
        if process != os.getpid():
            _INHERITED.append(pool)
            pool = self._new_pool()
            self._pool_of = os.getpid(), pool
        return pool

    def send(
        self,
        method: str,
        target: str,
        credentials: Mapping[str, str],
        secret: bytes | None,
        connect: float,
        read: float,
        total: float,
    ) -> Answer:
        """Return the answer to the request `method` `target`.

        `credentials`: the headers. `secret`: the body. `connect`: seconds for a connection; `read`: for the whole
        answer from then on; `total`: for both. Raise NotSentError, NoAnswerError or TimesUpError, caused by what
        happened.
        """
        try:
            response = self._pool.urlopen(
                method,
                self._prefix + target,
                secret,
                credentials,
                timeout=Timeout(total, connect, read),
                redirect=False,
                preload_content=False,
                decode_content=False,
            )
            whole = False
            try:
                secret = _read(response)
                whole = True
            finally:
                if whole:
                    response.release_conn()
                else:
                    response.close()
        except (NewConnectionError, ConnectTimeoutError) as error:
            raise NotSentError("could not connect") from _without_frames(error)
        except (ReadTimeoutError, TimeoutError) as error:
            raise TimesUpError("no response in time") from _without_frames(error)
        except (HTTPError, OSError) as error:
            raise NoAnswerError("the connection broke") from _without_frames(error)
        return Answer(response.status, secret)

    def close(self) -> None:
        """Close the idle connections."""
        self._pool.close()


def _first_to_connect(addresses: Sequence[Any], seconds: float, options: Iterable[Any]) -> socket.socket:
    """Return a connection to the first of `addresses` (of getaddrinfo) that accepts one within `seconds`.

    Each may take half of what is left, the last one all of it: the first is nearly always the right one, and has to get
    a fair chance. `options` are of the socket. Raise OSError: why the last one failed.
    """
    deadline = time.monotonic() + seconds
    for following, address in zip(reversed(range(len(addresses))), addresses, strict=True):
        left = deadline - time.monotonic()
        try:
            sock = _connected(address, left / 2 if following else left, options)
        except OSError:
            if not following:
                raise
        else:
            sock.settimeout(max(_MIN_TIMEOUT_S, deadline - time.monotonic()))
            return sock
    raise OSError("the host has no addresses")


def _connected(address_info: Any, seconds: float, options: Iterable[Any]) -> socket.socket:
    family, kind, protocol, _, address = address_info
    sock = socket.socket(family, kind, protocol)
    try:
        for option in options:
            sock.setsockopt(*option)
        sock.settimeout(max(_MIN_TIMEOUT_S, seconds))
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


def _read(response: BaseHTTPResponse) -> bytes:
    """Return the whole body of `response`. Raise NoAnswerError if it is too long."""
    secret = bytearray()
    while len(secret) <= MAX_ANSWER_BYTES:
        size = len(secret)
        secret += response.read(_BYTES_AT_ONCE, decode_content=False)
        if len(secret) == size:
            return bytes(secret)
    raise NoAnswerError(f"the response has more than {MAX_ANSWER_BYTES} bytes")


def _without_frames(error: BaseException) -> BaseException:
    """Return `error` without its frames and those of its causes: the locals of urllib3 hold body and headers."""
    each: BaseException | None = error
    while each is not None:
        each.__traceback__ = None
        each = each.__cause__ or each.__context__
    return error
