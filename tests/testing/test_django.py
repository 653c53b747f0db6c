# SPDX-License-Identifier: Apache-2.0
"""Django's test clients are logged in, and browsers stand in front of its project."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.core.handlers.wsgi import WSGIHandler
from django.test import AsyncClient, Client

from supertokens.core import EmbeddedCore
from supertokens.core.signals import Event
from supertokens.django import session_created
from supertokens.django.test import AsyncClient as AsyncClientOfOurs
from supertokens.django.test import Client as ClientOfOurs
from supertokens.testing import Browser, FakeClock, in_memory, login_as
from supertokens.testing.apps import edge_of
from supertokens.testing.framework_clients import DjangoTestClient, client_of

from .django_project import django_project


@pytest.fixture
def project(core: EmbeddedCore) -> Iterator[None]:
    with django_project(core):
        yield


@pytest.mark.parametrize("kind", [Client, ClientOfOurs])
def test_a_test_client_is_logged_in(project: None, core: EmbeddedCore, clock: FakeClock, kind: type[Client]) -> None:
    client, stranger = kind(), kind()
    handle = login_as(client, "ada", role="author")
    assert core.session_handles("ada") == [handle]
    assert client.get("/me").json() == {"user": "ada", "payload": {"role": "author"}}
    assert stranger.get("/me").status_code == 401
    clock.advance(hours=2)
    assert client.get("/me").status_code == 401
    assert client.post("/session/refresh").status_code == 200
    assert client.get("/me").status_code == 200


def test_a_browser_stays_logged_in_when_the_refresh_response_is_lost(project: None, clock: FakeClock) -> None:
    tab = Browser(clock, Client()).tab()
    login_as(tab, "ada")
    clock.advance(hours=2)
    tab.start("POST", "/session/refresh").lose()
    assert tab.fetch("/me").json()["user"] == "ada"
    assert tab.get("/async").json() == {"user": "ada"}


def test_a_browser_in_front_of_a_test_client_has_a_jar_of_its_own(project: None, clock: FakeClock) -> None:
    client = Client()
    login_as(client, "bob")
    tab = Browser(clock, client).tab()
    assert tab.get("/me").status == 401
    assert tab.post("/login?x=1", form={"user": "cleo"}).status == 200
    assert tab.get("/me").json()["user"] == "cleo"
    assert client.get("/me").json()["user"] == "bob"
    assert tab.browser.value("sAccessToken") != client.cookies["sAccessToken"].value


def test_the_projects_own_handler_is_called_by_wsgi(project: None, clock: FakeClock) -> None:
    tab = Browser(clock, WSGIHandler()).tab()
    login_as(tab, "ada")
    assert tab.get("/me").json()["user"] == "ada"


@pytest.mark.parametrize("kind", [AsyncClient, AsyncClientOfOurs])
def test_a_browser_in_front_of_an_asynchronous_client_runs_the_project_as_under_asgi(
    project: None, clock: FakeClock, kind: type[AsyncClient]
) -> None:
    client = kind()
    login_as(client, "bob")
    assert "sAccessToken" in client.cookies
    assert isinstance(client_of(client), DjangoTestClient)
    tab = Browser(clock, client).tab()
    assert tab.get("/async").status == 401
    assert tab.post("/login?x=1", form={"user": "cleo"}).status == 200
    for path in ("/me", "/async", "/streamed", "/streamed-async"):
        assert "cleo" in tab.get(path).text, path
    clock.advance(hours=2)
    tab.start("POST", "/session/refresh").lose()
    assert tab.fetch("/async").json()["user"] == "cleo"
    assert tab.browser.value("sAccessToken") != client.cookies["sAccessToken"].value
    assert tab.get("/interface").text == "ASGIRequest"


def test_an_asynchronous_test_gives_a_browser_a_thread(project: None, clock: FakeClock) -> None:
    async def test() -> None:
        tab = Browser(clock, AsyncClient()).tab()
        login_as(tab, "ada")
        assert (await sync_to_async(tab.get)("/async")).json()["user"] == "ada"
        with pytest.raises(RuntimeError, match="AsyncToSync"):
            tab.get("/async")

    asyncio.run(test())


def test_the_project_keeps_its_sessions_in_memory_for_a_test(tmp_path: Path, clock: FakeClock) -> None:
    told, file = [], tmp_path / "sessions.sqlite3"

    def note(event: Event, **_: Any) -> None:
        told.append(event.user_id)

    session_created.connect(note)
    try:
        with django_project(database=str(file)), in_memory(Client(), clock) as core:
            client = Client()
            client.post("/login")
            assert len(core.session_handles("ada")) == 1
            assert edge_of(client).core is core
    finally:
        session_created.disconnect(note)
    assert (told, file.exists()) == (["ada"], False)
