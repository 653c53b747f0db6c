# SPDX-License-Identifier: Apache-2.0
"""What the requests of one application share: the core, its settings, and the rules made from them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final

from supertokens.config import Config, ConfigError
from supertokens.core import Core, system_clock
from supertokens.engine.noted_client import NotedClient
from supertokens.engine.renewal import Obstacle, RenewalTimes, obstacle
from supertokens.engine.session import CookieLife
from supertokens.engine.user_data import JsonObject
from supertokens.errors import SuperTokensError, SuperTokensGeneralError
from supertokens.forks import ProcessLock
from supertokens.transport.cookies import CookiePolicy
from supertokens.transport.limits import SizeLimits
from supertokens.transport.origin import OriginCheck
from supertokens.transport.request import Request
from supertokens.transport.response_changes import Header, ResponseChanges
from supertokens.transport.response_writer import ResponseWriter

__all__ = ["SessionEdge"]

_PROXY_BUFFER_BYTES: Final = 3584
_MAX_LOST_RACES: Final = 200
"""How many races one change of session data may lose; each loss means that another request has succeeded."""

_log = logging.getLogger("supertokens")


class SessionEdge:
    """The browser edge of one application.

    `open_core`: called on the first use, once. `rewrite`: changes the headers of a framework's response object, by a
    function from header list to header list. `attach`: called with each core, before its first use here. `as_raised`:
    returns the error to raise in place of one of the core's, so that the framework can respond to it. `explicit`: names
    of the settings that were set explicitly. `clock`: milliseconds since the epoch, None: the core's; `monotonic`:
    seconds of a clock that never goes back.
    """

    def __init__(
        self,
        config: Config,
        open_core: Callable[[], Core],
        *,
        rewrite: Callable[[Any, Callable[[list[Header]], list[Header]]], None],
        attach: Callable[[Core], None] | None = None,
        as_raised: Callable[[SuperTokensError], SuperTokensError] = lambda error: error,
        explicit: Collection[str] = (),
        clock: Callable[[], int] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.config = config
        self.rewrite = rewrite
        self._attach = attach
        self.as_raised = as_raised
        self.clock = clock or system_clock
        self._has_own_clock = clock is not None
        self.monotonic = monotonic
        self.renews = config.renewal == "server"
        """Whether the server renews the sessions of browsers that have no library."""
        self.checks_value = config.anti_csrf_mode == "token"
        """Whether sessions have an anti-CSRF value, which checks require."""
        self.refresh_path = config.refresh_api_path
        """The path of the refresh API."""
        self.checks_database = config.access_token_blacklisting
        self.origin_check = OriginCheck(config.trusted_origins or ()) if config.anti_csrf_mode == "origin" else None
        self.checks_handshakes = self.origin_check is not None
        """Whether the handshakes of WebSockets are checked against other sites."""
        self.asks_more_than_tokens = self.renews or self.origin_check is not None
        """Whether a check examines more of a request than its token."""
        self.times = self._times(config.refresh_token_rotation_grace_period_ms)
        self.cookies = CookiePolicy(config, explicit)
        self.access_cookie_start = self.cookies.starts["sAccessToken"]
        self.writer = ResponseWriter(self.cookies, renews=self.renews)
        self.limits = SizeLimits(self.writer, config.max_session_data_bytes)
        self._open_core = open_core
        self._opening = ProcessLock()
        self._warned_of_size = False
        self.opened_core: Core | None = None

    @property
    def core(self) -> Core:
        """Return the core, opened on first use. Raise SuperTokensGeneralError if it cannot be opened."""
        if self.opened_core is None:
            with self._opening.own:
                self.opened_core = self.opened_core or self._suitable(self._open_core())
        return self.opened_core

    @contextmanager
    def replaced_core(self, core: Core) -> Iterator[None]:
        """Use `core` in place of the configured one within the block, for tests.

        Raise ConfigError if the server is to renew sessions, and `core` does not allow that.
        """
        before = self.opened_core, self.clock, self.times
        self.opened_core = self._suitable(core)
        try:
            yield
        finally:
            self.opened_core, self.clock, self.times = before

    def _suitable(self, core: Core) -> Core:
        """Attach `core`, and return it. Raise ConfigError if the server is to renew, and `core` does not allow it."""
        if self._attach is not None:
            self._attach(core)
        if not self._has_own_clock:
            self.clock = core.clock  # the core decides how long a token has left
        if self.renews:
            self.times = self._times_with(core)
        return core

    def _times(self, grace: int) -> RenewalTimes:
        return RenewalTimes.of(grace, upload_grace=self.config.renewal_upload_grace * 1000)

    def _times_with(self, core: Core) -> RenewalTimes:
        """Return the timing of renewals with `core`. Raise ConfigError if it does not allow them."""
        terms = core.renewal_terms()
        grace, validity = (0, 0) if terms is None else (terms.grace, terms.access_token_validity)
        why = Obstacle.SIBLINGS if terms is None else None
        why = why or obstacle(grace=grace, access_token_validity=validity, core_converges=True)
        if why is not None:
            raise ConfigError(
                f"'renewal: server' cannot be combined with this core: {why.value}; use 'renewal: client', or change"
                " the core's 'refresh_token_rotation_grace_period' or 'access_token_validity'",
                "renewal",
            )
        return self._times(grace)

    def noted(self, request: Request) -> NotedClient:
        """Return what a session records about the client of `request`, as `record_client` allows."""
        allowed = self.config.record_client
        return NotedClient.of(
            None if allowed == "none" else request.user_agent_as_text, request.peer if allowed == "address" else None
        )

    def cookie_life(self, handle: str | None, now: int) -> CookieLife:
        """Return how long, from `now` on, a browser may keep a cookie of the session `handle`.

        For changes that come without a new token from the core. If the record cannot be read, the cookie lasts until
        the browser is closed.
        """
        try:
            session = None if handle is None else self.core.session(handle)
        except SuperTokensError:
            session = None
        return CookieLife(now, remember=False) if session is None else CookieLife(session.expires_at, session.remember)

    def jwt_payload(self, handle: str) -> JsonObject:
        """Return the stored payload of the session `handle`."""
        return self.core.session(handle).jwt_payload

    def update_jwt_payload(self, handle: str, jwt_payload: object) -> None:
        """Replace the stored payload of the session `handle` with `jwt_payload`. Access tokens follow when renewed."""
        user_id = self.core.session(handle).user_id
        self.core.update_jwt_payload(handle, self.limits.jwt_payload(jwt_payload, user_id))

    def update_session_data(self, handle: str, session_data: object) -> None:
        """Replace the data of the session `handle` with `session_data`, or with the result of it if it is a function.

        A function is called again if another request has replaced the data meanwhile, so that no change is lost. If it
        returns None, its argument is stored, with the changes made to it.
        """
        if not callable(session_data):
            self.core.update_session_data(handle, self.limits.session_data(session_data))
            return
        for _ in range(_MAX_LOST_RACES):
            stored = self.core.stored_session_data(handle)
            returned = session_data(stored.data)
            data = self.limits.session_data(stored.data if returned is None else returned)
            if self.core.swap_session_data(handle, stored.version, data):
                return
        raise SuperTokensGeneralError(f"a change of session data lost {_MAX_LOST_RACES} races in a row")

    def warn_of_size(self, changes: ResponseChanges) -> None:
        """Log once that the session headers in `changes` exceed what proxies accept by default."""
        if self._warned_of_size or changes.size_at_most() <= _PROXY_BUFFER_BYTES:
            return
        size = changes.size_of_all()
        if size <= _PROXY_BUFFER_BYTES:
            return
        self._warned_of_size = True
        _log.warning(
            "the session headers of a response have %d bytes: nginx responds with a 502 if they do not fit into its"
            " 'proxy_buffer_size', 4k by default. Raise that, or put less into jwt_payload",
            size,
        )
