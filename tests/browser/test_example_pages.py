# SPDX-License-Identifier: Apache-2.0
"""`examples/pages` in a Chromium that runs no script: each page in light and dark, on a desk and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect

from jotter import SESSIONS, create_app
from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.sqlite import SqliteStore
from supertokens.testing import FakeClock, KeysOnce
from tests.examples.pages.conftest import OTHER_PASSWORD, PASSWORD, SAFARI, Visitor, give_role

from .conftest import Serve

pytestmark = pytest.mark.browser

LIMIT: Final[dict[str, Any]] = {"max_sessions_per_user": 3, "session_limit_action": "refuse"}
LONG: Final = "a-word-without-end-" * 8
CHROME: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
EDGE: Final = f"{CHROME.replace('X11; Linux x86_64', 'Windows NT 10.0; Win64; x64')} Edg/126.0.0.0"
SIZES: Final = ((1280, 800), (390, 844))
NARROWEST: Final = 320  # WCAG 2.2, 1.4.10
LOOKS: Final[tuple[Literal["light", "dark"], ...]] = ("light", "dark")

# What a screen reader has no name for: fields without a label, buttons and links without a text.
_NAMELESS: Final = """() => [...document.querySelectorAll("input:not([hidden]), textarea, button, a, nav")]
  .filter(e => !e.labels?.length && !e.getAttribute("aria-label") && !e.textContent.trim()).map(e => e.outerHTML)"""


# WCAG 2.2, 1.4.3: text to what is behind it, 4.5 to 1, large text 3 to 1. 1.4.11: edges of fields, 3 to 1.
_TOO_FAINT: Final = """() => {
  const rgba = text => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = c => c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const ratio = (a, b) => {
    const [darker, lighter] = [light(a), light(b)].sort((p, q) => p - q);
    return (lighter + 0.05) / (darker + 0.05);
  };
  const behind = element => {
    for (let at = element; at; at = at.parentElement) {
      const [r, g, b, alpha = 1] = rgba(getComputedStyle(at).backgroundColor);
      if (alpha === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const found = [];
  for (const element of document.body.querySelectorAll("*")) {
    const style = getComputedStyle(element), own = [...element.childNodes].some(n => n.nodeType === 3 && n.data.trim());
    if (element.getClientRects().length === 0) continue;
    const large = parseFloat(style.fontSize) >= 24 || (parseFloat(style.fontSize) >= 18.66 && style.fontWeight >= 700);
    const text = ratio(rgba(style.color), behind(element));
    if ((own || element.matches("input, textarea")) && text < (large ? 3 : 4.5)) found.push([element.outerHTML, text]);
    if (element.matches(".field input, textarea")) {
      const edge = ratio(rgba(style.borderTopColor), behind(element.parentElement));
      if (edge < 3) found.push([element.outerHTML, "edge", edge]);
    }
  }
  return found;
}"""


class Reader:
    """Somebody with a browser in front of the app, who looks at each page that comes."""

    def __init__(self, context: BrowserContext, url: str, folder: Path) -> None:
        self.context, self.url = context, url
        self.page: Page = context.new_page()
        self.expected: set[int] = set()
        self.complaints: list[str] = []
        self._folder = folder
        context.set_default_timeout(20_000)
        context.on("console", self._hear)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))

    def _hear(self, message: ConsoleMessage) -> None:
        refused = re.search(r"Failed to load resource.*status of (\d+)", message.text)
        if refused is None or int(refused[1]) not in self.expected:
            self.complaints.append(message.text)

    def open(self, path: str) -> None:
        self.page.goto(self.url + path)

    def fill(self, **fields: str) -> None:
        for label, text in fields.items():
            self.page.get_by_label(label.replace("_", " ")).fill(text)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def see(self, name: str, title: str, *texts: str) -> None:
        """Look at the page: what it says and, in each look, whether it fits and can be read; keep pictures of it."""
        expect(self.page.get_by_role("heading", level=1)).to_have_text(title)
        main = self.page.locator("main").inner_text()
        assert [text for text in texts if text not in main] == []
        assert self.page.evaluate(_NAMELESS) == [], name
        self.page.set_viewport_size({"width": NARROWEST, "height": 640})
        assert self.page.evaluate("document.documentElement.scrollWidth") == NARROWEST, f"{name} scrolls sideways"
        for width, height in SIZES:
            self.page.set_viewport_size({"width": width, "height": height})
            for look in LOOKS:
                self.page.emulate_media(color_scheme=look)
                assert self.page.evaluate("document.documentElement.scrollWidth") == width, f"{name} scrolls sideways"
                assert self.page.evaluate(_TOO_FAINT) == [], f"{name}, {look}"
                self.page.screenshot(path=self._folder / f"{name}-{look}-{width}.png", full_page=True)


@pytest.fixture
def app(tmp_path: Path, clock: FakeClock) -> Iterator[Flask]:
    with closing(SqliteStore(tmp_path / "sessions.sqlite3", synchronous="normal")) as store:
        KeysOnce.put_into(store, clock())
        core = EmbeddedCore(Config(**(SESSIONS | LIMIT)), store, clock=clock)
        yield create_app(tmp_path / "jotter", core=core, **LIMIT)


@pytest.fixture
def reader(chromium: Browser, serve: Serve, app: Flask, artifacts: Path) -> Iterator[Reader]:
    """Somebody with a browser without scripts. The test fails if its console has complained."""
    folder = artifacts / "examples" / "pages"
    folder.mkdir(parents=True, exist_ok=True)
    with serve(app) as port, closing(chromium.new_context(java_script_enabled=False, user_agent=CHROME)) as context:
        opened = Reader(context, f"http://127.0.0.1:{port}", folder)
        yield opened
    assert opened.complaints == []


@contextmanager
def broken(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """For so long, the database of the sessions cannot be read."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise SuperTokensGeneralError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedCore, "verify", fail)
        yield


def test_every_page_fits_and_can_be_read_in_every_look(
    reader: Reader, app: Flask, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.expected = {403, 404, 409, 422, 500}

    # A stranger
    reader.open("/")
    reader.see("01-home-stranger", "Notes that are yours")
    reader.open("/notes")
    reader.see("02-log-in", "Log in", "Keep me logged in")
    reader.fill(Name="nobody", Password="not the right one")
    reader.press("Log in")
    reader.see("03-log-in-refused", "Log in", "Name or password is wrong.")
    reader.page.get_by_role("link", name="Sign up").last.click()
    reader.see("04-sign-up", "Sign up", "At least 12 characters")
    reader.page.get_by_label("Password").fill("x" * 257)
    reader.fill(Name="Ada Lovelace")
    reader.press("Sign up")
    reader.see("05-sign-up-refused", "Sign up", "1 to 32 letters", "At most 256 characters.")
    Visitor(app, SAFARI).sign_up("taken")
    reader.fill(Name="taken", Password=PASSWORD)
    reader.press("Sign up")
    reader.see("06-name-taken", "Sign up", "This name is taken.")

    # A user
    reader.fill(Name="ada", Password=PASSWORD)
    reader.press("Sign up")
    assert reader.page.url == f"{reader.url}/notes", "where the stranger wanted to go"
    reader.see("07-notes-none", "Your notes", "Welcome, ada.", "Nothing yet.")
    for text in (f"{LONG}\n\nand a second line", "Buy milk and bread, and <b>nothing</b> else."):
        reader.page.get_by_label("A new note").fill(text)
        reader.press("Keep it")
    reader.see("08-notes", "Your notes", "Your note is kept.", "<b>nothing</b>")
    reader.open("/")
    reader.see("09-home-user", "Hello, ada")
    phone, laptop = Visitor(app, SAFARI), Visitor(app, EDGE)
    phone.log_in("ada")
    clock.advance(seconds=60)
    laptop.log_in("ada", remember="on")
    reader.page.get_by_role("link", name="Your devices").click()
    reader.see("10-devices", "Your devices", "this one", "Mobile Safari on iOS", "Edge on Windows")
    assert Visitor(app).log_in("ada").status_code == 409
    reader.page.get_by_role("button", name=re.compile("Log out Mobile Safari on iOS")).click()
    reader.see("11-device-logged-out", "Your devices", "That device is logged out.")
    clock.advance(minutes=6)
    reader.page.get_by_role("link", name="Password").click()
    reader.see("12-confirm", "Is it still you?")
    reader.fill(Password=OTHER_PASSWORD)
    reader.press("Go on")
    reader.see("13-confirm-refused", "Is it still you?", "The password is wrong.")
    reader.fill(Password=PASSWORD)
    reader.press("Go on")
    reader.see("14-password", "Change your password")
    reader.page.get_by_label("New password").fill("x" * 257)
    reader.press("Change it")
    reader.see("15-password-refused", "Change your password", "At most 256 characters.")
    reader.page.get_by_label("New password").fill(OTHER_PASSWORD)
    reader.press("Change it")
    reader.see("16-password-changed", "Your devices", "Your password is changed. 1 other device is logged out.")
    assert not laptop.is_logged_in()

    # Errors
    reader.open("/admin/")
    reader.see("17-error-403", "Forbidden", "This page is not for you.")
    reader.open("/nothing")
    reader.see("18-error-404", "Not Found", "There is nothing here")
    with broken(monkeypatch):
        reader.open("/notes")
        reader.see("19-error-500", "Internal Server Error", "Something went wrong on our side")

    # An admin
    give_role(app, "ada", "admin")
    reader.open("/")
    reader.page.get_by_role("link", name="Users").click()
    reader.see("20-admin", "Users", "ada admin", "taken")
    reader.page.get_by_role("button", name="Log out taken everywhere").click()
    reader.see("21-admin-logged-out", "Users", "Sessions ended: 1.")

    # A thief, and the end
    thief = Visitor(app, SAFARI)
    for cookie in reader.context.cookies():
        if cookie["name"].startswith("s"):
            thief.client.set_cookie(cookie["name"], cookie["value"])
    clock.advance(hours=2)
    assert thief.is_logged_in()
    assert thief.is_logged_in()
    reader.open("/notes")
    reader.see("22-theft", "Log in", "Somebody has used a copy of your session")
    for _ in range(3):
        Visitor(app).log_in("ada", OTHER_PASSWORD)
    reader.fill(Name="ada", Password=OTHER_PASSWORD)
    reader.press("Log in")
    reader.see("23-error-409", "Conflict", "as many devices as you may be")


def test_the_keyboard_reaches_everything_and_the_focus_is_visible(reader: Reader, app: Flask) -> None:
    page = reader.page

    def reached(times: int) -> list[str]:
        names = []
        for _ in range(times):
            page.keyboard.press("Tab")
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            text = "document.activeElement.innerText || document.activeElement.name"
            names.append(page.evaluate(text).strip())
        return names

    reader.open("/")
    assert reached(6) == ["Skip to the content", "Jotter", "Log in", "Sign up", "Sign up", "Log in"]
    page.keyboard.press("Enter")
    expect(page.get_by_label("Name")).to_be_focused()
    Visitor(app, SAFARI).sign_up("ada")
    page.keyboard.type("ada")
    assert reached(1) == ["password"]
    page.keyboard.type(PASSWORD)
    assert reached(1) == ["remember"]
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Hello, ada")
    assert max(cookie["expires"] for cookie in reader.context.cookies()) > 0, "kept when the browser is closed"
    reader.open("/devices")
    assert reached(8) == [
        "Skip to the content", "Jotter", "Notes", "Devices", "Password", "Log out", "Log out", "Log out all the others",
    ]  # fmt: skip


def test_a_form_whose_session_has_ended_leads_to_the_log_in_and_back_to_its_page(reader: Reader, app: Flask) -> None:
    elsewhere = Visitor(app, SAFARI)
    elsewhere.sign_up("ada")
    reader.open("/login?next=/notes")
    reader.fill(Name="ada", Password=PASSWORD)
    reader.press("Log in")
    elsewhere.post("/devices/log-out-others")
    reader.page.get_by_label("A new note").fill("lost")
    reader.press("Keep it")
    assert reader.page.url == f"{reader.url}/login?next=%2Fnotes"
    reader.fill(Name="ada", Password=PASSWORD)
    reader.press("Log in")
    assert reader.page.url == f"{reader.url}/notes"
