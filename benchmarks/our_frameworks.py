# SPDX-License-Identifier: Apache-2.0
"""A process with FastAPI and Starlette: our sessions around a view, that view bare, and the peers of FastAPI.

    python -m benchmarks.our_frameworks FOLDER

Requests go through ASGI without a socket, each in one step of its coroutine (`benchmarks.peer_fastapi`): the usual
check is decided on the event loop, with nothing to wait for.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from fastapi import Depends, FastAPI
from fastapi.responses import PlainTextResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import names
from benchmarks.apps import PAYLOAD, USER_ID, open_benchmark_core
from benchmarks.other_process import answer, other_process
from benchmarks.peer_fastapi import ASGIApp, asgi_case, asked, fastapi_cases
from benchmarks.rounds import Case, Loop
from supertokens.core import EmbeddedCore
from supertokens.fastapi import Session, SuperTokens, create_new_session, require_session, verify_session

__all__ = ["framework_cases"]


@contextmanager
def framework_cases(folder: Path) -> Iterator[list[Case]]:
    """Run this process, and that of Django, for as long as their cases are used. Their stores are in `folder`."""
    with ExitStack() as stack:
        modules = ("benchmarks.our_frameworks", "benchmarks.our_django")
        processes = [
            stack.enter_context(other_process(Path(sys.executable), [module, str(folder)], os.environ))
            for module in modules
        ]
        yield [case for process in processes for case in process.cases()]


async def _cases(folder: Path) -> list[Loop]:
    """Return those of FastAPI, the peers among them, and of Starlette."""
    core = open_benchmark_core(folder, "frameworks")
    ours: dict[str, ASGIApp] = {
        names.OURS_FASTAPI: _in_fastapi(core),
        names.OURS_STARLETTE: _in_starlette(core),
    }
    for name, app in ours.items():
        if (await asked(app, "GET", {}))[0] == 200:
            raise RuntimeError(f"{name}: a request without cookies was let pass")
    return [
        *await fastapi_cases(),
        asgi_case(names.STARLETTE_BARE, Starlette(routes=[Route("/me", _bare)]), {}),
        *[asgi_case(name, app, {"Cookie": await _cookies_after_log_in(app)}) for name, app in ours.items()],
    ]


def _in_fastapi(core: EmbeddedCore) -> ASGIApp:
    app = FastAPI()
    SuperTokens(app, core=core)

    @app.get("/me")
    async def me(session: Session = Depends(require_session())) -> PlainTextResponse:  # noqa: B008 - as FastAPI wants it
        return PlainTextResponse(session.get_user_id())

    # After the measured route, which bare FastAPI finds at once, too.
    app.router.routes.append(Route("/login", _log_in, methods=["POST"]))
    return app


def _in_starlette(core: EmbeddedCore) -> ASGIApp:
    async def me(request: Request) -> Response:
        return PlainTextResponse((await verify_session(request)).get_user_id())

    app = Starlette(routes=[Route("/me", me), Route("/login", _log_in, methods=["POST"])])
    SuperTokens(app, core=core)
    return app


async def _bare(_: Request) -> Response:
    return PlainTextResponse(USER_ID)


async def _log_in(request: Request) -> Response:
    await create_new_session(request, USER_ID, PAYLOAD, {})
    return PlainTextResponse(USER_ID)


async def _cookies_after_log_in(app: ASGIApp) -> str:
    status, headers = await asked(app, "POST", {}, "/login")
    if status != 200:
        raise RuntimeError(f"a login was answered {status}")
    pairs = [value.decode().partition(";")[0] for name, value in headers if name == b"set-cookie"]
    return "; ".join(pair for pair in pairs if not pair.startswith("sRefreshToken"))


if __name__ == "__main__":
    answer(asyncio.run(_cases(Path(sys.argv[1]))))
