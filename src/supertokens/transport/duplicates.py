# SPDX-License-Identifier: Apache-2.0
"""Several cookies of one name in one request: which of them counts (DESIGN, section 7).

A changed cookie domain leaves doubles in every browser; somebody on a neighbouring host may plant others. All are
authenticated before anything is presented, so that a stale double never raises theft.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Final

from supertokens.core import Core
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
    looked_at = [(text, core.authentic_access_token(text)) for text in values[:_MOST_LOOKED_AT]]
    tokens = [(token, text) for text, token in looked_at if token is not None]
    live = [(token, text) for token, text in tokens if token.expires_at >= now] or tokens
    if len({token.user_id for token, _ in live}) > 1:
        raise PlantedCookiesError
    newest = max(live, key=lambda item: (item[0].created_at, item[0].serial, item[0].expires_at), default=None)
    return values[0] if newest is None else newest[1]


def pick_refresh_token(values: Sequence[str], core: Core) -> str:
    """The one of `values` to present; any of them where none is authentic. Raises PlantedCookiesError."""
    newest_of_handle: dict[str, tuple[int, str]] = {}
    for text in values[:_MOST_LOOKED_AT]:
        token = core.authentic_refresh_token(text)
        if token is not None:
            newest_of_handle[token.handle] = max(newest_of_handle.get(token.handle, (0, "")), (token.serial, text))
    if len(newest_of_handle) <= 1:
        return next((text for _, text in newest_of_handle.values()), values[0])
    return _newest_session(newest_of_handle, core)


def _newest_session(newest_of_handle: dict[str, tuple[int, str]], core: Core) -> str:
    """The token of the youngest session that exists; any where none does."""
    sessions = []
    for handle, (_, text) in newest_of_handle.items():
        try:
            record = core.session(handle)
        except SuperTokensUnauthorisedError:
            continue
        sessions.append((record.created_at, record.user_id, text))
    if len({user_id for _, user_id, _ in sessions}) > 1:
        raise PlantedCookiesError
    return max(sessions)[2] if sessions else next(iter(newest_of_handle.values()))[1]
