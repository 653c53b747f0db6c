# SPDX-License-Identifier: Apache-2.0
"""Check a request without waiting, if that is possible, so that an event loop may do it on its own thread."""

from __future__ import annotations

from typing import Final

from supertokens.core import Core, WouldWaitError
from supertokens.engine.access_token import has_form_of_access_token
from supertokens.engine.refresh_token import lineage_hash
from supertokens.transport.presented import cookies_named
from supertokens.transport.request_session import RequestSession, Standing
from supertokens.transport.session import Session
from supertokens.transport.verbs import find

__all__ = ["find_at_once", "is_verified_at_once"]

_UNASKED: Final = Standing.UNASKED  # a member of an enumeration costs two lookups each time


def find_at_once(
    owner: RequestSession, *, check_anti_csrf: bool | None, required: bool, check_database: bool | None = None
) -> Session | None:
    """Return and raise as `find`, without waiting for the store or the network.

    Raise WouldWaitError, with nothing done, if `find` may have to wait.
    """
    edge, request = owner.edge, owner.request
    asks_store = edge.checks_database if check_database is None else check_database
    if (
        owner.standing is _UNASKED
        and not (asks_store or edge.renews or request.has_authorization or edge.opened_core is None)
        # Of duplicates, the choice may take a call to the core.
        and request.cookies.count(edge.access_cookie_start) < 2
    ):
        # The usual request: what `is_verified_at_once` would look at is looked at once, on the way.
        return find(owner, check_anti_csrf=check_anti_csrf, required=required, check_database=False, may_wait=False)
    if not is_verified_at_once(owner, check_database=check_database):
        raise WouldWaitError
    return find(owner, check_anti_csrf=check_anti_csrf, required=required, check_database=check_database)


def is_verified_at_once(owner: RequestSession, *, check_database: bool | None = None) -> bool:
    """Return whether `verify`, or `find`, will need neither the store nor the network. Never waits itself.

    `check_database`: as for `verify`. True is certain; False means that it may wait.
    """
    edge = owner.edge
    core = edge.opened_core
    if core is None:  # opening it reads files, or connects
        return False
    if owner.standing not in (Standing.UNASKED, Standing.FOUND):
        return True
    asks_store = edge.checks_database if check_database is None else check_database
    if asks_store:
        return False
    if owner.standing is Standing.FOUND:
        if not core.verifies_at_once(owner.access_token):
            return False
        if not owner.request.has_authorization:
            return True
        # What came in that header may be looked at again, and its key may be unknown.
    return _tokens_decide(owner, core)


def _tokens_decide(owner: RequestSession, core: Core) -> bool:
    bearer = owner.request.bearer_text
    shows_token = bearer is not None and has_form_of_access_token(bearer)
    tokens = [*cookies_named(owner, "sAccessToken"), *([bearer] if shows_token and bearer is not None else [])]
    if len(tokens) > 1:  # duplicates, or cookie and bearer: the choice may take a call to the core
        return False
    if tokens and not core.verifies_at_once(tokens[0]):
        return False
    return not owner.edge.renews or shows_token or _renews_nothing(owner, core, tokens)


def _renews_nothing(owner: RequestSession, core: Core, tokens: list[str]) -> bool:
    """Return whether no renewal is possible, and the refresh cookie needs no call to the core."""
    secrets = cookies_named(owner, "sRefreshToken")
    if not secrets:
        return not tokens  # an access token without a refresh token is accepted only if its record exists
    access = core.authentic_access_token(tokens[0]) if tokens and len(secrets) == 1 else None
    vouches = access is not None and lineage_hash(access.serial, secrets[0]) == access.refresh_token_hash
    return access is not None and vouches and access.expires_at - 1 > owner.edge.clock()
