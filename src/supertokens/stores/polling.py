# SPDX-License-Identifier: Apache-2.0
"""How often to read a feed that sends no notifications."""

from __future__ import annotations

from typing import Final

__all__ = ["polling_interval"]

_MIN_INTERVAL_S: Final = 0.005
_MAX_INTERVAL_S: Final = 0.05
_LOOKS_WITHIN_LAG: Final = 10
"""So that a read may be late, or fail, without any check having to read the store."""


def polling_interval(max_lag_s: float) -> float:
    """Return the seconds between two reads, if every entry has to be seen within `max_lag_s`."""
    return min(max(max_lag_s / _LOOKS_WITHIN_LAG, _MIN_INTERVAL_S), _MAX_INTERVAL_S)
