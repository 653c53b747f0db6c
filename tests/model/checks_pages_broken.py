# SPDX-License-Identifier: Apache-2.0
"""Each of the nine rules taken away: every variant must fail, and tells how; with the rule there is no violation."""

from __future__ import annotations

from collections.abc import Iterator

from . import pages_variants as variants
from .check import SAFE, THEFT, Check
from .pages_check import USUAL, at_the_bounds, lurking, paged, without_it
from .pages_rules import times
from .pages_state import ALWAYS
from .pages_thieves import SERVED
from .server import UNAUTHORISED


def no_start_conditions() -> Iterator[Check]:
    yield paged("rule 1: W = 0", times(0), THEFT)
    yield paged("rule 1: a core that mints siblings", variants.core_that_mints_siblings(USUAL), THEFT)
    yield paged("rule 1: access tokens that live too short", times(9, margin=9), THEFT, life=4)


def no_limits_to_renewals() -> Iterator[Check]:
    beside = variants.renews_beside_a_living_token
    yield from without_it("rule 2: renews beside a living access token", beside, THEFT, every_age=True)
    yield from without_it("rule 3: late verbs renew", variants.late_verbs_renew, THEFT, life=6, every_age=True)
    yield from without_it("rule 8: large requests renew", variants.large_requests_renew, THEFT, uploads=1)


def late_headers() -> Iterator[Check]:
    for claim, variant in (
        ("rule 4: late pairs leave as they are", variants.late_pairs_leave_as_they_are),
        ("rule 4: late pairs are asked for anew", variants.late_pairs_are_asked_anew),
        ("rule 4: late pairs leave if they are the newest", variants.late_pairs_leave_if_newest),
        ("rule 4: late pairs leave if they are pending", variants.late_pairs_leave_if_pending),
    ):
        yield paged(claim, variant(USUAL), THEFT)
    alone = variants.child_access_token_alone
    yield from without_it("rule 4: a child's access token alone", alone, THEFT, life=9, payloads=1)


def dying_tokens() -> Iterator[Check]:
    """With three requests under way; the rule itself is in ``checks_pages`` there."""
    bounds, short = at_the_bounds(1, 1, 0), {"life": 4, "in_flight": 3}
    always = variants.reissued_tokens_always_leave
    yield from without_it("rule 5: re-issued tokens always leave", always, THEFT, times=bounds, **short)
    in_time = variants.reissued_tokens_leave_in_time
    yield paged("rule 5: re-issued tokens leave however old", in_time(bounds), THEFT, **short)
    changed = variants.changed_payloads_always_leave
    yield paged("rule 4: changed payloads leave however old", changed(USUAL), THEFT, life=6, in_flight=3, payloads=1)


def sessions_that_end_in_use() -> Iterator[Check]:
    used = {"idle": 12, "pause": 3}
    yield from without_it(
        "rule 6: expiry is extended by mints only", variants.expiry_is_extended_by_mints_only, UNAUTHORISED, **used
    )
    accepts = variants.expiry_is_extended_by_accepts_only(USUAL)
    yield paged("rule 6: expiry is extended by accepts only", accepts, UNAUTHORISED, **used)


CHECKS = [
    *no_start_conditions(),
    *no_limits_to_renewals(),
    *late_headers(),
    *dying_tokens(),
    *sessions_that_end_in_use(),
    lurking("rule 3: the parent is served for ever", variants.parent_is_served_for_ever(times(2)), SERVED, confirmed=1),
    *without_it("rule 9: the refresh API always rotates", variants.refresh_api_always_rotates, THEFT, library=True),
    *without_it("the renewing request confirms its own child", variants.request_confirms_its_own_child, THEFT),
    *without_it("row 2 writes nothing", variants.row_2_writes_nothing, THEFT, life=6),
    # A rule for pages alone is not enough: the library's calls are answered into the same jar.
    paged(
        "rule 5 does not bind the library's calls",
        at_the_bounds(1, 1, 0),
        THEFT,
        life=6,
        in_flight=3,
        library=True,
        library_calls=ALWAYS,
    ),
    # Stricter than claim 1 asks for: the time limit on re-issued tokens is there for the log-out (checks_pages_doors).
    paged("re-issued tokens leave late, but not old", variants.reissued_tokens_leave_late(USUAL), SAFE, life=8),
    paged(
        "three requests, re-issued tokens leave late, but not old",
        variants.reissued_tokens_leave_late(USUAL),
        SAFE,
        life=6,
        in_flight=3,
    ).deep(),
]
