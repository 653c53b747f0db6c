# SPDX-License-Identifier: Apache-2.0
"""The examples in the kit's docstrings run, and give what they show."""

from __future__ import annotations

import doctest
import importlib
import inspect
from collections.abc import Iterator
from typing import Any

import pytest

import supertokens.testing
from supertokens.core import EmbeddedCore
from supertokens.testing import Browser, FakeClock, Workers, login_as

from .an_app import fastapi_app, flask_app

NAMES = "apps browser clients clock framework_clients login messages network tab workers"
MODULES = [importlib.import_module(f"supertokens.testing.{name}") for name in NAMES.split()]


def examples() -> Iterator[doctest.DocTest]:
    finder = doctest.DocTestFinder(exclude_empty=True)
    for module in MODULES:
        yield from (found for found in finder.find(module) if found.examples)


@pytest.mark.parametrize("example", list(examples()), ids=lambda example: example.name)
def test_an_example_gives_what_it_shows(
    example: doctest.DocTest, app: Any, core: EmbeddedCore, clock: FakeClock, browser: Browser
) -> None:
    tab = browser.tab()
    login_as(tab, "ada", role="admin")
    app.add_url_rule("/account", "account", lambda: "")
    app.add_url_rule("/notes/1", "note", lambda: "", methods=["PUT"])
    around = {"asgi_app": fastapi_app(core), "make_app": flask_app}
    example.globs |= {**around, **vars(supertokens.testing), "app": app, "core": core, "clock": clock}
    example.globs |= {"browser": browser, "tab": tab, "other_tab": browser.tab(), "workers": Workers(flask_app, clock)}
    said: list[str] = []
    result = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(example, out=said.append)
    assert result.failed == 0, "".join(said)


def test_every_public_function_has_an_example() -> None:
    shown = {example.name for example in examples()}
    for name in supertokens.testing.__all__:
        public = getattr(supertokens.testing, name)
        if public.__module__ not in {module.__name__ for module in MODULES} or is_error(public):
            continue
        whole = f"{public.__module__}.{name}"
        assert any(each == whole or each.startswith(f"{whole}.") for each in shown), name


def is_error(public: object) -> bool:
    return inspect.isclass(public) and issubclass(public, BaseException)
