# SPDX-License-Identifier: Apache-2.0
"""An app under test, and the fixtures of the plugin."""

from __future__ import annotations

import flask
import pytest

from supertokens.core import Core
from supertokens.testing.plugin import browser, clock, core, login_as, server_clock, session_options, tab

from .an_app import flask_app

__all__ = ["browser", "clock", "core", "login_as", "server_clock", "session_options", "tab"]


@pytest.fixture
def app(core: Core) -> flask.Flask:
    return flask_app(core)
