# SPDX-License-Identifier: Apache-2.0
"""Several cookies of one name in one request: which of them counts (docs/browsers.md).

A changed cookie domain leaves doubles in every browser; somebody on a neighbouring host may plant others. The one that
counts is chosen among authentic ones, so that a stale double never raises theft. With a core elsewhere it takes a call
to know whether a refresh token is authentic: what cannot be one is passed over, and of the others no more are asked
about than the rule needs.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from supertokens.core import Core
from supertokens.engine.refresh_token import position_inside
from supertokens.errors import SuperTokensUnauthorisedError

__all__ = [
    "CONFLICTING_SESSIONS",
    "ConflictingSessionsError",
    "Picked",
    "handles_in",
    "pick_access_token",
    "pick_refresh_token",
]

CONFLICTING_SESSIONS: Final = "conflicting_sessions"
"""The reason of the error after which no cookie is deleted."""

_MAX_LOOKED_AT: Final = 8
"""Cookies of one name that are looked at, in the order sent."""
_MAX_ASKED_ABOUT: Final = 4
"""Refresh tokens that the core is asked about. A browser with three known places for a cookie has three at most."""
_WARN_EVERY_S: Final = 60.0

_log = logging.getLogger("supertokens")


class ConflictingSessionsError(SuperTokensUnauthorisedError):
    """Live sessions of different users came in one request. No cookie is deleted: none can be told to be planted."""

    def __init__(self) -> None:
        super().__init__("several sessions of different users in one request", reason=CONFLICTING_SESSIONS)
        _warning.give()


class Picked(NamedTuple):
    """The token that counts. `may_settle`: all others were of the same user, so its doubles can be deleted."""

    text: str
    may_settle: bool


def pick_access_token(values: Sequence[str], core: Core, now: int) -> Picked:
    """Return the one of `values` to verify; any of them where none is authentic. Raise ConflictingSessionsError.

    A token that has expired does not count beside a live one, so that what an earlier user left locks nobody out.
    """
    looked_at = [(text, core.authentic_access_token(text)) for text in _possible_access_tokens(values)]
    tokens = [(token, text) for text, token in looked_at if token is not None]
    live = [(token, text) for token, text in tokens if token.expires_at > now] or tokens
    if len({token.user_id for token, _ in live}) > 1:
        raise ConflictingSessionsError
    newest = max(live, key=lambda item: (item[0].created_at, item[0].serial, item[0].expires_at), default=None)
    if newest is None:
        return Picked(values[0], may_settle=False)
    return Picked(newest[1], may_settle=len({token.user_id for token, _ in tokens}) == 1)


def pick_refresh_token(values: Sequence[str], core: Core) -> Picked:
    """Return the one of `values` to present; any of them where none is authentic. Raise ConflictingSessionsError."""
    of_handle = _possible_refresh_tokens(values)
    if not of_handle:
        return Picked(values[0], may_settle=False)
    if len(of_handle) == 1:
        [texts] = of_handle.values()
        newer, oldest = texts[:-1], texts[-1]
        # Where no other one is authentic the oldest is presented, and need not be asked about before.
        return Picked(_first_authentic(newer[: _MAX_ASKED_ABOUT - 1], core) or oldest, may_settle=True)
    newest_of_handle = _newest_authentic(of_handle, core)
    if len(newest_of_handle) <= 1:
        return Picked(next(iter(newest_of_handle.values()), values[0]), may_settle=bool(newest_of_handle))
    return _newest_session(newest_of_handle, core)


def handles_in(access_tokens: Sequence[str], refresh_tokens: Sequence[str], core: Core) -> list[str]:
    """Return the handles of all sessions whose authentic tokens are among these, expired or not."""
    access = (core.authentic_access_token(text) for text in _possible_access_tokens(access_tokens))
    refresh = _newest_authentic(_possible_refresh_tokens(refresh_tokens), core)
    return list(dict.fromkeys([*(token.handle for token in access if token is not None), *refresh]))


def _possible_access_tokens(values: Sequence[str]) -> list[str]:
    """Return those that have the form of one, each once, and no more than are looked at."""
    return [text for text in dict.fromkeys(values) if text.count(".") == 2][:_MAX_LOOKED_AT]


def _possible_refresh_tokens(values: Sequence[str]) -> dict[str, list[str]]:
    """Return those that have the form of one, by the handle that they name; of each the highest serial first."""
    positions = ((position_inside(text), text) for text in dict.fromkeys(values))
    possible = [(*position, text) for position, text in positions if position is not None][:_MAX_LOOKED_AT]
    of_handle: dict[str, list[str]] = {}
    for handle, _, text in sorted(possible, key=lambda item: item[1], reverse=True):
        of_handle.setdefault(handle, []).append(text)
    return of_handle


def _newest_authentic(of_handle: Mapping[str, Sequence[str]], core: Core) -> dict[str, str]:
    """Return the authentic token of the highest serial of each handle, as far as the bound on questions goes."""
    newest: dict[str, str] = {}
    left = _MAX_ASKED_ABOUT
    for handle, texts in of_handle.items():
        text = _first_authentic(texts[:left], core)
        left -= len(texts[:left]) if text is None else texts.index(text) + 1
        if text is not None:
            newest[handle] = text
    return newest


def _first_authentic(texts: Iterable[str], core: Core) -> str | None:
    return next((text for text in texts if core.authentic_refresh_token(text) is not None), None)


def _newest_session(newest_of_handle: Mapping[str, str], core: Core) -> Picked:
    """Return the token of the youngest session that exists; any where none does."""
    sessions = []
    for handle, text in newest_of_handle.items():
        try:
            record = core.session(handle)
        except SuperTokensUnauthorisedError:
            continue
        sessions.append((record.created_at, record.user_id, text))
    if len({user_id for _, user_id, _ in sessions}) > 1:
        raise ConflictingSessionsError
    if not sessions:
        return Picked(next(iter(newest_of_handle.values())), may_settle=False)
    return Picked(max(sessions)[2], may_settle=len(sessions) == len(newest_of_handle))


class _RationedWarning:
    """The warning of conflicting sessions, at most once a minute: whoever plants cookies must not fill the log."""

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
