# SPDX-License-Identifier: Apache-2.0
"""The rules of renewal on the server, one by one; `tests/model` has them together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supertokens.engine.renewal import (
    MAX_RENEWING_BODY_BYTES,
    RENEWAL_TABLE,
    AccessCookie,
    Course,
    Leaves,
    Obstacle,
    RenewalTimes,
    course_of,
    extends_expiry,
    is_in_time,
    is_large_body,
    least_validity,
    obstacle,
    payload_may_leave,
    reissue_may_leave,
    rotates_nothing,
    serves_late,
    spares_upload,
)
from supertokens.engine.rotation import LONG_AGO, NEW_SESSION, NOBODY, REFRESH_TABLE, Lineage, Presented, decide

W = 10_000
T = 2_500
M = 30_000
TIMES = RenewalTimes.of(W)
US, THEM = "7b0aa0a2-3f4c-4f0e-8a43-0123456789ab", "11111111-3f4c-4f0e-8a43-0123456789ab"
LIVING, DEAD, DYING = AccessCookie(US, 60_000), AccessCookie(US, -1), AccessCookie(US, 0)
LIVING_OF_ANOTHER = AccessCookie(THEM, 60_000)

LINEAGES = st.builds(
    lambda parent, more, pending, at, hint: Lineage(parent + more, parent, parent + more + pending, at, hint),
    st.integers(0, 5),
    st.integers(1, 3),
    st.integers(0, 3),
    st.sampled_from([LONG_AGO, 0, 90_000, 100_000, 110_000]),
    st.sampled_from([NOBODY, b"", b"other"]),
)


# Rule 1


def test_the_times_follow_from_the_grace_period() -> None:
    assert RenewalTimes(grace=W, in_time=T, margin=M, upload_grace=600_000) == TIMES
    assert least_validity(W) == 80_000


@pytest.mark.parametrize(
    ("grace", "validity", "converges", "found"),
    [
        (W, 80_000, True, None),
        (0, 3_600_000, True, Obstacle.NO_GRACE),
        (W, 79_999, True, Obstacle.SHORT_VALIDITY),
        (W, 80_000, False, Obstacle.SIBLINGS),
    ],
)
def test_renewal_does_not_start_where_it_would_be_unsafe(
    grace: int, validity: int, converges: bool, found: Obstacle | None
) -> None:
    assert obstacle(grace=grace, access_token_validity=validity, core_converges=converges) is found


# Rules 2, 3, 7 and 8


def course(refresh: str | None, access: AccessCookie | None, waited: int = 0, *, large: bool = False) -> Course:
    return course_of(refresh, access, waited=waited, large=large, times=TIMES)


@pytest.mark.parametrize("access", [None, DEAD, LIVING_OF_ANOTHER])
def test_a_request_renews_only_in_time_and_only_with_a_small_body(access: AccessCookie | None) -> None:
    assert course(US, access) is Course.RENEW
    assert course(US, access, T) is Course.RENEW
    assert course(US, access, T + 1) is Course.SERVE_BY_RECORD
    assert course(US, access, large=True) is Course.SERVE_BY_RECORD


@pytest.mark.parametrize("access", [LIVING, DYING])
@pytest.mark.parametrize("large", [True, False])
def test_a_living_access_token_beside_its_refresh_token_counts_however_late_or_large_the_request(
    access: AccessCookie, large: bool
) -> None:
    assert course(US, access, large=large) is Course.VERIFY
    assert course(US, access, 10**9, large=large) is Course.VERIFY


def test_an_access_token_alone_counts_only_with_its_record() -> None:
    assert course(None, LIVING) is Course.VERIFY_WITH_RECORD
    assert course(None, LIVING, 10**9, large=True) is Course.VERIFY_WITH_RECORD


@pytest.mark.parametrize("access", [None, DEAD])
def test_without_a_refresh_cookie_nothing_is_renewed(access: AccessCookie | None) -> None:
    assert course(None, access) is Course.TRY_REFRESH
    assert course(None, access, 10**9, large=True) is Course.TRY_REFRESH


@pytest.mark.parametrize(
    ("content_length", "has_body", "large"),
    [
        (None, False, False),
        (None, True, True),
        (0, False, False),
        (MAX_RENEWING_BODY_BYTES, True, False),
        (MAX_RENEWING_BODY_BYTES + 1, True, True),
    ],
)
def test_a_body_is_large_by_its_length_or_by_hiding_it(content_length: int | None, has_body: bool, large: bool) -> None:
    assert is_large_body(content_length, has_body=has_body) is large


PENDING = Lineage(current=4, parent=2, newest=7, handed_out_at=100_000, fingerprint=b"")


@pytest.mark.parametrize(
    ("serial", "parent", "came_in", "served"),
    [
        (4, 2, 10**12, True),  # current, whenever
        (7, 4, 10**12, True),  # the pending child, whenever
        (7, 5, 100_000, False),  # its number on another branch
        (6, 4, 100_000, False),  # a sibling that was handed out before it
        (8, 7, 100_000, False),  # a serial that the record has not heard of
        (2, 1, 100_000 + W, True),  # the parent, just after the change
        (2, 1, 100_000 + W + 1, False),
        (2, 1, 0, True),  # came in before the change, asked long after it
        (1, 0, 100_000, False),  # replaced longer ago
    ],
)
def test_a_late_request_is_served_by_where_its_token_stands(
    serial: int, parent: int, came_in: int, served: bool
) -> None:
    assert serves_late(PENDING, serial, parent, came_in=came_in, grace=W) is served


def test_the_parent_of_a_forgotten_moment_serves_nothing() -> None:
    lineage = PENDING._replace(handed_out_at=LONG_AGO, fingerprint=NOBODY)
    assert not serves_late(lineage, 2, 1, came_in=0, grace=W)
    assert serves_late(NEW_SESSION, 1, 0, came_in=0, grace=W)


def test_an_upload_outlives_its_own_access_token_for_a_while() -> None:
    assert spares_upload(US, AccessCookie(US, -599_999), TIMES)
    assert not spares_upload(US, AccessCookie(US, -600_000), TIMES)
    assert not spares_upload(US, AccessCookie(THEM, -1), TIMES)
    assert not spares_upload(US, None, TIMES)
    assert not spares_upload(US, DEAD, RenewalTimes.of(W, upload_grace=0))


# Rule 6


@given(LINEAGES, st.integers(0, 12), st.integers(0, 12), st.sampled_from([b"", b"other"]), st.sampled_from([0, W]))
def test_a_renewal_answers_as_a_refresh_but_for_the_marker(
    lineage: Lineage, serial: int, parent: int, hint: bytes, grace: int
) -> None:
    presented = Presented(serial, parent, 100_000, hint, grace)
    refreshed, renewed = decide(REFRESH_TABLE, lineage, presented), decide(RENEWAL_TABLE, lineage, presented)
    if refreshed.pair is None:
        assert renewed == refreshed
    else:
        assert renewed == refreshed._replace(pair=refreshed.pair._replace(marked=True))
    assert extends_expiry(renewed) is (renewed.row in (2, 3, 4))


# Rules 4 and 5


def test_what_was_found_leaves_only_in_time() -> None:
    assert is_in_time(0, TIMES)
    assert is_in_time(T, TIMES)
    assert not is_in_time(T + 1, TIMES)


@pytest.mark.parametrize(
    ("waited", "life_left", "leaves"), [(T, M + 1, True), (T, M, False), (T + 1, M + 1, False), (T + 1, M, False)]
)
def test_a_reissued_access_token_leaves_in_time_and_with_enough_life(waited: int, life_left: int, leaves: bool) -> None:
    assert reissue_may_leave(waited=waited, life_left=life_left, times=TIMES) is leaves


@pytest.mark.parametrize(
    ("waited", "life_left", "renewed", "leaves"),
    [
        (T, M + 1, False, Leaves.YES),
        (T + 1, M + 1, False, Leaves.IF_RECORD_EXISTS),
        (T, M, False, Leaves.NO),
        (T + 1, M, False, Leaves.NO),
        (T, M + 1, True, Leaves.NO),
        (T + 1, M + 1, True, Leaves.NO),
    ],
)
def test_a_payload_update_leaves_on_its_own_unless_the_request_has_renewed(
    waited: int, life_left: int, renewed: bool, leaves: Leaves
) -> None:
    assert payload_may_leave(waited=waited, life_left=life_left, renewed=renewed, times=TIMES) is leaves


# Rule 9


@pytest.mark.parametrize(
    ("refresh", "access", "nothing"),
    [
        (US, LIVING, True),
        (US, DYING, True),
        (US, DEAD, False),
        (US, LIVING_OF_ANOTHER, False),
        (US, None, False),
        (None, LIVING, False),
        (None, None, False),
    ],
)
def test_the_refresh_api_rotates_nothing_beside_a_living_access_token(
    refresh: str | None, access: AccessCookie | None, nothing: bool
) -> None:
    assert rotates_nothing(refresh, access) is nothing
