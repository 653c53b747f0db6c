# SPDX-License-Identifier: Apache-2.0
"""Nothing that may wait is done on the event loop, and what waits is bounded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

import pytest

from supertokens.asgi import SuperTokens, get_session, refresh_session
from supertokens.asgi.requests import Scope
from supertokens.core import Core
from supertokens.testing.integration import Response

from .calling import call, http_scope, reply_of, responding
from .conftest import Around
from .still import StillStore

REFRESHES = 200


def refreshing(core: Core, user: str) -> Scope:
    token = core.create_session(user, {}, {}, anti_csrf=False).refresh_token.text
    return http_scope("POST", "/session/refresh", [("Cookie", f"sRefreshToken={token}")])


def showing(core: Core, user: str = "ada") -> Scope:
    token = core.create_session(user, {}, {}, anti_csrf=False).access_token.text
    return http_scope("GET", "/me", [("Cookie", f"sAccessToken={token}")])


async def view(scope: Scope) -> str:
    if scope["path"] == "/plain":
        return "plain"
    session = await (refresh_session(scope) if scope["method"] == "POST" else get_session(scope, False))
    return session.get_user_id()


async def until(holds: Callable[[], bool]) -> None:
    """Let the loop go round until something holds that a thread brings about."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0)


async def replied(app: SuperTokens, scope: Scope) -> Response:
    return reply_of(await call(app, scope))


def test_others_are_answered_while_200_refreshes_wait_for_the_store(around: Around, store: StillStore) -> None:
    sessions = around(responding(view), threads=4)
    scopes = [refreshing(sessions.core, f"user{number}") for number in range(REFRESHES)]
    shown = showing(sessions.core)

    async def main() -> None:
        store.stop()
        waiting = [asyncio.create_task(replied(sessions, scope)) for scope in scopes]
        await until(lambda: store.waiting == 4)
        try:
            for _ in range(100):
                assert (await replied(sessions, http_scope("GET", "/plain"))).text == "plain"
                assert (await replied(sessions, shown)).text == "ada", "its token alone decides"
            assert not any(task.done() for task in waiting)
            assert store.waiting == 4, "no more than there are threads"
        finally:
            store.go_on()
        replies = await asyncio.gather(*waiting)
        assert [reply.text for reply in replies] == [f"user{number}" for number in range(REFRESHES)]
        await sessions.close()

    asyncio.run(main())


def test_the_loop_goes_round_as_often_as_without_anybody_waiting(around: Around, store: StillStore) -> None:
    """A loop that is blocked goes round no more: each wait would be one turn."""
    sessions = around(responding(view), threads=2)
    scopes = [refreshing(sessions.core, f"user{number}") for number in range(REFRESHES)]

    async def main() -> None:
        store.stop()
        waiting = [asyncio.create_task(replied(sessions, scope)) for scope in scopes]
        await until(lambda: store.waiting == 2)
        threading.Timer(0.2, store.go_on).start()
        turns = 0
        while store.waiting == 2:
            await asyncio.sleep(0)
            turns += 1
        assert turns > 100
        await asyncio.gather(*waiting)
        await sessions.close()

    asyncio.run(main())


def test_who_would_wait_beyond_the_bound_is_told_to_come_again_and_loses_nothing(
    around: Around, store: StillStore
) -> None:
    sessions = around(responding(view), threads=1, max_waiting=2)
    first, second, third, fourth = (refreshing(sessions.core, user) for user in ("a", "b", "c", "d"))

    async def main() -> None:
        store.stop()
        waiting = [asyncio.create_task(replied(sessions, scope)) for scope in (first, second, third)]
        await until(lambda: store.waiting == 1)
        refused = await replied(sessions, fourth)
        assert (refused.status, refused.header("retry-after")) == (503, "1")
        assert "too many requests" in refused.text
        assert not refused.touches_cookies
        assert refused.header("front-token") is None
        store.go_on()
        assert [reply.status for reply in await asyncio.gather(*waiting)] == [200] * 3
        assert (await replied(sessions, fourth)).text == "d"
        await sessions.close()

    asyncio.run(main())


def test_places_come_free_also_when_verbs_fail(around: Around) -> None:
    sessions = around(responding(view), threads=1, max_waiting=0)
    good = refreshing(sessions.core, "ada")

    async def main() -> None:
        forged = http_scope("POST", "/session/refresh", [("Cookie", "sRefreshToken=forged")])
        assert [(await replied(sessions, forged)).status for _ in range(5)] == [401] * 5
        assert (await replied(sessions, good)).status == 200
        await sessions.close()

    asyncio.run(main())


@pytest.mark.parametrize("cookies", ["", "sAccessToken=forged", "sIdRefreshToken=x", "sAccessToken=a; sAccessToken=b"])
def test_garbage_waits_for_no_store(around: Around, store: StillStore, cookies: str) -> None:
    sessions = around(responding(view))
    store.stop()

    async def main() -> None:
        reply = await replied(sessions, http_scope("GET", "/me", [("Cookie", cookies)]))
        assert reply.status == 401
        await sessions.close()

    asyncio.run(main())
    store.go_on()


def a_marked_token(core: Core) -> str:
    """Its first use is written down."""
    issued = core.create_session("ada", {}, {}, anti_csrf=False)
    return core.refresh(issued.refresh_token.text, anti_csrf=False).access_token.text


def test_what_the_token_does_not_decide_waits_in_a_thread(around: Around, store: StillStore) -> None:
    sessions = around(responding(view), access_token_blacklisting=False)
    token = a_marked_token(sessions.core)
    scope = http_scope("GET", "/me", [("Cookie", f"sAccessToken={token}")])

    async def main() -> None:
        store.stop()
        waiting = asyncio.create_task(replied(sessions, scope))
        await until(lambda: store.waiting == 1)
        assert (await replied(sessions, http_scope("GET", "/plain"))).text == "plain"
        store.go_on()
        assert (await waiting).text == "ada"
        await sessions.close()

    asyncio.run(main())
