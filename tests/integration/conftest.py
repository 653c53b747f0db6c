# SPDX-License-Identifier: Apache-2.0
"""Apps with sessions on the clock of a test, and browsers in front of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import flask
import pytest

pytest.register_assert_rewrite("tests.integration.visitor")

from supertokens.config import Config  # noqa: E402
from supertokens.core import EmbeddedCore  # noqa: E402
from supertokens.flask import SuperTokens  # noqa: E402
from supertokens.stores.sqlite import SqliteStore  # noqa: E402
from supertokens.testing import FakeClock  # noqa: E402

from .views import add_views  # noqa: E402
from .visitor import DIALECTS, Visitor  # noqa: E402


class Attach(Protocol):
    """The fixture of that name."""

    def __call__(self, app: flask.Flask, **options: Any) -> SuperTokens: ...


@pytest.fixture
def attach(store: SqliteStore, clock: FakeClock) -> Attach:
    """`attach(app, access_token_validity=…)` — sessions for `app`, on the store and the clock of the test."""

    def attached(app: flask.Flask, **options: Any) -> SuperTokens:
        extension = SuperTokens(app, core=EmbeddedCore(Config(**options), store, clock=clock), **options)
        app.extensions["supertokens"].edge.clock = clock
        return extension

    return attached


@pytest.fixture
def app(attach: Attach) -> flask.Flask:
    """An app with the views that these tests have in common, as in production: errors are answered."""
    made = flask.Flask("an_app")
    attach(made)
    add_views(made)
    return made


@pytest.fixture(params=list(DIALECTS))
def dialect(request: pytest.FixtureRequest) -> Mapping[str, str]:
    """The headers of each kind of browser library."""
    return DIALECTS[request.param]


@pytest.fixture
def visitor(app: flask.Flask, clock: FakeClock) -> Visitor:
    """A browser without a library in front of `app`."""
    return Visitor(app, clock)
