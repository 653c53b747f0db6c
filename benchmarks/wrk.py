# SPDX-License-Identifier: Apache-2.0
"""Servers asked by wrk, which counts replies and their latencies at saturation."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from benchmarks import names
from benchmarks.rounds import Case, Joint

__all__ = ["CONNECTIONS", "Load", "asked", "load_cases"]

CONNECTIONS: Final = 8
_MICROSECONDS: Final = {"us": 1.0, "ms": 1e3, "s": 1e6}


class Load(NamedTuple):
    """Microseconds: of a second's share for each request, and between a request and its reply."""

    each: float
    p50: float
    p99: float


def asked(name: str, url: str, seconds: int, options: Sequence[str], script: Sequence[str] = ()) -> Load:
    """Ask `url` over 8 connections for so long. Raise RuntimeError unless each request was answered with success.

    `options`: further arguments of wrk. `script`: arguments for the script that they name.
    """
    command = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{seconds}s", "--latency"]
    command += [*options, url, *(["--", *script] if script else [])]
    run = subprocess.run(  # noqa: S603 - our own arguments
        command, capture_output=True, text=True, check=True, timeout=seconds + 30
    )
    return load_of(run.stdout, name)


def load_of(words: str, name: str) -> Load:
    """Read what wrk printed. Raise RuntimeError unless each request was answered with success."""
    rate = re.search(r"^Requests/sec: +([\d.]+)$", words, re.MULTILINE)
    p50, p99 = (re.search(rf"^ +{part}% +([\d.]+)(us|ms|s)$", words, re.MULTILINE) for part in (50, 99))
    is_failed = "Non-2xx" in words or "Socket errors" in words or re.search(r"^Wrong replies: [1-9]", words, re.M)
    if rate is None or float(rate[1]) == 0 or p50 is None or p99 is None or is_failed:
        raise RuntimeError(f"{name}: not every request was answered as it has to be\n{words}")
    latencies = (float(number) * _MICROSECONDS[unit] for number, unit in (p50.groups(), p99.groups()))
    return Load(1e6 / float(rate[1]), *latencies)


def load_cases(name: str, measure: Callable[[], Load], calibrate: Callable[[float], None]) -> list[Case]:
    """Return the cases of a load: throughput, under the name alone, p50 and p99."""
    return Joint.cases((name, names.p50(name), names.p99(name)), measure, calibrate)
