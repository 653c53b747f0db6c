# SPDX-License-Identifier: Apache-2.0
"""Python imports this by itself at its start, wherever this folder is on the path: wall time is what a file says."""

import mmap
import os
import struct
import time

with open(os.environ["CLOCK_OF_THE_TEST"], "r+b") as _file:
    _now = mmap.mmap(_file.fileno(), 8)


def _time_ns() -> int:
    milliseconds: int = struct.unpack("=q", _now[:8])[0]
    return milliseconds * 1_000_000


time.time_ns = _time_ns

if "CALLERS_CLOCK_COUNTS" in os.environ:
    from supertokens.stores.postgres import PostgresStore

    PostgresStore.__init__.__kwdefaults__["uses_own_clock"] = False
