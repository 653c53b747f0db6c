# SPDX-License-Identifier: Apache-2.0
"""Functions that are called around a fork of this process, and locks that no fork leaves held.

The interpreter never forgets a hook. So there are three for the whole process, which call the methods of the objects
that are still alive.

Every other module needs this one, so it is here that a system without forks, such as Windows, is refused.
"""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from itertools import count
from types import MethodType
from typing import Final

__all__ = ["ProcessLock", "call_around_forks", "call_in_forked_children"]

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
    """Call a bound `method` in each child that this process forks with hooks, for as long as its object lives."""
    _IN_CHILD.add(method)


def call_around_forks(*, before: _Method, after_in_parent: _Method, after_in_child: _Method) -> None:
    """Call bound methods before a fork and after it, on both sides, for as long as their object lives.

    `before` can delay the fork, but not prevent it. `after_in_parent` is called in the parent, even if the fork failed;
    `after_in_child` in the child.
    """
    _BEFORE.add(before)
    _IN_PARENT.add(after_in_parent)
    _IN_CHILD.add(after_in_child)


os.register_at_fork(before=_BEFORE, after_in_parent=_IN_PARENT, after_in_child=_IN_CHILD)


class ProcessLock:
    """A lock among the threads of one process: in a forked child nobody holds it.

    A `threading.Lock` that another thread held when the process was forked is held in the child for ever. Hooks could
    replace it, but a fork by C, such as that of a server that embeds Python, may run none; so there is a lock for each
    process, and callers take that: ``with lock.own:``. A lock with methods in Python would stay held if a signal's
    handler raised inside of them.
    """

    __slots__ = ("_by_process",)

    def __init__(self) -> None:
        self._by_process: dict[int, threading.Lock] = {}

    @property
    def own(self) -> threading.Lock:
        """Return the lock of this process."""
        return self._by_process.get(os.getpid()) or self._first_in_this_process()

    def _first_in_this_process(self) -> threading.Lock:
        process = os.getpid()
        lock = self._by_process.setdefault(process, threading.Lock())  # atomic: all threads get the same one
        for other in [*self._by_process]:
            if other != process:
                self._by_process.pop(other, None)
        return lock
