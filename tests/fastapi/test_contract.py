# SPDX-License-Identifier: Apache-2.0
"""FastAPI's integration shows what every integration has to, with the core in the app and with a real service."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi import Depends, FastAPI, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from supertokens.core import Core
from supertokens.fastapi import SuperTokens, require_session
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


def nobody() -> None:
    """Give a route that is not protected no session."""


def endpoint(site: AsgiSite, page: Page) -> Callable[..., Any]:
    given = Depends(require_session() if page.protected else nobody)

    async def view(request: Request, session: Any = given) -> Response:
        perform = performer(site, request, respond)
        answer = await run_async(page.script(session), perform)
        if isinstance(answer, Stream):
            return StreamingResponse(run_in_pieces_async(answer.script(), perform))
        return answer if isinstance(answer, Response) else PlainTextResponse(answer)

    return view


def give_app(site: AsgiSite, pages: tuple[Page, ...], after: After, of_app: dict[str, Any]) -> None:
    site.app = app = FastAPI(openapi_url=None)
    for page in pages:
        app.api_route(page.path, methods=["GET", "POST"])(endpoint(site, page))
    if after is not None:
        app.add_middleware(Hook, site=site, after=after)
    site.sessions = SuperTokens(app, core=site.core, threads=1, **of_app)


class TestFastAPI(IntegrationContract):
    @pytest.fixture
    def make_site(
        self, make_core: Callable[..., tuple[Core, Any]], clock: FakeClock, no_service_is_asked_on_the_loop: None
    ) -> Iterator[MakeSite]:
        with sites_on_one_loop(make_core, give_app) as make:
            yield make
