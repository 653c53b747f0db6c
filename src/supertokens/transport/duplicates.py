# SPDX-License-Identifier: Apache-2.0
"""Choose among several cookies of one name in one request (docs/browsers.md#two-cookies-of-the-same-name).

A changed cookie domain leaves duplicates in every browser, and an attacker on a neighbouring host may plant others. The
choice is among authentic ones, so that a stale duplicate never raises theft. With a core service, it takes a call to
find out whether a refresh token is authentic: malformed ones are skipped, and only as many of the others are checked as
the rule needs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from supertokens.core import Core
from supertokens.engine.access_token import AccessToken
from supertokens.engine.refresh_token import position_inside
from supertokens.engine.value import Value
from supertokens.errors import SuperTokensUnauthorisedError

__all__ = [
    "CONFLICTING_SESSIONS",
    "ConflictingSessionsError",
    "Picked",
    "handles_of_access_tokens",
    "handles_of_refresh_tokens",
    "pick_access_token",
    "pick_refresh_token",
]

CONFLICTING_SESSIONS: Final = "conflicting_sessions"
"""The reason of the error after which no cookie is deleted."""

_MAX_LOOKED_AT: Final = 8
"""How many cookies of the same name are examined, in the order sent."""
_MAX_ASKED_ABOUT: Final = 4
"""How many refresh tokens the core may be asked about. A browser with three places for a cookie has at most three."""
_WARN_EVERY_S: Final = 60.0

_log = logging.getLogger("supertokens")


class ConflictingSessionsError(SuperTokensUnauthorisedError):
    """Live sessions of different users came in one request. No cookie is deleted: any may be the planted one."""

    def __init__(self) -> None:
        super().__init__("several sessions of different users in one request", reason=CONFLICTING_SESSIONS)
        _warning.give()


class Picked(Value, frozen=True):
    """The token to use. `may_settle`: all others belong to the same user, so duplicates can be deleted."""

    unshown = frozenset(("text",))

    text: str
    may_settle: bool


class _AccessToken(Value, frozen=True):
    """An authentic access token: its text and its claims."""

    unshown = frozenset(("text",))

    text: str
    says: AccessToken


class _RefreshToken(Value, frozen=True):
    """A well-formed refresh token, and the position in the rotation that it claims."""

    unshown = frozenset(("text",))

    text: str
    handle: str
    serial: int


def pick_access_token(credentials: Sequence[str], core: Core, now: int) -> Picked:
    """Return the one of `credentials` to verify; any of them if none is authentic. Raise ConflictingSessionsError.

    `core` authenticates them. A token that has expired at `now` is ignored if there is a live one, so that cookies left
    behind by an earlier user lock nobody out.
    """
    authentic = _authentic_access_tokens(credentials, core)
    live = [each for each in authentic if each.says.expires_at > now] or authentic
    if len({each.says.user_id for each in live}) > 1:
        raise ConflictingSessionsError
    if not live:
        return Picked(credentials[0], may_settle=False)
    newest = max(live, key=lambda each: (each.says.created_at, each.says.serial, each.says.expires_at))
    return Picked(newest.text, may_settle=len({each.says.user_id for each in authentic}) == 1)


def pick_refresh_token(credentials: Sequence[str], core: Core) -> Picked:
    """Return the one of `credentials` to present; any of them if `core` authenticates none.

    Raise ConflictingSessionsError.
    """
    of_handle = _possible_refresh_tokens(credentials)
    if not of_handle:
        return Picked(credentials[0], may_settle=False)
    if len(of_handle) == 1:
        [possible] = of_handle.values()
        newer, oldest = possible[:-1], possible[-1]
        # If no other one is authentic the oldest is presented, and need not be checked first.
        picked = _first_authentic(newer[: _MAX_ASKED_ABOUT - 1], core) or oldest
        return Picked(picked.text, may_settle=True)
    newest = _newest_authentic(of_handle, core)
    if not newest:
        return Picked(credentials[0], may_settle=False)
    return Picked(newest[0].text, may_settle=True) if len(newest) == 1 else _newest_session(newest, core)


def handles_of_access_tokens(credentials: Sequence[str], core: Core) -> list[str]:
    """Return the handles, each once, of the authentic access tokens in `credentials`, expired or not."""
    return list(dict.fromkeys(each.says.handle for each in _authentic_access_tokens(credentials, core)))


def handles_of_refresh_tokens(credentials: Sequence[str], core: Core) -> list[str]:
    """Return the handles of the refresh tokens in `credentials` that `core` authenticates."""
    return [each.handle for each in _newest_authentic(_possible_refresh_tokens(credentials), core)]


def _authentic_access_tokens(credentials: Sequence[str], core: Core) -> list[_AccessToken]:
    """Return the access tokens in `credentials` that `core` authenticates, each once, up to the bound."""
    possible = (token for token in dict.fromkeys(credentials) if token.count(".") == 2)
    looked_at = ((token, core.authentic_access_token(token)) for token in islice(possible, _MAX_LOOKED_AT))
    return [_AccessToken(token, says) for token, says in looked_at if says is not None]


def _possible_refresh_tokens(credentials: Sequence[str]) -> dict[str, list[_RefreshToken]]:
    """Return the well-formed refresh tokens in `credentials` by handle, the highest serial first."""
    positions = ((token, position_inside(token)) for token in dict.fromkeys(credentials))
    possible = [_RefreshToken(token, *position) for token, position in positions if position is not None]
    of_handle: dict[str, list[_RefreshToken]] = {}
    for each in sorted(possible[:_MAX_LOOKED_AT], key=lambda each: each.serial, reverse=True):
        of_handle.setdefault(each.handle, []).append(each)
    return of_handle


def _newest_authentic(of_handle: Mapping[str, Sequence[_RefreshToken]], core: Core) -> list[_RefreshToken]:
    """Return the newest token of each handle in `of_handle` that `core` authenticates, within the limit on calls."""
    newest = []
    left = _MAX_ASKED_ABOUT
    for possible in of_handle.values():
        authentic = _first_authentic(possible[:left], core)
        left -= len(possible[:left]) if authentic is None else possible.index(authentic) + 1
        if authentic is not None:
            newest.append(authentic)
    return newest


def _first_authentic(possible: Iterable[_RefreshToken], core: Core) -> _RefreshToken | None:
    return next((each for each in possible if core.authentic_refresh_token(each.text) is not None), None)


def _newest_session(newest: Sequence[_RefreshToken], core: Core) -> Picked:
    """Return the one of the tokens `newest` whose session is the youngest known to `core`; any if there is none."""
    sessions = []
    for token in newest:
        try:
            record = core.session(token.handle)
        except SuperTokensUnauthorisedError:
            continue
        sessions.append((record.created_at, record.user_id, token))
    if len({user_id for _, user_id, _ in sessions}) > 1:
        raise ConflictingSessionsError
    if not sessions:
        return Picked(newest[0].text, may_settle=False)
    youngest = max(sessions, key=lambda session: (session[0], session[2].text))[2]
    return Picked(youngest.text, may_settle=len(sessions) == len(newest))


class _RationedWarning:
    """A warning of conflicting sessions, at most once a minute, so that planted cookies cannot fill the log."""

    def __init__(self) -> None:
        self._given_at = -_WARN_EVERY_S

    def give(self) -> None:
        now = time.monotonic()
        if now - self._given_at >= _WARN_EVERY_S:
            self._given_at = now
            _log.warning(
                "a request carried live session cookies of different users. If the cookie domain or a path was changed:"
                " name the earlier domain in 'older_cookie_domain'. Otherwise somebody on a neighbouring host may be"
                " planting cookies, which 'cookie_prefix: host' makes impossible"
            )


_warning: Final = _RationedWarning()
