# SPDX-License-Identifier: Apache-2.0
"""Pages without JavaScript in a real browser: a random walk never logs its visitor out, and a thief is caught."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from supertokens.core import EmbeddedCore
from supertokens.testing import FakeClock, KeysOnce

from .conftest import Serve
from .sites import DEEP
from .walk import AppProcess, Pace, Walk
from .walked_app import USER, Journal, core_in, walked_app

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(not DEEP, reason="it takes minutes, and its course depends on a quiet machine: make test-deep"),
]

SEED: Final = 17
# What a browser and a server may need for a request and its response together is half of the grace period: 2 s are
# enough also on a busy machine. Time goes by faster while nothing is under way, so that tokens die all the same.
PACE: Final = Pace(100, 32, 4, (0.3, 1.5, 4))


@pytest.fixture
def app(tmp_path: Path) -> Iterator[AppProcess]:
    running = AppProcess(tmp_path, PACE)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    with closing(chromium.new_context(java_script_enabled=False)) as context:
        yield context


def test_a_random_walk_logs_nobody_out_and_runs_no_form_twice(visitor: BrowserContext, app: AppProcess) -> None:
    walk = Walk(visitor, app, PACE, Random(SEED))
    try:
        walk.go()
        require_all_is_well(walk, app)
    except BaseException as error:
        error.add_note(f"seed {SEED}, {summary(walk, app)}, steps:\n" + "\n".join(walk.done))
        raise
    print(summary(walk, app))


def require_all_is_well(walk: Walk, app: AppProcess) -> None:
    journal = app.journal
    counted = [line.split() for line in journal.of("counted")]
    by_name = {name: (int(size), user) for name, size, user in counted}
    assert len(by_name) == len(counted), "a form was counted twice"
    assert walk.answered <= by_name.keys(), "a form was answered, but not counted"
    assert by_name == {name: (walk.sent[name], USER) for name in by_name}
    assert journal.of("status") == journal.of("theft") == journal.of("revoked") == []
    [created] = [line.split()[0] for line in journal.of("created")]
    app.kill()
    core = core_in(app.folder, app.clock, PACE.keys)
    assert core.session_handles(USER) == [created]
    core.store.close()
    assert app.restarts > 0
    assert len(journal.of("renewed")) > PACE.steps / 20, "hardly a token died: the walk says little"


def summary(walk: Walk, app: AppProcess) -> str:
    kinds = ("renewed", "refused", "theft", "revoked", "counted")
    happened = {kind: len(app.journal.of(kind)) for kind in kinds} | {"status": app.journal.of("status")}
    steps = Counter(line.split()[1] for line in walk.done)
    return f"{dict(steps)}, {dict(walk.counts)}, {happened}, answered {len(walk.answered)}, restarts {app.restarts}"


class Victim(NamedTuple):
    page: Page
    origin: str
    core: EmbeddedCore
    clock: FakeClock
    journal: Journal

    def visits(self, page: Page) -> str:
        """Return what a page is: its heading, or the path of the log-in page."""
        page.goto(f"{self.origin}/page")
        return "/login" if page.url.startswith(f"{self.origin}/login") else page.inner_text("h1")

    def let_tokens_die(self) -> None:
        self.clock.advance(seconds=9)


@pytest.fixture
def victim(visitor: BrowserContext, serve: Serve, tmp_path: Path) -> Iterator[Victim]:
    pace = Pace(0, 8, 1, ())
    clock, journal = FakeClock(round(time.time() * 1000)), Journal(tmp_path / "journal")
    core = core_in(tmp_path, clock, pace.keys)
    KeysOnce.put_into(core.store, clock())
    with closing(core.store), serve(walked_app(core, journal, pace.keys)) as port:
        page = visitor.new_page()
        origin = f"http://127.0.0.1:{port}"
        page.goto(f"{origin}/login?next=/page")
        page.fill("input[name=user]", USER)
        page.click("button")
        yield Victim(page, origin, core, clock, journal)


@pytest.fixture
def thief(chromium: Browser, visitor: BrowserContext, victim: Victim) -> Iterator[Page]:
    """A page of another browser, with the cookies that the victim's has."""
    with closing(chromium.new_context(java_script_enabled=False, user_agent="Another/1.0")) as context:
        context.add_cookies(visitor.cookies())  # type: ignore[arg-type]
        yield context.new_page()


@pytest.mark.parametrize("first", ["victim", "thief"])
def test_stolen_cookies_log_both_browsers_out(victim: Victim, thief: Page, first: str) -> None:
    sooner, later = (victim.page, thief) if first == "victim" else (thief, victim.page)
    for _ in range(2):  # the second visit confirms the tokens of the first
        victim.let_tokens_die()
        assert victim.visits(sooner) == f"A page of {USER}"
    victim.let_tokens_die()
    assert victim.visits(later) == "/login"
    assert victim.core.session_handles(USER) == []
    victim.let_tokens_die()
    assert victim.visits(sooner) == "/login"
    assert len(victim.journal.of("theft")) == 1
