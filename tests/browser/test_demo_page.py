# SPDX-License-Identifier: Apache-2.0
"""The demo's page in a real browser: every button, the keyboard, light, dark and a phone's width."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Response, expect

pytestmark = pytest.mark.browser

REFRESH: Final = "/session/refresh"
_REFUSED: Final = re.compile(r"Failed to load resource: .*?(40[01]|ERR_\w+)")


class Visitor:
    """A browser with a cookie jar of its own on the demo's page, and what its console said.

    Chromium writes every refused request into the console. A test names those that it provokes, such as
    "401 /api/me"; all else that the console says is a complaint.
    """

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.context = context
        self.expected: set[str] = set()
        self.refused: list[str] = []
        self._complaints: list[str] = []
        self._responses: list[Response] = []
        context.set_default_timeout(20_000)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self._complaints.append(str(error.error)))
        context.on("response", lambda response: self._responses.append(response))
        self.page = self.open(url)

    def open(self, url: str) -> Page:
        """A tab."""
        page = self.context.new_page()
        page.goto(url)
        return page

    @property
    def state(self) -> Locator:
        return self.page.locator("#state")

    @property
    def session(self) -> Locator:
        """The card that shows the session."""
        return self.page.get_by_role("region", name="Session", exact=True)

    @property
    def newest(self) -> Locator:
        """The newest event."""
        return self.page.locator("#timeline > li").first

    def event(self, title: str) -> Locator:
        """The events of that title."""
        heading = self.page.get_by_role("heading", name=title, level=3, exact=True)
        return self.page.locator("#timeline > li").filter(has=heading)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=re.compile(f"^{re.escape(name)} (GET|POST) ")).click()

    def login(self, user_id: str = "ada", payload: str = '{"role": "reader"}') -> None:
        self.page.get_by_label("User id").fill(user_id)
        self.page.get_by_label("JWT payload").fill(payload)
        self.press("Log in")

    def calls(self, path: str) -> int:
        """How often the browser called it."""
        return sum(urlsplit(response.url).path == path for response in self._responses)

    def close(self) -> None:
        for page in self.context.pages:
            page.evaluate("0")  # what was said before is heard by now
        self.context.close()
        assert self._complaints == []
        assert set(self.refused) == self.expected

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type not in ("error", "warning"):
            return
        refused = _REFUSED.match(message.text)
        what = f"{refused[1]} {urlsplit(message.location.get('url', '')).path}" if refused else ""
        if what in self.expected:
            self.refused.append(what)
        else:
            self._complaints.append(f"{message.type}: {message.text} ({message.location.get('url')})")


Visit = Callable[..., Visitor]


@pytest.fixture(scope="module")
def create_app() -> Callable[..., Flask]:
    path = Path(__file__).parents[2] / "demo" / "app.py"
    spec = spec_from_file_location("supertokens_demo", path)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    factory: Callable[..., Flask] = module.create_app
    return factory


@pytest.fixture
def visit(
    chromium: Browser,
    create_app: Callable[..., Flask],
    serve: Callable[[Flask], AbstractContextManager[int]],
    tmp_path: Path,
) -> Iterator[Visit]:
    """`visit(access_token_validity=…, look={…})`: another browser on the page. All of a test are on one server.

    An access token lives five minutes unless the test says otherwise, so that none expires on a slow machine.
    """
    with ExitStack() as running:
        visitors: list[Visitor] = []
        url = ""

        def start(look: dict[str, Any] | None = None, **options: object) -> Visitor:
            nonlocal url
            if not url:
                app = create_app(tmp_path / "demo", **({"access_token_validity": 300} | options))
                url = f"http://127.0.0.1:{running.enter_context(serve(app))}/"
            visitors.append(Visitor(chromium.new_context(**(look or {})), url))
            return visitors[-1]

        yield start
        for visitor in visitors:
            visitor.close()


# The buttons


def test_a_first_visit_shows_no_session_and_asks_the_server_for_none(visit: Visit) -> None:
    visitor = visit()
    expect(visitor.state).to_have_text("No session")
    expect(visitor.page.get_by_text("Nothing has happened yet")).to_be_visible()
    assert visitor.calls("/api/me") == visitor.calls(REFRESH) == 0


def test_log_in_shows_the_session_and_the_remaining_life_of_both_tokens(visit: Visit) -> None:
    visitor = visit()
    visitor.login("ada", '{"role": "reader"}')
    expect(visitor.state).to_have_text("Logged in")
    expect(visitor.page.locator("#user")).to_have_text("ada")
    expect(visitor.page.locator("#handle")).to_have_text(re.compile("^[0-9a-f-]{36}$"))
    expect(visitor.page.locator("#jwt-payload")).to_have_text('{"role":"reader"}')
    expect(visitor.page.locator("#access-left")).to_have_text(re.compile(r"^(4 min [0-9]+|5 min 0) s left$"))
    expect(visitor.page.locator("#refresh-left")).to_have_text(re.compile(r"^9 min [0-9]+ s left$"))
    expect(visitor.session.get_by_role("progressbar", name="Access token")).to_be_visible()
    expect(visitor.session.get_by_role("progressbar", name="Refresh token 1")).to_be_visible()
    login = visitor.event("Logged in as ada")
    expect(login.locator("time")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d$"))
    expect(login.locator(".life-name")).to_have_text(["Access token", "Refresh token 1"])


def test_no_script_of_the_page_can_read_the_cookies(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    assert set(cookies) == {"sAccessToken", "sRefreshToken", "sIdRefreshToken"}
    assert all(cookie["httpOnly"] for cookie in cookies.values())
    assert visitor.page.evaluate("document.cookie") == ""


def test_who_am_i_tells_who_and_counts_repetitions(visit: Visit) -> None:
    visitor = visit()
    visitor.login("grace")
    expect(visitor.state).to_have_text("Logged in")
    visitor.press("Who am I?")
    expect(visitor.newest).to_contain_text("You are grace.")
    visitor.press("Who am I?")
    expect(visitor.newest.locator(".count")).to_have_text("×2")


def test_who_am_i_without_a_session_says_so_and_does_not_refresh(visit: Visit) -> None:
    visitor = visit()
    visitor.expected = {"401 /api/me"}
    visitor.press("Who am I?")
    expect(visitor.event("Not logged in")).to_contain_text("401, “unauthorised”")
    assert visitor.calls(REFRESH) == 0


def test_my_sessions_lists_the_sessions_of_all_browsers_of_the_user(visit: Visit) -> None:
    here, there = visit(), visit()
    for visitor in (there, here):
        visitor.login()
        expect(visitor.state).to_have_text("Logged in")
    here.press("My sessions")
    listed = here.event("2 sessions of ada")
    expect(listed.locator("li")).to_have_text(
        [str(there.page.locator("#handle").text_content()), f"{here.page.locator('#handle').text_content()} (this one)"]
    )


def test_replace_payload_shows_the_new_one_and_its_new_access_token(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.page.get_by_label("JWT payload").fill('{"role": "editor"}')
    visitor.press("Replace payload")
    expect(visitor.page.locator("#jwt-payload")).to_have_text('{"role":"editor"}')
    expect(visitor.event("JWT payload replaced").locator(".life-left")).to_contain_text("left")
    expect(visitor.event("Logged in as ada").locator(".life-left").first).to_contain_text("replaced after")


def test_refresh_now_replaces_both_tokens_and_the_next_call_is_their_first_use(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.press("Refresh now")
    expect(visitor.event("Refreshed: pair 2").locator(".life-name")).to_have_text(["Access token", "Refresh token 2"])
    expect(visitor.event("Logged in as ada").locator(".life-left")).to_have_text([re.compile("^replaced after")] * 2)
    unused = visitor.session.get_by_text("This pair has not been used yet")
    expect(unused).to_be_visible()
    visitor.press("Who am I?")
    expect(visitor.newest).to_contain_text("First use of pair 2")
    expect(visitor.newest.locator(".life-left")).to_contain_text("left")
    expect(unused).to_be_hidden()


def test_log_out_ends_the_session_and_clears_the_cookies(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.press("Log out")
    expect(visitor.state).to_have_text("Logged out")
    expect(visitor.page.locator("#user")).to_have_text("–")
    expect(visitor.newest).to_contain_text("Logged out")
    expect(visitor.event("Logged in as ada").locator(".life-left")).to_have_text([re.compile("^revoked after")] * 2)
    assert visitor.context.cookies() == []


def test_log_out_everywhere_ends_the_session_of_another_browser_too(visit: Visit) -> None:
    here, there = visit(), visit()
    for visitor in (there, here):
        visitor.login()
        expect(visitor.state).to_have_text("Logged in")
    here.press("Log out everywhere")
    expect(here.event("Logged out everywhere")).to_contain_text("Revoked: 2 sessions of this user.")
    there.expected = {"401 /api/me"}
    there.press("Who am I?")
    expect(there.event("The session has ended")).to_contain_text("401, “unauthorised”")
    expect(there.state).to_have_text("Logged out")
    assert there.context.cookies() == []


# The thief


def test_the_thief_is_caught_and_the_session_revoked(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.press("Refresh now")
    expect(visitor.event("Refreshed: pair 2")).to_be_visible()
    visitor.expected = {"401 /api/me"}
    visitor.press("Play the thief")
    expect(visitor.state).to_have_text("Revoked: theft")
    theft = visitor.event("Theft detected: the thief is caught")
    expect(theft.locator(".steps li")).to_have_count(1)
    expect(theft.locator(".steps li")).to_contain_text("401, “token theft detected”")
    expect(theft).to_contain_text("The session is revoked")
    expect(visitor.event("First use of pair 2")).to_contain_text("POST /api/demo/thief")
    expect(visitor.newest).to_contain_text("Your session is revoked")
    assert visitor.context.cookies() == []
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.press("My sessions")
    expect(visitor.event("1 session of ada")).to_be_visible()


def test_the_thief_is_caught_too_where_nothing_was_refreshed_yet(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.expected = {"401 /api/me"}
    visitor.press("Play the thief")
    steps = visitor.event("Theft detected: the thief is caught").locator(".steps li")
    expect(steps.locator(".who")).to_have_text(["victim", "victim", "thief"])
    expect(steps.locator(".outcome")).to_have_text(["200", "200", "401, “token theft detected”"])
    expect(visitor.state).to_have_text("Revoked: theft")


def test_the_page_says_that_the_thief_is_for_the_demo_only(visit: Visit) -> None:
    visitor = visit()
    thief = visitor.page.get_by_role("region", name="Play the thief")
    expect(thief.get_by_text("This route exists in the demo only.")).to_be_visible()
    thief.get_by_text("How can this page steal an HttpOnly cookie?").click()
    expect(thief.get_by_text("No application may do that.")).to_be_visible()


# Expiry


def test_an_expired_access_token_is_refreshed_by_the_next_call_in_plain_sight(visit: Visit) -> None:
    visitor = visit(access_token_validity=3, refresh_token_rotation_grace_period=0.3)
    visitor.expected = {"401 /api/me"}
    visitor.login()
    expect(visitor.state).to_have_text("Access token expired")
    expect(visitor.event("Logged in as ada").locator(".life-left").first).to_have_text("expired")
    visitor.press("Who am I?")
    expect(visitor.event("Access token refused")).to_contain_text("401, “try refresh token”")
    expect(visitor.event("Refreshed: pair 2")).to_be_visible()
    expect(visitor.event("First use of pair 2")).to_contain_text("GET /api/me")
    assert visitor.calls(REFRESH) == 1
    assert visitor.calls("/api/me") == 2


def test_calls_that_find_the_access_token_expired_share_one_refresh(visit: Visit) -> None:
    visitor = visit(access_token_validity=3)
    visitor.expected = {"401 /api/me", "401 /api/sessions", "401 /api/payload"}
    visitor.login()
    expect(visitor.state).to_have_text("Access token expired")
    visitor.page.evaluate("for (const id of ['me', 'sessions', 'replace-payload']) document.getElementById(id).click()")
    expect(visitor.event("1 session of ada")).to_be_visible()
    expect(visitor.event("JWT payload replaced")).to_be_visible()
    expect(visitor.event("Access token refused")).to_have_count(3)
    assert visitor.calls(REFRESH) == 1


def test_with_the_switch_on_the_page_rotates_by_itself(visit: Visit) -> None:
    visitor = visit(access_token_validity=3, refresh_token_rotation_grace_period=0.3)
    visitor.expected = {"401 /api/me"}
    visitor.login()
    visitor.page.get_by_role("switch", name="Call GET /api/me every two seconds").check()
    expect(visitor.event("First use of pair 2")).to_be_visible(timeout=20_000)
    assert visitor.calls("/api/me") >= 2


# Several tabs, reloads, failures


def test_a_reload_keeps_the_session_in_sight(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    handle = str(visitor.page.locator("#handle").text_content())
    visitor.page.reload()
    expect(visitor.page.locator("#handle")).to_have_text(handle)
    expect(visitor.page.locator("#access-left")).to_contain_text("left")
    expect(visitor.newest).to_contain_text("You are ada.")


def test_another_tab_sees_the_refresh_and_the_end_of_the_session(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    other = visitor.open(visitor.page.url)
    expect(other.locator("#state")).to_have_text("Logged in")
    visitor.press("Refresh now")
    expect(other.locator("#refresh-name")).to_have_text("Refresh token 2")
    visitor.press("Log out")
    expect(visitor.state).to_have_text("Logged out")
    expect(other.locator("#state")).to_have_text("No session")


@pytest.mark.parametrize(
    ("user_id", "payload", "message", "refused"),
    [
        ("x" * 513, "{}", "userId must have 1 to 512 bytes", "400 /api/login"),
        ("ada", "[1]", "jwtPayload must be a JSON object", "400 /api/login"),
        ("ada", '{"exp": 1}', "jwtPayload must not use the names", "400 /api/login"),
        ("ada", "{role}", "The JWT payload is not JSON", None),
    ],
)
def test_bad_input_is_explained_beside_the_form(
    visit: Visit, user_id: str, payload: str, message: str, refused: str | None
) -> None:
    visitor = visit()
    visitor.expected = {refused} if refused else set()
    visitor.login(user_id, payload)
    expect(visitor.page.get_by_role("alert")).to_contain_text(message)
    expect(visitor.state).to_have_text("No session")
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    expect(visitor.page.get_by_role("alert")).to_be_empty()


def test_markup_in_a_user_id_or_a_payload_stays_text(visit: Visit) -> None:
    visitor = visit()
    visitor.login("<img src=x>", '{"<b>": "<img src=x>"}')
    expect(visitor.page.locator("#user")).to_have_text("<img src=x>")
    expect(visitor.page.locator("#jwt-payload")).to_have_text('{"<b>":"<img src=x>"}')
    expect(visitor.event("Logged in as <img src=x>")).to_be_visible()
    expect(visitor.page.locator("img")).to_have_count(0)


def test_a_server_that_is_gone_is_told_in_the_timeline(visit: Visit) -> None:
    visitor = visit()
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.page.route("**/api/me", lambda route: route.abort("connectionrefused"))
    visitor.expected = {"ERR_CONNECTION_REFUSED /api/me"}
    visitor.press("Who am I?")
    expect(visitor.event("No answer")).to_be_visible()
    expect(visitor.state).to_have_text("Logged in")


# Keyboard, and looks


def test_everything_can_be_done_with_the_keyboard_and_the_focus_is_visible(visit: Visit) -> None:
    visitor = visit()
    keyboard = visitor.page.keyboard
    reached = []
    for _ in range(14):
        keyboard.press("Tab")
        reached.append(visitor.page.evaluate("document.activeElement.id || document.activeElement.tagName"))
        ring = visitor.page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert ring == "solid", f"{reached[-1]} has no visible focus"
    assert reached == [
        "A", "A", "user-id", "payload", "BUTTON", "replace-payload", "me", "sessions", "refresh", "logout",
        "logout-everywhere", "keep-calling", "thief", "SUMMARY",
    ]  # fmt: skip
    visitor.page.reload()
    for _ in range(3):
        keyboard.press("Tab")
    keyboard.type("grace")
    keyboard.press("Enter")
    expect(visitor.event("Logged in as grace")).to_be_visible()
    for _ in range(4):
        keyboard.press("Tab")
    keyboard.press("Enter")
    expect(visitor.newest).to_contain_text("You are grace.")
    keyboard.press("Tab")
    keyboard.press("Tab")
    keyboard.press("Space")
    expect(visitor.event("Refreshed: pair 2")).to_be_visible()


def test_the_timeline_is_a_live_log_and_every_field_has_a_label(visit: Visit) -> None:
    visitor = visit()
    log = visitor.page.get_by_role("log", name="Timeline")
    expect(log).to_have_attribute("aria-live", "polite")
    for field in visitor.page.locator("input, textarea").all():
        expect(field).to_have_accessible_name(re.compile("."))


def test_the_page_has_no_code_or_style_of_its_own_and_loads_nothing_from_elsewhere(visit: Visit) -> None:
    visitor = visit()
    inline = "[style], script:not([src]), style"
    expect(visitor.page.locator(inline)).to_have_count(0)
    handlers = "[...document.querySelectorAll('*')].flatMap(e => e.getAttributeNames()).filter(n => n.startsWith('on'))"
    assert visitor.page.evaluate(handlers) == []
    origin = visitor.page.evaluate("location.origin")
    loaded = visitor.page.evaluate("performance.getEntriesByType('resource').map(entry => entry.name)")
    assert loaded
    assert all(url.startswith(f"{origin}/") for url in loaded)


@pytest.mark.parametrize(
    ("name", "look"),
    [
        ("light", {"color_scheme": "light", "viewport": {"width": 1280, "height": 900}}),
        ("dark", {"color_scheme": "dark", "viewport": {"width": 1280, "height": 900}}),
        ("phone-light", {"color_scheme": "light", "viewport": {"width": 360, "height": 740}}),
        ("phone-dark", {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}}),
    ],
)
def test_it_fits_the_screen_in_every_look(visit: Visit, artifacts: Path, name: str, look: dict[str, Any]) -> None:
    visitor = visit(look)
    visitor.expected = {"401 /api/me"}

    def picture(moment: str) -> None:
        width = look["viewport"]["width"]
        assert visitor.page.evaluate("document.documentElement.scrollWidth") == width, "it scrolls sideways"
        visitor.page.screenshot(path=artifacts / f"demo-{name}-{moment}.png", full_page=True)

    picture("1-before-login")
    visitor.login("ada", '{"role": "reader", "note": "' + "a-word-without-end-" * 8 + '"}')
    expect(visitor.state).to_have_text("Logged in")
    visitor.press("My sessions")
    expect(visitor.event("1 session of ada")).to_be_visible()
    visitor.press("Replace payload")
    expect(visitor.event("JWT payload replaced")).to_be_visible()
    visitor.press("Refresh now")
    expect(visitor.event("Refreshed: pair 2")).to_be_visible()
    picture("2-refreshed")
    visitor.press("Play the thief")
    expect(visitor.state).to_have_text("Revoked: theft")
    visitor.page.get_by_text("How can this page steal an HttpOnly cookie?").click()
    picture("3-thief-caught")


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1366, 768), (1440, 900), (390, 844)])
def test_the_theft_is_in_view_without_scrolling(visit: Visit, artifacts: Path, width: int, height: int) -> None:
    visitor = visit(look={"viewport": {"width": width, "height": height}})
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    visitor.expected.add("401 /api/me")
    visitor.press("Play the thief")
    expect(visitor.state).to_have_text("Revoked: theft")
    caught = visitor.event("Theft detected: the thief is caught") if width > 900 else visitor.page.locator("#latest")
    expect(caught).to_contain_text("the thief is caught")
    top = caught.evaluate("element => element.getBoundingClientRect().top")
    assert 0 <= top < height - 40
    visitor.page.screenshot(path=artifacts / f"demo-theft-{width}.png")  # of which `make screenshot` keeps the first
    red, _, blue = map(
        int, re.findall(r"\d+", visitor.state.evaluate("element => getComputedStyle(element).color"))[:3]
    )
    assert red > blue + 60, "the state is red"


# What each button says to a visitor who is logged in; it says "Not logged in" to one who is not.
BUTTONS: Final = {
    "Log in": "Logged in as ada",
    "Replace payload": "JWT payload replaced",
    "Who am I?": "You are ada.",
    "My sessions": " of ada",
    "Refresh now": "Refreshed: pair 2",
    "Log out": "Logged out",
    "Log out everywhere": "Logged out everywhere",
    "Play the thief": "the thief is caught",
}
_IS_IN_VIEW: Final = """text => [...document.querySelectorAll("#said, #latest, #timeline > li")].some(told => {
  const {left, top, height} = told.getBoundingClientRect();
  return told.textContent.includes(text) && height > 0 && told.contains(document.elementFromPoint(left + 20, top + 10));
})"""


def test_every_button_is_known_to_these_tests(visit: Visit) -> None:
    texts = visit().page.get_by_role("button").all_inner_texts()
    assert [re.split(r"\s+(?:GET|POST)\s", text)[0].strip() for text in texts] == list(BUTTONS)


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)], ids=str)
@pytest.mark.parametrize("is_logged_in", [True, False], ids=["logged in", "nobody"])
def test_every_button_answers_in_view_and_in_plain_words(
    visit: Visit, is_logged_in: bool, size: tuple[int, int]
) -> None:
    visitor = visit(look={"viewport": {"width": size[0], "height": size[1]}})
    paths = {"me"} if is_logged_in else {"payload", "me", "sessions", "logout", "logout-everywhere", "demo/thief"}
    visitor.expected = {f"401 /api/{path}" for path in paths} | (set() if is_logged_in else {f"401 {REFRESH}"})
    for name, answer in BUTTONS.items():
        visitor.context.clear_cookies()
        visitor.page.evaluate("localStorage.clear()")
        visitor.page.reload()
        if is_logged_in:
            visitor.login()
            expect(visitor.state).to_have_text("Logged in")
        visitor.press(name)
        visitor.page.wait_for_function(_IS_IN_VIEW, arg=answer if is_logged_in or name == "Log in" else "Not logged in")


def test_a_missing_user_id_is_answered_in_plain_words(visit: Visit) -> None:
    visitor = visit()
    visitor.login(user_id="")
    expect(visitor.page.locator("#bad-input")).to_have_text("Type a user id first, for example ada.")
    assert visitor.calls("/api/login") == 0


def test_buttons_that_need_a_session_look_so_without_one(visit: Visit) -> None:
    visitor = visit()
    button = visitor.page.locator("#sessions")
    dimmed = "element => Number(getComputedStyle(element).opacity) < 0.7"
    assert button.evaluate(dimmed)
    visitor.login()
    expect(visitor.state).to_have_text("Logged in")
    assert not button.evaluate(dimmed)
