# SPDX-License-Identifier: Apache-2.0
"""The interface between an integration and a core, wherever that core runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from supertokens.core.signals import Signals
from supertokens.engine.access_token import AccessToken
from supertokens.engine.anti_csrf import AntiCsrfMode
from supertokens.engine.noted_client import NotedClient
from supertokens.engine.refresh_token import TokenPosition
from supertokens.engine.session import IssuedSession, ListedSession, SessionCursor, SessionInformation, VerifiedSession
from supertokens.engine.user_data import JsonObject

__all__ = ["Core", "RenewalTerms", "StoredData"]


class RenewalTerms(NamedTuple):
    """The parameters of renewal by the server, in ms: the rotation's grace period, and an access token's lifetime."""

    grace: int
    access_token_validity: int


class StoredData(NamedTuple):
    """The data of a session, with a version that detects concurrent changes. The caller may modify it."""

    data: JsonObject
    version: str


class Core(Protocol):
    """The verbs of sessions. Times are in ms.

    Every method may raise SuperTokensGeneralError; those that take a token or a handle raise
    SuperTokensUnauthorisedError where the session does not exist, unless their result says so.
    """

    signals: Signals
    """The listeners to this core's decisions."""

    @property
    def clock(self) -> Callable[[], int]:
        """Return the clock by which this core judges tokens: a function that gives ms since the epoch."""

    def create_session(
        self,
        user_id: str,
        jwt_payload: JsonObject,
        session_data: JsonObject,
        *,
        anti_csrf: bool,
        static_key: bool = False,
        remember: bool = True,
        noted: NotedClient | None = None,
        replaces: Sequence[str] = (),
    ) -> IssuedSession:
        """Create a session of `user_id`, whose identity the caller has verified.

        `jwt_payload` travels in the access token, `session_data` stays on the server. `anti_csrf`: whether its tokens
        have an anti-CSRF value. `static_key`: whether the static key signs its access tokens. `remember`: whether its
        cookies outlive the browser; a session that is not remembered ends after `short_session_validity` without use.
        `noted`: what it notes of its client. `replaces`: handles of sessions that end when it begins.

        Raise SuperTokensSessionLimitError if the user has too many sessions and none may be ended for it, and
        SuperTokensGeneralError from a core that does not support `remember=False`.
        """

    def renew_session(self, handle: str, *, anti_csrf: bool, noted: NotedClient | None = None) -> IssuedSession:
        """Give the session `handle` a new handle and new tokens; payload, data and all else stay.

        `anti_csrf` and `noted` are those of `create_session`. The old handle and its refresh tokens are void; its
        access tokens remain valid until they expire. Raise SuperTokensGeneralError from a core that does not support
        this.
        """

    def confirm_session(self, handle: str) -> None:
        """Note that the user of the session `handle` has just proved who they are. Raise as `renew_session`."""

    def verify(
        self,
        token: str,
        *,
        check_anti_csrf: bool,
        anti_csrf_token: str | None = None,
        check_database: bool = False,
        client: str | None = None,
    ) -> VerifiedSession:
        """Return the session of the access token `token`. A new token in the answer expires when `token` would have.

        `check_anti_csrf`: whether `anti_csrf_token`, the request's value, has to be that of the token.
        `check_database`: let a revocation or a new payload count at once. `client`: what tells the caller's client from
        others, such as its User-Agent.

        Raise SuperTokensTryRefreshTokenError for a token or an anti-CSRF value that is not accepted, and
        SuperTokensUnauthorisedError for a session that has ended.
        """

    def verifies_at_once(self, token: str) -> bool:
        """Return whether `verify` of `token` without `check_database` needs neither store nor network.

        This never waits itself. An event loop may then verify on its own thread.
        """

    def verify_at_once(self, token: str, *, check_anti_csrf: bool, anti_csrf_token: str | None) -> VerifiedSession:
        """Return and raise as `verify` without `check_database`, but never wait.

        Raise WouldWaitError if that needs the store or the network.
        """

    def published_keys(self) -> tuple[list[dict[str, str]], int]:
        """Return the public keys that verify access tokens, as of a key set (RFC 7517), and for how long (s) they hold.

        Raise SuperTokensGeneralError if they cannot be read.
        """

    def refresh(
        self,
        token: str,
        *,
        anti_csrf: bool,
        anti_csrf_token: str | None = None,
        anti_csrf_mode: AntiCsrfMode = "required",
        client: str | None = None,
        static_key: bool | None = None,
        in_place: bool = False,
        noted: NotedClient | None = None,
    ) -> IssuedSession:
        """Return the next pair of the session of the refresh token `token`.

        `anti_csrf`: whether the new pair has an anti-CSRF value. `anti_csrf_token`: the request's value;
        `anti_csrf_mode`: what happens if it is missing. `client`: see `verify`. `static_key`: which key signs; None
        keeps it. `in_place`: the server renews for a browser without a lock, so that every pair is marked, and the
        session's life is extended (docs/how-it-works.md). `noted`: what the session notes of its client if a new pair
        is handed out; None: as before.

        Raise SuperTokensUnauthorisedError, or SuperTokensTokenTheftError, on which the caller revokes: the core does
        not.
        """

    def served_by_record(self, token: str, *, waited: int, spares: bool) -> VerifiedSession | None:
        """Return the session of `token` for a request that must not renew any more, if its record serves it; write
        nothing.

        `waited`: how long ago the request came in (ms). `spares`: whether it is enough that the record exists. Raise
        SuperTokensUnauthorisedError for a token that is not authentic.
        """

    def renewal_terms(self) -> RenewalTerms | None:
        """Return what renewal by the server depends on, or None from a core whose refreshes do not converge."""

    def regenerate(self, token: str, jwt_payload: JsonObject | None) -> VerifiedSession:
        """Store `jwt_payload` (None: keep the stored one), and renew the access token `token` for the rest of its life.

        Nothing is renewed if it has expired.
        """

    def revoke_sessions(self, handles: Sequence[str]) -> list[str]:
        """Revoke the sessions `handles`; return the ones that existed."""

    def revoke_user(self, user_id: str) -> list[str]:
        """Revoke all sessions of `user_id`; return the handles of those that existed."""

    def session_handles(self, user_id: str) -> list[str]:
        """Return the handles of the sessions of `user_id`, oldest first."""

    def sessions(
        self, user_id: str, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        """Return the sessions of `user_id`, oldest first: all, or at most `limit` behind the place `after`."""

    def forget_clients(self, user_id: str) -> list[str]:
        """Delete what the sessions of `user_id` note of their clients, User-Agent and address; the sessions live on.

        Return the handles of those that had noted something. A later refresh notes its client anew if it is given one.
        Raise SuperTokensGeneralError from a core that notes nothing.
        """

    def session(self, handle: str) -> SessionInformation:
        """Return what is stored of the session `handle`, without its data.

        Raise SuperTokensUnauthorisedError without one.
        """

    def session_data(self, handle: str) -> JsonObject:
        """Return the data that the application keeps with the session `handle`. Raise as `session`."""

    def update_session_data(self, handle: str, session_data: JsonObject) -> None:
        """Replace the data of the session `handle` by `session_data`. Raise as `session`."""

    def stored_session_data(self, handle: str) -> StoredData:
        """Return the data of the session `handle` with its version, for `swap_session_data`.

        Raise SuperTokensGeneralError from a core that cannot replace it without losing what others write meanwhile.
        """

    def swap_session_data(self, handle: str, version: str, session_data: JsonObject) -> bool:
        """Replace the data of the session `handle` by `session_data` if it still has `version`; otherwise return False.

        The call is never repeated if its answer is lost: SuperTokensGeneralError then says that it may have happened.
        """

    def update_jwt_payload(self, handle: str, jwt_payload: JsonObject) -> None:
        """Replace the stored payload of the session `handle` by `jwt_payload`. Access tokens follow when renewed."""

    def authentic_access_token(self, token: str) -> AccessToken | None:
        """Return what `token` says, expired or not, if a key of this core signed it, or None. Reads no session."""

    def authentic_refresh_token(self, token: str) -> TokenPosition | None:
        """Return the place of `token` if a key of this core made it, or None. Reads no session.

        None also comes from a core that cannot tell without using the token up.
        """

    def close(self) -> None:
        """Close all connections. A later call opens them again."""
