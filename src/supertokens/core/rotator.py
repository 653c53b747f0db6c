# SPDX-License-Identifier: Apache-2.0
"""Where the rules of rotation meet the store: read, decide, swap; decide again when the race is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core.keys import KeyKeeper
from supertokens.engine.access_token import AccessToken
from supertokens.engine.lifetimes import Lifetimes
from supertokens.engine.noted_client import NotedClient
from supertokens.engine.refresh_token import RefreshToken, client_fingerprint
from supertokens.engine.renewal import extends_expiry
from supertokens.engine.rotation import VERIFY_TABLE, Decision, Presented, Row, decide
from supertokens.engine.session import SessionRecord
from supertokens.errors import SuperTokensGeneralError
from supertokens.stores.base import SessionStore

__all__ = ["MAX_LOST_RACES", "Rotator", "Settled"]

MAX_LOST_RACES: Final = 200
"""Compare-and-swaps that one request may lose; each loss is another request's success."""


class Settled(NamedTuple):
    """A decision that stands: the session from then on, and the time of the decision by the core's clock (ms)."""

    record: SessionRecord
    decision: Decision
    now: int


class Rotator:
    """Settles what a token may do, for any thread. `clock` gives ms since the epoch."""

    def __init__(
        self, config: Config, keys: KeyKeeper, store: SessionStore, clock: Callable[[], int], lifetimes: Lifetimes
    ) -> None:
        self._keys = keys
        self._store = store
        self._clock = clock
        self._lifetimes = lifetimes
        self._grace = config.refresh_token_rotation_grace_period_ms
        self._binds_client = config.refresh_token_rotation_grace_binding == "user-agent"

    def settle(
        self,
        table: tuple[Row, ...],
        token: RefreshToken | AccessToken,
        client: str | None,
        *,
        anti_csrf: bool | None = None,
        static_key: bool | None = None,
        in_place: bool = False,
        noted: NotedClient | None = None,
    ) -> Settled | None:
        """Decide by `table` on `token` and the session as it is stored, and write what follows; return None without a
        session, and where a refresh comes too near to its absolute end.

        `client`: see `Core.verify`. `anti_csrf`: whether a token that is minted now has an anti-CSRF value;
        `static_key`: whether the static key signs from now on; None leaves either as it is. `in_place`: the server
        renews, so that every pair that is handed out extends the session's life. `noted`: what the session notes of its
        client; None: as before.

        Raise SuperTokensGeneralError after MAX_LOST_RACES, or from the store.
        """
        for _ in range(MAX_LOST_RACES):
            now = self._clock()
            found = self._store.get(token.handle, now)
            if found is None or self._lifetimes.has_ended(found.record, found.now):
                return None
            record = found.record
            if table is not VERIFY_TABLE and self._lifetimes.is_closing(record.created_at, found.now):
                return None
            fingerprint = self._fingerprint(record.handle, client, now)
            presented = Presented(token.serial, token.parent or 0, found.now, fingerprint, self._grace)
            decision = decide(table, record.lineage, presented)
            if decision.write is None:
                return Settled(record, decision, now)
            extends = decision.accepted or (in_place and extends_expiry(decision))
            if extends:
                end = self._lifetimes.extended(record.created_at, found.now, remember=record.remember)
                record = replace(record, last_seen_at=found.now, expires_at=end)
            # A repeated child must be the same text, so keep what it was minted with.
            mints = decision.write.newest > record.lineage.newest
            becomes = replace(
                record,
                lineage=decision.write,
                anti_csrf=anti_csrf if mints and anti_csrf is not None else record.anti_csrf,
                client=record.client if noted is None else noted,
                uses_static_key=record.uses_static_key if static_key is None else static_key,
            )
            if self._store.rotate(found.record, becomes, durable=decision.accepted):
                return Settled(becomes, decision, now)
        raise SuperTokensGeneralError(f"a request lost {MAX_LOST_RACES} races for its session in a row")

    def _fingerprint(self, handle: str, client: str | None, now: int) -> bytes:
        if not self._binds_client:
            return b""
        return client_fingerprint(self._keys.ring_for_verifying(now).newest_refresh, handle, client)
