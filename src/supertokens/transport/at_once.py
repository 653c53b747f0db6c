# SPDX-License-Identifier: Apache-2.0
"""Whether a request can be checked without waiting, so that an event loop may do it on its own thread."""

from __future__ import annotations

from supertokens.core import Core
from supertokens.engine.access_token import has_form_of_access_token
from supertokens.engine.refresh_token import lineage_hash
from supertokens.transport.presented import cookies_named
from supertokens.transport.request_session import RequestSession, Standing

__all__ = ["is_verified_at_once"]


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
        return core.verifies_at_once(owner.access_token)
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
