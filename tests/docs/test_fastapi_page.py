# SPDX-License-Identifier: Apache-2.0
"""The way from an empty folder to a FastAPI app, gone to the letter; every verb is on the page."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Final

import pytest

import supertokens.fastapi
import supertokens.starlette

from .pages import page
from .test_docs import signature
from .test_quickstart import commands, files, folder, printed_by, run

__all__ = ["folder"]

PAGE: Final = page("docs/integrations/fastapi.md")
SETTING_UP, RUNNING = PAGE.in_language("console")


def test_its_commands_run_as_written_and_print_what_it_says(folder: Path) -> None:
    run("\n".join(commands(SETTING_UP.text)), folder)
    app = folder / "notes-api"
    for name, text in files(PAGE).items():
        (app / name).write_text(text, "utf-8")
    start, *calls = commands(RUNNING.text)
    [expected] = PAGE.in_language("text")
    assert printed_by(start, calls, app, "http://127.0.0.1:5056/") == expected.text
    assert (app / "instance" / "supertokens.sqlite3").exists()


@pytest.mark.parametrize("module", [supertokens.fastapi, supertokens.starlette])
def test_every_public_name_is_on_the_page_or_on_that_of_asgi(module: object) -> None:
    spans = [*PAGE.code_spans, *page("docs/integrations/asgi.md").code_spans]
    named = {word for span in spans for word in re.findall(r"\w+", span)}
    assert set(vars(module)["__all__"]) - named == set()


def test_the_dependency_and_the_extension_are_documented_with_their_signatures() -> None:
    for value in (supertokens.fastapi.SuperTokens, supertokens.fastapi.require_session):
        assert any(f"{value.__name__}{signature(value)}" in span for span in [*PAGE.code_spans, *PAGE.headings])
    assert inspect.iscoroutinefunction(supertokens.fastapi.create_new_session)
