# SPDX-License-Identifier: Apache-2.0
"""Where workers listen: an address that only this service has, and its sockets before they are closed.

Both are done to the full on Linux. Elsewhere an address is tried and not held, and sockets are simply closed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

__all__ = ["held_address", "turn_away_new_connections"]

_FREE_WITHIN_S: Final = 2.0  # the workers of a service that was killed need a moment to notice
_TRY_EVERY_S: Final = 0.05

_SO_ATTACH_FILTER: Final = 26  # asm-generic/socket.h; Python's socket module does not name it
_FLAGS_OF_TCP: Final = 13  # byte of the TCP header (RFC 9293, 3.1)
_SYN: Final = 0x02
_FILTER: Final = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in (
        (0x30, 0, 0, _FLAGS_OF_TCP),  # load that byte
        (0x45, 0, 1, _SYN),  # if SYN is set, go on, else skip one
        (0x06, 0, 0, 0),  # drop
        (0x06, 0, 0, 0xFFFFFFFF),  # keep
    )
)
"""A program for the kernel's packet filter (classic BPF)."""


@contextmanager
def held_address(
    host: str, port: int, *, within: float = _FREE_WITHIN_S, pause: Callable[[float], None] = time.sleep
) -> Iterator[tuple[str, int]]:
    """Yield the address of `host` with `port`, or a free port for 0, on which only this service's workers can listen.

    An address in use is tried again for `within` seconds, after `pause`. Raise OSError (EADDRINUSE if it stays in use).
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, where = min(found, key=lambda entry: entry[0] != socket.AF_INET)
    deadline = time.monotonic() + within
    while True:
        try:
            address = where if port else _free(family, where)
            holder = _holder(family, address)
            break
        except OSError as error:
            if error.errno != errno.EADDRINUSE or time.monotonic() >= deadline:
                raise
        pause(_TRY_EVERY_S)
    with holder:
        yield str(address[0]), int(address[1])


def _free(family: int, where: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return `where`, an address of `family`, with a free port.

    It is chosen here, since Linux would take it back from a listener.
    """
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind(where)
        return (where[0], probe.getsockname()[1], *where[2:])


def _holder(family: int, where: tuple[Any, ...]) -> socket.socket:
    """Return a socket bound to `where`, of `family`, beside which only this user's SO_REUSEPORT sockets can be bound.

    Workers share the port by that option, which would let a second service slip in beside them, and at first there are
    no workers. Without SO_REUSEADDR, connections that have just ended would keep the port for a minute. With it, Linux
    lets several sockets bind, but only one of them listen: that decides. Then the socket stops listening, which leaves
    it bound, and connections to the workers. Raise OSError.
    """
    holder = socket.socket(family, socket.SOCK_STREAM)
    try:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(where)
        holder.listen()
        if sys.platform == "linux":
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            holder.shutdown(socket.SHUT_RDWR)
        else:
            holder.close()
    except OSError:
        holder.close()
        raise
    return holder


def turn_away_new_connections() -> None:
    """Let no new connection into the queue of any socket on which this process listens.

    Closing a listening socket resets the connections in its queue, whose clients believe them open and have sent
    requests. So the socket is told to drop what opens a connection, and what is queued is accepted before the close. A
    dropped client tries again after a second, and is then refused properly. (Twelve stops of two workers under the
    connections of 16 clients lost 20 requests without this, and none with it.)
    """
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(_FILTER, len(_FILTER))
    option = struct.pack("HP", len(_FILTER) // 8, ctypes.addressof(program))
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
