# SPDX-License-Identifier: Apache-2.0
"""Pages without JavaScript in real browsers: a random walk never logs its visitor out, and a thief is caught."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final, NamedTuple, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from supertokens.core import EmbeddedCore
from supertokens.testing import FakeClock, KeysOnce

from .bidi import firefox
from .browsing import Browsing
from .chromium_browsing import ChromiumBrowsing
from .conftest import FLAGS, Serve, executable
from .firefox_browsing import FirefoxBrowsing
from .sites import DEEP
from .walk import Walk
from .walked_app import USER, Journal, core_in, walked_app
from .walked_process import AppProcess, Pace

pytestmark = pytest.mark.browser

SEED: Final = 17
MANY_IMAGES: Final = 100
"""With as many parallel renewals a walk comes to its end in time, if they do not converge."""
# The slow views are for what a renewal's time limit decides (a quarter of the grace period): before, after, long after.
IN_CHROMIUM: Final = Pace(500, 8, 1, (0.2, 0.6, 4, 20)) if DEEP else Pace(100, 8, 1, (0.2, 0.6, 2))
BRIEFLY: Final = replace(IN_CHROMIUM, steps=300 if DEEP else 25)
IN_FIREFOX: Final = Pace(60, 8, 1, (0.2, 0.6, 4, 20))
WITHOUT_CONVERGENCE: Final = Pace(60, 8, 1, (0.2, 0.6), converges=False)
ONLY_DEEP: Final = pytest.mark.skipif(not DEEP, reason="a walk takes half a minute: make test-deep")
MAX_TRIES: Final = 3


class Open(Protocol):
    """Gives a fresh browser, whose files may be put into a folder."""

    def __call__(self, folder: Path) -> AbstractContextManager[Browsing]: ...


@pytest.fixture
def open_chromium(chromium: Browser) -> Open:
    @contextmanager
    def opened(folder: Path) -> Iterator[Browsing]:
        # A browser of its own: its end is bounded, and a context's is not while a tab in it does not close.
        with closing(chromium.browser_type.launch(executable_path=executable(), args=list(FLAGS))) as browser:
            yield ChromiumBrowsing(browser.new_context(java_script_enabled=False))

    return opened


@pytest.fixture
def open_firefox() -> Open:
    executable = shutil.which("firefox-esr") or shutil.which("firefox")
    if executable is None:
        pytest.fail("this test drives Firefox: apt-get install firefox-esr")

    @contextmanager
    def opened(folder: Path) -> Iterator[Browsing]:
        with firefox(executable, folder / "profile") as connection:
            yield FirefoxBrowsing(connection)

    return opened


@contextmanager
def app_in(folder: Path, pace: Pace) -> Iterator[AppProcess]:
    folder.mkdir()
    running = AppProcess(folder, pace)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def test_a_random_walk_logs_nobody_out_and_runs_no_form_twice(open_chromium: Open, tmp_path: Path) -> None:
    walk_on_a_quick_machine(open_chromium, tmp_path, IN_CHROMIUM)


@pytest.mark.parametrize("framework", ["fastapi", pytest.param("django", marks=ONLY_DEEP)])
def test_a_random_walk_through_another_framework_logs_nobody_out_either(
    open_chromium: Open, tmp_path: Path, framework: str
) -> None:
    walk_on_a_quick_machine(open_chromium, tmp_path, replace(BRIEFLY, framework=framework))


@pytest.mark.skipif(not DEEP, reason="it needs Firefox, and the grace period is short for it: make test-deep")
def test_a_random_walk_through_firefox_logs_nobody_out_either(open_firefox: Open, tmp_path: Path) -> None:
    walk_on_a_quick_machine(open_firefox, tmp_path, IN_FIREFOX)


def walk_on_a_quick_machine(open_browser: Open, folder: Path, pace: Pace) -> None:
    """Require a walk to end well. Nothing is promised to requests that take longer ways than the grace period has room
    for: a walk that goes wrong after such a one is walked again.
    """
    for number in range(MAX_TRIES):
        seed = SEED + number
        with app_in(folder / f"app-{number}", pace) as app, open_browser(app.folder) as browsing:
            walk = Walk(browsing, app, pace, Random(seed))
            try:
                walk.go()
                require_all_is_well(walk, app, pace)
            except BaseException as error:
                print(f"seed {seed}: {error!r:.300}, {summary(walk, app)}")
                if isinstance(error, AssertionError) and walk.longest_way_ms > pace.max_way_ms:
                    continue
                error.add_note("\n".join(walk.done))
                raise
            print(f"seed {seed}: {summary(walk, app)}")
            return
    pytest.fail(f"this machine is too slow: a request took more than {pace.max_way_ms} ms for its way, each time")


def require_all_is_well(walk: Walk, app: AppProcess, pace: Pace) -> None:
    journal = app.journal
    counted = [line.split() for line in journal.of("counted")]
    by_name = {name: (int(size), user) for name, size, user in counted}
    assert len(by_name) == len(counted), "a form was counted twice"
    assert walk.answered <= by_name.keys(), "a form was answered, but not counted"
    assert by_name == {name: (walk.sent[name], USER) for name in by_name}
    assert journal.of("status") == journal.of("theft") == journal.of("revoked") == []
    [created] = [line.split()[0] for line in journal.of("created")]
    app.kill()
    core = core_in(app.folder, app.clock, pace.keys)
    assert core.session_handles(USER) == [created]
    core.store.close()
    assert app.restarts > 0 or pace.steps < 100, "a short walk may come to no kill"
    assert len(journal.of("renewed")) > pace.steps / 20, "hardly a token died: the walk says little"
    assert walk.longest_way_ms > 0, "no browser said how long its requests took"


def summary(walk: Walk, app: AppProcess) -> str:
    kinds = ("renewed", "refused", "theft", "revoked", "counted")
    happened = {kind: len(app.journal.of(kind)) for kind in kinds} | {"status": app.journal.of("status")}
    steps = Counter(line.split()[1] for line in walk.done)
    return (
        f"{dict(steps)}, {dict(walk.counts)}, {happened}, answered {len(walk.answered)}, restarts {app.restarts}, "
        f"longest way {walk.longest_way_ms:.0f} ms"
    )


@pytest.mark.parametrize(
    "framework", ["flask", *(pytest.param(name, marks=ONLY_DEEP) for name in ("fastapi", "django"))]
)
def test_the_walk_notices_a_core_whose_refreshes_do_not_converge(
    open_chromium: Open, tmp_path: Path, framework: str
) -> None:
    pace = replace(WITHOUT_CONVERGENCE, framework=framework)
    with app_in(tmp_path / "app", pace) as app, open_chromium(app.folder) as browsing:
        walk = Walk(browsing, app, pace, Random(SEED), images=MANY_IMAGES)
        with pytest.raises(AssertionError):
            walk.go()
        assert walk.wrong
        assert len(app.journal.of("theft")) > 0
        print(f"it took {len(walk.done)} steps")


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    with closing(chromium.new_context(java_script_enabled=False)) as context:
        yield context


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
