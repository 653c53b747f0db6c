# SPDX-License-Identifier: Apache-2.0
"""A request's session is one thing, whatever else goes on at the same time, and whoever has stopped waiting."""

from __future__ import annotations

import asyncio
import gc
from contextvars import ContextVar

import pytest

from supertokens.asgi import (
    Session,
    SuperTokens,
    SuperTokensUnauthorisedError,
    create_new_session,
    current_session,
    get_session,
    refresh_session,
    verify_session,
)
from supertokens.asgi.requests import AsgiRequest, Message, Receive, Scope, Send
from supertokens.core import Event
from supertokens.testing import Browser, FakeClock

from .calling import call, http_scope, reply_of, responding
from .conftest import Around
from .still import StillStore
from .test_event_loop import refreshing, replied, showing, until


def test_a_client_that_disconnects_during_a_refresh_loses_nothing(
    around: Around, store: StillStore, clock: FakeClock
) -> None:
    async def view(scope: Scope) -> str:
        session = await (refresh_session(scope) if scope["method"] == "POST" else get_session(scope, False))
        return session.get_user_id()

    sessions = around(responding(view))
    refresh = refreshing(sessions.core, "ada")
    done: list[Event] = []
    sessions.core.signals.connect(done.append)

    async def main() -> None:
        for count in (1, 2, 3):  # each time the answer is lost, long before the next one is asked for
            store.stop()
            lost = asyncio.create_task(call(sessions, {**refresh}))
            await until(lambda: store.waiting == 1)
            lost.cancel()
            with pytest.raises(asyncio.CancelledError):
                await lost
            store.go_on()
            await until(lambda count=count: len(done) == count)  # its thread has no more to ask of the store
            clock.advance(minutes=5)
        reply = await replied(sessions, {**refresh})
        assert reply.text == "ada"
        browser = Browser(clock)
        browser.take(reply.headers)
        shown = http_scope("GET", "/me", [("Cookie", browser.cookie_header("/me"))])
        assert (await replied(sessions, shown)).text == "ada"
        await sessions.close()

    asyncio.run(main())


