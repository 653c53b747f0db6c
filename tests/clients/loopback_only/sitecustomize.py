# SPDX-License-Identifier: Apache-2.0
"""Python imports this by itself at its start, wherever this folder is on the path: it may speak to 127.0.0.1 only."""

import os
import sys
from pathlib import Path

_RECORD = Path(os.environ["LEFT_LOOPBACK"])
_HERE = {"127.0.0.1", "localhost", "::1", "", None}


def _watch(event: str, arguments: tuple) -> None:
    if event in {"socket.connect", "socket.sendto"} and isinstance(arguments[1], tuple):
        asked = arguments[1][0]
    elif event == "socket.getaddrinfo":
        asked = arguments[0].decode() if isinstance(arguments[0], bytes) else arguments[0]
    else:
        return
    if asked not in _HERE:
        with _RECORD.open("a") as record:
            record.write(f"{event} {asked}\n")
        raise PermissionError(f"the app asked for {asked}")


sys.addaudithook(_watch)
