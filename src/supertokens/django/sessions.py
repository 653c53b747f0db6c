# SPDX-License-Identifier: Apache-2.0
"""The sessions of the project: one edge, one core and one pool of threads for all of its handlers."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from django.apps import apps
from django.conf import settings
from django.core import mail
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.http import HttpRequest

from supertokens.asgi.threads import Threads
from supertokens.config import Config, ConfigError
from supertokens.core import Core
from supertokens.django.requests import CURRENT, DjangoRequest, ProxiedRequest, request_of
from supertokens.django.responses import rewrite_headers
from supertokens.django.settings import NAME, home_of_project, read_settings
from supertokens.django.signals import send
from supertokens.forks import ProcessLock
from supertokens.topology import open_core, require_extras
from supertokens.transport import ReadyRoute, RequestSession, SessionEdge, StoredSessions, ready_routes

__all__ = ["LABEL", "ProjectSessions", "Sessions", "sessions_of_project"]

LABEL: Final = "supertokens"
"""The label of the application `supertokens.django`, among the project's applications."""
_SETTINGS: Final = (NAME, "USE_X_FORWARDED_HOST", "SECURE_PROXY_SSL_HEADER")


class Sessions:
    """The sessions configured by `given`, one value of `SUPERTOKENS`. Raise ConfigError if it is invalid."""

    def __init__(self, given: object) -> None:
        self.given = given
        own, explained = read_settings(given)
        config = explained.logged()
        require_extras(config)

        def opened() -> Core:
            return own.core or self._open_core(config)

        self.edge: Final = SessionEdge(
            config,
            opened,
            rewrite=rewrite_headers,
            attach=lambda core: core.signals.connect(send),
            explicit=explained.where.keys(),
        )
        trusts_proxy = settings.USE_X_FORWARDED_HOST or settings.SECURE_PROXY_SSL_HEADER
        self._request: Final = ProxiedRequest if trusts_proxy else DjangoRequest
        self.threads: Final = Threads(own.threads, own.max_waiting)
        self.routes: Final[tuple[ReadyRoute, ...]] = ready_routes(config) if own.routes else ()
        self.stored: Final = StoredSessions(self.edge, partial(_asked, self))

    def _open_core(self, config: Config) -> Core:
        home = home_of_project()
        is_test = hasattr(mail, "outbox")  # by its test runner: sessions are then kept only as long as this object
        return open_core(config, home.database, self, home.owner, is_test=is_test)

    @property
    def core(self) -> Core:
        """The core, opened on first use."""
        return self.edge.core

    def begin(self, http: HttpRequest) -> DjangoRequest:
        """Attach a session to the new request `http`, and return that."""
        edge = self.edge
        owner = RequestSession(edge)
        if edge.renews:
            owner.came_in = edge.monotonic()
        request = self._request(edge, self.threads, owner, {})
        http._supertokens = request  # type: ignore[attr-defined]
        return request

    def current(self) -> DjangoRequest | None:
        """Return the current request if it belongs to these sessions, or None."""
        http = CURRENT.get()
        found = None if http is None else request_of(http)
        return found if found is not None and found.edge is self.edge else None


def _asked(sessions: Sessions) -> RequestSession | None:
    found, http = sessions.current(), CURRENT.get()
    return None if found is None or http is None else found.asked_for(http)


class ProjectSessions:
    """The sessions of the running project, for the current `SUPERTOKENS`: created anew when tests override it."""

    def __init__(self) -> None:
        self.made: Sessions | None = None
        """What `current` returns, once that was called: every request needs it, and this saves one a call."""
        setting_changed.connect(self._forget)
        self._making = ProcessLock()

    def current(self) -> Sessions:
        """Return the sessions for the current value of the setting. Raise ImproperlyConfigured if it is invalid."""
        if self.made is not None:
            return self.made
        with self._making.own:
            if self.made is None:
                try:
                    self.made = Sessions(getattr(settings, NAME, None))
                except ConfigError as error:
                    raise ImproperlyConfigured(str(error)) from error
            return self.made

    def _forget(self, *, setting: str, **_: object) -> None:
        # Each access to a setting takes half a microsecond, and requests need several.
        if setting in _SETTINGS:
            self.made = None


def sessions_of_project() -> ProjectSessions:
    """Return the sessions of the project. Raise ImproperlyConfigured if the application is not installed."""
    try:
        config: Any = apps.get_app_config(LABEL)
    except LookupError:
        raise ImproperlyConfigured("'supertokens.django' has to be in INSTALLED_APPS") from None
    project: ProjectSessions = config.sessions
    return project
