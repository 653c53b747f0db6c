# SPDX-License-Identifier: Apache-2.0
"""The recipes are safe as they are copied: each is run as it stands, and attacked."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import pytest
import werkzeug.security
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from supertokens.core import key_maker
from supertokens.engine.algorithms import AlgorithmName
from supertokens.engine.signing_keys import generate_signing_material
from supertokens.stores.base import EVERYBODY

from .pages import ROOT, page
from .test_docs import run_blocks

EVIL: Final = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
PAGE: Final = {"Accept": "text/html", "Sec-Fetch-Mode": "navigate"}
ADA: Final = {"name": "ada", "password": "correct horse"}
RECIPES: Final = sorted(path.stem for path in (ROOT / "docs" / "recipes").glob("*.md"))
PUBLIC: Final = {"static", "login", "supertokens.sign_out", "supertokens.key_set", "cart", "add_to_cart"}
"""Endpoints that somebody without a session may use."""

Recipe = Callable[[str], SimpleNamespace]


@pytest.fixture
def recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Recipe:
    """Give the names of a recipe, as its page leaves them. Hashes of passwords cost nothing, and keys are made once."""
    quick = partial(werkzeug.security.generate_password_hash, method="pbkdf2:sha256:1")
    monkeypatch.setattr(werkzeug.security, "generate_password_hash", quick)
    monkeypatch.setattr(key_maker, "generate_signing_material", _signing_material)
    return lambda name: SimpleNamespace(**_names(name, tmp_path, monkeypatch))


@cache
def _signing_material(algorithm: AlgorithmName) -> bytes:
    return generate_signing_material(algorithm)


def _names(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    names = run_blocks(page(f"docs/recipes/{name}.md"), folder, monkeypatch)
    return {"module": names, **{key: value for key, value in names.items() if not key.startswith("__")}}


def logged_in(app: Any, **who: str) -> FlaskClient:
    client: FlaskClient = app.test_client()
    for password in ("correct horse", "a much longer one"):
        if client.post("/login", data={**ADA, "password": password, **who}).status_code == 303:
            return client
    raise AssertionError("no password fits")


def at(monkeypatch: pytest.MonkeyPatch, moment_ns: int) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: moment_ns)


# All of them


@pytest.mark.parametrize("name", RECIPES)
def test_a_page_of_another_site_can_do_nothing(recipe: Recipe, name: str) -> None:
    app = recipe(name).app
    client, stranger = logged_in(app), app.test_client()
    for rule in app.url_map.iter_rules():
        if "POST" not in (rule.methods or ()):
            continue
        path = str(rule).replace("<name>", "ada")
        for visitor in (client, stranger):
            before = _cookies(visitor)
            answer: TestResponse = visitor.post(path, data={**ADA, "item": "x", "role": "admin"}, headers=EVIL)
            refused = answer.status_code == 403 or answer.headers.get("Location", "").startswith("/login?")
            assert refused, path
            assert _cookies(visitor) == before, "nobody is logged in or out by it"
            assert not answer.headers.getlist("Set-Cookie")


def _cookies(client: FlaskClient) -> list[str | None]:
    found = (client.get_cookie(name) for name in ("sAccessToken", "sRefreshToken"))
    return [None if cookie is None else cookie.value for cookie in found]


@pytest.mark.parametrize("name", RECIPES)
def test_nobody_is_let_in_without_a_session_or_with_a_wrong_password(recipe: Recipe, name: str) -> None:
    app = recipe(name).app
    stranger = app.test_client()
    for rule in app.url_map.iter_rules():
        if rule.endpoint in PUBLIC:
            continue
        for method in {"GET", "POST"} & set(rule.methods or ()):
            answer = stranger.open(str(rule).replace("<name>", "ada"), method=method)
            assert answer.status_code == 401 or answer.headers["Location"].startswith("/login"), rule
    for who in ({**ADA, "password": ""}, {"name": "nobody", "password": "no user has this password"}):
        assert stranger.post("/login", data=who).status_code == 403
    assert not stranger.get_cookie("sAccessToken")


@pytest.mark.parametrize("name", RECIPES)
def test_no_log_in_sends_the_user_to_another_site(recipe: Recipe, name: str) -> None:
    app = recipe(name).app
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        client = app.test_client()
        for password in ("correct horse", "a much longer one"):
            answer = client.post("/login", query_string={"next": target}, data={**ADA, "password": password})
            if answer.status_code != 403:
                assert "evil" not in answer.headers["Location"]
                assert answer.headers["Location"].startswith("/")


def test_every_recipe_is_in_the_list() -> None:
    listed = {link.removeprefix("recipes/") for link in page("docs/recipes.md").links if link.startswith("recipes/")}
    assert listed == {f"{name}.md" for name in RECIPES}


# One by one


def test_a_role_that_is_changed_while_its_user_logs_in_is_the_new_one(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = recipe("roles")
    create = names.module["create_new_session"]
    names.USERS["ada"]["role"] = "admin"

    def meanwhile(*arguments: Any) -> Any:
        session = create(*arguments)
        names.USERS["ada"]["role"] = "reader"
        return session

    monkeypatch.setitem(names.module, "create_new_session", meanwhile)
    client = logged_in(names.app)
    assert client.post("/users/grace/role", data={"role": "admin"}).status_code == 403


def test_no_role_but_those_that_there_are_is_given(recipe: Recipe) -> None:
    names = recipe("roles")
    names.USERS["ada"]["role"] = "admin"
    client = logged_in(names.app)
    for path, role in (("/users/grace/role", "root"), ("/users/nobody/role", "admin"), ("/users/grace/role", "")):
        assert client.post(path, data={"role": role}).status_code == 400


@pytest.mark.parametrize(("name", "path", "field"), [("step-up", "/confirm", "password"),
                                                     ("password-change", "/password", "current")])  # fmt: skip
def test_a_copied_session_does_not_let_anybody_try_many_passwords_at_once(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch, name: str, path: str, field: str
) -> None:
    names = recipe(name)
    client = logged_in(names.app)
    cookies = "; ".join(f"{key}={client.get_cookie(key).value}" for key in ("sAccessToken", "sRefreshToken"))  # type: ignore[union-attr]
    looked_at = []

    def look(hashed: str, password: str) -> bool:
        looked_at.append(password)
        return False

    monkeypatch.setitem(names.module, "check_password_hash", look)

    def guess(number: int) -> int:
        thief = names.app.test_client(use_cookies=False)
        data = {field: str(number), "new": "the thief's own one"}
        return int(thief.post(path, data=data, headers={"Cookie": cookies}).status_code)

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(guess, range(16)))
    assert set(answers) <= {401, 403}
    assert 1 <= len(looked_at) <= names.MAX_TRIES
    assert guess(17) in (401, 403)
    assert len(looked_at) <= names.MAX_TRIES


def test_a_step_up_counts_for_five_minutes(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    names = recipe("step-up")
    began = time.time_ns()
    at(monkeypatch, began)
    client = logged_in(names.app)
    at(monkeypatch, began + 299 * 10**9)
    assert client.post("/transfer", data={"amount": 1}).text == "transferred"
    at(monkeypatch, began + 300 * 10**9)
    assert client.post("/transfer", data={"amount": 1}).headers["Location"] == "/confirm?next=/transfer"
    assert client.post("/confirm", data={"password": "correct horse"}).status_code == 303
    at(monkeypatch, began + 599 * 10**9)
    assert client.post("/transfer", data={"amount": 1}).text == "transferred"
    at(monkeypatch, began + 3700 * 10**9)
    assert client.get("/confirm").status_code == 200, "renewed, and no fresher for that"
    assert client.get("/transfer").status_code == 303


def test_a_log_in_that_had_checked_the_old_password_does_not_outlive_its_change(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = recipe("password-change")
    create, owner = names.module["create_new_session"], logged_in(names.app)
    new = {"current": "a much longer one", "new": "yet another long one"}

    def meanwhile(*arguments: Any) -> Any:
        monkeypatch.setitem(names.module, "create_new_session", create)
        with names.app.app_context():
            assert owner.post("/password", data=new).status_code == 303
        return create(*arguments)

    monkeypatch.setitem(names.module, "create_new_session", meanwhile)
    late = names.app.test_client()
    assert late.post("/login", data={**ADA, "password": "a much longer one"}).status_code == 403
    assert late.get("/").status_code == 401
    assert owner.get("/").status_code == 200


def test_a_reset_password_logs_everybody_out(recipe: Recipe) -> None:
    names = recipe("password-change")
    client = logged_in(names.app)
    with names.app.app_context():
        names.password_was_reset("ada", "from a link in a mail")
    assert client.get("/").status_code == 401


def test_who_had_copied_the_tokens_is_left_behind_by_a_change_of_password(recipe: Recipe) -> None:
    names = recipe("password-change")
    owner, thief = logged_in(names.app), names.app.test_client()
    for name in ("sAccessToken", "sRefreshToken"):
        thief.set_cookie(name, owner.get_cookie(name).value)  # type: ignore[union-attr]
    assert thief.get("/").status_code == 200
    new = {"current": "a much longer one", "new": "yet another long one"}
    assert owner.post("/password", data=new).status_code == 303
    assert thief.get("/").status_code == 401
    assert owner.get("/").status_code == 200


def test_the_absolute_limit_and_the_half_hour_hold(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> None:
    names = recipe("absolute-limit")
    began = time.time_ns()

    def after(client: FlaskClient, minutes: float) -> int:
        at(monkeypatch, began + int(minutes * 60 * 10**9))
        return client.get("/").status_code

    at(monkeypatch, began)
    busy, idle = logged_in(names.app), logged_in(names.app)
    assert {after(busy, minutes) for minutes in range(0, 720, 20)} == {200}
    assert after(busy, 720) == 401
    at(monkeypatch, began)
    idle = logged_in(names.app)
    assert (after(idle, 1.9), after(idle, 29.9)) == (200, 200)
    assert after(idle, 60) == 401
    at(monkeypatch, began)
    early = logged_in(names.app)
    assert after(early, 1.9) == 200
    assert after(early, 30.1) == 401, "28 minutes after its last request, as the page says"


def test_a_user_of_flask_login_who_is_disabled_is_nobody_at_once(recipe: Recipe) -> None:
    names = recipe("flask-login")
    client = logged_in(names.app)
    assert client.get("/").status_code == 200
    names.USERS["ada"].enabled = False
    assert client.get("/").status_code == 302
    assert names.app.test_client().post("/login", data=ADA).status_code == 403


def test_a_notice_is_put_out_once_for_a_session_and_a_receiver_that_fails_changes_nothing(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = recipe("theft-notice")
    names.OUTBOX.clear()
    owner = logged_in(names.app)
    copied = owner.get_cookie("sRefreshToken").value  # type: ignore[union-attr]
    assert [names.renews(owner), names.renews(owner)] == [200, 200]
    monkeypatch.setitem(names.module, "USERS", None)  # so that the receiver fails
    for _ in range(2):
        thief = names.app.test_client()
        thief.set_cookie("sRefreshToken", copied)
        assert thief.get("/", headers={"User-Agent": "another"}).status_code == 401
    assert names.OUTBOX == {}
    assert names.renews(owner) == 401


def test_items_that_are_added_at_the_same_time_are_all_kept(recipe: Recipe) -> None:
    names = recipe("guests")
    client = names.app.test_client()
    client.post("/cart", data={"item": "0"})
    cookies = "; ".join(f"{key}={client.get_cookie(key).value}" for key in ("sAccessToken", "sRefreshToken"))

    def add(number: int) -> int:
        tab = names.app.test_client(use_cookies=False)
        return int(tab.post("/cart", data={"item": str(number)}, headers={"Cookie": cookies}).status_code)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(add, range(1, 17))) == {303}
    assert sorted(client.get("/cart").get_json()["cart"], key=int) == [str(number) for number in range(17)]


def test_an_item_that_is_added_while_its_guest_logs_in_is_taken_along_or_refused(
    recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = recipe("guests")
    client = names.app.test_client()
    client.post("/cart", data={"item": "book"})
    cookies = "; ".join(f"{key}={client.get_cookie(key).value}" for key in ("sAccessToken", "sRefreshToken"))
    create, answers = names.module["create_new_session"], []

    def meanwhile(*arguments: Any, **options: Any) -> Any:
        with names.app.app_context():
            tab = names.app.test_client(use_cookies=False)
            answers.append(tab.post("/cart", data={"item": "late"}, headers={"Cookie": cookies}).status_code)
        return create(*arguments, **options)

    monkeypatch.setitem(names.module, "create_new_session", meanwhile)
    assert client.post("/login", data=ADA).status_code == 303
    assert answers == [409]
    assert client.get("/cart").get_json() == {"cart": ["book"]}


def test_a_user_whose_name_looks_like_a_guests_is_none_and_no_guest_is_a_member(recipe: Recipe) -> None:
    names = recipe("guests")
    names.USERS["guest:1"] = names.generate_password_hash("battery staple")
    odd = names.app.test_client()
    odd.post("/login", data={"name": "guest:1", "password": "battery staple"})
    assert odd.get("/orders").text == "Orders of guest:1"
    guest = names.app.test_client()
    guest.post("/cart", data={"item": "book"})
    assert guest.get("/orders", headers=PAGE).headers["Location"] == "/login"


def test_the_cart_of_the_user_before_stays_with_that_user(recipe: Recipe) -> None:
    names = recipe("guests")
    names.USERS["grace"] = names.generate_password_hash("battery staple")
    shared = logged_in(names.app)
    shared.post("/cart", data={"item": "ada's"})
    shared.post("/login", data={"name": "grace", "password": "battery staple"})
    assert shared.get("/cart").get_json() == {"cart": []}


def test_a_guest_whose_session_has_ended_logs_in_all_the_same(recipe: Recipe) -> None:
    names = recipe("guests")
    client = names.app.test_client()
    client.post("/cart", data={"item": "book"})
    [guest] = [each for each in names.app.extensions["supertokens"].edge.core.store.sessions(EVERYBODY, 0)
               if each.user_id.startswith("guest:")][-1:]  # fmt: skip
    names.app.extensions["supertokens"].edge.core.revoke_sessions([guest.handle])
    assert client.post("/login", data=ADA).status_code == 303
    assert client.get("/orders").text == "Orders of ada"
