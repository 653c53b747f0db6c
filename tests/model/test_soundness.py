# SPDX-License-Identifier: Apache-2.0
"""The model itself: what it folds into one behaves alike, what it asks is the product, and it can fail."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest

from supertokens.engine import rotation
from supertokens.engine.rotation import NEW_SESSION, Pair, Presented

from . import variants
from .catalogue import GROUPS
from .explore import System, explore, retrace
from .honest import Honest
from .rules import Judge, Record, Rules
from .serial_vs_protocol1 import SideBySide
from .serials import renumbering
from .server import broken_claim, broken_pair
from .state import VALUE_OF_PARENT_TOO, VALUE_PER_SERIAL, VALUE_PER_SESSION, World
from .story import sentences, tell
from .thief import ANY_TIME, APART, APART_ON_A_TOKEN, Plan, Pursuit

ENOUGH = 800

WORLDS = {
    "messages in flight": (Rules(2), World(life=4, duplicates=1)),
    "verify's answers": (Rules(2), World(life=6, margin=0, payload_changes=2, hint_changes=1)),
    "explicit refreshes": (Rules(2), World(life=6, explicit=2, lock=True)),
    "read and swap apart": (Rules(4), World(life=6, gap=1)),
    "lost writes": (Rules(4), World(life=6, crashes=2, crash_rows=(2, 3, 4))),
    "power cuts": (Rules(2), World(life=6, power_cuts=2, checkpoints=True)),
    "a restore": (Rules(2), World(life=4, backups=1)),
    "a failover": (Rules(3), World(life=4, in_flight=2, backups=1, failover=True)),
    "clocks and hints": (Rules(4), World(life=6, clocks=(0, -1), hint_changes=1, explicit=1)),
    "a value per serial": (Rules(3), World(life=6, anti_csrf=VALUE_PER_SERIAL, frozen=True, stale_call="wait")),
    "a value of the parent": (Rules(3), World(life=6, anti_csrf=VALUE_OF_PARENT_TOO, closes=2, lock=True)),
    "a value per session": (Rules(3), World(life=6, anti_csrf=VALUE_PER_SESSION, frozen=True, stale_call="fine")),
    "a verify without swap": (variants.verify_without_swap(4), World(life=6, gap=1, hint_changes=1)),
    "a swap on less": (variants.swap_without_newest(4), World(life=6, gap=1, mixed=True)),
    "newest not raised": (variants.newest_is_not_raised(4), World(life=6, crashes=2)),
}
SYSTEMS: dict[str, System[Any] | Pursuit] = {
    **{name: Honest(rules, world) for name, (rules, world) in WORLDS.items()},
    **{
        f"thief: {timing}, {hints}, diligent: {diligent}, crashes: {crashes}": Pursuit(
            Rules(2), Plan(timing=timing, thief_hints=hints, diligent=diligent, copies=2, crashes=crashes)
        )
        for timing in (ANY_TIME, APART, APART_ON_A_TOKEN)
        for hints, diligent, crashes in (((0,), False, 0), ((0,), True, 0), ((1, 2), False, 1))
    },
    "thief: a window that never closes": Pursuit(variants.no_time_limit_in_row_5(2), Plan(timing=APART_ON_A_TOKEN)),
    "beside the original": SideBySide(Rules(0), siblings=3, clocks=(0, -1), hints=(0, 1)),
}


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_state_and_its_folded_form_have_the_same_moves(name: str) -> None:
    system = SYSTEMS[name]

    def next_ones(state: Any) -> set[tuple[Any, object]]:
        return {(system.normal(after), mark) for _, after, mark in system.moves(state)}

    # Unfolded states, one for each folded one that is met, so that serials grow as in a real run.
    met = {system.normal(system.start)}
    ahead = deque([system.start])
    while ahead and len(met) < ENOUGH:
        state = ahead.popleft()
        assert next_ones(state) == next_ones(system.normal(state))
        for _, after, violation in system.moves(state):
            if system.normal(after) not in met and not (violation and isinstance(violation, str)):
                met.add(system.normal(after))
                ahead.append(after)
    assert len(met) > 50


def test_folding_keeps_the_order_below_last_and_the_distances_above_it() -> None:
    assert renumbering({3, 5, 9, 11, 14}, floor=9) == {3: 0, 5: 1, 9: 2, 11: 4, 14: 7}
    assert renumbering({0, 1, 2, 7}, floor=2) is None


def test_the_model_asks_the_product_and_follows_what_it_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    decide = rotation.decide

    def overheard(*arguments: Any) -> rotation.Decision:
        asked.append(arguments)
        return decide(*arguments)

    monkeypatch.setattr(rotation, "decide", overheard)
    judge = Judge(Rules(3))
    ruling = judge.refresh(judge.start, 1, 0, 0, 0)
    (table, lineage, question) = asked[0]
    assert table is rotation.REFRESH_TABLE
    assert lineage == NEW_SESSION._replace(handed_out_at=-judge.long_ago)
    assert question == Presented(serial=1, parent=0, now=0, fingerprint=b"", grace=3)
    assert ruling.write == Record(current=1, parent=0, newest=2, age=0, hint=0)
    judge.refresh(judge.start, 1, 0, 0, 0)
    assert len(asked) == 1, "an answer is remembered"


@pytest.mark.parametrize("off", [-2, -1, 0, 1, 2])
def test_a_moment_as_old_as_the_model_counts_is_as_good_as_long_ago(off: int) -> None:
    judge = Judge(Rules(3), spread=2)
    for age in (judge.long_ago, judge.long_ago - 1):
        pending = Record(current=1, parent=0, newest=2, age=age, hint=0)
        assert judge.refresh(pending, 1, 0, 0, off).row == 3, "row 2 is over for every clock"
    assert judge.older(Record(1, 0, 2, judge.long_ago, 0)).hint == -1


@pytest.mark.parametrize(
    ("after", "broken"),
    [
        (Record(4, 3, 6, 0, 0), ""),
        (Record(3, 2, 5, 0, 0), ""),
        (Record(2, 1, 5, 0, 0), "current decreased"),
        (Record(3, 2, 4, 0, 0), "newest decreased"),
        (Record(6, 3, 5, 0, 0), "current > newest"),
        (Record(4, 4, 5, 0, 0), "parent >= current"),
    ],
)
def test_claim_3_is_told_apart_part_by_part(after: Record, broken: str) -> None:
    assert broken_claim(Record(3, 2, 5, 0, 0), after) == broken


@pytest.mark.parametrize(
    ("pair", "broken"),
    [
        (Pair(3, 2, marked=False), ""),
        (Pair(4, 3, marked=True), ""),
        (Pair(3, 3, marked=False), "child <= parent"),
        (Pair(3, 2, marked=True), "marked without need"),
        (Pair(4, 3, marked=False), "pending without the marker"),
    ],
)
def test_an_access_token_is_marked_exactly_while_its_child_is_pending(pair: Pair, broken: str) -> None:
    assert broken_pair(pair, Record(3, 2, 4, 0, 0)) == broken


def test_a_story_keeps_its_serials_and_counts_its_ticks() -> None:
    system = Honest(variants.no_row_5(9), World(life=2))
    search = explore(system)
    told = tell(retrace(system, search), search.violation)
    assert told.splitlines()[0] == "   1. 2 ticks pass"
    assert "row 3: pair 2" in told
    assert told.splitlines()[-1] == "  => theft"


def test_a_run_that_repeats_is_told_as_a_round() -> None:
    events = [("first",), ("tick",), ("tick",), ("second {}", 2)]
    assert sentences(events) == ["first", "2 ticks pass", "second 2"]
    told = tell(events, "no bound", round_begins=3)
    assert "and then, again and again:\n   3. second 2" in told


def test_a_search_that_is_cut_off_says_so() -> None:
    assert not explore(Honest(Rules(2), World(life=4)), most=100).complete


def test_no_two_claims_of_the_catalogue_have_one_name() -> None:
    claims = [check.claim for checks in GROUPS.values() for check in checks]
    assert len(set(claims)) == len(claims)
