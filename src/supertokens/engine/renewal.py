# SPDX-License-Identifier: Apache-2.0
"""Decide when a request without script may renew its session, and what may still leave with its answer.

The rules are told in docs/how-it-works.md#pages-that-renew-their-session.

With ``renewal: server`` any of many parallel requests of one browser may find its access token dead and renew, and no
lock keeps them apart. Nine rules make that safe; ``tests/model`` runs these very functions through every order of
requests and answers up to a bound, and finds a violation wherever one of the rules is taken away.

How a request uses it, in this order::

    times = RenewalTimes.of(grace=10_000)                       # once; `obstacle` has been asked at start (rule 1)
    course = course_of(refresh_handle, access, waited=..., large=is_large_body(...), times=times)   # rules 2, 3, 7, 8
    RENEW             the core refreshes by RENEWAL_TABLE; `extends_expiry(decision)` moves expiry and last use (6)
    SERVE_BY_RECORD   the core reads the record: `serves_late`, or `spares_upload` for a large body (3, 8)
    is_in_time(waited, times), reissue_may_leave(...), payload_may_leave(...)         # when the headers leave (4, 5)

`course_of` is asked at the first verb of a request, and later verbs keep its outcome. The refresh API asks
`rotates_nothing` (rule 9). Cookies are authenticated before, without the store. Bearer tokens have no part in this.

Every time is in ms. ``waited`` counts from the call of our WSGI or ASGI application, by a monotonic clock.
"""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

from supertokens.engine.rotation import REFRESH_TABLE, Decision, Lineage, Presented, Row

__all__ = [
    "MAX_RENEWING_BODY_BYTES", "RENEWAL_TABLE", "AccessCookie", "Course", "Leaves", "Obstacle", "RenewalTimes",
    "course_of", "extends_expiry", "is_in_time", "is_large_body", "least_validity", "obstacle", "payload_may_leave",
    "reissue_may_leave", "rotates_nothing", "serves_late", "spares_upload",
]  # fmt: skip

MAX_RENEWING_BODY_BYTES: Final = 1 << 20
"""The largest request body with which a session is renewed; a larger one may take minutes to arrive."""


