# SPDX-License-Identifier: Apache-2.0
"""How often a feed is looked at that does not say by itself when there is something new."""

from __future__ import annotations

from typing import Final

__all__ = ["polling_interval"]

_MIN_INTERVAL_S: Final = 0.005
_MAX_INTERVAL_S: Final = 0.05
_LOOKS_WITHIN_LAG: Final = 10
"""So that a look may be late, or fail, without anybody having to ask the store for it."""


def polling_interval(max_lag_s: float) -> float:
    """Return how many seconds pass between two looks, where all has to be seen within `max_lag_s`."""
    return min(max(max_lag_s / _LOOKS_WITHIN_LAG, _MIN_INTERVAL_S), _MAX_INTERVAL_S)
