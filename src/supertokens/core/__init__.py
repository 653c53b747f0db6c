# SPDX-License-Identifier: Apache-2.0
"""The core: the only place where a rule of the engine meets a store."""

from supertokens.core.embedded import EmbeddedCore, system_clock
from supertokens.core.protocol import Core, RenewalTerms, StoredData
from supertokens.core.signals import Event, EventKind, Signals
from supertokens.core.token_verifier import WouldWaitError

__all__ = [
    "Core", "EmbeddedCore", "Event", "EventKind", "RenewalTerms", "Signals", "StoredData", "WouldWaitError",
    "system_clock",
]  # fmt: skip
