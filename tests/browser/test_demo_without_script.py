# SPDX-License-Identifier: Apache-2.0
"""The demo's pages without a script, in a browser that runs none: what each link and button does."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock

from .conftest import Serve

pytestmark = pytest.mark.browser

DEMO: Final = Path(__file__).parents[2] / "demo"


def module(name: str) -> ModuleType:
    """Return a module of the demo, which is no package."""
    spec = spec_from_file_location(f"supertokens_demo_{name}", DEMO / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    made = module_from_spec(spec)
    sys.modules[spec.name] = made
    spec.loader.exec_module(made)
    return made


class Demo(NamedTuple):
    page: Page
    url: str
    clock: FakeClock

    def let_tokens_die(self) -> None:
        self.clock.advance(seconds=20)

    def shows(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)
        assert self.page.url == self.url + "/pages/"


@pytest.fixture
def demo(chromium: Browser, serve: Serve, tmp_path: Path, clock: FakeClock) -> Iterator[Demo]:
    """Both halves of the demo, as `make run` serves them; the pages are on the clock of the test."""
    with_script, without = module("app"), module("pages")
    config = Config(access_token_validity=without.SECONDS, refresh_token_rotation_grace_period=1.5)
    with closing(SqliteStore(tmp_path / "pages.sqlite3")) as store:
        pages = without.create_pages(tmp_path, core=EmbeddedCore(config, store, clock=clock))
        pages.extensions["supertokens"].edge.clock = clock
        front = Flask("front")
        main = with_script.create_app(tmp_path / "demo")
        front.wsgi_app = DispatcherMiddleware(main.wsgi_app, {without.MOUNT: pages.wsgi_app})  # type: ignore[method-assign]
        with serve(front) as port, closing(chromium.new_context(java_script_enabled=False)) as context:
            yield Demo(context.new_page(), f"http://127.0.0.1:{port}", clock)


def test_one_link_leads_from_the_script_to_the_pages_and_one_back(demo: Demo) -> None:
    demo.page.goto(demo.url)
    demo.page.click("text=The same without any script")
    demo.shows("Nobody is logged in")
    demo.page.click("text=The same with a script")
    assert demo.page.url == f"{demo.url}/"


def test_every_button_works_and_the_session_outlives_its_tokens(demo: Demo) -> None:
    page = demo.page
    page.goto(f"{demo.url}/pages/")
    page.get_by_role("button", name="Log in").click()
    demo.shows("Hello, ada")
    demo.shows("The access token is alive.")
    demo.let_tokens_die()
    page.click("text=load the page again")
    demo.shows("The server has just renewed this session.")
    demo.let_tokens_die()
    page.get_by_label("A note").fill("sent once")
    page.get_by_role("button", name="Keep it").click()
    demo.shows("sent once")
    assert page.locator("li").all_inner_texts() == ["sent once"]
    demo.let_tokens_die()
    page.get_by_role("button", name="Log out").click()
    demo.shows("Nobody is logged in")
    page.reload()
    demo.shows("Nobody is logged in")
