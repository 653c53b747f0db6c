# SPDX-License-Identifier: Apache-2.0
"""A process with FastAPI: better-auth-server, crudauth and fastapi-users around the same view, and that view bare.

    python -m benchmarks.peer_fastapi

Requests go through ASGI without a socket. None of these waits for anything, so each is one step of its coroutine: what
an event loop takes between requests is in none of the figures.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from better_auth import BetterAuth, EmailAndPassword
from better_auth.integrations.fastapi import BetterAuthFastAPI
from crudauth import CRUDAuth, Principal, SessionTransport
from crudauth.models import AuthUserMixin
from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from fastapi_users import BaseUserManager, FastAPIUsers, UUIDIDMixin
from fastapi_users.authentication import AuthenticationBackend, CookieTransport, JWTStrategy
from fastapi_users.db import BaseUserDatabase
from sqlalchemy.orm import DeclarativeBase
from starlette.requests import Request

from benchmarks import names
from benchmarks.other_process import answer
from benchmarks.rounds import Loop
from benchmarks.wsgi import HEADERS

__all__ = ["ASGIApp", "asgi_case", "asked", "fastapi_cases"]

_USER_ID: Final = "3f0c9b64-7d31-4c59-9f6c-0d6d3b8e5a17"
_SECRET: Final = "the same secret of 32 and more characters for every run"
_ORIGIN: Final = "http://127.0.0.1:8000"

Answer = tuple[int, list[tuple[bytes, bytes]]]
ASGIApp = Callable[[Any, Any, Any], Awaitable[None]]


async def fastapi_cases() -> list[Loop]:
    """Return the bare route, and one case for each peer, whose users and sessions are in memory."""
    bare = FastAPI()

    @bare.get("/me")
    async def me() -> PlainTextResponse:
        return PlainTextResponse(_USER_ID)

    peers = {
        names.BETTER_AUTH: await _better_auth(),
        names.CRUDAUTH: await _crudauth(),
        names.FASTAPI_USERS: await _fastapi_users(),
    }
    for name, (app, _) in peers.items():
        if (await asked(app, "GET", {}))[0] == 200:
            raise RuntimeError(f"{name}: a request without cookies was let pass")
    return [
        asgi_case(names.FASTAPI_BARE, bare, {}),
        *(asgi_case(name, app, {"Cookie": cookie}) for name, (app, cookie) in peers.items()),
    ]


async def _better_auth() -> tuple[FastAPI, str]:
    auth = BetterAuth(secret=_SECRET, base_url=_ORIGIN, email_and_password=EmailAndPassword(enabled=True))
    app, integration = FastAPI(), BetterAuthFastAPI(auth)
    app.include_router(integration.router)

    @app.get("/me")
    async def me(result: dict[str, Any] = Depends(integration.require_session)) -> PlainTextResponse:  # noqa: B008
        return PlainTextResponse(result["user"]["id"])

    body = json.dumps({"name": "Ada", "email": "ada@example.com", "password": "a password of a benchmark"}).encode()
    headers = {"Origin": _ORIGIN, "Content-Type": "application/json"}
    status, answered = await asked(app, "POST", headers, "/api/auth/sign-up/email", body)
    if status != 200:
        raise RuntimeError(f"better-auth-server answered a sign-up with {status}")
    return app, "; ".join(value.decode().partition(";")[0] for name, value in answered if name == b"set-cookie")


class _Base(DeclarativeBase):
    pass


class _Account(_Base, AuthUserMixin):
    __tablename__ = "users"


class _Database:
    """The part of SQLAlchemy's AsyncSession that a check uses: it finds the one user, in memory."""

    def __init__(self, user: _Account) -> None:
        self._user = user

    async def execute(self, _: object) -> _Database:
        return self

    def scalar_one_or_none(self) -> _Account:
        return self._user


