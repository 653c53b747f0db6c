# SPDX-License-Identifier: Apache-2.0
"""The model of renewing pages itself: what it folds into one behaves alike, and what it asks is the product."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from supertokens.engine import renewal
from supertokens.engine.renewal import RENEWAL_TABLE, AccessCookie, Course, RenewalTimes
from supertokens.engine.rotation import VERIFY_TABLE

from . import pages_variants as variants
from .explore import System, explore, retrace
from .pages import Pages
from .pages_check import USUAL, at_the_bounds
from .pages_doors import LOG_IN_UNDONE, SERVED_AFTER_LOG_IN, Doors, House
from .pages_fleet import MINUTE, SECOND, Browser, fleet
from .pages_rules import HANDLE, PageJudge, PageRules, times
from .pages_server import REFUSED
from .pages_state import ALWAYS, Site
from .pages_thieves import Lurker, Overlap, Stealth
from .story import tell
from .thief import APART_ON_A_TOKEN, Plan

ENOUGH = 800
USUAL_RULES = PageRules(USUAL)
SYSTEMS: dict[str, System[Any] | Overlap] = {
    "three requests": Pages(USUAL_RULES, Site(life=5)),
    "the product's own times": Pages(PageRules(RenewalTimes.of(4)), Site(life=32)),
    "payloads and uploads": Pages(USUAL_RULES, Site(life=6, payloads=2, uploads=1)),
    "a library": Pages(USUAL_RULES, Site(life=6, library=True, library_calls=ALWAYS)),
    "hosts and workers": Pages(USUAL_RULES, Site(life=6, clocks=(0, -1), gap=1)),
    "lost writes": Pages(USUAL_RULES, Site(life=6, crashes=2, crash_rows=(2, 3, 4))),
    "refusals": Pages(USUAL_RULES, Site(life=6, uploads=1, verb_within=6)),
    "expiry": Pages(USUAL_RULES, Site(life=5, idle=10, pause=4)),
    "pairs asked anew": Pages(variants.late_pairs_are_asked_anew(USUAL), Site(life=6)),
    "pairs at any time": Pages(variants.late_pairs_leave_as_they_are(USUAL), Site(life=6, payloads=1)),
    "children's payloads": Pages(variants.child_access_token_alone(USUAL), Site(life=9, payloads=1)),
    "tokens at any time": Pages(variants.reissued_tokens_always_leave(USUAL), Site(life=6, payloads=1)),
    "the door": Doors(USUAL_RULES, House(violation=SERVED_AFTER_LOG_IN, log_in=True, in_flight=3)),
    "a thief with answers under way": Overlap(2, Plan(thief_hints=(1,), diligent=False), 2),
    "a thief with a cloned hint": Overlap(2, Plan(timing=APART_ON_A_TOKEN), 1),
    "a lurking thief": Lurker(PageRules(times(2)), Stealth(renewals=1, hint=0, large=True)),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_state_and_its_folded_form_have_the_same_moves(name: str) -> None:
    system = SYSTEMS[name]

    def next_ones(state: Any) -> set[tuple[Any, object]]:
        return {(system.normal(after), mark) for _, after, mark in system.moves(state)}

    # Unfolded states, one for each folded one that is met, so that serials grow as in a real run.
    met = {system.normal(system.start)}
    ahead: deque[Any] = deque([system.start])
    while ahead and len(met) < ENOUGH:
        state = ahead.popleft()
        assert next_ones(state) == next_ones(system.normal(state))
        for _, after, violation in system.moves(state):
            if system.normal(after) not in met and not (violation and isinstance(violation, str)):
                met.add(system.normal(after))
                ahead.append(after)
    assert len(met) > 50


def test_the_model_asks_the_product() -> None:
    rules = PageRules(USUAL)
    judge = PageJudge(rules, Site())
    assert judge.pages.rules.refresh_table is RENEWAL_TABLE
    assert judge.pages.rules.verify_table is VERIFY_TABLE
    for name in ("course_of", "serves_late", "spares_upload", "is_in_time", "reissue_may_leave", "payload_may_leave",
                 "extends_expiry", "rotates_nothing"):  # fmt: skip
        assert getattr(rules, name) is getattr(renewal, name)


def test_every_function_of_the_product_is_asked_in_a_search() -> None:
    asked: set[str] = set()

    def overheard(name: str) -> Any:
        def ask(*given: Any, **named: Any) -> Any:
            asked.add(name)
            return getattr(renewal, name)(*given, **named)

        return ask

    names = ("course_of", "serves_late", "spares_upload", "is_in_time", "reissue_may_leave", "payload_may_leave",
             "extends_expiry", "rotates_nothing")  # fmt: skip
    rules = PageRules(USUAL, **{name: overheard(name) for name in names})
    explore(Pages(rules, Site(life=6, payloads=1, library=True)), most=5_000)
    explore(Pages(rules, Site(q=0, r=0, life=3, uploads=1, in_flight=2, verb_within=3)), ignoring=REFUSED)
    assert asked == set(names)


def test_a_life_of_so_many_ticks_counts_its_last_one() -> None:
    judge = PageJudge(USUAL_RULES, Site(life=5))
    assert judge.course(5, 0, large=False) is Course.VERIFY
    assert judge.course(6, 0, large=False) is Course.RENEW
    assert [judge.is_dead(5), judge.is_dead(6)] == [False, True]
    assert judge.access(5) == AccessCookie(HANDLE, 0)


def test_the_bounds_are_those_that_the_docs_give() -> None:
    # In milliseconds W >= q + r + 2T, M >= q + 2r + T; the product's T and M keep them while q + r <= W / 2.
    assert at_the_bounds(1, 1, 1)[:3] == (4, 1, 3)
    assert at_the_bounds(2, 1, 2)[:3] == (7, 2, 5)
    for grace in range(4, 10_000, 97):
        own = RenewalTimes.of(grace)
        for q in (0, grace // 4, grace // 2):
            r = grace // 2 - q
            assert grace >= q + r + 2 * own.in_time
            assert own.margin >= q + 2 * r + own.in_time
            assert renewal.least_validity(grace) >= q + 2 * r + 2 * own.in_time


def test_a_story_of_pages_keeps_its_serials_and_names_the_ages() -> None:
    system = Pages(variants.request_confirms_its_own_child(USUAL), Site(life=5, in_flight=1))
    search = explore(system)
    told = tell(retrace(system, search), search.violation)
    assert "the browser sends a request with A1 (dead) and R1" in told
    assert "the request with R1 (parent 0), 0 after it came in, renews by row 3: pair 2" in told
    assert told.splitlines()[-1] == "  => theft"


def test_what_undoes_a_log_in_is_told_once() -> None:
    search = explore(Doors(USUAL_RULES, House(violation=LOG_IN_UNDONE, log_in=True)))
    last = search.path[-1]
    assert last.refresh == 2, "the log-in's cookies were there until then"


def test_a_fleet_is_the_same_every_time_and_stops_at_a_theft() -> None:
    own = RenewalTimes.of(10 * SECOND, upload_grace=10 * MINUTE)
    rules = PageRules(own)
    assert fleet(rules, browsers=3, life=80 * SECOND, lives=3) == fleet(rules, browsers=3, life=80 * SECOND, lives=3)
    browser = Browser(variants.large_requests_renew(own), 80 * SECOND, seed=1)
    browser.lives(100 * 80 * SECOND)
    assert browser.counts["theft"] == 1
