# SPDX-License-Identifier: Apache-2.0
"""Claim 3, also where claim 1 is not to be had: a theft ends its run, the others go on."""

from __future__ import annotations

from .check import claim_3
from .rules import Rules

CHECKS = [
    claim_3("the serials rise in order: W too short, explicit refreshes, no lock", Rules(1), life=5, explicit=2),
    claim_3("the serials rise in order: two hints, slow workers", Rules(1), life=4, gap=1, mixed=True, in_flight=2),
    claim_3("the serials rise in order: any writes lost", Rules(2), life=5, crashes=2, crash_rows=(2, 3, 4)),
    claim_3("the serials rise in order: a failover", Rules(2), life=5, backups=1, ahead=2, failover=True),
    claim_3(
        "the serials rise in order: two hints, slow workers, 3 in flight", Rules(1), life=4, gap=1, mixed=True
    ).deep(),
    claim_3(
        "the serials rise in order: clocks, two hints, slow workers",
        Rules(1),
        life=5,
        gap=1,
        clocks=(0, 2),
        mixed=True,
        in_flight=2,
    ).deep(),
]