class RenewalTimes(NamedTuple):
    """The times that the rules turn on, in ms. `of` derives them from the rotation grace period."""

    grace: int
    """W: how long one question of one client gets one answer."""
    in_time: int
    """T: how long after a request arrived its first verb may renew, and its headers may carry the result."""
    margin: int
    """M: what must be left of an access token's lifetime if it is sent without a renewal."""
    upload_grace: int
    """How long after its access token's death a large request is served; 0: not at all."""

    @classmethod
    def of(cls, grace: int, *, upload_grace: int = 600_000) -> RenewalTimes:
        """Return the times for the rotation grace period `grace` (ms): T = W / 4, M = 3 W."""
        return cls(grace, grace // 4, 3 * grace, upload_grace)


# Rule 1: start


class Obstacle(Enum):
    """Why sessions cannot be renewed by the server."""

    NO_GRACE = "two requests of one page would look like a theft"
    SHORT_VALIDITY = "a late answer could lay a dying access token over a living one"
    SIBLINGS = "parallel renewals would mint siblings, and one of them would look like a theft"


def least_validity(grace: int) -> int:
    """Return the shortest life of an access token (ms) for which renewal by the server is safe: 8 W."""
    return 8 * grace


def obstacle(*, grace: int, access_token_validity: int, core_converges: bool) -> Obstacle | None:
    """Return why the server must not renew with these settings (ms), or None.

    `core_converges`: refreshes of one client get one child within the grace period.
    """
    if grace <= 0:
        return Obstacle.NO_GRACE
    if access_token_validity < least_validity(grace):
        return Obstacle.SHORT_VALIDITY
    return None if core_converges else Obstacle.SIBLINGS


# Rules 2, 3, 7 and 8: what a request does


class AccessCookie(NamedTuple):
    """An access token that came in a cookie, and that only its age may make unusable."""

    handle: str
    life_left: int
    """In ms; below 0 it has expired."""

    @property
    def is_living(self) -> bool:
        return self.life_left >= 0


class Course(Enum):
    """How the first verb of a request goes on."""

    VERIFY = "the access token decides, and a marked one asks the core"
    VERIFY_WITH_RECORD = "the access token decides, if its record exists: one read, never cached"
    RENEW = "refresh, and go on with the new session"
    SERVE_BY_RECORD = "serve or refuse this request by the record: nothing is written, sent or deleted"
    TRY_REFRESH = "nothing here can renew, and nothing is deleted"


def course_of(
    refresh_handle: str | None, access: AccessCookie | None, *, waited: int, large: bool, times: RenewalTimes
) -> Course:
    """Return what the first verb of a request does.

    `refresh_handle`: of the authentic refresh cookie, or None. `access`: None also for an access cookie that is not
    authentic, or is refused for anything but its age. `large`: what `is_large_body` says.
    """
    if refresh_handle is None:
        return Course.VERIFY_WITH_RECORD if access is not None and access.is_living else Course.TRY_REFRESH
    if access is not None and access.is_living and access.handle == refresh_handle:
        return Course.VERIFY
    return Course.SERVE_BY_RECORD if large or not is_in_time(waited, times) else Course.RENEW


def is_large_body(content_length: int | None, *, has_body: bool) -> bool:
    """Return whether a request's body is too large for a renewal beside it, or may be. `content_length` in bytes."""
    if content_length is None:
        return has_body
    return content_length > MAX_RENEWING_BODY_BYTES


def serves_late(lineage: Lineage, serial: int, parent: int, *, came_in: int, grace: int) -> bool:
    """Return whether the record alone serves a request that shows this refresh token and must not renew.

    The token is the current one; or exactly the pending child; or the parent, if the request came in (`came_in`, on
    the clock of ``lineage.handed_out_at``) at most W after the newest pair was handed out. A holder of a replaced token
    who asks late on purpose is served no longer than that.
    """
    if serial == lineage.current:
        return True
    if serial == lineage.newest and parent == lineage.current:
        return True
    return serial == lineage.parent and came_in - lineage.handed_out_at <= grace


def spares_upload(refresh_handle: str, access: AccessCookie | None, times: RenewalTimes) -> bool:
    """Return whether a large request, whose record exists, is served because its access token died under way."""
    return access is not None and access.handle == refresh_handle and -access.life_left < times.upload_grace


# Rule 6: what a renewal hands out


def _marked(row: Row) -> Row:
    def answer(lineage: Lineage, presented: Presented) -> Decision:
        decision = row.answer(lineage, presented)
        return decision._replace(pair=decision.pair and decision.pair._replace(marked=True))

    return row._replace(answer=answer)


RENEWAL_TABLE: Final = tuple(_marked(row) for row in REFRESH_TABLE)
"""The refresh table for a renewal in place: every pair is marked, so that its first use asks the core."""


def extends_expiry(decision: Decision) -> bool:
    """Return whether a renewal in place extends the session's life, and counts as its last use: rows 2, 3 and 4.

    A browser whose every view is slow never shows a child; its session must not end while it is in use.
    """
    return decision.pair is not None and decision.write is not None


# Rules 4 and 5: what leaves


class Leaves(Enum):
    """Whether an answer's cookies may still go out when its headers leave."""

    YES = "send them"
    NO = "leave them out"
    IF_RECORD_EXISTS = "send them if the session's record still exists"


def is_in_time(waited: int, times: RenewalTimes) -> bool:
    """Return whether a first verb may renew now, and whether headers that leave now may bring what a verb found.

    That is the pair of a renewal, or a clearing. What a verb was told (create, renew, logout, revoke) always goes out.
    """
    return waited <= times.in_time


def reissue_may_leave(*, waited: int, life_left: int, times: RenewalTimes) -> bool:
    """Return whether an access token may go out that a verify re-issued without the marker, or with a newer payload.

    `life_left`: of that token, when the headers leave. Otherwise the cookie stays as it is.
    """
    return is_in_time(waited, times) and life_left > times.margin


def payload_may_leave(*, waited: int, life_left: int, renewed: bool, times: RenewalTimes) -> Leaves:
    """Return whether the access token of a payload update may go out on its own when the headers leave.

    `renewed`: this request has renewed its session. A child's access token never goes out without its refresh token,
    so the new payload then reaches the browser with the pair, or with its next renewal.
    """
    if renewed or life_left <= times.margin:
        return Leaves.NO
    return Leaves.YES if is_in_time(waited, times) else Leaves.IF_RECORD_EXISTS


# Rule 9: a browser library on the same pages


def rotates_nothing(refresh_handle: str | None, access: AccessCookie | None) -> bool:
    """Return whether the refresh API only repeats what the browser has, because its access token is still living.

    A library does not see what pages have renewed, and would refresh over a child that is under way.
    """
    return access is not None and access.is_living and access.handle == refresh_handle
