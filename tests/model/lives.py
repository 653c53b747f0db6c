# SPDX-License-Identifier: Apache-2.0
"""Whether the holder of one access token can outlive it: every order of verify, payload change, refresh and revoke.

No model of the core: an `EmbeddedCore` on a store in memory is put into a state, asked, and looked at. Only signatures
are made cheaper. The owner goes on using the session; the thief has one stolen access token, and whatever the core
answers it with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from msgspec.structs import replace

from supertokens.config import Config
from supertokens.core import EmbeddedCore
from supertokens.core.issuer import Issuer
from supertokens.core.token_verifier import TokenVerifier
from supertokens.core.verified_tokens import VerifiedToken
from supertokens.engine.access_token import AccessToken
from supertokens.engine.key_set import PublicKey
from supertokens.engine.session import SessionRecord, VerifiedSession
from supertokens.engine.signing_keys import SigningKey
from supertokens.errors import SuperTokensTokenTheftError, SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError
from supertokens.stores.memory import MemoryStore
from supertokens.testing import FakeClock, KeysOnce

from .network import TICK

OUTLIVES: Final = "a token that outlives the stolen one"
EXPIRED: Final = "accepted after its expiry"
REVOKED: Final = "accepted after a revocation that was looked for"

_REFUSED: Final = (SuperTokensTryRefreshTokenError, SuperTokensUnauthorisedError, SuperTokensTokenTheftError)
_SECOND: Final = 1000
_LIFE: Final = 3
"""Seconds that an access token lives. V5 knows whole seconds only."""


class Left(NamedTuple):
    """How often each of these may still happen."""

    ticks: int
    refreshes: int
    changes: int


class State(NamedTuple):
    """What is stored, when, and what either side holds."""

    session: tuple[SessionRecord, str] | None
    now: int
    refresh_token: str
    access_token: str
    stolen: frozenset[str]
    left: Left


class Move(NamedTuple):
    """What happens, what is then, and the name of the violation ("" for none)."""

    event: tuple[object, ...]
    after: State
    violation: str


@dataclass(frozen=True)
class Plan:
    """How long, how much, and which token is stolen: ``fresh`` from a log-in, ``marked`` from a refresh, ``v2``."""

    stolen: str = "marked"
    ticks: int = _LIFE
    refreshes: int = 2
    changes: int = 2


class Lives:
    """The system to explore, on a core that `make_core` makes."""

    def __init__(self, plan: Plan, make_core: Callable[[Config, MemoryStore, FakeClock], EmbeddedCore]) -> None:
        self._clock, self._store = FakeClock(), MemoryStore()
        KeysOnce.put_into(self._store, self._clock.now)
        config = Config(access_token_validity=_LIFE, refresh_token_rotation_grace_period=1)
        self._core = make_core(config, self._store, self._clock)
        version: Any = "2" if plan.stolen == "v2" else "5"
        issued = self._core.create_session("owner", {"n": 0}, {}, anti_csrf=False, version=version)
        self._handle = issued.handle
        if plan.stolen == "marked":
            issued = self._core.refresh(issued.refresh_token.text, anti_csrf=False)
        self._dies = issued.access_token.expires_at
        access, refresh = issued.access_token.text, issued.refresh_token.text
        left = Left(plan.ticks, plan.refreshes, plan.changes)
        self.start = self._looked_at(State(None, self._clock.now, refresh, access, frozenset((access,)), left))

    def moves(self, state: State) -> Iterator[Move]:
        yield from self._time(state)
        yield from self._owner(state)
        yield from self._thief(state)

    def normal(self, state: State) -> State:
        """Of tokens that say the same but for the moment of their making, the thief keeps one."""
        kept: dict[tuple[object, ...], str] = {}
        for text in sorted(state.stolen):
            token = self._core.authentic_access_token(text)
            assert token is not None
            kept[(token.serial, token.parent, token.expires_at, str(token.jwt_payload))] = text
        return state._replace(stolen=frozenset(kept.values()))

    def _time(self, state: State) -> Iterator[Move]:
        if state.left.ticks:
            left = state.left._replace(ticks=state.left.ticks - 1)
            yield Move(TICK, state._replace(now=state.now + _SECOND, left=left), "")

    def _owner(self, state: State) -> Iterator[Move]:
        left = state.left
        if left.refreshes:
            fewer = state._replace(left=left._replace(refreshes=left.refreshes - 1))
            issued = self._ask(state, lambda core: core.refresh(state.refresh_token, anti_csrf=False))
            if issued is not None:
                after = self._looked_at(fewer)
                yield Move(("the owner refreshes, and the answer is lost",), after, "")
                mine = {"refresh_token": issued.refresh_token.text, "access_token": issued.access_token.text}
                yield Move(("the owner refreshes",), after._replace(**mine), "")
        for check in (False, True):
            answer = self._verify(state, state.access_token, check)
            if answer is not None and answer.new_access_token is not None:
                after = self._looked_at(state)._replace(access_token=answer.new_access_token.text)
                yield Move((f"the owner uses its token{_looking(check)}",), after, "")
        if left.changes and state.session is not None:
            fewer = state._replace(left=left._replace(changes=left.changes - 1))
            self._ask(state, lambda core: core.update_jwt_payload(self._handle, {"n": left.changes}))
            yield Move(("the payload is changed",), self._looked_at(fewer), "")
        if state.session is not None:
            yield Move(("the session is revoked",), state._replace(session=None), "")

    def _thief(self, state: State) -> Iterator[Move]:
        for text in sorted(state.stolen):
            for check in (False, True):
                answer = self._verify(state, text, check)
                if answer is not None:
                    unseen = REVOKED if check and state.session is None else ""
                    event = (f"the thief shows its token{_looking(check)}",)
                    yield self._stolen(self._looked_at(state), event, answer, unseen)
            if state.left.changes:
                left = state.left._replace(changes=state.left.changes - 1)
                answer = self._ask(state, lambda core, text=text: core.regenerate(text, {"n": 9}))
                if answer is not None and answer.new_access_token is not None:
                    event = ("the thief changes the payload by its token",)
                    yield self._stolen(self._looked_at(state._replace(left=left)), event, answer, "")

    def _stolen(self, after: State, event: tuple[object, ...], answer: VerifiedSession, violation: str) -> Move:
        new = answer.new_access_token
        if after.now >= self._dies:
            violation = EXPIRED
        elif new is not None:
            token = self._core.authentic_access_token(new.text)
            assert token is not None
            after = after._replace(stolen=after.stolen | {new.text})
            if max(token.expires_at, new.expires_at) > self._dies:
                violation = OUTLIVES
        return Move(event, after, violation)

    def _verify(self, state: State, text: str, check: bool) -> VerifiedSession | None:
        return self._ask(state, lambda core: core.verify(text, check_anti_csrf=False, check_database=check))

    def _ask(self, state: State, verb: Callable[[EmbeddedCore], Any]) -> Any:
        """What the core answers in that state; None for a refusal."""
        self._clock.now = state.now
        self._store._sessions = {} if state.session is None else {self._handle: state.session}
        try:
            return verb(self._core)
        except _REFUSED:
            return None

    def _looked_at(self, state: State) -> State:
        """`state`, with the session as the last question has left it."""
        return state._replace(session=self._store._sessions.get(self._handle))


def _looking(check: bool) -> str:
    return ", and the database is asked" if check else ""


@contextmanager
def cheap_signatures() -> Iterator[None]:
    """RSA takes nine tenths of the time of a search, and nothing here depends on it."""

    def sign(key: SigningKey, data: bytes) -> bytes:
        return hashlib.sha256(key.kid.encode() + data).digest()

    def is_signature(key: PublicKey, signature: bytes, data: bytes) -> bool:
        return signature == hashlib.sha256(key.kid.encode() + data).digest()

    with patch.object(SigningKey, "sign", sign), patch.object(PublicKey, "is_signature", is_signature):
        yield


# Cores with one thing broken


class _NewLife(Issuer):
    def renew(self, token: AccessToken, record: SessionRecord, now: int) -> VerifiedSession:
        return super().renew(replace(token, expires_at=now + _LIFE * _SECOND), record, now)


class VerifyBeginsANewLife(EmbeddedCore):
    def __init__(self, config: Config, store: MemoryStore, *, clock: FakeClock) -> None:
        super().__init__(config, store, clock=clock)
        self._issuer = _NewLife(self.keys, self._lifetimes, one_anti_csrf_value=True)


class RegenerateBeginsANewLife(EmbeddedCore):
    def regenerate(self, access_token: str, jwt_payload: dict[str, Any] | None) -> VerifiedSession:
        answer = super().regenerate(access_token, jwt_payload)
        if answer.new_access_token is None:
            return answer
        now = self._clock()
        token = self.authentic_access_token(answer.new_access_token.text)
        assert token is not None
        longer = replace(token, expires_at=now + _LIFE * _SECOND)
        return replace(answer, new_access_token=self._issuer.mint(longer, False, now))


class _Blind(TokenVerifier):
    def verify(self, text: str, now: int, check_anti_csrf: bool, anti_csrf_token: str | None) -> VerifiedToken:
        return self.authenticate(text, now)


class NoExpiry(EmbeddedCore):
    def __init__(self, config: Config, store: MemoryStore, *, clock: FakeClock) -> None:
        super().__init__(config, store, clock=clock)
        self._tokens = _Blind(self.keys, 100)


class AMillisecondTooLong(EmbeddedCore):
    def __init__(self, config: Config, store: MemoryStore, *, clock: FakeClock) -> None:
        super().__init__(config, store, clock=clock)
        tokens = self._tokens
        verify = tokens.verify
        tokens.verify = lambda text, now, *rest: verify(text, now - 1, *rest)  # type: ignore[method-assign]


class RevocationIsNotLookedFor(EmbeddedCore):
    def verify(self, access_token: str, **options: Any) -> VerifiedSession:
        return super().verify(access_token, **{**options, "check_database": False})
