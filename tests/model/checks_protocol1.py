# SPDX-License-Identifier: Apache-2.0
"""With W = 0 the answers are those of the original (docs/protocol/cdi2.md#the-lineage)."""

from __future__ import annotations

from .check import beside_protocol1
from .rules import Rules

CHECKS = [
    beside_protocol1("W = 0 beside the original: every run of 10 messages", Rules(0), depth=10),
    beside_protocol1(
        "W = 0: two hosts, two hints, every run of 7 messages", Rules(0), depth=7, clocks=(0, -1), hints=(0, 1)
    ),
    beside_protocol1("W = 0: runs of any length, at most 4 children", Rules(0), siblings=4),
    beside_protocol1("W = 0: the same, two hosts, two hints", Rules(0), siblings=2, clocks=(0, -1), hints=(0, 1)),
    beside_protocol1("W = 0 beside the original: every run of 13 messages", Rules(0), depth=13).deep(),
    beside_protocol1(
        "W = 0: two hosts, two hints, every run of 9 messages", Rules(0), depth=9, clocks=(0, 1), hints=(0, 1)
    ).deep(),
    beside_protocol1("W = 0: runs of any length, at most 6 children", Rules(0), siblings=6).deep(),
]
