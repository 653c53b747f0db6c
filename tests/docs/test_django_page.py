# SPDX-License-Identifier: Apache-2.0
"""The way from an empty folder to a Django site, gone to the letter; every verb is on the page."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Final

import supertokens.django
from tests.django.project import set_up

from .pages import page
from .test_docs import signature
from .test_quickstart import commands, files, folder, printed_by, run

set_up()

from supertokens.django import auth  # noqa: E402

__all__ = ["folder"]

PAGE: Final = page("docs/integrations/django.md")
SETTING_UP, RUNNING = PAGE.in_language("console")
MARK: Final = "# mysite/settings.py, at its end\n"


def test_its_commands_run_as_written_and_print_what_it_says(folder: Path) -> None:
    run("\n".join(commands(SETTING_UP.text)), folder)
    site = folder / "notes-site"
    (site / "mysite" / "urls.py").write_text(files(PAGE)["mysite/urls.py"], "utf-8")
    [more] = [block.text for block in PAGE.blocks if block.text.startswith(MARK)]
    with (site / "mysite" / "settings.py").open("a", encoding="utf-8") as settings:
        settings.write(more)
    check, migrate, add_user, start, *calls = commands(RUNNING.text)
    assert "no issues" in run(check, site)
    run(f"{migrate}\n{add_user}", site)
    [expected] = PAGE.in_language("text")
    assert printed_by(start, calls, site, "http://127.0.0.1:5057/notes") == expected.text
    assert (site / "instance" / "supertokens.sqlite3").exists()
    others = [block.text for block in PAGE.in_language("python") if not block.text.startswith("# mysite/")]
    (site / "others.py").write_text("\n\n".join(others), "utf-8")
    assert len(others) == 4
    run(".venv/bin/python manage.py shell -c 'import others; assert others.NotesTest'", site)


def test_every_public_name_is_on_the_page() -> None:
    named = {word for span in PAGE.code_spans for word in re.findall(r"\w+", span)}
    assert {*supertokens.django.__all__, *auth.__all__} - {"user_of"} - named == set()


def test_the_verbs_are_documented_with_their_signatures() -> None:
    spans = [*PAGE.code_spans, *PAGE.headings]
    without_request = set(supertokens.django.stored_sessions.__all__)
    for name in supertokens.django.__all__:
        value = getattr(supertokens.django, name)
        if inspect.isfunction(value) and name not in without_request and not inspect.iscoroutinefunction(value):
            written = signature(value).replace("view=None, /, ", "")
            assert any(f"{name}{written}" in span for span in spans), name
    assert any(f"log_in{signature(auth.log_in)}" in span for span in spans)


def test_each_twin_takes_what_its_verb_does() -> None:
    names = set(supertokens.django.__all__)
    twins = [name for name in names if inspect.iscoroutinefunction(getattr(supertokens.django, name))]
    assert len(twins) == 16
    for name in twins:
        verb = getattr(supertokens.django, name.removeprefix("a"))
        assert signature(getattr(supertokens.django, name)) == signature(verb), name
    session = supertokens.django.Session
    for name in [name for name in dir(session) if inspect.iscoroutinefunction(getattr(session, name))]:
        if name[0] != "_":
            assert signature(getattr(session, name)) == signature(getattr(session, name.removeprefix("a"))), name