async def _crudauth() -> tuple[FastAPI, str]:
    user = _Account(id=1, email="ada@example.com", username="ada", hashed_password="", is_active=True, token_version=0)
    database = _Database(user)

    async def session() -> _Database:  # async and returned, as below
        return database

    transport = SessionTransport(backend="memory")
    auth = CRUDAuth(
        session=session, user_model=_Account, SECRET_KEY=_SECRET, transports=[transport], warn_on_memory_backend=False
    )
    await auth.initialize()
    app = FastAPI()

    @app.get("/me")
    async def me(principal: Principal = Depends(auth.current_user())) -> PlainTextResponse:  # noqa: B008
        return PlainTextResponse(str(principal.user_id))

    cookie, _ = await transport.manager.create_session(Request(_scope("POST", "/login", {})), user.id, token_version=0)
    return app, f"{transport.cookie_name}={cookie}"


@dataclass
class _User:
    id: UUID
    email: str = "ada@example.com"
    hashed_password: str = ""
    is_active: bool = True
    is_superuser: bool = False
    is_verified: bool = True


class _Users(BaseUserDatabase[_User, UUID]):
    def __init__(self, users: Mapping[UUID, _User]) -> None:
        self._users = users

    async def get(self, id: UUID) -> _User | None:  # noqa: A002 - the peer's name
        return self._users.get(id)


class _Manager(UUIDIDMixin, BaseUserManager[_User, UUID]):
    """That of its documentation, without the secrets of resets."""


async def _fastapi_users() -> tuple[FastAPI, str]:
    user = _User(UUID(_USER_ID))
    users = _Users({user.id: user})

    async def manager() -> _Manager:  # returned, since FastAPI waits on a loop for what is yielded
        return _Manager(users)

    async def strategy() -> JWTStrategy[_User, UUID]:  # async, since each function that is not goes through a thread
        return JWTStrategy(secret=_SECRET, lifetime_seconds=3600)

    backend = AuthenticationBackend("jwt", CookieTransport(cookie_secure=False), strategy)
    current_user = FastAPIUsers[_User, UUID](manager, [backend]).current_user(active=True)
    app = FastAPI()

    @app.get("/me")
    async def me(user: _User = Depends(current_user)) -> PlainTextResponse:  # noqa: B008 - as FastAPI wants it
        return PlainTextResponse(str(user.id))

    token = await (await strategy()).write_token(user)
    return app, f"fastapiusersauth={token}"


# ASGI


def asgi_case(name: str, app: ASGIApp, headers: dict[str, str]) -> Loop:
    """Return a case of a GET for /me with `headers`, which has to be answered with 200."""

    def settle(answers: list[Answer]) -> None:
        if {status for status, _ in answers} != {200}:
            raise RuntimeError(f"{name}: a measured request was refused")

    return Loop(name, _at_once(app, headers), settle=settle)


def _at_once(app: ASGIApp, headers: dict[str, str]) -> Callable[[Any], Answer]:
    scope = _scope("GET", "/me", headers)  # a server's share, which is in none of the figures

    def ask(_: Any) -> Answer:
        return _completed(_answered(app, scope.copy(), b""))

    return ask


def _completed(coroutine: Coroutine[Any, Any, Answer]) -> Answer:
    """Take the one step that such a request consists of. Raise RuntimeError if it waits for something."""
    try:
        coroutine.send(None)
    except StopIteration as ended:
        result: Answer = ended.value
        return result
    coroutine.close()
    raise RuntimeError("a request waited for something")


async def asked(app: ASGIApp, method: str, headers: dict[str, str], path: str = "/me", body: bytes = b"") -> Answer:
    """Return status and headers of the response to one request."""
    return await _answered(app, _scope(method, path, headers), body)


async def _answered(app: ASGIApp, scope: dict[str, Any], body: bytes) -> Answer:
    started: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        started.append(message)

    await app(scope, receive, send)
    return started[0]["status"], started[0]["headers"]


def _scope(method: str, path: str, headers: dict[str, str]) -> dict[str, Any]:
    sent = [(name.lower().encode(), value.encode()) for name, value in {**HEADERS, **headers}.items()]
    return {
        "type": "http", "asgi": {"version": "3.0", "spec_version": "2.4"}, "http_version": "1.1", "method": method,
        "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
        "headers": sent, "client": ("127.0.0.1", 50000), "server": ("127.0.0.1", 8000),
    }  # fmt: skip


async def _main() -> None:
    answer(await fastapi_cases())


if __name__ == "__main__":
    asyncio.run(_main())
