# SPDX-License-Identifier: Apache-2.0
"""The demo, and the app to copy from, on PostgreSQL by one setting. The tests that are imported run again here."""

from __future__ import annotations

from pathlib import Path

import pytest

from jotter import create_app
from supertokens.core import system_clock
from supertokens.stores.base import EVERYBODY
from supertokens.stores.opening import open_store
from supertokens.testing.store_contract import handles_of

from ..examples.pages.conftest import Visitor  # noqa: TID252 - tests is no package that could be imported by its name
from ..test_demo import (  # noqa: F401, TID252
    ada,
    app,
    client,
    test_login_answers_with_the_session_and_me_shows_the_same,
    test_logout_everywhere_ends_all_sessions_of_the_user_at_once,
    test_refresh_keeps_the_session_and_replaces_its_refresh_token,
    test_the_thief_is_caught_with_a_token_that_was_replaced,
)


@pytest.fixture(autouse=True)
def setting(url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The one setting. Returns what it is set to."""
    monkeypatch.setenv("SUPERTOKENS_DATABASE", url)
    return url


@pytest.mark.usefixtures("ada")
def test_the_sessions_of_the_demo_are_there_and_not_in_a_file(setting: str, tmp_path: Path) -> None:
    store = open_store(setting)
    assert len(handles_of(store, "ada", system_clock())) == 1
    store.close()
    assert list(tmp_path.rglob("*.sqlite3")) == []


@pytest.mark.parametrize("by", ["SUPERTOKENS_DATABASE", "JOTTER_SUPERTOKENS_DATABASE"])
def test_the_app_to_copy_from_keeps_its_sessions_there(
    setting: str, by: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("SUPERTOKENS_DATABASE")
    monkeypatch.setenv(by, setting)
    jotter = create_app(tmp_path / "jotter")
    visitor = Visitor(jotter)
    assert visitor.sign_up("ada").status_code == 303
    elsewhere = Visitor(jotter)
    assert elsewhere.log_in("ada").status_code == 303
    store = open_store(setting)
    assert store.count_sessions(EVERYBODY, system_clock()) == 2
    assert visitor.get("/devices").status_code == 200
    assert {path.name for path in (tmp_path / "jotter").glob("*.sqlite3")} == {"jotter.sqlite3"}
    store.close()
    jotter.extensions["supertokens"].core.close()
