# SPDX-License-Identifier: Apache-2.0
"""Frozen values that are cheap to make, since a request makes several, and that keep their secrets to themselves."""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

__all__ = ["Value"]


class Value(msgspec.Struct, frozen=True):
    """The fields named in `unshown` are secrets or personal data, which no repr may hold."""

    unshown: ClassVar[frozenset[str]] = frozenset()

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [(name, getattr(self, name)) for name in self.__struct_fields__ if name not in self.unshown]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.__rich_repr__())})"
