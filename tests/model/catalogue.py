# SPDX-License-Identifier: Apache-2.0
"""Everything that is claimed, in groups; each group is a module with a list of checks."""

from __future__ import annotations

from . import (
    checks_anti_csrf,
    checks_broken,
    checks_disasters,
    checks_fleet,
    checks_hints,
    checks_honest,
    checks_lives,
    checks_margin,
    checks_pages,
    checks_pages_broken,
    checks_pages_doors,
    checks_pages_ending,
    checks_pages_fleet,
    checks_pages_thieves,
    checks_polling,
    checks_protocol1,
    checks_serials,
    checks_thieves,
    checks_workers,
)
from .check import Check

GROUPS: dict[str, list[Check]] = {
    "honest": checks_honest.CHECKS,
    "margin": checks_margin.CHECKS,
    "lives": checks_lives.CHECKS,
    "fleet": checks_fleet.CHECKS,
    "workers": checks_workers.CHECKS,
    "disasters": checks_disasters.CHECKS,
    "serials": checks_serials.CHECKS,
    "hints": checks_hints.CHECKS,
    "anti-csrf": checks_anti_csrf.CHECKS,
    "thieves": checks_thieves.CHECKS,
    "original": checks_protocol1.CHECKS,
    "polling": checks_polling.CHECKS,
    "broken": checks_broken.CHECKS,
    "pages": checks_pages.CHECKS,
    "pages-doors": checks_pages_doors.CHECKS,
    "pages-thieves": checks_pages_thieves.CHECKS,
    "pages-fleet": checks_pages_fleet.CHECKS,
    "pages-ending": checks_pages_ending.CHECKS,
    "pages-broken": checks_pages_broken.CHECKS,
}
