# SPDX-License-Identifier: Apache-2.0
"""Access tokens whose signature this process has verified already, by their exact text.

What is kept is the signature's verdict. Expiry, anti-CSRF, revocation and the marker are looked at on every call; an
entry whose key has left the ring is never found. Only authentic tokens get in, so garbage can push nothing out.
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec

from supertokens.engine.access_token import AccessToken
from supertokens.engine.key_set import VerifyingKeys
from supertokens.engine.session import VerifiedSession

__all__ = ["DEFAULT_BYTES", "VerifiedToken", "VerifiedTokens"]

DEFAULT_BYTES: Final = 16 * 1024 * 1024
"""Memory that the entries of one core may take, by an estimate that none of them exceeds."""

_ENTRY_BYTES: Final = 2048
_BYTES_PER_CHARACTER: Final = 7
"""Of the token's text: itself, and what is inside twice, once as claims and once as stored payload. That is 3/4 of a
character each, and a string with one emoji takes four bytes for each of its characters."""

_BYTES_OF_DICT: Final = 224
_BYTES_OF_PLACE: Final = 96
_BYTES_PER_MARK: Final = ((b"{", _BYTES_OF_DICT), (b"[", 120), (b",", _BYTES_OF_PLACE))
"""What the payload's objects take in CPython beside that, by the marks of its JSON that come with them: a dict or a
list with its first places and what is in the first one, and each further place with what is in it."""

_CONTAINERS: Final = frozenset((dict, list))
_encode = msgspec.json.Encoder().encode


class VerifiedToken(msgspec.Struct, eq=False):
    """A token, and what it says of its session while it needs no store. Neither is ever changed."""

    token: AccessToken
    verified: VerifiedSession
    stored_payload: str | None = None
    """The stored payload, as text, that was last found equal to the token's."""
    most_bytes: int = 0
    """What it may take, once that has been estimated."""


_Generation = dict[str, VerifiedToken]


class VerifiedTokens:
    """A bounded map. Two generations: what is used stays, what is not goes with the older one."""

    def __init__(self, most_bytes: int = DEFAULT_BYTES) -> None:
        self._most_bytes = most_bytes // 2  # of each generation
        self._adding = threading.Lock()
        # Replaced as a whole, and read once by each caller: maps never meet a ring that is not theirs.
        self._kept: tuple[VerifyingKeys | None, _Generation, _Generation] = (None, {}, {})
        self._young_bytes = 0

    def get(self, text: str, ring: VerifyingKeys) -> VerifiedToken | None:
        """The entry of that very text, if `ring` still has its key."""
        of, young, old = self._kept
        if of is not ring:
            young, old = self._change_ring(ring)
        entry = young.get(text)
        if entry is not None:
            return entry
        entry = old.get(text)
        if entry is not None:
            self.add(text, entry, ring)
        return entry

    def add(self, text: str, entry: VerifiedToken, ring: VerifyingKeys) -> None:
        """Keep `entry`, verified with `ring`."""
        size = entry.most_bytes = entry.most_bytes or _most_bytes(text, entry, self._most_bytes)
        with self._adding:
            of, young, _ = self._kept
            # A verify that took its time may have used a key that was dropped meanwhile.
            if of is not ring or size > self._most_bytes:
                return
            if self._young_bytes + size > self._most_bytes:
                self._kept = (ring, {}, young)
                young, self._young_bytes = self._kept[1], 0
            young[text] = entry
            self._young_bytes += size

    def _change_ring(self, ring: VerifyingKeys) -> tuple[_Generation, _Generation]:
        with self._adding:
            of, young, old = self._kept
            if of is None or of.by_header != ring.by_header:
                young, old, self._young_bytes = {}, {}, 0
            self._kept = (ring, young, old)
            return young, old


def _most_bytes(text: str, entry: VerifiedToken, enough: int) -> int:
    """An upper bound of what `entry` takes; no closer look is taken at one that takes more than `enough` anyway."""
    size = _ENTRY_BYTES + _BYTES_PER_CHARACTER * len(text)
    if size > enough:
        return size
    payload = entry.token.jwt_payload
    if _CONTAINERS.isdisjoint(map(type, payload.values())):  # as most are, and those who log in need not wait for more
        return size + _BYTES_OF_DICT + len(payload) * _BYTES_OF_PLACE
    written = _encode(payload)
    for mark, each in _BYTES_PER_MARK:
        size += written.count(mark) * each
    return size
