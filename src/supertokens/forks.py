# SPDX-License-Identifier: Apache-2.0
"""What is called around a fork of this process.

The interpreter never forgets a hook. So it gets three for the whole process, and these call the methods of the objects
that are still alive.

Everything else stands on this module, so it is here that a system without forks, such as Windows, is refused.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable
from itertools import count
from types import MethodType
from typing import Final

__all__ = ["call_around_forks", "call_in_forked_children"]

if not hasattr(os, "register_at_fork"):
    # The store's safety across processes, and the service, rest on POSIX: file locks, modes and owners, signals, forks.
    raise ImportError(
        "supertokens needs a POSIX system, such as Linux or macOS; on Windows, run it in WSL or a container"
    )

_Method = Callable[[], None]


class _Hook:
    """Methods to call, oldest first, each for as long as its object lives."""

    def __init__(self) -> None:
        self._methods: dict[int, tuple[weakref.ref[object], Callable[[object], None]]] = {}
        self._numbers = count()

    def add(self, method: _Method) -> None:
        assert isinstance(method, MethodType)
        number = next(self._numbers)
        # Not a WeakMethod: its callback fails if it dies together with the object, as at the end of the interpreter.
        alive = weakref.ref(method.__self__, lambda _: self._methods.pop(number, None))
        self._methods[number] = alive, method.__func__

    def __call__(self) -> None:
        for reference, function in list(self._methods.values()):
            alive = reference()
            if alive is not None:
                function(alive)


_BEFORE: Final = _Hook()
_IN_PARENT: Final = _Hook()
_IN_CHILD: Final = _Hook()


def call_in_forked_children(method: _Method) -> None:
    """Call a bound `method` in each child that this process forks, for as long as its object lives.

    A lock that another thread of the parent held would be held in the child for ever, so objects with locks begin anew.
    """
    _IN_CHILD.add(method)


def call_around_forks(*, before: _Method, after_in_parent: _Method, after_in_child: _Method) -> None:
    """Call bound methods before a fork and after it, on both sides, for as long as their object lives.

    `before` delays the fork but cannot prevent it. `after_in_parent` is also called if the fork failed.
    """
    _BEFORE.add(before)
    _IN_PARENT.add(after_in_parent)
    _IN_CHILD.add(after_in_child)


os.register_at_fork(before=_BEFORE, after_in_parent=_IN_PARENT, after_in_child=_IN_CHILD)
