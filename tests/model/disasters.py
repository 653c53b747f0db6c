# SPDX-License-Identifier: Apache-2.0
"""What goes wrong with the store as a whole: a power cut, a backup that is restored, a failover to an old replica."""

from __future__ import annotations

from collections.abc import Iterator

from .state import CALLING, REFRESHING, Move, State, World


class Disasters:
    def __init__(self, world: World) -> None:
        self.world = world

    def strike(self, state: State) -> Iterator[Move]:
        if state.left.power_cuts and state.disk != state.record:
            yield self._power_cut(state)
            if self.world.checkpoints:
                yield ("the disk catches up",), state._replace(disk=state.record), ""
        if state.left.backups:
            if state.backup is None:
                yield ("a BACKUP is taken",), state._replace(backup=state.record), ""
            elif state.backup != state.record:
                yield self._restore(state)

    def _power_cut(self, state: State) -> Move:
        """Everything since the last durable write is gone, and the workers with it."""
        assert state.disk is not None
        left = state.left._replace(power_cuts=state.left.power_cuts - 1)
        survivors = tuple(message for message in state.messages if message.kind not in (REFRESHING, CALLING))
        disk = state.disk if left.power_cuts else None
        return ("POWER CUT",), state._replace(record=state.disk, messages=survivors, left=left, disk=disk), ""

    def _restore(self, state: State) -> Move:
        """A restore takes downtime: what was in flight is lost. A failover does not."""
        assert state.backup is not None
        left = state.left._replace(backups=state.left.backups - 1)
        survivors = state.messages if self.world.failover else ()
        disk = state.disk and state.backup
        after = state._replace(record=state.backup, messages=survivors, left=left, backup=None, disk=disk)
        return ("the backup is RESTORED",), after, ""
