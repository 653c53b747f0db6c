# SPDX-License-Identifier: Apache-2.0
"""The lineage of the original: the parent H, and children that nobody stores until one of them is used.

The rules are those of docs/protocol/cdi2.md#the-lineage.
"""

from __future__ import annotations

from typing import NamedTuple


class Protocol1(NamedTuple):
    """Tokens are numbered in the order of issue; ``parent_of[k]`` is the token that token k was refreshed from."""

    head: int
    parent_of: tuple[int | None, ...]

    def refresh(self, token: int) -> tuple[bool, Protocol1]:
        """C.4, rows 4–6: False is theft; a child is promoted first, and the new token is the last of ``parent_of``."""
        if self.is_stale(token):
            return False, self
        return True, Protocol1(token, (*self.parent_of, token))

    def verify(self, token: int) -> tuple[bool, Protocol1]:
        """C.3, rows 8, 9 and 11 for the access token that came with `token`: whether a new one is given."""
        if self.parent_of[token] == self.head:
            return True, self._replace(head=token)
        return token == self.head, self

    def is_stale(self, token: int) -> bool:
        """Neither the parent nor a child of it: refreshing it is theft from now on, for ever."""
        return token != self.head and self.parent_of[token] != self.head