def test_a_scope_that_cannot_be_read_keeps_nobody_waiting(around: Around) -> None:
    """It is read again when a verb's turn comes, since the headers may have left by then."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        session = await verify_session(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["headers"] = [b"no pair"]
        for _ in range(2):
            with pytest.raises(ValueError, match="2 is required"):
                await session.get_session_data()
            with pytest.raises(ValueError, match="2 is required"):
                await sessions.revoke_session("handle")
        await send({"type": "http.response.body", "body": b"told"})

    sessions = around(app)
    scope = showing(sessions.core)

    async def main() -> None:
        async with asyncio.timeout(30):
            assert (await replied(sessions, scope)).text == "told"
        await sessions.close()

    asyncio.run(main())


def test_verbs_that_find_an_unreadable_scope_when_their_turn_comes_let_the_next_go_on(
    around: Around, store: StillStore
) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        first = asyncio.create_task(create_new_session(scope, "ada"))
        await until(lambda: store.waiting == 1)
        second = asyncio.create_task(create_new_session(scope, "bob"))
        leaving = asyncio.create_task(send({"type": "http.response.start", "status": 200, "headers": []}))
        await asyncio.sleep(0)
        third = asyncio.create_task(sessions.list_sessions("ada"))
        await asyncio.sleep(0)
        good, scope["headers"] = scope["headers"], [b"no pair"]
        store.go_on()
        done = await asyncio.gather(first, second, leaving, third, return_exceptions=True)
        assert isinstance(done[3], ValueError), "the request was given up with the headers"
        scope["headers"] = good
        assert [each.is_current for each in await sessions.list_sessions("ada")] == [False]
        await send({"type": "http.response.body", "body": b"told"})

    sessions = around(app)

    async def main() -> None:
        store.stop()
        async with asyncio.timeout(30):
            assert (await replied(sessions, http_scope("POST", "/login"))).text == "told"
        await sessions.close()

    asyncio.run(main())


def test_a_log_in_whose_view_stopped_waiting_still_reaches_the_browser(around: Around, store: StillStore) -> None:
    async def view(scope: Scope) -> str:
        try:
            async with asyncio.timeout(0.01):
                await create_new_session(scope, "ada")
        except TimeoutError:
            store.go_on()
            return "late"
        return "in time"

    sessions = around(responding(view))

    async def main() -> None:
        store.stop()
        reply = await replied(sessions, http_scope("POST", "/login"))
        assert reply.text == "late"
        assert {"sAccessToken", "sRefreshToken"} <= reply.set_cookies.keys()
        await sessions.close()

    asyncio.run(main())


def test_verbs_that_a_view_awaits_together_go_one_after_the_other(around: Around) -> None:
    async def view(scope: Scope) -> str:
        made: list[Session] = await asyncio.gather(*(create_new_session(scope, user) for user in ("a", "b", "c")))
        current = current_session(scope)
        assert current is not None
        assert current.get_handle() == made[-1].get_handle()
        return current.get_user_id()

    sessions = around(responding(view), threads=3)

    async def main() -> None:
        reply = await replied(sessions, http_scope("POST", "/login"))
        assert reply.text == "c"
        lines = [value for name, value in reply.headers if name == "set-cookie"]
        assert len(lines) == len(reply.set_cookies)
        await sessions.close()

    asyncio.run(main())


def test_each_of_many_requests_has_its_own_session(around: Around) -> None:
    async def view(scope: Scope) -> str:
        before = current_session()
        await asyncio.sleep(0)
        session = await verify_session(scope)
        await asyncio.sleep(0)
        current = current_session()
        assert before is None
        assert current is not None
        return f"{session.get_user_id()} {current.get_user_id()}"

    sessions = around(responding(view))
    scopes = [showing(sessions.core, f"user{number}") for number in range(50)]

    async def main() -> None:
        replies = await asyncio.gather(*(replied(sessions, scope) for scope in scopes))
        assert [reply.text for reply in replies] == [f"user{number} user{number}" for number in range(50)]
        with pytest.raises(RuntimeError, match="no sessions"):
            current_session()
        await sessions.close()

    asyncio.run(main())


def test_what_listens_in_a_thread_has_the_requests_context(around: Around) -> None:
    request_id: ContextVar[str] = ContextVar("request_id", default="none")
    heard: list[str] = []

    def listen(event: Event) -> None:
        heard.append(f"{event.user_id} {request_id.get()}")

    async def view(scope: Scope) -> str:
        request_id.set(scope["path"])
        await create_new_session(scope, "ada")
        return "in"

    sessions = around(responding(view))
    sessions.core.signals.connect(listen)

    async def main() -> None:
        await asyncio.gather(*(replied(sessions, http_scope("POST", f"/{number}")) for number in range(3)))
        await sessions.close()

    asyncio.run(main())
    assert sorted(heard) == ["ada /0", "ada /1", "ada /2"]


def test_a_background_task_knows_the_session_and_cannot_begin_another(around: Around) -> None:
    told: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        session = await verify_session(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})
        current = current_session()
        assert current is not None
        told.append(current.get_user_id())
        with pytest.raises(RuntimeError, match="headers have been sent"):
            await create_new_session(scope, "bob")
        await session.update_session_data({"seen": True})

    sessions = around(app)
    scope = showing(sessions.core)

    async def main() -> None:
        await call(sessions, scope)
        (handle,) = await sessions.get_all_session_handles_for_user("ada")
        assert await sessions.get_session_data(handle) == {"seen": True}
        assert await sessions.get_all_session_handles_for_user("bob") == []
        await sessions.close()

    asyncio.run(main())
    assert told == ["ada"]


def test_a_task_that_outlives_its_request_still_knows_the_session(around: Around) -> None:
    tasks: list[asyncio.Task[str]] = []
    answered = asyncio.Event()

    async def later(scope: Scope, session: Session) -> str:
        await answered.wait()
        await session.update_session_data({"seen": True})
        assert (await verify_session(scope)).get_user_id() == "ada"
        current = current_session()
        assert current is not None
        await session.revoke_session()
        return current.get_user_id()

    async def view(scope: Scope) -> str:
        tasks.append(asyncio.create_task(later(scope, await verify_session(scope))))
        return "ok"

    sessions = around(responding(view))
    scope = showing(sessions.core)

    async def main() -> None:
        await replied(sessions, scope)
        answered.set()
        assert await tasks[0] == "ada"
        assert await sessions.get_all_session_handles_for_user("ada") == []
        await sessions.close()

    asyncio.run(main())


def test_nothing_of_a_request_waits_for_the_garbage_collector(around: Around) -> None:
    async def view(scope: Scope) -> str:
        return (await verify_session(scope)).get_user_id()

    sessions = around(responding(view))
    shown = showing(sessions.core)

    async def main() -> list[object]:
        gc.collect()
        gc.disable()
        try:
            assert (await replied(sessions, {**shown})).text == "ada"
            # By `type`: `isinstance` would ask lazy objects of Django, which other tests leave, for their class.
            return [each for each in gc.get_objects() if type(each) is AsgiRequest]
        finally:
            gc.enable()
            await sessions.close()

    assert asyncio.run(main()) == []


def test_verbs_by_name_work_outside_of_requests(around: Around) -> None:
    sessions = around(responding(lambda scope: asyncio.sleep(0, "")))
    issued = sessions.core.create_session("ada", {"role": "admin"}, {"cart": []}, anti_csrf=False)

    async def main() -> None:
        handle = issued.handle
        assert await sessions.get_all_session_handles_for_user("ada") == [handle]
        assert [(each.handle, each.is_current) for each in await sessions.list_sessions("ada")] == [(handle, False)]
        await sessions.update_session_data(handle, lambda data: {**data, "cart": [1]})
        assert await sessions.get_session_data(handle) == {"cart": [1]}
        await sessions.update_jwt_payload(handle, {"role": "reader"})
        assert await sessions.get_jwt_payload(handle) == {"role": "reader"}
        assert [each["handle"] for each in await sessions.export_sessions("ada")] == [handle]
        assert await sessions.forget_clients("ada") == []
        assert await sessions.revoke_multiple_sessions([handle]) == [handle]
        assert not await sessions.revoke_session(handle)
        assert await sessions.revoke_all_sessions_for_user("ada") == []
        with pytest.raises(SuperTokensUnauthorisedError):
            await sessions.get_session_data(handle)
        await sessions.close()

    asyncio.run(main())


def test_an_application_inside_another_has_sessions_of_its_own(around: Around) -> None:
    async def inner_view(scope: Scope) -> str:
        await create_new_session(scope, "inner")
        listed = [*await outer.list_sessions("outer"), *await inner.list_sessions("inner")]
        return " ".join(str(each.is_current) for each in listed)

    inner = around(responding(inner_view), api_base_path="/inner-api")

    async def outer_app(scope: Scope, receive: Receive, send: Send) -> None:
        await create_new_session(scope, "outer")
        await inner(scope, receive, send)
        current = current_session(scope)
        assert current is not None
        assert current.get_user_id() == "outer"
        assert [each.is_current for each in await outer.list_sessions("outer")] == [True]

    outer: SuperTokens = around(outer_app, cookie_prefix="host", cookie_secure=True)

    async def main() -> None:
        reply = reply_of(await call(outer, http_scope("POST", "/", scheme="https")))
        assert reply.text == "True True", "each knows which request is its own"
        names = {value.partition("=")[0] for name, value in reply.headers if name == "set-cookie"}
        assert {"sAccessToken", "__Host-sAccessToken"} <= names
        await inner.close()
        await outer.close()

    asyncio.run(main())


def test_cookies_stay_where_the_application_is_mounted_also_for_what_is_mounted_in_it(around: Around) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        further_in = {**scope, "root_path": f"{scope['root_path']}/part"}
        await create_new_session(further_in, "ada")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    sessions = around(app)

    async def main() -> None:
        for mount, path in (("", "/"), ("/site", "/site")):
            reply = await replied(sessions, http_scope("POST", "/part/login", mount=mount))
            (line,) = [value for _, value in reply.headers if value.startswith("sAccessToken=")]
            assert f"; Path={path};" in f"{line};"
        await sessions.close()

    asyncio.run(main())


def test_a_refused_response_that_has_begun_is_the_servers_affair(around: Around) -> None:
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await verify_session(scope)

    async def send(message: Message) -> None:
        sent.append(message)

    sessions = around(app)

    async def main() -> None:
        with pytest.raises(SuperTokensUnauthorisedError):
            await sessions(http_scope(), lambda: asyncio.sleep(3600, {}), send)
        await sessions.close()

    asyncio.run(main())
    assert [message["type"] for message in sent] == ["http.response.start"]
