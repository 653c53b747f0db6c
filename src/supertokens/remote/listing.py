# SPDX-License-Identifier: Apache-2.0
"""Lists of sessions: page by page from this project's service, one session after the other from another core."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from supertokens.engine.noted_client import NotedClient
from supertokens.engine.session import ListedSession, SessionCursor, SessionInformation
from supertokens.errors import SuperTokensGeneralError, SuperTokensUnauthorisedError
from supertokens.remote import replies
from supertokens.remote.client import CoreClient

__all__ = ["asked_about_each", "page_by_page"]

_MAX_PAGE: Final = 1000  # more are refused


def page_by_page(
    client: CoreClient, user_id: str, after: SessionCursor | None, limit: int | None
) -> list[ListedSession] | None:
    """Return at most `limit` sessions of `user_id` behind the place `after`; None from a core without such a list.

    `client` asks the core. Raise SuperTokensGeneralError.
    """
    listed: list[ListedSession] = []
    while limit is None or len(listed) < limit:
        page = _MAX_PAGE if limit is None else min(_MAX_PAGE, limit - len(listed))
        question = {
            "userId": user_id,
            "limit": page,
            "afterTimeCreated": None if after is None else after.created_at,
            "afterSessionHandle": None if after is None else after.handle,
        }
        answer = client.send("POST", "/recipe/session/list", question, again=True)
        if answer.status == 404:
            return None  # the original core
        found = [
            ListedSession(
                handle=each.handle,
                user_id=user_id,
                created_at=each.time_created,
                refreshed_at=each.time_refreshed,
                expires_at=each.expiry,
                last_seen_at=each.time_seen,
                remember=each.remember,
                client=NotedClient(each.user_agent, each.address),
            )
            for each in replies.LISTED.of(answer).sessions
        ]
        listed += found
        if len(found) < page:
            break
        if after is not None and found[-1].cursor <= after:
            raise SuperTokensGeneralError("the core's response is invalid: its list of sessions has no end")
        after = found[-1].cursor
    return listed


def asked_about_each(
    handles: Iterable[str],
    session: Callable[[str], SessionInformation],
    after: SessionCursor | None,
    limit: int | None,
) -> list[ListedSession]:
    """Return at most `limit` sessions behind the place `after`, by asking `session` about each of the `handles`.

    The core may have given the handles in any order.
    """
    found = []
    for handle in handles:
        with suppress(SuperTokensUnauthorisedError):  # it may have ended
            known = session(handle)
            found.append(
                ListedSession(
                    handle=known.handle,
                    user_id=known.user_id,
                    created_at=known.created_at,
                    refreshed_at=None,
                    expires_at=known.expires_at,
                    last_seen_at=None,
                    remember=known.remember,
                )
            )
    found.sort(key=lambda each: each.cursor)
    return [each for each in found if after is None or each.cursor > after][:limit]
