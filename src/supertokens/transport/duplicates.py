# SPDX-License-Identifier: Apache-2.0
"""Several cookies of one name in one request: which of them counts (DESIGN, section 7).

A changed cookie domain leaves doubles in every browser; somebody on a neighbouring host may plant others. The one that
counts is chosen among authentic ones, so that a stale double never raises theft. With a core elsewhere it takes a call
to know whether a refresh token is authentic: what cannot be one is passed over, and of the others no more are asked
about than the rule needs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from supertokens.core import Core
from supertokens.engine.refresh_token import position_inside
from supertokens.errors import SuperTokensUnauthorisedError

__all__ = ["PlantedCookiesError", "pick_access_token", "pick_refresh_token"]

_MOST_LOOKED_AT: Final = 8

_log = logging.getLogger("supertokens")


class PlantedCookiesError(SuperTokensUnauthorisedError):
    """Valid sessions of different users came in one request."""

    def __init__(self) -> None:
        super().__init__("several sessions of different users in one request")
        _log.warning(
            "a request carried session cookies of different users: somebody on a neighbouring host may be planting"
            " cookies. 'cookie_prefix: host' makes that impossible"
        )


def pick_access_token(values: Sequence[str], core: Core, now: int) -> str:
    """The one of `values` to verify; any of them where none is authentic. Raises PlantedCookiesError."""
    possible = [text for text in dict.fromkeys(values) if text.count(".") == 2]
    looked_at = [(text, core.authentic_access_token(text)) for text in possible[:_MOST_LOOKED_AT]]
    tokens = [(token, text) for text, token in looked_at if token is not None]
    live = [(token, text) for token, text in tokens if token.expires_at > now] or tokens
    if len({token.user_id for token, _ in live}) > 1:
        raise PlantedCookiesError
    newest = max(live, key=lambda item: (item[0].created_at, item[0].serial, item[0].expires_at), default=None)
    return values[0] if newest is None else newest[1]


def pick_refresh_token(values: Sequence[str], core: Core) -> str:
    """The one of `values` to present; any of them where none is authentic. Raises PlantedCookiesError."""
    of_handle = _possible_refresh_tokens(values)
    if len(of_handle) <= 1:
        *newer, oldest = next(iter(of_handle.values()), values[:1])
        # Where no other one is authentic the oldest is presented, and need not be asked about before.
        return _first_authentic(newer, core) or oldest
    newest_of_handle = {
        handle: text for handle, texts in of_handle.items() if (text := _first_authentic(texts, core)) is not None
    }
    if len(newest_of_handle) <= 1:
        return next(iter(newest_of_handle.values()), values[0])
    return _newest_session(newest_of_handle, core)


def _possible_refresh_tokens(values: Sequence[str]) -> dict[str, list[str]]:
    """Those that have the form of one, by the handle that they name; of each handle the highest serial first."""
    positions = ((position_inside(text), text) for text in dict.fromkeys(values))
    possible = [(*position, text) for position, text in positions if position is not None][:_MOST_LOOKED_AT]
    of_handle: dict[str, list[str]] = {}
    for handle, _, text in sorted(possible, key=lambda item: item[1], reverse=True):
        of_handle.setdefault(handle, []).append(text)
    return of_handle


def _first_authentic(texts: Iterable[str], core: Core) -> str | None:
    return next((text for text in texts if core.authentic_refresh_token(text) is not None), None)


def _newest_session(newest_of_handle: Mapping[str, str], core: Core) -> str:
    """The token of the youngest session that exists; any where none does."""
    sessions = []
    for handle, text in newest_of_handle.items():
        try:
            record = core.session(handle)
        except SuperTokensUnauthorisedError:
            continue
        sessions.append((record.created_at, record.user_id, text))
    if len({user_id for _, user_id, _ in sessions}) > 1:
        raise PlantedCookiesError
    return max(sessions)[2] if sessions else next(iter(newest_of_handle.values()))
