# SPDX-License-Identifier: Apache-2.0
"""What an integration needs from a core, wherever that core runs."""

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
    """What renewal by the server depends on, in ms: the grace period of the rotation, and an access token's life."""

    grace: int
    access_token_validity: int


class StoredData(NamedTuple):
    """The data of a session, and what tells it from what it may be replaced by. It is the caller's to change."""

    data: JsonObject
    version: str


class Core(Protocol):
    """The verbs of sessions. Times are in ms.

    Every method may raise SuperTokensGeneralError; those that take a token or a handle raise
    SuperTokensUnauthorisedError where the session does not exist, unless their result says so.
    """

    signals: Signals
    """Told of what this core has decided."""

    @property
    def clock(self) -> Callable[[], int]:
        """The clock by which this core judges tokens: ms since the epoch."""

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
        """Create a session of `user_id`, whose identity the caller has made sure of.

        `anti_csrf`: whether its tokens have an anti-CSRF value. `static_key`: whether the static key signs its access
        tokens. `remember`: whether the browser keeps its cookies when it is closed; a session that is not remembered
        ends after `short_session_validity` without use.
        `noted`: what it notes of its client. `replaces`: handles of sessions that end when it begins.

        Raise SuperTokensSessionLimitError where the user has too many sessions and none goes for it, and
        SuperTokensGeneralError from a core that cannot keep to `remember=False`.
        """

    def renew_session(self, handle: str, *, anti_csrf: bool, noted: NotedClient | None = None) -> IssuedSession:
        """Give a session a new handle and new tokens; payload, data and what else is known of it stay.

        The old handle and its refresh tokens are good for nothing any more; its access tokens live out their minutes.
        Raise SuperTokensGeneralError from a core that cannot do that.
        """

    def confirm_session(self, handle: str) -> None:
        """Note that the session's user has just shown who they are. Raise as `renew_session`."""

    def verify(
        self,
        token: str,
        *,
        check_anti_csrf: bool,
        anti_csrf_token: str | None = None,
        check_database: bool = False,
        client: str | None = None,
    ) -> VerifiedSession:
        """Return the session of an access token. With `check_database`, a revocation or a new payload counts at once.

        A new access token in the answer expires when `token` would have.

        `client`: what tells the asker's client from others, such as its User-Agent.
        Raises SuperTokensTryRefreshTokenError for a token, or an anti-CSRF value, that is not accepted.
        """

    def verifies_at_once(self, token: str) -> bool:
        """Return whether `verify` of that token, without `check_database`, waits for nothing: no store and no network.

        Never waits itself. An event loop may then verify on its own thread.
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
        """Return the next pair. `anti_csrf`: whether it has an anti-CSRF value; `static_key` None keeps it.

        `in_place`: the server renews for a browser that keeps its requests apart by no lock, so that every pair is
        marked, and extends the session's life (docs/how-it-works.md). `noted`: what the session notes of its client
        from now on, if a new pair is handed out; None: as before.

        Raise SuperTokensTokenTheftError, upon which the caller revokes: the core does not.
        """

    def served_by_record(self, token: str, *, waited: int, spares: bool) -> VerifiedSession | None:
        """Return the session of a request that must not renew any more, if its record serves it; write nothing.

        `waited`: how long ago the request came in (ms). `spares`: whether the record's existence is enough. Raise
        SuperTokensUnauthorisedError for a token that is not authentic.
        """

    def renewal_terms(self) -> RenewalTerms | None:
        """Return what renewal by the server depends on; None from a core whose refreshes do not converge."""

    def regenerate(self, token: str, jwt_payload: JsonObject | None) -> VerifiedSession:
        """Store a new payload (None: keep it) and renew the token, unless it has expired, for the rest of its life."""

    def revoke_sessions(self, handles: Sequence[str]) -> list[str]:
        """Those of `handles` that existed and now do not."""

    def revoke_user(self, user_id: str) -> list[str]:
        """The handles of the sessions that the user had."""

    def session_handles(self, user_id: str) -> list[str]:
        """The user's sessions, oldest first."""

    def sessions(
        self, user_id: str, *, after: SessionCursor | None = None, limit: int | None = None
    ) -> list[ListedSession]:
        """Return the user's sessions, oldest first: all, or at most `limit` of those behind the place `after`."""

    def forget_clients(self, user_id: str) -> list[str]:
        """Blank what the user's sessions note of their clients, User-Agent and address; the sessions live on.

        Return the handles of those that had noted something. A refresh after that notes its client anew, where it is
        given one. Raise SuperTokensGeneralError from a core that notes nothing.
        """

    def session(self, handle: str) -> SessionInformation:
        """What is stored of a session, but for its data."""

    def session_data(self, handle: str) -> JsonObject:
        """What the application keeps of a session on the server."""

    def update_session_data(self, handle: str, session_data: JsonObject) -> None:
        """Replace it."""

    def stored_session_data(self, handle: str) -> StoredData:
        """Return it with its version, for `swap_session_data`.

        Raise SuperTokensGeneralError from a core that cannot replace it without losing what others write meanwhile.
        """

    def swap_session_data(self, handle: str, version: str, session_data: JsonObject) -> bool:
        """Replace it if it still has that `version`; return False if others have replaced it since.

        It is never repeated where its answer is lost: SuperTokensGeneralError then says that it may have happened.
        """

    def update_jwt_payload(self, handle: str, jwt_payload: JsonObject) -> None:
        """Replace the payload; access tokens take it on when they are next renewed."""

    def authentic_access_token(self, token: str) -> AccessToken | None:
        """The token, expired or not, if a key of this core signed it. Reads no session."""

    def authentic_refresh_token(self, token: str) -> TokenPosition | None:
        """Where the token stands, if a key of this core made it. Reads no session.

        None also from a core that cannot tell without using the token up.
        """

    def close(self) -> None:
        """Let go of all connections. A later call opens them again."""
