# SPDX-License-Identifier: Apache-2.0
"""The product's rules of renewal, asked in the model's small numbers; a variant has one of them replaced."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from supertokens.engine import renewal
from supertokens.engine.renewal import RENEWAL_TABLE, AccessCookie, Course, Leaves, RenewalTimes
from supertokens.engine.rotation import REFRESH_TABLE, VERIFY_TABLE, Decision, Lineage, Pair, Row

from .pages_state import Message, Site
from .rules import HINTS, Judge, Record, Rules

HANDLE = "the session"
LatePair = Callable[[Judge, Record, Message], tuple[Pair, Record] | None]


def times(grace: int, *, in_time: int = 1, margin: int = 3, upload_grace: int = 3) -> RenewalTimes:
    """Times in ticks, each free of the others: so the bound of each can be found."""
    return RenewalTimes(grace, in_time, margin, upload_grace)


@dataclass(frozen=True)
class PageRules:
    """The rules of ``engine/renewal.py``, or a variant with one of them broken."""

    times: RenewalTimes
    renewal_table: tuple[Row, ...] = RENEWAL_TABLE
    verify_table: tuple[Row, ...] = VERIFY_TABLE
    refresh_table: tuple[Row, ...] = REFRESH_TABLE
    course_of: Callable[..., Course] = renewal.course_of
    serves_late: Callable[..., bool] = renewal.serves_late
    spares_upload: Callable[..., bool] = renewal.spares_upload
    is_in_time: Callable[[int, RenewalTimes], bool] = renewal.is_in_time
    reissue_may_leave: Callable[..., bool] = renewal.reissue_may_leave
    payload_may_leave: Callable[..., Leaves] = renewal.payload_may_leave
    extends_expiry: Callable[[Decision], bool] = renewal.extends_expiry
    rotates_nothing: Callable[..., bool] = renewal.rotates_nothing
    late_pair: LatePair | None = None
    """what leaves instead of a pair that is late; None: nothing"""
    asks_with: str = ""
    """what `late_pair` asks with: "presented" is the token that the request showed"""
    confirms_own_child: bool = False
    """the renewing request itself counts as the first use of its child"""


class PageJudge:
    """What a set of rules answers, remembered."""

    def __init__(self, rules: PageRules, site: Site) -> None:
        self.rules = rules
        self.site = site
        self.slowest = min(site.clocks)
        self.pages = self._judge(rules.renewal_table)
        self.library = self._judge(rules.refresh_table)
        self.course = lru_cache(maxsize=None)(self._course)
        self.pair_leaves = lru_cache(maxsize=None)(self._pair_leaves)
        self.token_leaves = lru_cache(maxsize=None)(self._token_leaves)
        self.payload_leaves = lru_cache(maxsize=None)(self._payload_leaves)
        self.extends = lru_cache(maxsize=None)(self._extends)
        self.serves = lru_cache(maxsize=None)(self._serves)

    def _judge(self, table: tuple[Row, ...]) -> Judge:
        rules = Rules(self.rules.times.grace, refresh_table=table, verify_table=self.rules.verify_table)
        return Judge(rules, spread=self.site.spread(), gap=self.site.gap or 0)

    def access(self, token_age: int) -> AccessCookie:
        return AccessCookie(HANDLE, self.site.life - token_age)

    def is_dead(self, token_age: int) -> bool:
        """Whether every host says so."""
        return token_age + self.slowest > self.site.life

    def _course(self, token_age: int, waited: int, large: bool) -> Course:
        return self.rules.course_of(HANDLE, self.access(token_age), waited=waited, large=large, times=self.rules.times)

    def _pair_leaves(self, waited: int) -> bool:
        return self.rules.is_in_time(waited, self.rules.times)

    def _token_leaves(self, waited: int, token_age: int) -> bool:
        left = self.site.life - token_age
        return self.rules.reissue_may_leave(waited=waited, life_left=left, times=self.rules.times)

    def _payload_leaves(self, waited: int, token_age: int, renewed: bool) -> bool:
        left = self.site.life - token_age
        leaves = self.rules.payload_may_leave(waited=waited, life_left=left, renewed=renewed, times=self.rules.times)
        return leaves is not Leaves.NO

    def _extends(self, row: int, pair: Pair, writes: bool) -> bool:
        lineage = Lineage(1, 0, 1, 0, b"") if writes else None
        return self.rules.extends_expiry(Decision(row, pair, write=lineage))

    def _serves(self, record: Record, serial: int, parent: int, came_in: int, token_age: int, large: bool) -> bool:
        """Whether a request is served by the record; `came_in` is a number of ticks after ``at``."""
        lineage = Lineage(record.current, record.parent, record.newest, 0, HINTS[record.hint])
        grace = self.rules.times.grace
        if self.rules.serves_late(lineage, serial, parent, came_in=came_in, grace=grace):
            return True
        return large and self.rules.spares_upload(HANDLE, self.access(token_age), self.rules.times)
