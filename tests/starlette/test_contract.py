# SPDX-License-Identifier: Apache-2.0
"""Starlette's integration shows what every integration has to, with the core in the app and with a real service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from supertokens.core import Core
from supertokens.starlette import SuperTokens, verify_session
from supertokens.testing import FakeClock, IntegrationContract
from supertokens.testing.integration import (
    MakeSite,
    NewResponse,
    Page,
    Stream,
    run_async,
    run_in_pieces_async,
)
from tests.asgi.performing import After, AsgiSite, Hook, performer, sites_on_one_loop


def respond(act: NewResponse) -> Response:
    return PlainTextResponse(act.text, headers=dict(act.headers))


def endpoint(site: AsgiSite, page: Page) -> Callable[[Request], Any]:
    async def view(request: Request) -> Response:
        session = await verify_session(request) if page.protected else None
        perform = performer(site, request, respond)
        answer = await run_async(page.script(session), perform)
        if isinstance(answer, Stream):
            return StreamingResponse(run_in_pieces_async(answer.script(), perform))
        return answer if isinstance(answer, Response) else PlainTextResponse(answer)

    return view


def give_app(site: AsgiSite, pages: tuple[Page, ...], after: After, of_app: dict[str, Any]) -> None:
    routes = [Route(page.path, endpoint(site, page), methods=["GET", "POST"]) for page in pages]
    hooks = [] if after is None else [Middleware(Hook, site=site, after=after)]
    site.app = app = Starlette(routes=routes, middleware=hooks)
    site.sessions = SuperTokens(app, core=site.core, threads=1, **of_app)


class TestStarlette(IntegrationContract):
    @pytest.fixture
    def make_site(
        self, make_core: Callable[..., tuple[Core, Any]], clock: FakeClock, no_service_is_asked_on_the_loop: None
    ) -> Iterator[MakeSite]:
        with sites_on_one_loop(make_core, give_app) as make:
            yield make
