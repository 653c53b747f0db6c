# SPDX-License-Identifier: Apache-2.0
"""Notes: each user's own, and a form that outlives the token it was opened with."""

from __future__ import annotations

from collections.abc import Callable

from supertokens.testing import FakeClock

from .conftest import Visitor, goes_to, said

Visit = Callable[..., Visitor]


def test_a_note_is_kept_and_seen_by_nobody_else(ada: Visitor, visit: Visit) -> None:
    assert goes_to(ada.post("/notes", text="  buy <b>milk</b>\nand bread ")) == "/notes"
    page = ada.get("/notes")
    assert "Your note is kept." in said(page)
    assert "buy &lt;b&gt;milk&lt;/b&gt;\nand bread" in page.text.replace("\r", "")
    grace = visit()
    grace.sign_up("grace")
    assert "milk" not in grace.get("/notes").text


def test_a_form_outlives_its_token_and_is_sent_once(ada: Visitor, clock: FakeClock) -> None:
    said(ada.get("/notes"))
    clock.advance(hours=5)
    before = ada.cookies()
    assert goes_to(ada.post("/notes", text="written for hours")) == "/notes"
    assert ada.cookies().keys() == before.keys()
    assert ada.cookies() != before
    assert said(ada.get("/notes")).count("written for hours") == 1


def test_an_empty_note_is_none_and_a_long_one_is_cut(ada: Visitor) -> None:
    ada.post("/notes", text=" \n ")
    ada.post("/notes")
    assert "Nothing yet." in said(ada.get("/notes"))
    ada.post("/notes", text="x" * 600)
    page = said(ada.get("/notes"))
    assert "x" * 500 in page
    assert "x" * 501 not in page
