# SPDX-License-Identifier: Apache-2.0
"""Django shows what every integration has to, with views of both kinds, in the app and with a real service."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse

from supertokens.core import Core
from supertokens.django import session_required
from supertokens.testing import FakeClock, IntegrationContract
from supertokens.testing.integration import (
    MakeSite,
    Page,
    Script,
    Stream,
    run,
    run_async,
    run_in_pieces,
    run_in_pieces_async,
)

from .performing import asynchronous, synchronous
from .project import MIDDLEWARE
from .sites import AsgiSite, WsgiSite

MakeCore = Callable[..., tuple[Core, Any]]
After = Callable[[], Script] | None

HOOK = "tests.django.sites.Hook"


def options_of(after: After, performer: Callable[[HttpRequest], Any]) -> dict[str, Any]:
    """Return the settings that have `after` run when a view has answered."""
    return {} if after is None else {"MIDDLEWARE": [*MIDDLEWARE, HOOK], "AFTER": (after, performer)}


def response(answer: Any) -> Any:
    return HttpResponse(answer) if isinstance(answer, str) else answer


class TestDjango(IntegrationContract):
    @pytest.fixture
    def make_site(self, make_core: MakeCore, clock: FakeClock) -> MakeSite:
        def make(*pages: Page, after: After = None, **options: Any) -> WsgiSite:
            core, of_app = make_core(**options)

            def performer(request: HttpRequest) -> Any:
                return synchronous(request, site.call)

            def view_of(page: Page) -> Callable[..., Any]:
                def view(request: HttpRequest) -> Any:
                    session = request.supertokens if page.protected else None  # type: ignore[attr-defined]
                    answer = run(page.script(session), performer(request))
                    if isinstance(answer, Stream):
                        return StreamingHttpResponse(run_in_pieces(answer.script(), performer(request)))
                    return response(answer)

                return session_required(view) if page.protected else view

            views = {page.path: view_of(page) for page in pages}
            site = WsgiSite(core, of_app, views, **options_of(after, performer))
            return site

        return make


class TestDjangoAwaited(IntegrationContract):
    @pytest.fixture
    def make_site(
        self, make_core: MakeCore, clock: FakeClock, no_service_is_asked_on_the_loop: None
    ) -> Iterator[MakeSite]:
        with asyncio.Runner() as runner:
            loop = runner.get_loop()

            def make(*pages: Page, after: After = None, **options: Any) -> AsgiSite:
                core, of_app = make_core(**options)

                def performer(request: HttpRequest) -> Any:
                    return asynchronous(request, site.awaited)

                def view_of(page: Page) -> Callable[..., Any]:
                    async def view(request: HttpRequest) -> Any:
                        session = request.supertokens if page.protected else None  # type: ignore[attr-defined]
                        answer = await run_async(page.script(session), performer(request))
                        if isinstance(answer, Stream):
                            return StreamingHttpResponse(run_in_pieces_async(answer.script(), performer(request)))
                        return response(answer)

                    return session_required(view) if page.protected else view

                views = {page.path: view_of(page) for page in pages}
                site = AsgiSite(loop, core, {**of_app, "threads": 1}, views, **options_of(after, performer))
                return site

            yield make
