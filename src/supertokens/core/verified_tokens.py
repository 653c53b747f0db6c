# SPDX-License-Identifier: Apache-2.0
"""Access tokens whose signature this process has verified already, by their exact text.

Only the result of the signature check is kept. Expiry, anti-CSRF value, revocation and marker are looked at on every
call, and a token whose key has left the ring is never found.

Only authentic tokens get in, so garbage pushes nothing out. Nor does a flood of authentic ones push out what is in use:
newcomers that are not asked for again go first. One that comes back after that was in use all the same, and is no
newcomer any more (S3-FIFO: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023).
"""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

import msgspec

from supertokens.engine.access_token import AccessToken
from supertokens.engine.key_set import VerifyingKeys
from supertokens.engine.session import VerifiedSession

__all__ = ["VerifiedToken", "VerifiedTokens"]

_MAX_AVERAGE_CHARACTERS: Final = 1024
"""Length of the kept tokens on average: of longer ones fewer are kept."""

_MAX_CHARACTERS: Final = 8192
"""Length of one that is kept. No cookie is as long."""


class VerifiedToken(msgspec.Struct, eq=False):
    """A token, and what it says of its session while no store is asked. Neither is ever changed."""

    token: AccessToken
    session: VerifiedSession
    stored_payload: str | None = None
    """The stored payload, as text, that was last found equal to the token's."""
    in_use: bool = False
    """Whether it was asked for since it came in, or since it was last spared."""


_Tokens = dict[str, VerifiedToken]


class VerifiedTokens:
    """A map of at most `max_tokens`, for any thread. With 0 nothing is kept."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._max_characters = max_tokens * _MAX_AVERAGE_CHARACTERS
        self._changing = threading.Lock()
        # Replaced as a whole, and read once by each caller: none meets a token whose key its own keys have lost.
        self._kept: tuple[VerifyingKeys | None, _Tokens] = (None, {})
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._newcomers: deque[str] = deque()
        self._proven: deque[str] = deque()
        self._gone: set[int] = set()
        self._gone_before: set[int] = set()
        self._characters = 0

    def get(self, text: str, keys: VerifyingKeys) -> VerifiedToken | None:
        """Return the token of that very text, if `keys` still has the key that signed it."""
        kept_for, tokens = self._kept
        if kept_for is not keys:
            tokens = self._change_keys(keys)
        known = tokens.get(text)
        if known is not None:
            known.in_use = True
        return known

    def add(self, text: str, known: VerifiedToken, keys: VerifyingKeys) -> None:
        """Keep `known`, whose signature was verified with `keys`."""
        with self._changing:
            kept_for, tokens = self._kept
            # A check that took its time may have used a key that was dropped meanwhile.
            if kept_for is not keys or text in tokens or len(text) > min(_MAX_CHARACTERS, self._max_characters):
                return
            while len(tokens) >= self._max_tokens or self._characters + len(text) > self._max_characters:
                self._make_room(tokens)
            tokens[text] = known
            self._characters += len(text)
            came_back = hash(text) in self._gone or hash(text) in self._gone_before
            (self._proven if came_back else self._newcomers).append(text)

    def _make_room(self, tokens: _Tokens) -> None:
        """Take one away, or spare it because it is in use: from the newcomers while they are more than a tenth."""
        many_newcomers = 10 * len(self._newcomers) > len(tokens)
        text = (self._newcomers if many_newcomers else self._proven).popleft()
        if tokens[text].in_use:
            tokens[text].in_use = False
            self._proven.append(text)
            return
        del tokens[text]
        self._characters -= len(text)
        if many_newcomers:
            self._remember(text)

    def _remember(self, text: str) -> None:
        """Remember by its hash that `text` was here, until as many others as there is room for have gone as well."""
        if 2 * len(self._gone) >= self._max_tokens:
            self._gone, self._gone_before = set(), self._gone
        self._gone.add(hash(text))

    def _change_keys(self, keys: VerifyingKeys) -> _Tokens:
        """Go over to `keys`. Tokens stay if no key has gone, which is seldom: then each is verified once more."""
        with self._changing:
            kept_for, tokens = self._kept
            if kept_for is None or not kept_for.by_header.items() <= keys.by_header.items():
                tokens = {}
                self._begin_anew()
            self._kept = (keys, tokens)
            return tokens
