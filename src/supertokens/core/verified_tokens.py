# SPDX-License-Identifier: Apache-2.0
"""Access tokens whose signature this process has verified already, by their exact text.

Only the result of the signature check is kept. Expiry, anti-CSRF value, revocation and marker are looked at on every
call, and a token whose key has left the ring is never found.

Only authentic tokens get in, so garbage pushes nothing out. Nor does a flood of authentic ones push out what is in use:
newcomers that are not looked up again go first. A token that returns after that was in use after all, and no longer
counts as a newcomer (S3-FIFO: Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023).
"""

from __future__ import annotations

import os
from collections import deque
from typing import Final

import msgspec

from supertokens.engine.access_token import AccessToken
from supertokens.engine.key_set import VerifyingKeys
from supertokens.engine.session import VerifiedSession
from supertokens.forks import ProcessLock

__all__ = ["VerifiedToken", "VerifiedTokens"]

_MAX_AVERAGE_CHARACTERS: Final = 1024
"""Average length of the cached tokens: if they are longer, fewer are cached."""

_MAX_CHARACTERS: Final = 8192
"""Maximum length of a cached token. No cookie is as long."""


class VerifiedToken(msgspec.Struct, eq=False):
    """A token, and the session that it describes if no store is read. Neither is ever changed."""

    token: AccessToken
    session: VerifiedSession
    stored_payload: str | None = None
    """The stored payload, as text, that was last found equal to the token's."""
    asked_at: int = 0
    """The position in the feed (see `core.feed`) when the store last confirmed what the token says; 0: never."""
    in_use: bool = False
    """Whether it was looked up since it was added, or since it was last spared."""


class _Kept:
    """The tokens that were verified with `keys`, by their text. An object, since error reports would print a dict."""

    __slots__ = ("by_text", "keys")

    def __init__(self, keys: VerifyingKeys | None, by_text: dict[str, VerifiedToken]) -> None:
        self.keys = keys
        self.by_text = by_text


class VerifiedTokens:
    """A map of at most `max_tokens` tokens, for any thread. With 0, nothing is kept."""

    def __init__(self, max_tokens: int) -> None:
        self._max_tokens = max_tokens
        self._max_characters = max_tokens * _MAX_AVERAGE_CHARACTERS
        self._changing = ProcessLock()
        self._process = os.getpid()
        # Replaced as a whole, and read once by each caller: none sees a token whose key is missing from its own keys.
        self.kept = _Kept(None, {})
        """What `get` looks into."""
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._newcomers: deque[str] = deque()
        self._proven: deque[str] = deque()
        self._gone: set[int] = set()
        self._gone_before: set[int] = set()
        self._characters = 0

    def get(self, token: str, keys: VerifyingKeys) -> VerifiedToken | None:
        """Return what is known of exactly this `token`, if `keys` still has the key that signed it, or None."""
        kept = self.kept
        if kept.keys is not keys:
            kept = self._change_keys(keys)
        known = kept.by_text.get(token)
        if known is not None:
            known.in_use = True
        return known

    def add(self, token: str, known: VerifiedToken, keys: VerifyingKeys) -> None:
        """Keep `known`, the content of `token`, whose signature was verified with `keys`."""
        with self._changing.own:
            kept = self._kept_in_this_process()
            # A slow check may have used a key that has been dropped in the meantime.
            if kept.keys is not keys or token in kept.by_text:
                return
            if len(token) > min(_MAX_CHARACTERS, self._max_characters):
                return
            while len(kept.by_text) >= self._max_tokens or self._characters + len(token) > self._max_characters:
                self._make_room(kept)
            kept.by_text[token] = known
            self._characters += len(token)
            came_back = hash(token) in self._gone or hash(token) in self._gone_before
            (self._proven if came_back else self._newcomers).append(token)

    def _make_room(self, kept: _Kept) -> None:
        """Remove one token from `kept`, or spare it because it is in use.

        It is one of the newcomers while they are more than a tenth.
        """
        many_newcomers = 10 * len(self._newcomers) > len(kept.by_text)
        token = (self._newcomers if many_newcomers else self._proven).popleft()
        known = kept.by_text[token]
        if known.in_use:
            known.in_use = False
            self._proven.append(token)
            return
        del kept.by_text[token]
        self._characters -= len(token)
        if many_newcomers:
            self._remember(token)

    def _remember(self, token: str) -> None:
        """Remember the hash of `token`, which is evicted, until at most `max_tokens` more have been."""
        if 2 * len(self._gone) >= self._max_tokens:
            self._gone, self._gone_before = set(), self._gone
        self._gone.add(hash(token))

    def _kept_in_this_process(self) -> _Kept:
        """Return what is kept. In a forked child that is nothing: a thread of the parent may have been changing it."""
        if self._process != os.getpid():
            self.kept = _Kept(None, {})
            self._begin_anew()
            self._process = os.getpid()
        return self.kept

    def _change_keys(self, keys: VerifyingKeys) -> _Kept:
        """Adopt `keys`. Tokens stay if no key has gone; otherwise, which is rare, each is verified once more."""
        with self._changing.own:
            kept = self._kept_in_this_process()
            if kept.keys is None or not kept.keys.by_header.items() <= keys.by_header.items():
                kept = _Kept(None, {})
                self._begin_anew()
            self.kept = _Kept(keys, kept.by_text)
            return self.kept
