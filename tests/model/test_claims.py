# SPDX-License-Identifier: Apache-2.0
"""CI's share of the catalogue: every search finds exactly what its claim says, neither less nor more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .catalogue import GROUPS
from .check import Check, Finding

Find = Callable[[Check], Finding]

SHARE = [
    pytest.param(check, id=f"{group}: {check.claim}")
    for group, checks in GROUPS.items()
    for check in checks
    if not check.is_deep
]


@pytest.mark.parametrize("check", SHARE)
def test_a_search_finds_what_the_claim_says(check: Check, find: Find) -> None:
    finding = find(check)
    assert finding.complete, "the search was cut off"
    assert finding.verdict == check.expected, finding.story
