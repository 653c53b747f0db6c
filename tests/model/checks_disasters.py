# SPDX-License-Identifier: Apache-2.0
"""A write that is lost, a power cut, a backup that is restored; and the limits that the documentation names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .check import THEFT, Check, honest
from .rules import Rules


def lost_mints_between_clocks() -> Iterator[Check]:
    """Hosts that disagree on the end of the window: one mints a second child, the other still repeats the first. If
    the second mint's write is lost as well, the browser holds both children, and no W helps."""
    for clocks in ((0, 1), (0, -1)):
        world: dict[str, Any] = {"life": 6, "clocks": clocks, "crashes": 2}
        claim = f"row 3's write is lost, clocks differ by {clocks[1]:+d}"
        yield honest(f"{claim}, no lock: not covered", Rules(9), THEFT, **world)
        yield honest(f"{claim}, under the lock", Rules(3), **world, lock=True, explicit=1)
        yield honest(f"{claim}, but a second mint is durable", Rules(3), **world, second_mint_is_durable=True)


TOGETHER: dict[str, Any] = {"life": 6, "gap": 1, "crashes": 1}

CHECKS = [
    honest("row 3's write is lost in two crashes", Rules(2), life=10, crashes=2),
    honest("row 3's write is lost, 4 in flight, a duplicate", Rules(2), life=5, in_flight=4, crashes=1, duplicates=1),
    honest("row 3's write is lost, read and swap apart, under the lock", Rules(4), **TOGETHER, lock=True, explicit=1),
    honest("row 3's write is lost, read and swap apart, t at the swap", Rules(3), **TOGETHER, clock_at_swap=True),
    honest(
        "any latest writes lost in 2 power cuts, under the lock",
        Rules(3),
        life=10,
        power_cuts=2,
        checkpoints=True,
        lock=True,
    ),
    honest(
        "any latest writes lost in a power cut, under the lock, 2 explicit refreshes",
        Rules(3),
        life=10,
        power_cuts=1,
        checkpoints=True,
        lock=True,
        explicit=2,
    ),
    honest("a backup is restored with nothing in flight", Rules(2), life=4, backups=1),
    honest("two backups are restored", Rules(2), life=4, backups=2, ahead=2),
    honest("a backup is restored, clocks differ by +1", Rules(3), life=5, backups=1, ahead=2, clocks=(0, 1)),
    honest("a backup is restored, clocks differ by -1", Rules(3), life=5, backups=1, ahead=2, clocks=(0, -1)),
    *lost_mints_between_clocks(),
    # Known limits: clients without the lock, messages that outlive a store, a backup that is ahead of the disk.
    honest("row 2's write is lost, no lock: not covered", Rules(4), THEFT, life=10, crashes=1, crash_rows=(2,)),
    honest("a power cut loses two mints of one parent, no lock: not covered", Rules(3), THEFT, life=10, power_cuts=1),
    honest("a second mint is lost, t comes with the row, no lock: not covered", Rules(4), THEFT, **TOGETHER),
    honest(
        "a power cut takes back what a backup holds: not covered",
        Rules(2),
        THEFT,
        life=4,
        power_cuts=1,
        checkpoints=True,
        backups=1,
        ahead=2,
        lock=True,
    ),
    honest(
        "a failover with messages in flight: not covered",
        Rules(3),
        THEFT,
        life=5,
        in_flight=2,
        backups=1,
        failover=True,
    ),
    # Together.
    honest("a lost write and a restore", Rules(2), life=4, backups=1, ahead=2, crashes=1).deep(),
    honest(
        "row 3's write is lost, clocks differ, read and swap apart, under the lock",
        Rules(5),
        **TOGETHER,
        clocks=(0, 1),
        lock=True,
        explicit=1,
    ).deep(),
    honest("a restore while read and swap are apart", Rules(4), life=6, gap=1, backups=1, ahead=2).deep(),
    honest("a restore, 4 in flight", Rules(2), life=4, in_flight=4, backups=1, ahead=4).deep(),
    honest("row 3's write is lost in three crashes, 4 in flight", Rules(2), life=5, in_flight=4, crashes=3).deep(),
]
