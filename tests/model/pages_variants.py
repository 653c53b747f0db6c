# SPDX-License-Identifier: Apache-2.0
"""The product's rules of renewal with one of them taken away, or another put in its place.

Each is the product's function asked something else, or its answer changed; nothing is written out twice.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from supertokens.engine import renewal
from supertokens.engine.renewal import RENEWAL_TABLE, AccessCookie, Course, Leaves, RenewalTimes
from supertokens.engine.rotation import REFRESH_TABLE, Decision, Lineage, Pair

from .pages_rules import PageRules
from .pages_state import Message
from .rules import Judge, Record
from .variants import answered, without

Variant = Callable[[RenewalTimes], PageRules]


def _course(**changed: Any) -> Variant:
    """When a request renews, asked with these circumstances instead of the real ones."""

    def course_of(refresh_handle: str, access: Any, **asked: Any) -> Course:
        asked.update(changed)
        return renewal.course_of(refresh_handle, asked.pop("access", access), **asked)

    return lambda times: PageRules(times, course_of=course_of)


# Rule 1
core_that_mints_siblings: Variant = lambda times: PageRules(times, renewal_table=without(RENEWAL_TABLE, 2))  # noqa: E731

# Rules 2, 3 and 8
renews_beside_a_living_token = _course(access=None)
late_verbs_renew = _course(waited=0)
large_requests_renew = _course(large=False)


def parent_is_served_for_ever(times: RenewalTimes) -> PageRules:
    def serves_late(lineage: Lineage, serial: int, parent: int, *, came_in: int, grace: int) -> bool:
        return renewal.serves_late(lineage, serial, parent, came_in=lineage.handed_out_at, grace=grace)

    return PageRules(times, serves_late=serves_late)


# Rule 4: what leaves late instead of nothing


def late_pairs_leave_as_they_are(times: RenewalTimes) -> PageRules:
    return PageRules(times, is_in_time=lambda waited, times: True)


def _late(late_pair: Callable[[Judge, Record, Message], tuple[Pair, Record] | None], asks_with: str = "") -> Variant:
    return lambda times: PageRules(times, late_pair=late_pair, asks_with=asks_with)


def _asked_anew(judge: Judge, record: Record, held: Message) -> tuple[Pair, Record] | None:
    ruling = judge.refresh(record, held.access_serial, held.access_parent, 0, 0)
    return ruling.pair and (ruling.pair, ruling.write or record)


def _if_newest(judge: Judge, record: Record, held: Message) -> tuple[Pair, Record] | None:
    if held.serial != record.newest:
        return None
    return Pair(held.serial, held.parent, marked=held.serial != record.current), record


def _if_pending(judge: Judge, record: Record, held: Message) -> tuple[Pair, Record] | None:
    is_pending = held.serial == record.newest and held.parent == record.current
    return (Pair(held.serial, held.parent, marked=True), record) if is_pending else None


late_pairs_are_asked_anew = _late(_asked_anew, asks_with="presented")
late_pairs_leave_if_newest = _late(_if_newest)
late_pairs_leave_if_pending = _late(_if_pending)


def child_access_token_alone(times: RenewalTimes) -> PageRules:
    def payload_may_leave(**asked: Any) -> Leaves:
        return renewal.payload_may_leave(**{**asked, "renewed": False})

    return PageRules(times, payload_may_leave=payload_may_leave)


def changed_payloads_always_leave(times: RenewalTimes) -> PageRules:
    def payload_may_leave(*, life_left: int, renewed: bool, **_: Any) -> Leaves:
        return Leaves.YES if life_left >= 0 and not renewed else Leaves.NO

    return PageRules(times, payload_may_leave=payload_may_leave)


def changed_payloads_leave_without_their_record(times: RenewalTimes) -> PageRules:
    def payload_may_leave(**asked: Any) -> Leaves:
        leaves = renewal.payload_may_leave(**asked)
        return Leaves.YES if leaves is Leaves.IF_RECORD_EXISTS else leaves

    return PageRules(times, payload_may_leave=payload_may_leave)


# Rule 5


def _reissued(may_leave: Callable[..., bool]) -> Variant:
    return lambda times: PageRules(times, reissue_may_leave=may_leave)


reissued_tokens_always_leave = _reissued(lambda *, life_left, **_: life_left >= 0)
reissued_tokens_leave_in_time = _reissued(lambda *, waited, times, **_: renewal.is_in_time(waited, times))
reissued_tokens_leave_late = _reissued(lambda *, life_left, times, **_: life_left > times.margin)


# Rule 6


def expiry_is_extended_by_mints_only(times: RenewalTimes) -> PageRules:
    return PageRules(times, extends_expiry=lambda decision: decision.row in (3, 4))


def expiry_is_extended_by_accepts_only(times: RenewalTimes) -> PageRules:
    return PageRules(times, extends_expiry=lambda decision: decision.row == 4)


def stragglers_get_unmarked_tokens(times: RenewalTimes) -> PageRules:
    return PageRules(times, renewal_table=REFRESH_TABLE)


# Rule 7


def access_token_alone_counts_offline(times: RenewalTimes) -> PageRules:
    def course_of(refresh_handle: str | None, access: AccessCookie | None, **asked: Any) -> Course:
        course = renewal.course_of(refresh_handle, access, **asked)
        return Course.VERIFY if course is Course.VERIFY_WITH_RECORD else course

    return PageRules(times, course_of=course_of)


def access_token_counts_beside_another_session(times: RenewalTimes) -> PageRules:
    def course_of(refresh_handle: str | None, access: AccessCookie | None, **asked: Any) -> Course:
        of_both = access.handle if refresh_handle and access and access.is_living else refresh_handle
        return renewal.course_of(of_both, access, **asked)

    return PageRules(times, course_of=course_of)


# Rule 9


def refresh_api_always_rotates(times: RenewalTimes) -> PageRules:
    return PageRules(times, rotates_nothing=lambda refresh_handle, access: False)


# What the whole rests on


def request_confirms_its_own_child(times: RenewalTimes) -> PageRules:
    return PageRules(times, confirms_own_child=True)


def row_2_writes_nothing(times: RenewalTimes) -> PageRules:
    def unwritten(_: Any, decision: Decision) -> Decision:
        return decision._replace(write=None)

    return PageRules(times, renewal_table=answered(RENEWAL_TABLE, 2, unwritten))
