# SPDX-License-Identifier: Apache-2.0
"""The listening socket of a worker that is about to stop (Linux; elsewhere nothing happens).

Closing a listening socket resets the connections in its queue: their clients believe them open and have sent requests.
So the socket is first told to drop what opens a connection, and what is queued is accepted before the close. Such a
client asks again after a second, and is then refused, which it takes for what it is.
"""

from __future__ import annotations

import ctypes
import os
import socket
import struct
import sys
from contextlib import suppress
from typing import Final

__all__ = ["turn_away_new_connections"]

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


def turn_away_new_connections() -> None:
    """From now on no new connection gets into the queue of any socket on which this process listens."""
    if sys.platform != "linux":
        return
    program = ctypes.create_string_buffer(_FILTER, len(_FILTER))
    option = struct.pack("HP", len(_FILTER) // 8, ctypes.addressof(program))
    for name in os.listdir("/proc/self/fd"):
        with suppress(OSError), socket.socket(fileno=os.dup(int(name))) as found:
            if found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
                found.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, option)
