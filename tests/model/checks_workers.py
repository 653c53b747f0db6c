# SPDX-License-Identifier: Apache-2.0
"""Several workers: read and compare-and-swap apart, hosts whose clocks differ.

With a gap of g ticks between a worker's read and its write, the request's way is q + g. If t is the moment of the
write, W >= q + g + r is enough; if t came with the row that was read, it is up to g older when the answer leaves, and
counts as if the clocks differed by g.
"""

from __future__ import annotations

from collections.abc import Iterator

from .check import THEFT, Check, honest
from .rules import Rules


def clock_differences() -> Iterator[Check]:
    for delta in (1, 2, 3):
        for sign in (1, -1):
            clocks = (0, sign * delta)
            hosts = f"hosts whose clocks differ by {sign * delta:+d}"
            yield honest(f"W = q + r + d: {hosts}", Rules(2 + delta), life=12, clocks=clocks)
            yield honest(f"W = q + r + d - 1: {hosts}", Rules(1 + delta), THEFT, life=12, clocks=clocks)


CHECKS = [
    *clock_differences(),
    honest("W = q + g + r: t is read at the swap", Rules(3), life=10, gap=1, clock_at_swap=True),
    honest("W = q + g + r - 1: t is read at the swap", Rules(2), THEFT, life=10, gap=1, clock_at_swap=True),
    honest(
        "W = q + g + r: 4 in flight, t is read at the swap", Rules(3), life=6, in_flight=4, gap=1, clock_at_swap=True
    ),
    honest("W = q + 2g + r: t comes with the row", Rules(4), life=10, gap=1),
    honest("W = q + 2g + r - 1: t comes with the row", Rules(3), THEFT, life=10, gap=1),
    honest("W = q + 2g + r: 4 in flight, t comes with the row", Rules(4), life=6, in_flight=4, gap=1).deep(),
    honest("W = q + 2g + r: at the shortest life, t comes with the row", Rules(4), life=5, gap=1, duplicates=1),
    honest("no gap but two steps within a tick, 4 in flight", Rules(2), life=5, in_flight=4, gap=0),
    honest("W = q + 2g + r: a longer gap", Rules(6), life=12, gap=2).deep(),
    honest("W = q + 2g + r - 1: a longer gap", Rules(5), THEFT, life=12, gap=2).deep(),
    honest("W = q + 2g + r + d: clocks differ, +1", Rules(5), life=10, gap=1, clocks=(0, 1)).deep(),
    honest("W = q + 2g + r + d: clocks differ, -1", Rules(5), life=10, gap=1, clocks=(0, -1)).deep(),
    honest(
        "W = q + r + d: 4 in flight, clocks differ, a duplicate",
        Rules(3),
        life=5,
        in_flight=4,
        duplicates=1,
        clocks=(0, 1),
    ),
    honest("W = q + r + d: three hosts, 4 in flight", Rules(4), life=6, in_flight=4, clocks=(-1, 0, 1)).deep(),
    honest("W = q + 2g + r: 4 in flight, 2 duplicates", Rules(4), life=6, in_flight=4, gap=1, duplicates=2).deep(),
]
