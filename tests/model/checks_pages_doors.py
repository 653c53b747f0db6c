# SPDX-License-Identifier: Apache-2.0
"""Log-out and log-in with answers under way, by rules 4, 6 and 7.

A session that has ended may come back only by a renewal and a re-issue that both left in time and both arrive after
the clearing: within T + r of it, for what is left of the access token, and not where each request asks the database.
A log-in may be undone, by whatever was sent before it, within q + T + r.
"""

from __future__ import annotations

from . import pages_variants as variants
from .check import SAFE
from .pages_check import USUAL, at_the_door
from .pages_doors import COMES_BACK, LOG_IN_UNDONE, SERVED_AFTER_LOG_IN, SERVED_AFTER_LOG_OUT
from .pages_rules import PageRules

RULES = PageRules(USUAL)
LOG_OUT = {"violation": SERVED_AFTER_LOG_OUT}
LOG_IN = {"violation": SERVED_AFTER_LOG_IN, "log_in": True}
UNDONE = {"violation": LOG_IN_UNDONE, "log_in": True}
BACK = {"violation": COMES_BACK, "in_flight": 3, "life": 9}

CHECKS = [
    at_the_door("after a log-out, two under way", RULES, SAFE, **LOG_OUT),
    at_the_door("after a log-out, three under way: a known limit", RULES, SERVED_AFTER_LOG_OUT, in_flight=3, **LOG_OUT),
    at_the_door(
        "after a log-out, three under way, the database asked",
        RULES,
        SAFE,
        in_flight=3,
        life=4,
        checks_database=True,
        **LOG_OUT,
    ),
    at_the_door(
        "rule 7: an access token alone counts offline",
        variants.access_token_alone_counts_offline(USUAL),
        SERVED_AFTER_LOG_OUT,
        **LOG_OUT,
    ),
    at_the_door("after log-out and log-in", RULES, SAFE, **LOG_IN),
    at_the_door("after a log-in over a session", RULES, SAFE, log_out=False, **LOG_IN),
    at_the_door(
        "rule 7: an access token counts beside another session's",
        variants.access_token_counts_beside_another_session(USUAL),
        SERVED_AFTER_LOG_IN,
        **LOG_IN,
    ),
    at_the_door(
        "rule 6: stragglers get unmarked access tokens",
        variants.stragglers_get_unmarked_tokens(USUAL),
        SERVED_AFTER_LOG_IN,
        **LOG_IN,
    ),
    at_the_door("a log-in is not undone after q + T + r", RULES, SAFE, within=3, **UNDONE),
    at_the_door("a log-in may be undone within q + T + r: a known limit", RULES, LOG_IN_UNDONE, within=2, **UNDONE),
    at_the_door(
        "rule 4: late clearings leave",
        variants.late_pairs_leave_as_they_are(USUAL),
        LOG_IN_UNDONE,
        within=3,
        **UNDONE,
    ),
    at_the_door(
        "rule 4: re-issued tokens leave late",
        variants.reissued_tokens_leave_late(USUAL),
        COMES_BACK,
        within=2,
        **BACK,
    ),
    at_the_door(
        "rule 4: changed payloads leave late without their record",
        variants.changed_payloads_leave_without_their_record(USUAL),
        COMES_BACK,
        within=2,
        **BACK,
    ),
    at_the_door("no session comes back after T + r", RULES, SAFE, within=2, **BACK).deep(),
    at_the_door("a session comes back within T + r: a known limit", RULES, COMES_BACK, within=1, **BACK),
]
