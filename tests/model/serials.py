# SPDX-License-Identifier: Apache-2.0
"""One name for all states that differ only in how far the serials have counted.

The rules compare serials (equal, greater) and mint ``newest + 1``. So below the lowest ``newest`` in sight only the
order matters, and serials are replaced by their rank there; above it a serial may be handed out again, and its distance
is kept. A run of any length folds into a finite graph this way. ``test_soundness.py`` checks that the folded state has
the same moves.
"""

from __future__ import annotations

from collections.abc import Mapping, Set


def renumbering(alive: Set[int], floor: int) -> Mapping[int, int] | None:
    """New names for the serials in `alive`; None if they bear them already.

    `floor`, itself alive, is the lowest serial after which anything can be minted from now on.
    """
    if len(alive) == floor + 1 and max(alive) == floor:
        return None
    ordered = sorted(alive)
    rank = ordered.index(floor)
    if rank == floor and ordered[0] == 0:
        return None
    shift = floor - rank
    return {serial: place if place <= rank else serial - shift for place, serial in enumerate(ordered)}
