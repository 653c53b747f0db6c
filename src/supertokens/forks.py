# SPDX-License-Identifier: Apache-2.0
"""What a forked child does first: a lock that a thread of its parent held would be held in it for ever."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable

__all__ = ["call_in_forked_children"]


def call_in_forked_children(method: Callable[[], None]) -> None:
    """Call a bound `method` in each child that this process forks, for as long as its object lives."""
    reference = weakref.WeakMethod(method)

    def call() -> None:
        alive = reference()
        if alive is not None:
            alive()

    os.register_at_fork(after_in_child=call)
