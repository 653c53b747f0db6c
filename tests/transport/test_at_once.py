# SPDX-License-Identifier: Apache-2.0
"""A check that is said to be decided at once asks no store, whatever the request shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any, Final

import pytest

from supertokens.core import WouldWaitError
from supertokens.errors import SuperTokensError
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock
from supertokens.transport import RequestSession, SessionEdge, Standing, find_at_once, is_verified_at_once, verbs

from .conftest import MakeSite
from .site import LEGACY, MODERN, PLAIN, Site, Visitor, by_asgi

ASKED: Final = [name for name in vars(MemoryStore) if name[0] != "_" and name != "close"]


class Shown:
    """Tokens of every kind, by name: the texts of cookies and of the Authorization header."""

    def __init__(self, site: Site, clock: FakeClock) -> None:
        create, refresh = site.core.create_session, site.core.refresh
        expired = create("ada", {}, {}, anti_csrf=False)
        clock.advance(hours=2)
        living, other = create("ada", {}, {}, anti_csrf=False), create("ada", {}, {}, anti_csrf=False)
        first = create("ada", {}, {}, anti_csrf=False)
        marked = refresh(first.refresh_token.text, anti_csrf=False)
        ended = create("bob", {}, {}, anti_csrf=False)
        site.core.revoke_user("bob")
        self.access = {
            "none": [], "empty": [""], "garbage": ["garbage"], "living": [living.access_token.text],
            "expired": [expired.access_token.text], "marked": [marked.access_token.text],
            "ended": [ended.access_token.text], "of another key": [ANOTHER_KEYS],
            "two": [living.access_token.text, other.access_token.text],
        }  # fmt: skip
        self.refresh = {
            "none": [], "garbage": ["garbage"], "its own": [living.refresh_token.text],
            "that of the expired": [expired.refresh_token.text], "that of the marked": [marked.refresh_token.text],
            "another's": [other.refresh_token.text], "two": [living.refresh_token.text, other.refresh_token.text],
        }  # fmt: skip
        self.bearer = {
            "none": [], "garbage": ["garbage"], "living": [living.access_token.text], "of another key": [ANOTHER_KEYS],
            "marked": [marked.access_token.text], "refresh": [living.refresh_token.text],
        }  # fmt: skip


# "kid" is of a key that the store may have meanwhile: the token of a worker that has just made one.
ANOTHER_KEYS: Final = (
    "eyJhbGciOiJSUzI1NiIsInR5cCI6IkpXVCIsInZlcnNpb24iOiI1Iiwia2lkIjoiZC0xNzAwMDA3MjAwMDAwIn0"
    ".eyJzdWIiOiJhZGEifQ.c2lnbmF0dXJl"
)


def headers(dialect: Mapping[str, str], access: list[str], refresh: list[str], bearer: list[str]) -> dict[str, str]:
    pairs = [f"{name}={text}" for name, texts in (("sAccessToken", access), ("sRefreshToken", refresh))
             for text in texts]  # fmt: skip
    sent = {"host": "localhost", "user-agent": "test", **dialect}
    if pairs:
        sent["cookie"] = "; ".join(pairs)
    if bearer:
        sent["authorization"] = f"Bearer {bearer[0]}"
    return sent


@pytest.mark.parametrize("options", [{}, {"renewal": "server"}, {"anti_csrf": "origin"},
                                     {"access_token_blacklisting": True}], ids=str)  # fmt: skip
def test_what_is_decided_at_once_asks_no_store(
    clock: FakeClock, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    site = Site(clock, by_asgi, **options)
    shown, asked = Shown(site, clock), Counter[str]()
    assert site.edge.core is site.core
    for name in ASKED:
        monkeypatch.setattr(site.store, name, counted(asked, name, getattr(site.store, name)))
    # Reads the keys again, though no more often than every so many seconds.
    monkeypatch.setattr(site.core.keys, "after_unknown_key", counted(asked, "keys", site.core.keys.after_unknown_key))
    at_once = 0
    for dialect, access, refresh, bearer, check, database in product(
        (PLAIN, LEGACY, MODERN), shown.access, shown.refresh, shown.bearer, (False, True), (None, True)
    ):
        sent = headers(dialect, shown.access[access], shown.refresh[refresh], shown.bearer[bearer])
        owner = site.asked(by_asgi("GET", "/me", sent))
        asked.clear()
        for time in ("first", "again"):  # what the first check found decides how the second is done
            says = is_verified_at_once(owner, check_database=database)
            assert not asked
            outcome = looked(owner, check=check, database=database)
            if says:
                at_once += 1
                assert not asked, (dialect, access, refresh, bearer, check, database, time, outcome, asked)
            asked.clear()
            found = found_at_once(another := site.asked(by_asgi("GET", "/me", sent)), check=check, database=database)
            assert not asked
            if time == "first":
                assert found is not None or not says
                assert found is None or found == outcome
                assert found is not None or looked(another, check=check, database=database) == outcome, (
                    "nothing was done"
                )
                assert another.standing is owner.standing
            asked.clear()
    assert at_once > 500, "and that is often"


def found_at_once(owner: RequestSession, *, check: bool, database: bool | None) -> str | None:
    try:
        session = find_at_once(owner, check_anti_csrf=check, required=True, check_database=database)
    except WouldWaitError:
        return None
    except SuperTokensError as error:
        return type(error).__name__
    assert session is not None
    return session.get_user_id()


def counted(asked: Counter[str], name: str, method: Any) -> Any:
    def count(*args: Any, **kwargs: Any) -> Any:
        asked[name] += 1
        return method(*args, **kwargs)

    return count


def looked(owner: RequestSession, *, check: bool, database: bool | None) -> str:
    try:
        return verbs.verify(owner, check_anti_csrf=check, check_database=database).get_user_id()
    except SuperTokensError as error:
        return type(error).__name__


@pytest.mark.parametrize("renewal", ["client", "server"])
def test_the_usual_request_is_decided_at_once(
    make_site: MakeSite, any_dialect: Mapping[str, str], renewal: str
) -> None:
    site = make_site(renewal=renewal)
    assert not is_verified_at_once(Visitor(site, any_dialect).ask()), "before the core is open"
    visitor = Visitor(site, any_dialect)
    owner = visitor.ask("POST", "/login")
    session = verbs.create(owner, "ada", {}, None)
    assert is_verified_at_once(owner), "the request has begun it"
    visitor.take(owner)
    shown = (
        {"authorization": f"Bearer {session.get_access_token()}"} if any_dialect.get("st-auth-mode") == "header" else {}
    )
    if renewal == "server" and any_dialect:  # a library shows its refresh token to the refresh API only
        visitor.browser.jar = {key: each for key, each in visitor.browser.jar.items() if each.name != "sIdRefreshToken"}
    owner = visitor.ask("GET", "/me", shown)
    assert is_verified_at_once(owner)
    assert not is_verified_at_once(owner, check_database=True)
    assert verbs.verify(owner, check_anti_csrf=False).get_user_id() == "ada"
    assert owner.standing is Standing.FOUND
    assert is_verified_at_once(owner), "again"
    assert find_at_once(owner, check_anti_csrf=False, required=True) is not None
    assert find_at_once(visitor.ask("GET", "/me", shown), check_anti_csrf=False, required=True) is not None


def test_nothing_is_decided_at_once_before_the_core_is_open(clock: FakeClock) -> None:
    site = Site(clock, by_asgi)
    opened: list[str] = []

    def open_core() -> Any:
        opened.append("opened")
        return site.core

    site.edge = SessionEdge(site.edge.config, open_core, rewrite=lambda *_: None)
    assert not is_verified_at_once(site.asked(by_asgi("GET", "/me")))
    with pytest.raises(WouldWaitError):
        find_at_once(site.asked(by_asgi("GET", "/me")), check_anti_csrf=None, required=False)
    assert opened == []


@pytest.mark.parametrize("renewal", ["client", "server"])
def test_one_check_may_read_the_record(make_site: MakeSite, renewal: str) -> None:
    """It sees a revocation that the token's own word does not tell, and so does the second check of a request."""
    site = make_site(renewal=renewal)
    visitor = Visitor(site)
    visitor.log_in()
    owner = visitor.ask()
    assert verbs.verify(owner, check_anti_csrf=False, check_database=True).get_user_id() == "ada"
    site.core.revoke_user("ada")
    assert looked(owner, check=False, database=None) == "ada"
    assert looked(owner, check=False, database=True) == "SuperTokensUnauthorisedError"
    assert looked(visitor.ask(), check=False, database=False) == "ada"
    assert looked(visitor.ask(), check=False, database=True) == "SuperTokensUnauthorisedError"


@pytest.mark.parametrize("renewal", ["client", "server"])
def test_one_check_may_spare_the_record_under_blacklisting(make_site: MakeSite, renewal: str) -> None:
    site = make_site(renewal=renewal, access_token_blacklisting=True)
    visitor = Visitor(site)
    visitor.log_in()
    site.core.revoke_user("ada")
    assert looked(visitor.ask(), check=False, database=False) == "ada"
    assert looked(visitor.ask(), check=False, database=None) == "SuperTokensUnauthorisedError"
