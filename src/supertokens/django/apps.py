# SPDX-License-Identifier: Apache-2.0
"""The application `supertokens.django`: the project's sessions, the system checks, the command."""

from __future__ import annotations

from django.apps import AppConfig
from django.core.checks import register

from supertokens.django.checks import check_middleware, check_settings
from supertokens.django.sessions import LABEL, ProjectSessions

__all__ = ["SuperTokensConfig"]


class SuperTokensConfig(AppConfig):
    """The application, in INSTALLED_APPS as `supertokens.django`."""

    name = "supertokens.django"
    label = LABEL
    verbose_name = "Sessions"

    def ready(self) -> None:
        """Set up the project's sessions, and register the system checks."""
        self.sessions = ProjectSessions()
        register(check_settings)
        register(check_middleware)
