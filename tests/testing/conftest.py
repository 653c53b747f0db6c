# SPDX-License-Identifier: Apache-2.0
"""An app under test, and the fixtures of the plugin."""

from __future__ import annotations

from tests.django.project import set_up

set_up()

import flask  # noqa: E402
import pytest  # noqa: E402

from supertokens.core import Core  # noqa: E402
from supertokens.testing.plugin import browser, clock, core, login_as, server_clock, session_options, tab  # noqa: E402

from .an_app import flask_app  # noqa: E402

__all__ = ["browser", "clock", "core", "login_as", "server_clock", "session_options", "tab"]


@pytest.fixture
def app(core: Core) -> flask.Flask:
    return flask_app(core)
