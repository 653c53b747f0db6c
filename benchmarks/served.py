# SPDX-License-Identifier: Apache-2.0
"""The applications as gunicorn loads them: `benchmarks.served:bare()` and `benchmarks.served:protected()`."""

from __future__ import annotations

import flask

from benchmarks.apps import bare_app, sessions_app

__all__ = ["bare", "protected"]


def bare() -> flask.Flask:
    return bare_app()


def protected() -> flask.Flask:
    """Its store is the one that SUPERTOKENS_DATABASE names."""
    return sessions_app()
